"""The preview of a text in words: its kind, its facts, and its first tokens. Pure."""

from __future__ import annotations

import textwrap
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from core.errors import MiniGPTError
from core.text.corpus import CHAT_READINGS, Corpus, find_chat_reading, find_task
from core.text.messages import ANSWER, CLASSIFY, CONTINUE, CONVERSE, TRANSLATE
from core.tokenizer.special_tokens import CHAT_SPECIAL, EOS
from tui.common.format import format_size
from tui.common.sanitize import one_line
from tui.common.task_text import format_text, labels_text, sample_noun
from tui.runs.forecast_text import warning_lines

if TYPE_CHECKING:
    from core.dataset.preview import Preview

LABEL_CELLS = 10
# What a text of the user's is used for, in a word, by its task.
TASK_KINDS = {
    CONTINUE: "text",
    ANSWER: "answers",
    TRANSLATE: "translate",
    CLASSIFY: "labels",
    CONVERSE: "chat",
}


def own_kind(path: Path) -> str:
    """What a text of the user's is used for, from its first record."""
    corpus = Corpus(name=path.name, files=(path,))
    try:
        reading = find_chat_reading(corpus)
        return TASK_KINDS[find_task(corpus, reading)] if reading else TASK_KINDS[CONTINUE]
    except MiniGPTError:  # its preview shows what is wrong
        return TASK_KINDS[CONTINUE]


def tokenizer_kind(preview: Preview) -> str:
    """The kind of the preview's tokenizer: word, char or bpe."""
    return preview.tokenizer_reason.partition(" ")[0]


def shown_tokens(preview: Preview) -> list[list[str]]:
    """The first lines as tokens, with blanks around those that have none of their own.

    Words have one before them; so do the marks of a conversation.
    """
    is_word, is_chat = tokenizer_kind(preview) == "word", preview.reading in CHAT_READINGS
    return [
        [
            _spaced(token, index, is_word=is_word, is_chat=is_chat)
            for index, token in enumerate(line)
        ]
        for line in preview.token_lines
    ]


def _spaced(token: str, index: int, *, is_word: bool, is_chat: bool) -> str:
    # The marks are always whole tokens; the same characters in a text are several.
    is_mark = is_chat and token.startswith("<|") and token.endswith("|>")
    before = " " if index and (is_word or is_mark) else ""
    after = " " if is_mark and not is_word and token != CHAT_SPECIAL[EOS] else ""
    return f"{before}{token}{after}"


def preview_text(corpus: Corpus, preview: Preview, width: int) -> Content:
    """The facts of a text as label and value, wrapped to `width` cells; then warnings."""
    part = "" if preview.complete else " (preview)"
    what = corpus.description or ", ".join(str(path) for path in corpus.files[:3])
    noun = sample_noun(preview.reading)
    rows = [
        ("what", what),
        (
            "size",
            f"{format_size(preview.size)}, {preview.encoding} · {preview.lines:,} {noun}{part}, "
            f"the longest {preview.longest_line:,} characters",
        ),
        ("words", _words_text(preview)),
        ("repeated", f"{preview.duplicate_lines:,} {noun}" if preview.duplicate_lines else ""),
        (
            "read as",
            f"{format_text(preview.reading, preview.task, preview.labels)}: {preview.reason}",
        ),
        ("labels", labels_text(preview.labels)),
        ("tokens", preview.tokenizer_reason),
    ]
    lines = [
        Content.assemble((first_column.ljust(LABEL_CELLS), "$muted"), line)
        for label, value in rows
        for first_column, line in zip(
            chain([label], repeat("")),
            textwrap.wrap(one_line(value), width - LABEL_CELLS),
            strict=False,
        )
    ]
    if preview.warnings:
        lines.append(warning_lines(preview.warnings))
    return Content("\n").join(lines)


def _words_text(preview: Preview) -> str:
    if preview.estimated_words > preview.words:
        return "not separated by blanks"
    part = "" if preview.complete else " (preview)"
    words = f"{preview.words:,}{part}, {preview.distinct_words:,} distinct"
    return f"{words}, {preview.words_once:,} once"


def brief_preview_text(corpus: Corpus, preview: Preview) -> Content:
    """The facts of a text in a line or two; then warnings."""
    kind = tokenizer_kind(preview)
    is_chat = preview.reading in CHAT_READINGS
    facts = [
        corpus.title.lower() if corpus.bundled else "",
        format_size(preview.size),
        format_text(preview.reading, preview.task, preview.labels) if is_chat else "",
        f"{preview.words:,} words, {preview.distinct_words:,} distinct",
        f"{preview.tokens:,} {kind} tokens",
    ]
    lines = [Content.styled(" · ".join(one_line(fact) for fact in facts if fact), "$muted")]
    if preview.warnings:
        lines.append(warning_lines(preview.warnings))
    return Content("\n").join(lines)

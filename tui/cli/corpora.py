"""What `minigpt-tui corpora` prints: the bundled texts, or a description of one text."""

from __future__ import annotations

import dataclasses
from itertools import islice
from pathlib import Path

from core.paths import Home
from core.text.corpus import (
    CHAT_READINGS,
    Corpus,
    CorpusSample,
    bundled_corpora,
    find_task,
    read_samples,
)
from core.text.resolve import STDIN, open_corpus
from core.text.stats import CorpusStats, compute_stats
from tui.cli.console import print_json, print_result, print_table
from tui.common.format import format_size
from tui.common.sanitize import one_line
from tui.common.task_text import format_text, labels_text

PREVIEW_LINES = 3
MAX_LINE_CHARACTERS = 76


def list_bundled_corpora(as_json: bool) -> None:
    """Print the bundled texts, one per line."""
    corpora = bundled_corpora()
    if as_json:
        for corpus in corpora:
            print_json(_metadata(corpus))
        return
    print_table(
        ("NAME", "SIZE", "FORMAT", "TOKENIZER", "SHOWS"),
        [(c.name, format_size(c.size), _format(c), c.tokenizer or "", c.use) for c in corpora],
        right=(1,),
        optional=(3, 2, 1),
    )


def describe_corpus(home: Home, text: str, encoding: str | None, as_json: bool) -> None:
    """Print the statistics of a text and its first lines."""
    with open_corpus(text, home, encoding=encoding) as corpus:
        stats = compute_stats(corpus)
        first_samples = [
            _sample_text(sample)
            for sample in islice(read_samples(corpus, stats.reading), PREVIEW_LINES)
        ]
    if text == STDIN:
        corpus = dataclasses.replace(corpus, files=(Path("standard input"),))
    if as_json:
        print_json({**_metadata(corpus), **dataclasses.asdict(stats)})
        return
    print_result(f"{corpus.title or corpus.name}: {corpus.description}".rstrip(": "))
    for label, value in _facts(corpus, stats):
        if value:
            print_result(f"  {label:<11} {one_line(value)}")
    print_result()
    lines = first_samples
    if stats.reading == "text":
        lines = "".join(first_samples).removesuffix("\n").split("\n")
    for line in lines[:PREVIEW_LINES]:
        shown = one_line(line)
        print_result(
            "  "
            + (
                shown
                if len(shown) <= MAX_LINE_CHARACTERS
                else f"{shown[: MAX_LINE_CHARACTERS - 1]}…"
            )
        )


def _format(corpus: Corpus) -> str:
    if corpus.reading is None:
        return ""
    return format_text(corpus.reading, find_task(corpus, corpus.reading))


def _sample_text(sample: CorpusSample) -> str:
    """A line as it is, a conversation with who speaks."""
    messages = [f"{message.role}: {message.content}" for message in sample.messages]
    return "  ".join(messages) or sample.text


def _facts(corpus: Corpus, stats: CorpusStats) -> list[tuple[str, str]]:
    scope = "" if stats.complete else f" (in the first {stats.examined:,} characters)"
    return [
        ("shows", corpus.use),
        ("size", f"{format_size(stats.size)}, {stats.characters:,} characters, {corpus.encoding}"),
        ("format", f"{format_text(stats.reading, stats.task, stats.labels)}: {stats.reason}"),
        ("labels", labels_text(stats.labels)),
        (
            "records" if stats.reading in CHAT_READINGS else "lines",
            f"{stats.lines:,}, longest {stats.longest_words} words{scope}",
        ),
        ("words", f"{stats.words:,}, {stats.distinct_words:,} distinct{scope}"),
        ("letters", f"{stats.distinct_characters:,} distinct characters{scope}"),
        ("prompt", corpus.prompt or ""),
        ("held out", str(corpus.heldout) if corpus.heldout else ""),
        ("licence", corpus.licence),
        ("note", corpus.note),
        ("files", str(corpus.files[0]) if len(corpus.files) == 1 else f"{len(corpus.files)}"),
        ("SHA-256", stats.sha256),
    ]


def _metadata(corpus: Corpus) -> dict[str, object]:
    names = ("name", "title", "use", "description", "licence", "note", "reading", "tokenizer")
    task = find_task(corpus, corpus.reading) if corpus.reading else corpus.task
    return {name: getattr(corpus, name) for name in names} | {"task": task, "size": corpus.size}

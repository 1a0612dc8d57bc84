"""What the beginning of a text is like: enough to choose it, at once, however large it is."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from core.config.configs import TrainConfig
from core.config.plan_inputs import TextFacts
from core.config.planner import choose_tokenizer
from core.errors import Cancelled
from core.progress import CancelCheck, never_cancelled
from core.text.corpus import Corpus, empty_corpus_error
from core.text.readers import is_records, read_chunks, read_records, unpacked_size
from core.text.stats import StatsAccumulator, choose_reading, stored_size
from core.tokenizer.tokenizer import Tokenizer

PREVIEW_CHARACTERS = 1_000_000  # characters
BPE_TRAINING_CHARACTERS = 200_000
SHOWN_LINES = 40
SHOWN_TOKENS = 400
SMALL_TEXT_WORDS = 2_000
LONG_LINE_CHARACTERS = 10_000
DUPLICATE_WARNING_SHARE = 0.2
# What a conversion could not read, and what UTF-8 looks like that was read as Latin-1 or CP1252.
_MISREAD = re.compile("\ufffd|[\u00c2\u00c3][\u0080-\u00bf]|\u00e2(?:\u20ac|\u0080)")


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The beginning of a text, counted.

    Attributes:
        size: bytes of all its files.
        reading, reason: how it will be read, and why.
        complete: whether all of the text was looked at; else the counts are of its beginning.
        characters, lines, words: how many.
        distinct, once: different words, and those of them that come only once.
        longest: characters of the longest line.
        doubles: lines that stood there before.
        encoding: of the files.
        misread: places that look like another encoding than that.
        tokenizer: the kind that suits it, and why.
        pieces: the first lines, each as the texts of its tokens.
        vocabulary: tokens such a tokenizer would have.
        samples, tokens: lines and tokens in all of the text, reckoned from its beginning.
        longest_tokens: of the longest line, <sos> and <eos> included.
        warnings: what a person should know before training on it.
    """

    size: int
    reading: str
    reason: str
    complete: bool
    characters: int
    lines: int
    words: int
    distinct_words: int
    words_once: int
    longest_line: int
    duplicate_lines: int
    encoding: str
    misread_places: int
    tokenizer_reason: str
    token_lines: tuple[tuple[str, ...], ...]
    vocab_size: int
    samples: int
    tokens: int
    longest_tokens: int
    warnings: tuple[str, ...]


def preview(
    corpus: Corpus, cancelled: CancelCheck = never_cancelled, settings: TrainConfig | None = None
) -> Preview:
    """Looks at the first million characters.

    Args:
        settings: a tokenizer and a size of vocabulary that were chosen already.

    Raises:
        InputError: a file that is no text, or no text in any of them.
        Cancelled: where `cancelled` said so.
    """
    parts, share = _beginning(corpus, cancelled)
    text, lines, counts = _counted(corpus, parts)
    if not lines:
        raise empty_corpus_error(corpus)
    reading, reason = choose_reading(corpus, counts)
    tokenizer, why = _tokenizer(corpus, text, counts, reading, settings or TrainConfig())
    ids = tokenizer.encode_batch(lines)
    # A line is between <sos> and <eos>; in running text its end is a token.
    ends = 2 * len(lines) if reading == "lines" else text.count("\n")
    found = Preview(
        size=stored_size(corpus),
        reading=reading,
        reason=reason,
        complete=share == 1.0,
        characters=len(text),
        longest_line=max(map(len, lines)),
        encoding=corpus.encoding,
        misread_places=sum(1 for _ in _MISREAD.finditer(text)),
        tokenizer_reason=why,
        token_lines=tuple(
            tuple(tokenizer.token_text(id) for id in line[:SHOWN_TOKENS])
            for line in ids[:SHOWN_LINES]
        ),
        vocab_size=tokenizer.vocab_size,
        samples=round(len(lines) / share),
        tokens=round((sum(map(len, ids)) + ends) / share),
        longest_tokens=max(map(len, ids)) + 2,
        warnings=(),
        **_repeated(text, lines),
    )
    return dataclasses.replace(found, warnings=tuple(_warnings(found)))


def _repeated(text: str, lines: list[str]) -> dict[str, int]:
    """Lines and words, and how many of them come once, or again."""
    words = Counter(text.split())
    return {
        "lines": len(lines),
        "words": words.total(),
        "distinct_words": len(words),
        "words_once": sum(number == 1 for number in words.values()),
        "duplicate_lines": len(lines) - len(set(lines)),
    }


class _Part(NamedTuple):
    """A record, or a part of a plain text: of which file, bytes of the corpus before it, text."""

    file: int
    before: int
    text: str


def _beginning(corpus: Corpus, cancelled: CancelCheck) -> tuple[list[_Part], float]:
    """The first characters, and what share of all they are."""
    parts: list[_Part] = []
    characters = 0
    for part in _parts(corpus):
        if cancelled():
            raise Cancelled
        if characters + len(part.text) > PREVIEW_CHARACTERS:
            parts.append(part._replace(text=part.text[: PREVIEW_CHARACTERS - characters]))
            return parts, _share(corpus, part, characters)
        parts.append(part)
        characters += len(part.text)
    return parts, 1.0


def _share(corpus: Corpus, last: _Part, characters: int) -> float:
    """What share of a corpus its beginning is, by the bytes of the `characters` before `last`."""
    each = last.before / characters if characters else 1.0
    return min(PREVIEW_CHARACTERS * each / max(1, corpus.size), 1 - 1e-9)


def _parts(corpus: Corpus) -> Iterator[_Part]:
    before = 0
    for file, path in enumerate(corpus.files):
        read = read_records if is_records(path) else read_chunks
        for piece in read(path, corpus.codec):
            yield _Part(file, before + piece.offset, piece.text)
        before += unpacked_size(path)


def _counted(corpus: Corpus, parts: list[_Part]) -> tuple[str, list[str], StatsAccumulator]:
    """All of the text, its lines as a training reads them, and what choices look at."""
    texts: list[str] = []
    lines: list[str] = []
    counts = StatsAccumulator()
    for file, group in groupby(parts, key=lambda part: part.file):
        here = [part.text for part in group]
        if is_records(corpus.files[file]):
            for record in here:
                counts.add_record(record)
            lines += here
            texts += here
        else:
            whole = "".join(here)
            counts.add(whole)
            counts.end_file()
            lines += whole.split("\n")
            texts.append(whole)
    return "\n".join(texts), [line.rstrip() for line in lines if line.strip()], counts


def _tokenizer(
    corpus: Corpus, text: str, counts: StatsAccumulator, reading: str, settings: TrainConfig
) -> tuple[Tokenizer, str]:
    """One of the kind that suits, learnt from the beginning; and why that kind."""
    facts = TextFacts(
        reading=reading,
        characters=counts.characters,
        distinct_words=len(counts.distinct_words),
        spaces=counts.spaces,
    )
    choice = choose_tokenizer(
        settings, facts, corpus_kind=corpus.tokenizer, corpus_vocab_size=corpus.vocab_size
    )
    part = text[:BPE_TRAINING_CHARACTERS] if choice.kind == "bpe" else text
    return Tokenizer.train(choice.kind, [part], choice.vocab_size), choice.reason


def _warnings(found: Preview) -> Iterator[str]:
    if found.complete and found.words < SMALL_TEXT_WORDS:
        yield f"{found.words:,} words are few: it will recite them rather than write new ones"
    if found.lines == 1 and found.longest_line > LONG_LINE_CHARACTERS:
        yield f"one line of {found.longest_line:,} characters: a file without line ends?"
    if found.lines > 1 and found.duplicate_lines > DUPLICATE_WARNING_SHARE * found.lines:
        yield f"{found.duplicate_lines:,} of {found.lines:,} lines stood there before"
    if found.misread_places:
        places = (
            "1 place looks"
            if found.misread_places == 1
            else f"{found.misread_places:,} places look"
        )
        yield f"{places} like another encoding: mixed, or converted badly?"
    if not found.complete:
        yield f"only the first {found.characters:,} characters were looked at here"

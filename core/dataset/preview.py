"""A preview of a text from its first million characters: counts, tokens, warnings."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import NamedTuple

from core.config.configs import TrainConfig
from core.config.plan_inputs import TextFacts, TokenFacts
from core.config.planner import FROM_PARENT, TokenizerChoice, choose_tokenizer
from core.errors import Cancelled
from core.progress import CancelCheck, never_cancelled
from core.text.corpus import (
    CHAT_READINGS,
    LINES,
    TEXT,
    Corpus,
    CorpusSample,
    empty_corpus_error,
    find_chat_reading,
    find_task,
    read_samples,
)
from core.text.messages import CLASSIFY
from core.text.readers import is_records, read_chunks, read_records, unpacked_size
from core.text.stats import (
    StatsAccumulator,
    check_labels,
    choose_reading,
    estimate_words,
)
from core.tokenizer.chat_format import frame_messages
from core.tokenizer.special_tokens import ROLE_TOKENS
from core.tokenizer.tokenizer import Tokenizer

PREVIEW_CHARACTERS = 1_000_000
BPE_TRAINING_CHARACTERS = 200_000
SHOWN_LINES = 40
SAMPLE_LINES = 1_000  # for `Preview.sample`
SHOWN_TOKENS = 400  # per line
SMALL_TEXT_WORDS = 2_000
LONG_LINE_CHARACTERS = 10_000
DUPLICATE_WARNING_SHARE = 0.2
# Replacement characters, and UTF-8 that was decoded as Latin-1 or CP1252.
_MISREAD = re.compile("\ufffd|[\u00c2\u00c3][\u0080-\u00bf]|\u00e2(?:\u20ac|\u0080)")


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The beginning of a text, counted and tokenised.

    Attributes:
        size: bytes of all its files, unpacked.
        reading, reason: how the text is read, and why.
        task: what a model of it does, one of `core.text.messages.TASKS`.
        labels: of a task "classify", the most frequent first.
        complete: whether the preview covers all of the text; otherwise counts are of its beginning.
        words, distinct_words: separated by white space.
        words_once: words that occur once.
        estimated_words: also in scripts that do not separate words.
        lines: lines, or records: pairs or conversations.
        longest_line: characters of the longest line or record.
        duplicate_lines: lines or records that are equal to an earlier one.
        encoding: of the files.
        misread_places: places that look wrongly decoded.
        tokenizer_reason: the kind of tokenizer, and why this kind.
        token_lines: the first lines, each as the texts of its tokens; a record with its roles,
            without <sos>.
        vocab_size: of a tokenizer trained on the beginning.
        samples, tokens: lines or records and tokens of the whole text, extrapolated.
        facts: the inputs of the planner, extrapolated to the training part of the whole text.
        text_facts: the inputs of the choice of a tokenizer.
        sample: some lines, to compare with the vocabulary of other runs.
        warnings: what to know before training on it.
    """

    size: int
    reading: str
    reason: str
    task: str
    labels: tuple[str, ...]
    complete: bool
    characters: int
    lines: int
    words: int
    distinct_words: int
    words_once: int
    estimated_words: int
    longest_line: int
    duplicate_lines: int
    encoding: str
    misread_places: int
    tokenizer_reason: str
    token_lines: tuple[tuple[str, ...], ...]
    vocab_size: int
    samples: int
    tokens: int
    facts: TokenFacts
    text_facts: TextFacts
    sample: tuple[str, ...]
    warnings: tuple[str, ...]


def preview(
    corpus: Corpus,
    cancelled: CancelCheck = never_cancelled,
    settings: TrainConfig | None = None,
    tokenizer: Tokenizer | None = None,
) -> Preview:
    """Read the first million characters of a corpus.

    Args:
        settings: may fix the tokenizer and its vocabulary size.
        tokenizer: of the run to start from; by default one is trained on the beginning.

    Raises:
        InputError: a file that is not text, or no text in any of them.
        Cancelled: `cancelled` returned true.
    """
    beginning = _read_beginning(corpus, cancelled)
    text, lines, records, counts, share, chat_reading = beginning
    if not any(line.strip() for line in lines):
        raise empty_corpus_error(corpus)
    reading, reason = choose_reading(corpus, counts, chat_reading)
    task = find_task(corpus, reading)
    facts = TextFacts(
        reading=reading,
        characters=counts.characters,
        spaces=counts.spaces,
    )
    choice = choose_tokenizer(
        settings or TrainConfig(),
        facts,
        corpus_kind=corpus.tokenizer,
        corpus_vocab_size=corpus.vocab_size,
    )
    reason_of_tokenizer = choice.reason
    if tokenizer is None:
        tokenizer = _train_tokenizer(beginning, choice)
    else:
        reason_of_tokenizer = f"{tokenizer.kind} ({FROM_PARENT})"
        tokenizer = tokenizer.with_roles() if records else tokenizer
    ids, extra_tokens = _encode(beginning, reading, tokenizer)
    lengths = [len(line) + extra_tokens for line in ids]
    tokens = sum(lengths)
    if reading == TEXT and tokenizer.kind != "word":  # a newline is a token, not a word
        tokens += text.count("\n")
    tokens = round(tokens / share)
    words = Counter(text.split())
    first_shown = 1 if records else 0  # without <sos>
    result = Preview(
        size=corpus.size,
        reading=reading,
        reason=reason,
        task=task,
        labels=_find_labels(corpus, records) if task == CLASSIFY else (),
        complete=share == 1.0,
        characters=len(text),
        lines=len(lines),
        words=words.total(),
        distinct_words=len(words),
        words_once=sum(count == 1 for count in words.values()),
        estimated_words=estimate_words(text, words.total()),
        longest_line=max(map(len, lines)),
        duplicate_lines=len(lines) - len(set(lines)),
        encoding=corpus.encoding,
        misread_places=sum(1 for _ in _MISREAD.finditer(text)),
        tokenizer_reason=reason_of_tokenizer,
        token_lines=tuple(
            tuple(tokenizer.token_text(id) for id in line[first_shown:][:SHOWN_TOKENS])
            for line in ids[:SHOWN_LINES]
        ),
        vocab_size=tokenizer.vocab_size,
        samples=round(len(lines) / share),
        tokens=tokens,
        facts=_text_facts(tokens, tokenizer.vocab_size)
        if reading == TEXT
        else _sample_facts(reading, lines, lengths, tokenizer.vocab_size, share),
        text_facts=facts,
        sample=tuple(lines[:: max(1, len(lines) // SAMPLE_LINES)]),
        warnings=(),
    )
    return dataclasses.replace(result, warnings=tuple(_warnings(result)))


def _train_tokenizer(beginning: _Beginning, choice: TokenizerChoice) -> Tokenizer:
    """A tokenizer of the beginning, as `core.tokenizer.train` makes one of the whole text."""
    limit = BPE_TRAINING_CHARACTERS if choice.kind == "bpe" else len(beginning.text)
    if not beginning.records:
        return Tokenizer.train(choice.kind, [beginning.text[:limit]], choice.vocab_size)
    texts: list[str] = []
    for text in (text for record in beginning.records for text in record.texts):
        texts.append(text[: max(0, limit)])
        limit -= len(text)
        if limit <= 0:
            break
    size = choice.vocab_size and choice.vocab_size - len(ROLE_TOKENS)
    return Tokenizer.train(choice.kind, texts, size).with_roles()


def _encode(
    beginning: _Beginning, reading: str, tokenizer: Tokenizer
) -> tuple[list[list[int]], int]:
    """The ids of each line or record, and the special tokens that training adds to each."""
    if not beginning.records:  # a line is enclosed in <sos> and <eos>
        return tokenizer.encode_batch(beginning.lines), 2 if reading == LINES else 0
    assert tokenizer.roles
    contents = iter(
        tokenizer.encode_batch([text for record in beginning.records for text in record.texts])
    )
    framed = [
        frame_messages(
            tokenizer.roles, record.messages, list(islice(contents, len(record.messages)))
        ).ids
        for record in beginning.records
    ]
    return framed, 0


def _find_labels(corpus: Corpus, records: Sequence[CorpusSample]) -> tuple[str, ...]:
    return check_labels(corpus, Counter(record.messages[-1].content for record in records))


def _sample_facts(
    reading: str, lines: list[str], lengths: list[int], vocab_size: int, share: float
) -> TokenFacts:
    """Facts about the lines or records that training would keep for itself.

    Args:
        lengths: the tokens of each, special tokens included.
        share: of the text that the lines are.
    """
    # Slow to import, not for the first frame.
    import numpy as np

    from core.dataset.token_store import split_line_samples
    from core.text.validation import is_validation_line

    flags = np.fromiter(map(is_validation_line, lines), np.uint8, len(lines))
    split = split_line_samples(flags)
    counts = Counter(lengths[number] for number in split.train_samples.tolist())
    table = [[length, round(count / share)] for length, count in sorted(counts.items())]
    return TokenFacts(
        reading=reading,
        vocab_size=vocab_size,
        train_tokens=sum(length * count for length, count in table),
        train_samples=sum(count for _, count in table),
        longest=max(lengths),
        line_lengths=table,
    )


def _text_facts(tokens: int, vocab_size: int) -> TokenFacts:
    from core.dataset.token_store import split_text_tokens

    begin, end = split_text_tokens(tokens).train_span
    return TokenFacts(
        reading=TEXT,
        vocab_size=vocab_size,
        train_tokens=max(2, end - begin),
        train_samples=0,
        longest=0,
    )


class _Beginning(NamedTuple):
    """The beginning of a corpus.

    Attributes:
        text: all of it; of records the contents of their messages.
        lines: as training reads them; of records the contents of their messages, joined.
        records: pairs or conversations; empty for other texts.
        share: of the corpus.
    """

    text: str
    lines: list[str]
    records: list[CorpusSample]
    counts: StatsAccumulator
    share: float
    chat_reading: str | None


def _read_beginning(corpus: Corpus, cancelled: CancelCheck) -> _Beginning:
    reading = find_chat_reading(corpus)
    if reading in CHAT_READINGS:
        records, share = _read_messages(corpus, reading, cancelled)
        counts = StatsAccumulator()
        lines = [record.text for record in records]
        for line in lines:
            counts.add_record(line)
        return _Beginning("\n".join(lines), lines, records, counts, share, reading)
    pieces, share = _read_text(corpus, cancelled)
    text, lines, counts = _count(corpus, pieces)
    return _Beginning(text, lines, [], counts, share, None)


def _read_messages(
    corpus: Corpus, reading: str, cancelled: CancelCheck
) -> tuple[list[CorpusSample], float]:
    """Return the first records, whole ones, and their share of the corpus."""
    sizes = [unpacked_size(path) for path in corpus.files]
    records: list[CorpusSample] = []
    characters = 0
    for record in read_samples(corpus, reading):
        if cancelled():
            raise Cancelled
        if records and characters + len(record.text) > PREVIEW_CHARACTERS:
            bytes_before = sum(sizes[: record.file]) + record.offset
            return records, min(bytes_before / max(1, sum(sizes)), 1 - 1e-9)
        records.append(record)
        characters += len(record.text)
    return records, 1.0


class _PreviewPiece(NamedTuple):
    """A record or a piece of a file: file index, bytes of the corpus before it, text."""

    file: int
    bytes_before: int
    text: str


def _read_text(corpus: Corpus, cancelled: CancelCheck) -> tuple[list[_PreviewPiece], float]:
    """Return the first characters, and their share of the corpus."""
    pieces: list[_PreviewPiece] = []
    characters = 0
    for piece in _read_pieces(corpus):
        if cancelled():
            raise Cancelled
        if characters + len(piece.text) > PREVIEW_CHARACTERS:
            pieces.append(piece._replace(text=piece.text[: PREVIEW_CHARACTERS - characters]))
            bytes_per_character = piece.bytes_before / characters if characters else 1.0
            share = PREVIEW_CHARACTERS * bytes_per_character / max(1, corpus.size)
            return pieces, min(share, 1 - 1e-9)
        pieces.append(piece)
        characters += len(piece.text)
    return pieces, 1.0


def _read_pieces(corpus: Corpus) -> Iterator[_PreviewPiece]:
    bytes_before = 0
    for file, path in enumerate(corpus.files):
        read = read_records if is_records(path) else read_chunks
        for piece in read(path, corpus.codec):
            yield _PreviewPiece(file, bytes_before + piece.offset, piece.text)
        bytes_before += unpacked_size(path)


def _count(corpus: Corpus, pieces: list[_PreviewPiece]) -> tuple[str, list[str], StatsAccumulator]:
    """Return the text, its lines as training reads them, and its counts."""
    texts: list[str] = []
    lines: list[str] = []
    counts = StatsAccumulator()
    for file, group in groupby(pieces, key=lambda piece: piece.file):
        file_texts = [piece.text for piece in group]
        if is_records(corpus.files[file]):
            for record in file_texts:
                counts.add_record(record)
            lines += file_texts
            texts += file_texts
        else:
            text = "".join(file_texts)
            counts.add(text)
            counts.end_file()
            lines += text.split("\n")
            texts.append(text)
    return "\n".join(texts), [line.rstrip() for line in lines if line.strip()], counts


def _warnings(preview: Preview) -> Iterator[str]:
    if preview.complete and preview.estimated_words < SMALL_TEXT_WORDS:
        yield "Small text: the model will memorise it"
    is_chat = preview.reading in CHAT_READINGS
    if not is_chat and preview.lines == 1 and preview.longest_line > LONG_LINE_CHARACTERS:
        yield f"A single line of {preview.longest_line:,} characters: are the newlines missing?"
    if preview.lines > 1 and preview.duplicate_lines > DUPLICATE_WARNING_SHARE * preview.lines:
        nouns = preview.reading if is_chat else "lines"
        yield f"{preview.duplicate_lines:,} of {preview.lines:,} {nouns} are duplicates"
    if preview.misread_places:
        is_one = preview.misread_places == 1
        places = "1 place looks" if is_one else f"{preview.misread_places:,} places look"
        yield f"{places} wrongly decoded: check the encoding"
    if not preview.complete:
        size = preview.characters
        beginning = f"{size / 10**6:.3g} M" if size >= 10**6 else f"{size:,}"
        yield f"Preview of the first {beginning} characters; training uses all"

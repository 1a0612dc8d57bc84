"""A corpus: its files, its description, and how its text is cut into samples.

Bundled corpora are folders of the package `data`. `core.text.stats` measures a corpus,
`core.text.catalog` finds one by its hash.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from core.errors import InputError
from core.system.files import JsonObject
from core.text.encoding import Encoding
from core.text.messages import (
    ANSWER,
    CONTINUE,
    CONVERSE,
    PAIR_COLUMNS,
    Message,
    first_record_fields,
    is_table,
    read_columns,
    read_conversations,
    read_pairs,
)
from core.text.readers import (
    CHUNK_BYTES,
    TextPiece,
    is_records,
    read_chunks,
    read_lines,
    read_records,
    unpacked_size,
)

READINGS = LINES, TEXT, PAIRS, CONVERSATIONS = ("lines", "text", "pairs", "conversations")
CHAT_READINGS = (PAIRS, CONVERSATIONS)  # of records of messages


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A text to learn from.

    Attributes:
        name: short, for lists and as the default name of a run.
        files: in reading order.
        reading: one of `READINGS`; None to decide by the text itself.
        task: one of `core.text.messages.TASKS`; None to decide by the reading.
        tokenizer, vocab_size, prompt: recommended by the author of a bundled corpus.
        heldout: a file of text that must not be trained on.
        encoding, errors: see `core.text.encoding.Encoding`.
        bundled: whether it is part of the program.
    """

    name: str
    files: tuple[Path, ...]
    title: str = ""
    description: str = ""
    licence: str = ""
    use: str = ""
    note: str = ""
    reading: str | None = None
    task: str | None = None
    tokenizer: str | None = None
    vocab_size: int | None = None
    prompt: str | None = None
    heldout: Path | None = None
    encoding: str = "utf-8"
    errors: str = "strict"
    bundled: bool = False

    @property
    def codec(self) -> Encoding:
        """Codec and error handler as one value."""
        return Encoding(self.encoding, self.errors)

    @property
    def size(self) -> int:
        """Unpacked size in bytes, approximate for `.gz` files."""
        return sum(unpacked_size(path) for path in self.files)


class CorpusSample(NamedTuple):
    """A line, a part of a document, or a conversation.

    Attributes:
        text: never empty; of a conversation the contents of its messages, one below the other.
        file: index into the corpus's files.
        offset: byte of that file (unpacked) at which the line or part begins.
        ends_document: whether this is the last part of its document.
        messages: of a pair or a conversation; else empty.
    """

    text: str
    file: int
    offset: int
    ends_document: bool
    messages: tuple[Message, ...] = ()

    @property
    def texts(self) -> list[str]:
        """The texts that are tokenised separately."""
        return [message.content for message in self.messages] or [self.text]


def bundled_folder() -> Path:
    """Return the folder of the bundled corpora."""
    import data

    return Path(data.__path__[0])


def bundled_corpora() -> list[Corpus]:
    """Load the descriptions of the bundled corpora, sorted by name."""
    return [_load_bundled(about) for about in sorted(bundled_folder().glob("*/about.toml"))]


def _load_bundled(about: Path) -> Corpus:
    import tomllib

    values: JsonObject = tomllib.loads(about.read_text(encoding="utf-8"))
    (corpus,) = about.parent.glob("corpus.*")
    return Corpus(
        name=about.parent.name,
        files=(corpus,),
        heldout=next(about.parent.glob("heldout.*"), None),
        bundled=True,
        **values,
    )


def read_samples(corpus: Corpus, reading: str) -> Iterator[CorpusSample]:
    """Read the corpus in order.

    Args:
        reading: "lines" gives one sample per line that is not empty (per record of a `.jsonl`),
            without trailing white space; "text" gives documents (a file or a record each) in
            parts of about 32 KiB; "pairs" and "conversations" give one sample per record.

    Raises:
        InputError: a file that is not text, or no text in any of them.
    """
    assert reading in READINGS
    read = _read_messages if reading in CHAT_READINGS else _read_parts
    is_empty = True
    for index in range(len(corpus.files)):
        for sample in read(corpus, reading, index):
            if is_empty:
                is_empty = sample.text.isspace()
            yield sample
    if is_empty:
        raise empty_corpus_error(corpus)


def find_chat_reading(corpus: Corpus) -> str | None:
    """Return "pairs" or "conversations" if the first record of every file says so.

    Raises:
        InputError: a table with other columns, or files of both kinds.
    """
    if corpus.reading is not None:
        return corpus.reading if corpus.reading in CHAT_READINGS else None
    readings = {path: _chat_reading_of_file(path, corpus.codec) for path in corpus.files}
    kinds = set(readings.values())
    if len(kinds) > 1:
        (one, kind), (other, other_kind) = list(
            {kind: (path, kind) for path, kind in readings.items()}.values()
        )[:2]
        raise InputError(
            f"{one} is read as {kind or 'text'}, {other} as {other_kind or 'text'}.",
            "Train on files of one kind.",
        )
    return kinds.pop()


def possible_readings(corpus: Corpus) -> tuple[str, ...]:
    """Return the readings that the files allow, going by their names and first records."""
    if not any(is_table(path) or is_records(path) for path in corpus.files):
        return (LINES, TEXT)
    try:
        reading = find_chat_reading(dataclasses.replace(corpus, reading=None))
    except InputError:
        reading = None
    if reading is None:
        return (LINES, TEXT)
    # Records of messages have no field `text`; a table is text, too.
    return (LINES, TEXT, reading) if all(map(is_table, corpus.files)) else (reading,)


def _chat_reading_of_file(path: Path, encoding: Encoding) -> str | None:
    if is_table(path):
        read_columns(path, encoding)
        return PAIRS
    if not is_records(path):
        return None
    names = set(first_record_fields(path, encoding) or [])
    if "messages" in names:
        return CONVERSATIONS
    return PAIRS if any(names == set(columns) for columns in PAIR_COLUMNS) else None


def find_task(corpus: Corpus, reading: str) -> str:
    """Return what a model of this corpus does: its own word, else by reading and columns.

    Raises:
        InputError: the columns of pairs are none that are accepted.
    """
    if corpus.task is not None:
        return corpus.task
    if reading == CONVERSATIONS:
        return CONVERSE
    if reading != PAIRS:
        return CONTINUE
    tasks = {PAIR_COLUMNS[read_columns(path, corpus.codec)] for path in corpus.files}
    return tasks.pop() if len(tasks) == 1 else ANSWER


def empty_corpus_error(corpus: Corpus) -> InputError:
    """Return the error for a corpus of nothing but white space."""
    name = corpus.files[0] if len(corpus.files) == 1 else corpus.name
    return InputError(f"There is no text in {name}.", "Choose a text with words in it.")


def _read_messages(corpus: Corpus, reading: str, file: int) -> Iterator[CorpusSample]:
    read = read_pairs if reading == PAIRS else read_conversations
    for offset, _, messages in read(corpus.files[file], corpus.codec):
        text = "\n".join(message.content for message in messages)
        yield CorpusSample(text, file, offset, True, messages)


def _read_parts(corpus: Corpus, reading: str, file: int) -> Iterator[CorpusSample]:
    read = _read_line_parts if reading == LINES else _read_document_parts
    for text, offset, ends_document in read(corpus.files[file], corpus.codec):
        yield CorpusSample(text, file, offset, ends_document)


_SamplePart = tuple[str, int, bool]  # text, offset, ends_document


def _read_line_parts(path: Path, encoding: Encoding) -> Iterator[_SamplePart]:
    read = read_records if is_records(path) else read_lines
    for offset, _, line in read(path, encoding):
        text = line.rstrip()
        if text:
            yield text, offset, True


def _read_document_parts(path: Path, encoding: Encoding) -> Iterator[_SamplePart]:
    if not is_records(path):
        yield from _mark_last(read_chunks(path, encoding))
        return
    for offset, _, text in read_records(path, encoding):
        starts = range(0, len(text), CHUNK_BYTES)
        for start in starts:
            yield text[start : start + CHUNK_BYTES], offset, start == starts[-1]


def _mark_last(pieces: Iterable[TextPiece]) -> Iterator[_SamplePart]:
    """Mark the last piece as the end of its document."""
    previous: TextPiece | None = None
    for piece in pieces:
        if previous:
            yield previous.text, previous.offset, False
        previous = piece
    if previous:
        yield previous.text, previous.offset, True

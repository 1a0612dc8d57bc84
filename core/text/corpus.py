"""A corpus: its files, its description, and how its text is cut into samples.

Bundled corpora are folders of the package `data`. `core.text.stats` measures a corpus,
`core.text.catalog` finds one by its hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from core.errors import InputError
from core.system.files import JsonObject
from core.text.encoding import Encoding
from core.text.readers import (
    CHUNK_BYTES,
    TextPiece,
    is_records,
    read_chunks,
    read_lines,
    read_records,
    unpacked_size,
)

READINGS = ("lines", "text")


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A text to learn from.

    Attributes:
        name: short, for lists and as the default name of a run.
        files: in reading order.
        reading: "lines" or "text"; None to decide by the text itself.
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
    """A line, or a part of a document.

    Attributes:
        text: never empty.
        file: index into the corpus's files.
        offset: byte of that file (unpacked) at which the line or part begins.
        ends_document: whether this is the last part of its document.
    """

    text: str
    file: int
    offset: int
    ends_document: bool


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
    heldout = about.with_name("heldout.txt")
    return Corpus(
        name=about.parent.name,
        files=(about.with_name("corpus.txt"),),
        heldout=heldout if heldout.exists() else None,
        bundled=True,
        **values,
    )


def read_samples(corpus: Corpus, reading: str) -> Iterator[CorpusSample]:
    """Read the corpus in order.

    Args:
        reading: "lines" gives one sample per line that is not empty (per record of a `.jsonl`),
            without trailing white space; "text" gives documents (a file or a record each) in
            parts of about 32 KiB.

    Raises:
        InputError: a file that is not text, or no text in any of them.
    """
    assert reading in READINGS
    read_parts = _read_line_parts if reading == "lines" else _read_document_parts
    is_empty = True
    for index, path in enumerate(corpus.files):
        for text, offset, ends_document in read_parts(path, corpus.codec):
            if is_empty:
                is_empty = text.isspace()
            yield CorpusSample(text, index, offset, ends_document)
    if is_empty:
        raise empty_corpus_error(corpus)


def empty_corpus_error(corpus: Corpus) -> InputError:
    """Return the error for a corpus of nothing but white space."""
    name = corpus.files[0] if len(corpus.files) == 1 else corpus.name
    return InputError(f"There is no text in {name}.", "Choose a text with words in it.")


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

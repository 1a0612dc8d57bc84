"""A corpus: where its text is, what it is called, how it is cut into samples.

Bundled corpora lie in the package `data`, a folder each. Knows nothing of tokens; facts about a
text are in `core.text.stats`, texts seen before in `core.text.catalog`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import InputError
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
        name: short, for lists and for naming a run.
        files: in the order in which they are read.
        reading: "lines" or "text", or None where the text itself decides.
        tokenizer, vocab_size, prompt: what suits it, where somebody said so.
        heldout: a file of text that is not to be trained on.
        encoding, errors: see `core.text.encoding.Encoding`.
        bundled: whether it came with the program.
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
        """How its bytes become text."""
        return Encoding(self.encoding, self.errors)

    @property
    def size(self) -> int:
        """About the bytes of its text, unpacked."""
        return sum(unpacked_size(path) for path in self.files)


class CorpusSample(NamedTuple):
    """A line, or a part of a document.

    Attributes:
        text: never empty.
        file: index into the corpus's files.
        offset: the byte of that file (unpacked) at which its line or part begins.
        ends_document: whether nothing of its document follows.
    """

    text: str
    file: int
    offset: int
    ends_document: bool


def bundled_folder() -> Path:
    """Where the bundled corpora are."""
    import data

    return Path(data.__path__[0])


def bundled_corpora() -> list[Corpus]:
    """The corpora that came with the program, by name."""
    described = sorted(bundled_folder().glob("*/about.toml"))
    return [_bundled(about) for about in described]


def _bundled(about: Path) -> Corpus:
    import tomllib

    values: dict[str, Any] = tomllib.loads(about.read_text(encoding="utf-8"))
    heldout = about.with_name("heldout.txt")
    return Corpus(
        name=about.parent.name,
        files=(about.with_name("corpus.txt"),),
        heldout=heldout if heldout.exists() else None,
        bundled=True,
        **values,
    )


def read_samples(corpus: Corpus, reading: str) -> Iterator[CorpusSample]:
    """The corpus in order.

    Args:
        reading: "lines" gives one sample for each line that is not empty (for each record of a
            `.jsonl`), without white space at its end; "text" gives documents (a file, a record)
            in parts of about 32 KiB.

    Raises:
        InputError: a file that is no text, or no text in any of them.
    """
    assert reading in READINGS
    parts = _lines if reading == "lines" else _documents
    empty = True
    for index, path in enumerate(corpus.files):
        for text, offset, ends in parts(path, corpus.codec):
            if empty:
                empty = text.isspace()
            yield CorpusSample(text, index, offset, ends)
    if empty:
        raise empty_corpus_error(corpus)


def empty_corpus_error(corpus: Corpus) -> InputError:
    """The error for a corpus of nothing but white space."""
    where = corpus.files[0] if len(corpus.files) == 1 else corpus.name
    return InputError(f"There is no text in {where}.", "Choose a text with words in it.")


_Part = tuple[str, int, bool]


def _lines(path: Path, encoding: Encoding) -> Iterator[_Part]:
    read = read_records if is_records(path) else read_lines
    for offset, _, line in read(path, encoding):
        text = line.rstrip()
        if text:
            yield text, offset, True


def _documents(path: Path, encoding: Encoding) -> Iterator[_Part]:
    if not is_records(path):
        yield from _ended(read_chunks(path, encoding))
        return
    for offset, _, text in read_records(path, encoding):
        starts = range(0, len(text), CHUNK_BYTES)
        for start in starts:
            yield text[start : start + CHUNK_BYTES], offset, start == starts[-1]


def _ended(pieces: Iterable[TextPiece]) -> Iterator[_Part]:
    """The pieces, of which the last one ends the document."""
    held: TextPiece | None = None
    for piece in pieces:
        if held:
            yield held.text, held.offset, False
        held = piece
    if held:
        yield held.text, held.offset, True

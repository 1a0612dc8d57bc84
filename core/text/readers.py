"""Text out of files on the disk: opening, unpacking, decoding, cutting into pieces.

Every piece comes with the byte at which it begins in its file (in the unpacked bytes of a `.gz`).
Knows nothing of corpora or tokens. Whatever is wrong with a file is an `InputError` that names it.
"""

from __future__ import annotations

import codecs
import json
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from core.errors import InputError
from core.text.encoding import Encoding, suggest_encoding

CHUNK_BYTES = 1 << 15
BLOCK_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 26
CUT_SEARCH_CHARACTERS = 1024
UNREADABLE_HINT = "Choose another, or see that this one is there and may be read."
RECORD_HINT = 'Each line must be like {"text": "what to learn from"}.'
_CUT = re.compile(r"(?<!\s)[ \t\r\n]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class TextPiece(NamedTuple):
    """A part of a file: its first byte, its line number (0 where not counted) and its text."""

    offset: int
    line: int
    text: str


@dataclass
class TextSource:
    """An open text file.

    Attributes:
        path: where it is.
        file: its unpacked bytes, after the byte order mark.
        encoding: without the need of a mark.
        start: bytes of the mark.
    """

    path: Path
    file: BinaryIO
    encoding: Encoding
    start: int

    def check_zeros(self, raw: bytes, offset: int) -> None:
        """Refuses a zero byte where text has none."""
        if self.encoding.is_bytewise and b"\0" in raw:
            head = _head(self.path)
            raise InputError(
                f"{self.path} is not text: there is a zero byte at byte {offset + raw.index(0)}.",
                _hint_for_zeros(head, self.encoding),
            )

    def decode_error(self, error: UnicodeDecodeError, offset: int) -> InputError:
        """The error for bytes that begin at `offset` and are no text."""
        place = offset + error.start
        byte = error.object[error.start]
        return InputError(
            f"{self.path} is not {self.encoding.name}: byte {place} (0x{byte:02x}), "
            f"line {find_line_number(self.path, self.encoding, place)}, cannot be decoded.",
            suggest_encoding(_head(self.path), self.encoding),
        )


def _hint_for_zeros(head: bytes, encoding: Encoding) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return suggest_encoding(head, encoding)
    if head.startswith(b"\x1f\x8b"):
        return "It is packed: unpack it (gunzip -c), or give its name the ending .gz."
    return "Choose a text file; texts in UTF-16 need --encoding utf-16."


def is_gzip(path: Path) -> bool:
    """Whether the file is read through gzip."""
    return path.suffix.lower() == ".gz"


def is_records(path: Path) -> bool:
    """Whether the file holds a JSON object a line."""
    name = path.with_suffix("") if is_gzip(path) else path
    return name.suffix.lower() in (".jsonl", ".ndjson")


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turns whatever the system or gzip say about a file into an `InputError`."""
    try:
        yield
    except (EOFError, zlib.error) as error:
        raise InputError(f"{path} is damaged: {error}.", "Pack it again, or unpack it.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path} cannot be read: {reason}.", UNREADABLE_HINT) from None


def check_regular(path: Path) -> None:
    """Refuses what is not a plain file: reading a pipe or a device may never end."""
    with translate_errors(path):
        mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise InputError(f"{path} is a folder, not a file.", "Choose a file in it.")
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is not a plain file.", "Pipe the text in and name it - (a dash).")


def open_bytes(path: Path) -> BinaryIO:
    """The file for reading, unpacked."""
    check_regular(path)
    if is_gzip(path):
        import gzip  # a quarter of this module's import time, and rarely needed

        return cast("BinaryIO", gzip.open(path, "rb"))
    return path.open("rb")


@contextmanager
def open_text(path: Path, encoding: Encoding) -> Iterator[TextSource]:
    """The file as a `TextSource`; errors while it is read become `InputError`."""
    with translate_errors(path), open_bytes(path) as file:
        exact, start = encoding.detect_mark(file.read(4))
        file.seek(start)
        yield TextSource(path, file, exact, start)


def _head(path: Path) -> bytes:
    with translate_errors(path), open_bytes(path) as file:
        return file.read(4)


def unpacked_size(path: Path) -> int:
    """About how many bytes `open_bytes` will give, for a progress display."""
    with translate_errors(path), path.open("rb") as file:
        size = path.stat().st_size
        if not is_gzip(path) or size < 18:
            return size
        # A gzip file ends with its unpacked size modulo 2**32 (RFC 1952).
        file.seek(-4, 2)
        return max(size, int.from_bytes(file.read(4), "little"))


def read_chunks(path: Path, encoding: Encoding, size: int = CHUNK_BYTES) -> Iterator[TextPiece]:
    """The text in pieces made of about `size` bytes each; CRLF becomes LF.

    A piece ends before a run of white space where there is one near, so that tokens are the same
    as those of the whole text.
    """
    with open_text(path, encoding) as source:
        decoder = codecs.getincrementaldecoder(source.encoding.name)(source.encoding.errors)
        offset = position = source.start
        held, following = "", source.file.read(size)
        while raw := following:
            following = source.file.read(size)
            text = held + _decode(source, decoder, raw, position, final=not following)
            position += len(raw)
            cut = _cut(text) if following else len(text)
            if cut:
                yield TextPiece(offset, 0, normalize_newlines(text[:cut]))
            held = text[cut:]
            pending = len(decoder.getstate()[0])
            offset = position - pending - len(held.encode(source.encoding.name))


def _decode(
    source: TextSource,
    decoder: codecs.IncrementalDecoder,
    raw: bytes,
    position: int,
    *,
    final: bool,
) -> str:
    source.check_zeros(raw, position)
    pending = len(decoder.getstate()[0])
    try:
        text = decoder.decode(raw, final)
    except UnicodeDecodeError as error:
        raise source.decode_error(error, position - pending) from None
    _check_text(source, text)
    return text


def _check_text(source: TextSource, text: str) -> None:
    if not source.encoding.is_bytewise and "\0" in text:
        raise InputError(
            f"{source.path} is not text: there is a zero character in it.", "Choose a text file."
        )


def normalize_newlines(text: str) -> str:
    """The text with LF in place of CRLF."""
    # Looking for one character is many times faster than for two.
    return text.replace("\r\n", "\n") if "\r" in text else text


def _cut(text: str) -> int:
    """Where to end a piece: before the last white space near the end, else at the end."""
    end = len(text) - text.endswith("\r")
    begin = max(1, end - CUT_SEARCH_CHARACTERS)
    cut = max((found.start() for found in _CUT.finditer(text, begin)), default=end)
    # The bytes of a replaced character are not known: nothing may be counted back over one.
    return end if "\ufffd" in text[cut:] else cut


def read_lines(path: Path, encoding: Encoding) -> Iterator[TextPiece]:
    """The lines with their numbers from 1, without LF or CRLF; only LF ends a line.

    Raises:
        InputError: also for a line of more than 64 MiB.
    """
    with open_text(path, encoding) as source:
        newline = source.encoding.newline
        offset, number, held = source.start, 1, b""
        while raw := source.file.read(BLOCK_BYTES):
            source.check_zeros(raw, offset + len(held))
            *whole, held = split_lines(held + raw, newline)
            for line in whole:
                yield TextPiece(offset, number, _line(source, line, offset))
                offset += len(line) + len(newline)
                number += 1
            if len(held) > MAX_LINE_BYTES:
                raise InputError(
                    f"{path}, line {number}, is longer than {MAX_LINE_BYTES >> 20} MiB.",
                    "Part it, or read it as one text: --reading text",
                )
        if held:
            yield TextPiece(offset, number, _line(source, held, offset))


def split_lines(raw: bytes, newline: bytes) -> list[bytes]:
    """`raw.split(newline)`, but only where a whole unit of the encoding is a newline."""
    width = len(newline)
    if width == 1:
        return raw.split(newline)
    found = (match.start() for match in re.finditer(re.escape(newline), raw))
    ends = [start for start in found if start % width == 0]
    begins = [0, *(end + width for end in ends)]
    return [raw[a:b] for a, b in zip(begins, [*ends, len(raw)], strict=True)]


def _line(source: TextSource, raw: bytes, offset: int) -> str:
    try:
        text = raw.decode(source.encoding.name, source.encoding.errors)
    except UnicodeDecodeError as error:
        raise source.decode_error(error, offset) from None
    _check_text(source, text)
    return text.removesuffix("\r")


def read_records(path: Path, encoding: Encoding) -> Iterator[TextPiece]:
    """The field `text` of the JSON object on each line that is not empty.

    Raises:
        InputError: file and line of what is no such object.
    """
    for offset, number, line in read_lines(path, encoding):
        if line and not line.isspace():
            yield TextPiece(offset, number, parse_record(f"{path}, line {number}", line, encoding))


def parse_record(where: str, line: str, encoding: Encoding) -> str:
    """The field `text` of a JSON object; `where` it stands is said in errors."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: this is not JSON ({error}).", RECORD_HINT) from None
    text = value.get("text") if isinstance(value, dict) else None
    if not isinstance(text, str):
        raise InputError(f"{where}: there is no text.", RECORD_HINT)
    if "\0" in text:
        raise InputError(f"{where}: there is a zero character in the text.", "Leave it out.")
    if text.isascii() or not _SURROGATE.search(text):
        return text
    if encoding.errors == "replace":
        return _SURROGATE.sub("\ufffd", text)
    raise InputError(f"{where}: there is half a character in it.", suggest_encoding(b"", encoding))


def find_line_number(path: Path, encoding: Encoding, offset: int) -> int:
    """The number, from 1, of the line that byte `offset` is in."""
    count, position = 1, 0
    with open_text(path, encoding) as source:
        position, width = source.start, len(source.encoding.newline)
        while position < offset and (raw := source.file.read(min(BLOCK_BYTES, offset - position))):
            # Cut to whole units: an offset may point into one.
            count += (
                len(split_lines(raw[: len(raw) - len(raw) % width], source.encoding.newline)) - 1
            )
            position += len(raw)
    return count

"""Read text files: open, unpack, decode, and cut them into pieces, lines or records.

Every piece has the byte offset at which it begins in its file (for `.gz`, in the unpacked bytes).
Anything wrong with a file raises an `InputError` that names it.
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
from typing import Any, BinaryIO, NamedTuple, cast

from core.errors import InputError
from core.system.files import JsonObject
from core.text.encoding import Encoding, normalize_newlines, suggest_encoding

CHUNK_BYTES = 1 << 15
BLOCK_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 26
CUT_SEARCH_CHARACTERS = 1024
UNREADABLE_HINT = "Choose another file, or check that it exists and may be read."
RECORD_HINT = (
    'Each line must be like {"text": "what to learn from"}, or of another format throughout: '
    '{"messages": …}, or two fields such as "prompt" and "completion".'
)
_WHITE_SPACE_RUN = re.compile(r"(?<!\s)[ \t\r\n]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class TextPiece(NamedTuple):
    """A part of a file: byte offset, line number (0 where lines are not counted) and text."""

    offset: int
    line: int
    text: str


@dataclass
class TextSource:
    """An open text file.

    Attributes:
        file: the unpacked bytes, positioned after the byte order mark.
        encoding: the exact encoding, for which no mark is needed.
        start: length of the byte order mark.
    """

    path: Path
    file: BinaryIO
    encoding: Encoding
    start: int

    def check_zeros(self, raw: bytes, offset: int) -> None:
        """Raise an `InputError` for a zero byte where text has none."""
        if self.encoding.is_bytewise and b"\0" in raw:
            head = _read_head(self.path)
            raise InputError(
                f"{self.path} is not text: zero byte at byte {offset + raw.index(0)}.",
                _hint_for_zeros(head, self.encoding),
            )

    def decode_error(self, error: UnicodeDecodeError, offset: int) -> InputError:
        """Return the error for bytes that begin at `offset` and do not decode."""
        position = offset + error.start
        byte = error.object[error.start]
        return InputError(
            f"{self.path} is not {self.encoding.name}: byte {position} (0x{byte:02x}), "
            f"line {find_line_number(self.path, self.encoding, position)}, cannot be decoded.",
            suggest_encoding(_read_head(self.path), self.encoding),
        )


def _hint_for_zeros(head: bytes, encoding: Encoding) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return suggest_encoding(head, encoding)
    if head.startswith(b"\x1f\x8b"):
        return "It is compressed: unpack it (gunzip -c), or give its name the ending .gz."
    return "Choose a text file; text in UTF-16 needs --encoding utf-16."


def is_gzip(path: Path) -> bool:
    """Whether the file is read through gzip."""
    return path.suffix.lower() == ".gz"


def has_suffix(path: Path, *suffixes: str) -> bool:
    """Whether the name ends in one of these, or in one and `.gz`; in any case."""
    name = path.with_suffix("") if is_gzip(path) else path
    return name.suffix.lower() in suffixes


def is_records(path: Path) -> bool:
    """Whether the file holds one JSON object per line."""
    return has_suffix(path, ".jsonl", ".ndjson")


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turn errors of the system and of gzip into an `InputError` that names the file."""
    try:
        yield
    except (EOFError, zlib.error) as error:
        raise InputError(f"{path} is damaged: {error}.", "Pack it again, or unpack it.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path} cannot be read: {reason}.", UNREADABLE_HINT) from None


def check_regular(path: Path) -> None:
    """Refuse anything but a regular file: reading a pipe or a device may never end."""
    with translate_errors(path):
        mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise InputError(f"{path} is a folder, not a file.", "Choose a file in it.")
    if not stat.S_ISREG(mode):
        raise InputError(
            f"{path} is not a regular file.", "Pipe the text in and name it - (a dash)."
        )


def open_bytes(path: Path) -> BinaryIO:
    """Open a file to read its unpacked bytes."""
    check_regular(path)
    if is_gzip(path):
        import gzip  # a quarter of this module's import time, and rarely needed

        return cast("BinaryIO", gzip.open(path, "rb"))
    return path.open("rb")


@contextmanager
def open_text(path: Path, encoding: Encoding) -> Iterator[TextSource]:
    """Open a file as a `TextSource`; errors while it is read become `InputError`."""
    with translate_errors(path), open_bytes(path) as file:
        exact, start = encoding.detect_mark(file.read(4))
        file.seek(start)
        yield TextSource(path, file, exact, start)


def _read_head(path: Path) -> bytes:
    with translate_errors(path), open_bytes(path) as file:
        return file.read(4)


def unpacked_size(path: Path) -> int:
    """Return about how many bytes `open_bytes` will give, for a progress display."""
    with translate_errors(path), path.open("rb") as file:
        size = path.stat().st_size
        if not is_gzip(path) or size < 18:
            return size
        # A gzip file ends with its unpacked size modulo 2**32 (RFC 1952).
        file.seek(-4, 2)
        return max(size, int.from_bytes(file.read(4), "little"))


def read_chunks(path: Path, encoding: Encoding, size: int = CHUNK_BYTES) -> Iterator[TextPiece]:
    """Read a text in pieces of about `size` bytes each; CRLF becomes LF.

    A piece ends before a run of white space where there is one nearby, so that the pieces give
    the same tokens as the whole text.
    """
    with open_text(path, encoding) as source:
        decoder = codecs.getincrementaldecoder(source.encoding.name)(source.encoding.errors)
        offset = position = source.start
        rest, following = "", source.file.read(size)
        while raw := following:
            following = source.file.read(size)
            text = rest + _decode(source, decoder, raw, position, final=not following)
            position += len(raw)
            cut = _find_cut(text) if following else len(text)
            if cut:
                yield TextPiece(offset, 0, normalize_newlines(text[:cut]))
            rest = text[cut:]
            pending = len(decoder.getstate()[0])
            offset = position - pending - len(rest.encode(source.encoding.name))


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
    _check_zero_characters(source, text)
    return text


def _check_zero_characters(source: TextSource, text: str) -> None:
    if not source.encoding.is_bytewise and "\0" in text:
        raise InputError(
            f"{source.path} is not text: it contains a zero character.", "Choose a text file."
        )


def _find_cut(text: str) -> int:
    """Return where to end a piece: before the last white space near the end, else at the end."""
    end = len(text) - text.endswith("\r")
    begin = max(1, end - CUT_SEARCH_CHARACTERS)
    cut = max((match.start() for match in _WHITE_SPACE_RUN.finditer(text, begin)), default=end)
    # U+FFFD may stand for any number of bytes: offsets cannot be counted back over one.
    return end if "\ufffd" in text[cut:] else cut


def read_lines(path: Path, encoding: Encoding) -> Iterator[TextPiece]:
    """Read the lines, numbered from 1, without LF or CRLF; only LF ends a line.

    Raises:
        InputError: also for a line of more than 64 MiB.
    """
    with open_text(path, encoding) as source:
        newline = source.encoding.newline
        offset, number, rest = source.start, 1, b""
        while raw := source.file.read(BLOCK_BYTES):
            source.check_zeros(raw, offset + len(rest))
            *whole, rest = split_lines(rest + raw, newline)
            for line in whole:
                yield TextPiece(offset, number, _decode_line(source, line, offset))
                offset += len(line) + len(newline)
                number += 1
            if len(rest) > MAX_LINE_BYTES:
                raise InputError(
                    f"{path}, line {number}, is longer than {MAX_LINE_BYTES >> 20} MiB.",
                    "Split it, or read the file as continuous text: --format text",
                )
        if rest:
            yield TextPiece(offset, number, _decode_line(source, rest, offset))


def split_lines(raw: bytes, newline: bytes) -> list[bytes]:
    """`raw.split(newline)`, but only where a whole code unit is a newline."""
    width = len(newline)
    if width == 1:
        return raw.split(newline)
    matches = (match.start() for match in re.finditer(re.escape(newline), raw))
    ends = [start for start in matches if start % width == 0]
    begins = [0, *(end + width for end in ends)]
    return [raw[begin:end] for begin, end in zip(begins, [*ends, len(raw)], strict=True)]


def _decode_line(source: TextSource, raw: bytes, offset: int) -> str:
    try:
        text = raw.decode(source.encoding.name, source.encoding.errors)
    except UnicodeDecodeError as error:
        raise source.decode_error(error, offset) from None
    _check_zero_characters(source, text)
    return text.removesuffix("\r")


def read_records(path: Path, encoding: Encoding) -> Iterator[TextPiece]:
    """Read the field `text` of the JSON object on each line that is not empty.

    Raises:
        InputError: a line that is no such object, with file and line.
    """
    for offset, number, line in read_lines(path, encoding):
        if line and not line.isspace():
            yield TextPiece(offset, number, parse_record(f"{path}, line {number}", line, encoding))


def parse_record(location: str, line: str, encoding: Encoding) -> str:
    """Return the field `text` of a JSON object.

    Args:
        location: file and line, for errors.
    """
    text = parse_json_object(location, line, RECORD_HINT).get("text")
    if not isinstance(text, str):
        raise InputError(f'{location}: no field "text".', RECORD_HINT)
    return check_text(location, text, encoding)


def parse_json_object(location: str, line: str, hint: str) -> JsonObject:
    """Return the JSON object on a line.

    Raises:
        InputError: it is none.
    """
    value = parse_json(location, line, hint)
    if not isinstance(value, dict):
        raise InputError(f"{location}: not a JSON object.", hint)
    return value


def parse_json(location: str, text: str, hint: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        InputError: it is not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{location}: not JSON ({error}).", hint) from None


def check_text(location: str, text: str, encoding: Encoding) -> str:
    """Return a text of a record; a lone surrogate becomes U+FFFD where the encoding replaces.

    Raises:
        InputError: the text contains a zero character, or a lone surrogate.
    """
    if "\0" in text:
        raise InputError(f"{location}: the text contains a zero character.", "Remove it.")
    if text.isascii() or not _SURROGATE.search(text):
        return text
    if encoding.errors == "replace":
        return _SURROGATE.sub("\ufffd", text)
    raise InputError(
        f"{location}: the text contains half a character (a lone surrogate).",
        suggest_encoding(b"", encoding),
    )


def find_line_number(path: Path, encoding: Encoding, offset: int) -> int:
    """Return the number, from 1, of the line that contains byte `offset`."""
    number = 1
    with open_text(path, encoding) as source:
        position, newline = source.start, source.encoding.newline
        while position < offset and (raw := source.file.read(min(BLOCK_BYTES, offset - position))):
            # Cut to whole code units: an offset may point into one.
            whole = raw[: len(raw) - len(raw) % len(newline)]
            number += len(split_lines(whole, newline)) - 1
            position += len(raw)
    return number

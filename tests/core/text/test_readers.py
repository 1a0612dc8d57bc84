"""Reading text files: encodings, compressed files, records, and files that are not text."""

from __future__ import annotations

import errno
import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.text import readers
from core.text.encoding import Encoding, parse_encoding
from core.text.readers import (
    TextPiece,
    find_line_number,
    read_chunks,
    read_lines,
    read_records,
    unpacked_size,
)

UTF8 = Encoding()
TEXT = "Grüße\n你好 🙂 x\n\nlast"


def write(path: Path, data: bytes | str) -> Path:
    raw = data if isinstance(data, bytes) else data.encode()
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(raw)
    return path


def join(pieces: list[TextPiece]) -> str:
    return "".join(piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (TEXT.encode("utf-8-sig"), "utf-8"),
        (TEXT.replace("\n", "\r\n").encode(), "utf-8"),
        (TEXT.encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-16"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-32"), "utf-32"),
        (TEXT.encode("gb18030"), "gb18030"),
    ],
    ids=["plain", "mark", "crlf", "utf16", "utf16be", "utf16le", "utf32", "gb18030"],
)
def test_every_encoding_gives_the_same_text_and_lines(
    tmp_path: Path, data: bytes, encoding: str
) -> None:
    """Byte order marks and carriage returns must not become part of the text."""
    path = write(tmp_path / "a.txt", data)
    codec = parse_encoding(encoding)
    assert join(list(read_chunks(path, codec, 8))) == TEXT
    assert [line.text for line in read_lines(path, codec)] == TEXT.split("\n")
    assert [line.line for line in read_lines(path, codec)] == [1, 2, 3, 4]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32", "gb18030"])
def test_offsets_point_at_the_bytes_of_their_piece(tmp_path: Path, encoding: str) -> None:
    """Tokens are traced to their source by these offsets."""
    path = write(tmp_path / "a.txt", TEXT.encode(encoding))
    data, codec = path.read_bytes(), parse_encoding(encoding)
    exact, start = codec.detect_mark(data[:4])
    for piece in [*read_chunks(path, codec, 7), *read_lines(path, codec)]:
        expected = piece.text.encode(exact.name)
        assert piece.offset >= start
        assert data[piece.offset : piece.offset + len(expected)] == expected


@settings(deadline=None)
@given(text=st.text(alphabet="ab \n\r\té你🙂\u3000", max_size=60), size=st.integers(1, 16))
def test_pieces_of_any_size_join_to_the_text(
    tmp_path_factory: pytest.TempPathFactory, text: str, size: int
) -> None:
    """A character or a CRLF that spans two blocks must appear once and whole."""
    path = write(tmp_path_factory.mktemp("cut") / "a.txt", text)
    pieces = list(read_chunks(path, UTF8, size))
    assert join(pieces) == text.replace("\r\n", "\n")
    raw = path.read_bytes()
    ends = [*(piece.offset for piece in pieces), len(raw)][1:]
    for piece, end in zip(pieces, ends, strict=True):
        assert piece.text == raw[piece.offset : end].decode().replace("\r\n", "\n")


def test_pieces_end_before_white_space(tmp_path: Path) -> None:
    """A word cut in two would give tokens that the whole text does not have."""
    path = write(tmp_path / "a.txt", "word " * 100)
    assert all(piece.text.endswith(("word", " ")) for piece in read_chunks(path, UTF8, 32))


def test_a_long_line_without_white_space_is_cut_between_characters(tmp_path: Path) -> None:
    """Memory must stay bounded for a megabyte on one line."""
    path = write(tmp_path / "a.txt", "你" * 400_000)
    pieces = list(read_chunks(path, UTF8))
    assert join(pieces) == "你" * 400_000
    assert max(len(piece.text) for piece in pieces) <= readers.CHUNK_BYTES
    assert [len(line.text) for line in read_lines(path, UTF8)] == [400_000]


def test_compressed_text_reads_like_plain_text(tmp_path: Path) -> None:
    """Offsets and the size for progress are those of the unpacked text."""
    path = write(tmp_path / "a.txt.gz", gzip.compress(TEXT.encode() * 100))
    assert join(list(read_chunks(path, UTF8))) == TEXT * 100
    assert unpacked_size(path) == len(TEXT.encode()) * 100


@pytest.mark.parametrize("size", [5, 1 << 15])
def test_error_for_undecodable_bytes_names_byte_line_and_solutions(
    tmp_path: Path, size: int
) -> None:
    """Latin-1 read as UTF-8 is the most common mistake; the error must tell how to fix it."""
    path = write(tmp_path / "a.txt", b"one\ntwo\ncaf\xe9 x")
    for pieces in (read_chunks(path, UTF8, size), read_lines(path, UTF8)):
        with pytest.raises(InputError) as caught:
            list(pieces)
        assert "byte 11 (0xe9), line 3" in caught.value.message
        assert "--encoding latin-1" in caught.value.hint
        assert "--encoding utf-8:replace" in caught.value.hint
    replacing = parse_encoding("utf-8:replace")
    assert join(list(read_chunks(path, replacing, size))) == "one\ntwo\ncaf\ufffd x"
    assert join(list(read_chunks(path, parse_encoding("latin-1"), size))) == "one\ntwo\ncafé x"


@pytest.mark.parametrize(
    ("name", "data", "message", "hint"),
    [
        ("a.txt", b"ab\0cd", "zero byte at byte 2", "text file"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0", "zero byte", ""),
        ("a.txt", "text".encode("utf-16"), "zero byte", "--encoding utf-16"),
        ("a.txt", "你好".encode("utf-16"), "not utf-8", "--encoding utf-16"),
        ("a.txt", gzip.compress(b"text" * 99, mtime=0), "not text", ".gz"),
        ("a.gz", b"no gzip at all", "gzip", ""),
        ("a.gz", gzip.compress(os.urandom(5000))[:-900], "damaged", ""),
        ("a.gz", gzip.compress(b"text" * 999)[:20] + b"\xff" * 40, "damaged", ""),
    ],
    ids=["zero", "png", "utf16", "utf16zh", "packed", "notgz", "cut", "broken"],
)
def test_files_that_are_not_text_are_refused_with_a_reason(
    tmp_path: Path, name: str, data: bytes, message: str, hint: str
) -> None:
    """Never a traceback, never noise as a corpus."""
    path = write(tmp_path / name, data)
    for read in (read_chunks, read_lines):
        with pytest.raises(InputError) as caught:
            list(read(path, UTF8))
        assert message in caught.value.message
        assert str(path) in caught.value.message
        assert hint in caught.value.hint


def test_a_pipe_or_a_folder_is_refused_without_waiting(tmp_path: Path) -> None:
    """Opening a FIFO without a writer would block for ever."""
    os.mkfifo(tmp_path / "pipe")
    for path, message in ((tmp_path / "pipe", "regular file"), (tmp_path, "folder")):
        with pytest.raises(InputError, match=message):
            list(read_chunks(path, UTF8))
    with pytest.raises(InputError, match="regular file"):
        list(read_chunks(Path("/dev/zero"), UTF8))


def test_missing_and_unreadable_files_give_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message includes the reason given by the operating system."""
    with pytest.raises(InputError, match="No such file"):
        list(read_chunks(tmp_path / "none", UTF8))

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        list(read_chunks(write(tmp_path / "secret.txt", "x"), UTF8))


def test_records_are_read_with_their_line_numbers(tmp_path: Path) -> None:
    """Newlines inside a record belong to it; empty lines between records are skipped."""
    rows = [{"text": "a\nb"}, {"text": "🙂", "id": 3}]
    path = write(tmp_path / "a.jsonl", "\n\r\n".join(json.dumps(row) for row in rows))
    assert [(record.line, record.text) for record in read_records(path, UTF8)] == [
        (1, "a\nb"),
        (3, "🙂"),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "half', "not JSON"),
        ('{"body": "x"}', 'no field "text"'),
        ('{"text": 3}', 'no field "text"'),
        ('["text"]', "not a JSON object"),
        ("[" * 100_000, "not JSON"),
        (r'{"text": "\ud83d"}', "half a character"),
        (r'{"text": "\u0000"}', "zero character"),
    ],
    ids=["torn", "other", "number", "list", "deep", "surrogate", "zero"],
)
def test_error_for_a_broken_record_names_file_and_line(
    tmp_path: Path, line: str, message: str
) -> None:
    """One bad record among millions must be easy to find."""
    path = write(tmp_path / "a.jsonl", '{"text": "good"}\n' + line + "\n")
    with pytest.raises(InputError, match=message) as caught:
        list(read_records(path, UTF8))
    assert f"{path}, line 2" in caught.value.message


def test_lone_surrogates_in_records_are_replaced_on_request(tmp_path: Path) -> None:
    """Chat dumps contain lone surrogates; ":replace" covers them too."""
    path = write(tmp_path / "a.jsonl", r'{"text": "a\ud83d"}')
    assert join(list(read_records(path, parse_encoding("utf-8:replace")))) == "a\ufffd"


def test_a_line_beyond_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gigabyte without a newline must not be loaded into memory."""
    monkeypatch.setattr(readers, "MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(readers, "BLOCK_BYTES", 100)
    path = write(tmp_path / "a.txt", "ok\n" + "x" * 2000)
    with pytest.raises(InputError, match="line 2, is longer"):
        list(read_lines(path, UTF8))


@pytest.mark.parametrize("name", ["nonsense", "", "base64", "undefined", "utf-7", "a\0b", "ü"])
def test_unusable_encodings_are_refused(name: str) -> None:
    """Also codecs that are not for text, and stateful ones."""
    with pytest.raises(InputError):
        parse_encoding(name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "cp037"])
def test_lines_are_counted_in_whole_code_units(tmp_path: Path, encoding: str) -> None:
    """U+0A05 contains the byte of a newline but is not one."""
    text = "a\n\u0a05b\nc" if encoding != "cp037" else "a\nxb\nc"
    path = write(tmp_path / "a.txt", text.encode(encoding))
    codec = Encoding(encoding)
    assert [line.text for line in read_lines(path, codec)] == text.split("\n")
    assert [find_line_number(path, codec, line.offset) for line in read_lines(path, codec)] == [
        1,
        2,
        3,
    ]

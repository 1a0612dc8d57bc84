"""Files of lines: following and reading backwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.system import line_files
from core.system.line_files import LineTail, read_lines_backwards


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lines")


@given(content=st.binary().map(lambda b: b.replace(b"x", b"\n")), max_bytes=st.integers(1, 40))
def test_a_tail_returns_every_complete_line_once(
    folder: Path, content: bytes, max_bytes: int
) -> None:
    """A line cut by the end of a read must not be lost or split."""
    path = folder / "follow"
    path.write_bytes(content)
    tail = LineTail(path)
    lines: list[bytes] = []
    while batch := tail.read(max_bytes):
        lines += batch
    assert lines == content.split(b"\n")[:-1]


@given(content=st.lists(st.sampled_from([b"\n", b"ab", b"\0"]), max_size=60).map(b"".join))
def test_reading_backwards_reverses_the_lines(folder: Path, content: bytes) -> None:
    path = folder / "back"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_files, "FIRST_CHUNK_BYTES", 2)
        patch.setattr(line_files, "MAX_CHUNK_BYTES", 5)
        assert list(read_lines_backwards(path)) == content.split(b"\n")[:-1][::-1]


def test_reading_backwards_within_a_limit_returns_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"first\nsecond\nthird\n")
    assert list(read_lines_backwards(path, 10)) == [b"third"]
    assert list(read_lines_backwards(path, 14)) == [b"third", b"second"]
    assert list(read_lines_backwards(path, 1000)) == [b"third", b"second", b"first"]
    assert list(read_lines_backwards(tmp_path / "none")) == []


def test_a_line_is_complete_once_its_newline_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a"
    tail = LineTail(path)
    assert tail.read() == []
    with path.open("ab", buffering=0) as file:
        file.write(b"one\ntw")
        assert tail.read() == [b"one"]
        assert tail.read() == []
        file.write(b"o\n")
        assert tail.read() == [b"two"]
    assert tail.restarts == 0


@pytest.mark.parametrize("how", ["replaced", "truncated"])
def test_a_tail_restarts_if_the_file_is_replaced_or_truncated(tmp_path: Path, how: str) -> None:
    """A run deleted and created again under the same name must not be read from the middle."""
    path = tmp_path / "a"
    path.write_bytes(b"one\ntwo\nthr")
    tail = LineTail(path)
    assert tail.read() == [b"one", b"two"]
    if how == "replaced":
        other = tmp_path / "b"
        other.write_bytes(b"1\n2\n3\n4\n5\n6\n7\n")
        other.replace(path)
        assert tail.read() == [b"1", b"2", b"3", b"4", b"5", b"6", b"7"]
    else:
        path.write_bytes(b"1\n")
        assert tail.read() == [b"1"]
    assert tail.restarts == 1

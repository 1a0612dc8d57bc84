"""Files replaced atomically, and JSON in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import DamagedError
from core.system.files import (
    link_or_copy,
    read_json,
    remove_temporary_files,
    write_atomic,
    write_json,
)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_writing_replaces_the_content_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    """Readers list the folder."""
    path = tmp_path / "a.json"
    write_json(path, {"a": "ü", "b": [1.5, None]})
    write_json(path, {"a": 2})
    assert read_json(path) == {"a": 2}
    assert names(tmp_path) == ["a.json"]


def test_a_failed_write_keeps_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk must not destroy the old file."""
    path = tmp_path / "a"
    write_atomic(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_temporary_files_of_killed_writers_are_removed(tmp_path: Path) -> None:
    for name in (".a-x1.tmp", ".b-x1.tmp", "a", "a-x.tmp"):
        (tmp_path / name).touch()
    remove_temporary_files(tmp_path / "a")
    assert names(tmp_path) == [".b-x1.tmp", "a", "a-x.tmp"]


def test_numbers_that_are_not_finite_are_an_error(tmp_path: Path) -> None:
    """JSON has no NaN; other programs read these files."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a", {"a": float("nan")})
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff{}", b"[" * 100_000])
def test_a_damaged_file_is_an_error_naming_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(DamagedError, match=r"broken\.json"):
        read_json(path)


@pytest.mark.parametrize("links", [True, False])
def test_link_or_copy_replaces_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """On a file system without hard links, the file is copied."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"new" * 1000)
    target.write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    for _ in range(2):
        link_or_copy(source, target)
        assert target.read_bytes() == b"new" * 1000
        assert target.samefile(source) is links
        assert names(tmp_path) == ["source", "target"]

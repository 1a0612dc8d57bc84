"""An export appears whole or not at all, and replaces nothing but an earlier export."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from core.errors import InputError, StorageError
from core.export.output import check_free, staged, written_bytes

FOLDER, FILE = "script", "gguf"  # targets that are a folder and a file


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _fill(place: Path, text: str = "new") -> None:
    if place.is_dir():
        (place / "config.json").write_text(text)
    else:
        place.write_text(text)


def _stage(path: Path, target: str, error: BaseException, *, force: bool = False) -> None:
    """Write, and then fail."""
    with staged(path, target, force=force) as place:
        _fill(place)
        raise error


def _read(path: Path) -> str:
    return (path / "config.json" if path.is_dir() else path).read_text()


@pytest.mark.parametrize("target", [FOLDER, FILE])
def test_what_is_written_appears_at_the_end(target: str, tmp_path: Path) -> None:
    path = tmp_path / "result"
    with staged(path, target, force=False) as place:
        _fill(place)
        assert not path.exists()
        assert written_bytes(place) == 3
    assert _read(path) == "new"
    assert _names(tmp_path) == ["result"]


@pytest.mark.parametrize("target", [FOLDER, FILE])
@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError])
def test_nothing_stays_after_an_error_or_an_interruption(
    failure: type[BaseException], target: str, tmp_path: Path
) -> None:
    path = tmp_path / "result"
    with pytest.raises(failure):
        _stage(path, target, failure())
    assert _names(tmp_path) == []


@pytest.mark.parametrize("target", [FOLDER, FILE])
def test_an_earlier_export_is_replaced_only_by_force_and_only_by_a_whole_one(
    target: str, tmp_path: Path
) -> None:
    path = tmp_path / "result"
    with staged(path, target, force=False) as place:
        _fill(place, "GGUF old")
    with pytest.raises(InputError, match="exists already"):
        check_free(path, target, force=False)
    with pytest.raises(ValueError, match="broken"):
        _stage(path, target, ValueError("broken"), force=True)
    assert _read(path) == "GGUF old"
    with staged(path, target, force=True) as place:
        _fill(place)
    assert _read(path) == "new"
    assert _names(tmp_path) == ["result"]


def test_a_folder_with_anything_else_in_it_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "home" / "letters").mkdir(parents=True)
    for name in ("config.json", "letters/love.txt"):
        (tmp_path / "home" / name).write_text("mine")
    with pytest.raises(InputError, match="holds other files than an export: letters/love"):
        check_free(tmp_path / "home", FOLDER, force=True)


@pytest.mark.parametrize(("target", "expected"), [(FOLDER, "a folder"), (FILE, "a file")])
def test_a_file_is_no_folder_and_a_folder_no_file(
    target: str, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "result"
    if target == FOLDER:
        path.write_text("")
    else:
        path.mkdir()
    with pytest.raises(InputError, match=f"is not {expected}"):
        check_free(path, target, force=True)


def test_a_link_in_the_place_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "result").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is not a folder"):
        check_free(tmp_path / "result", FOLDER, force=True)
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="exists already"):
        check_free(tmp_path / "broken", FILE, force=False)


def test_force_replaces_no_file_but_a_model(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("mine")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "letter", tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(InputError, match="is not a GGUF file"):
            check_free(path, FILE, force=True)


def test_a_place_that_is_taken_while_writing_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "result"
    writing = staged(path, FILE, force=False)
    _fill(writing.__enter__())
    path.write_text("of another")
    with pytest.raises(InputError, match="exists already"):
        writing.__exit__(None, None, None)
    assert path.read_text() == "of another"
    assert _names(tmp_path) == ["result"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no folder") as error:
        check_free(tmp_path / "gone" / "result", FILE, force=False)
    assert str(tmp_path / "gone") in error.value.message


@pytest.mark.parametrize("target", [FOLDER, FILE])
def test_a_full_disk_is_reported_with_what_to_do(target: str, tmp_path: Path) -> None:
    path = tmp_path / "result"
    with pytest.raises(StorageError, match="No space left") as error:
        _stage(path, target, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert "--out" in error.value.hint
    assert _names(tmp_path) == []

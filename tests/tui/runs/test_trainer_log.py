"""The end of a trainer's log, without control codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import DamagedError
from tui.runs.trainer_log import MAX_LINE_CHARACTERS, OMISSION_NOTICE, read_log_lines


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "trainer.log"


def test_a_missing_log_has_no_lines(log: Path) -> None:
    assert read_log_lines(log) == []
    log.touch()
    assert read_log_lines(log) == []


def test_a_last_line_without_a_newline_is_read_too(log: Path) -> None:
    """The last line before a crash is the one to read."""
    log.write_text("a\nb\n\nSegmentation fault")
    assert read_log_lines(log) == ["a", "b", "", "Segmentation fault"]
    assert read_log_lines(log, 2) == ["", "Segmentation fault"]
    assert read_log_lines(log, 0) == []


def test_control_codes_are_made_visible(log: Path) -> None:
    log.write_bytes(b"\x1b[31mred\x1b[0m\t[bold]x[/]\n\xff\xfe\x00\nold 10%\rnew 20%\r\n")
    lines = read_log_lines(log)
    assert lines == ["␛[31mred␛[0m    [bold]x[/]", "��␀", "new 20%"]


def test_a_huge_log_is_read_from_its_end(log: Path) -> None:
    log.write_text("".join(f"line {number}\n" for number in range(10_000)))
    lines = read_log_lines(log, max_bytes=1000)
    assert lines[0] == OMISSION_NOTICE
    assert lines[-1] == "line 9999"
    assert all(line.startswith("line ") for line in lines[1:]), "no torn first line"
    assert len(lines) < 200


def test_a_huge_line_is_cut(log: Path) -> None:
    log.write_text("x" * 500_000 + "\n")
    (line,) = read_log_lines(log)
    assert len(line) == MAX_LINE_CHARACTERS + 1


def test_an_unreadable_log_raises(log: Path) -> None:
    log.mkdir()
    with pytest.raises(DamagedError, match="Is a directory"):
        read_log_lines(log)

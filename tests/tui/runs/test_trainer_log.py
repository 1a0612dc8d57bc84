"""The log of a trainer: its end, and nothing that a terminal would obey."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.runs.follow import CUT, LONGEST, last_lines


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "trainer.log"


def test_no_log_has_no_lines(log: Path) -> None:
    assert last_lines(log) == []
    log.touch()
    assert last_lines(log) == []


def test_the_last_lines_also_of_one_without_a_newline(log: Path) -> None:
    """The last words of a crash are what one wants to read."""
    log.write_text("a\nb\n\nSegmentation fault")
    assert last_lines(log) == ["a", "b", "", "Segmentation fault"]
    assert last_lines(log, 2) == ["", "Segmentation fault"]
    assert last_lines(log, 0) == []


def test_control_codes_are_shown_and_not_obeyed(log: Path) -> None:
    log.write_bytes(b"\x1b[31mred\x1b[0m\t[bold]x[/]\n\xff\xfe\x00\nold 10%\rnew 20%\r\n")
    lines = last_lines(log)
    assert lines == ["␛[31mred␛[0m    [bold]x[/]", "��␀", "new 20%"]


def test_a_huge_log_is_read_from_its_end(log: Path) -> None:
    log.write_text("".join(f"line {number}\n" for number in range(10_000)))
    lines = last_lines(log, most=1000)
    assert lines[0] == CUT
    assert lines[-1] == "line 9999"
    assert all(line.startswith("line ") for line in lines[1:]), "no torn first line"
    assert len(lines) < 200


def test_a_huge_line_is_cut(log: Path) -> None:
    log.write_text("x" * 500_000 + "\n")
    (line,) = last_lines(log)
    assert len(line) == LONGEST + 1


def test_a_log_that_cannot_be_read_says_so(log: Path) -> None:
    log.mkdir()
    with pytest.raises(OSError, match="directory"):
        last_lines(log)

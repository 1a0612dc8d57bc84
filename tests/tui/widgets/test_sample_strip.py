"""The strip of samples: selection, alignment and sanitizing of lines."""

from __future__ import annotations

from rich.cells import cell_len

from core.run.history import SampleRow
from tui.widgets.train_view import sample_lines

SAMPLES = [SampleRow(step, "Py", f" text {step}") for step in (0, 1, 2, 4, 1024)]


def test_steps_are_aligned_and_the_first_sample_stays() -> None:
    """The untrained sample shows how far training has come."""
    lines = sample_lines(SAMPLES, 40, 3).plain.split("\n")
    assert lines == ["    0  Py| text 0", "    4  Py| text 4", "1,024  Py| text 1024"]


def test_as_many_samples_as_fit_are_shown() -> None:
    assert len(sample_lines(SAMPLES, 40, 9).plain.split("\n")) == 5
    assert sample_lines(SAMPLES, 40, 1).plain == "1,024  Py| text 1024"
    assert sample_lines([], 40, 4).plain == ""
    assert sample_lines(SAMPLES, 40, 0).plain


def test_lines_fit_the_width_in_cells() -> None:
    """Chinese characters are two cells wide."""
    hostile = [
        SampleRow(0, "提示", "我是一个学生" * 10),
        SampleRow(1, "[bold]", "[/] \x1b]0;x\x07\n\ttab 👩‍👩‍👧"),
        SampleRow(2, "", "x" * 1_000_000),
    ]
    lines = sample_lines(hostile, 30, 5).plain.split("\n")
    assert len(lines) == 3
    assert all(cell_len(line) <= 30 for line in lines)
    assert "[bold]|[/] ␛]0;x␇␊␉" in lines[1]


def test_the_copied_share_is_labelled_as_that_of_other_replies() -> None:
    """Aligned, and blank where unknown; "100% copied" seemed to be measured on the sample shown."""
    samples = [SampleRow(0, "Py", "a"), SampleRow(1, "Py", "b", 0.05), SampleRow(2, "Py", "c", 1.0)]
    lines = sample_lines(samples, 40, 3).plain.split("\n")
    assert lines == [
        "0                             Py|a",
        "1  other replies   5% copied  Py|b",
        "2  other replies 100% copied  Py|c",
    ]

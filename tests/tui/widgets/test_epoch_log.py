"""The table of epochs: columns, following, and a hundred thousand of them."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from core.run.history import EpochRow
from tests.support.apps import SIZES, play_widget, widget_lines
from tests.support.captures import assert_same_as_capture
from tui.widgets import epoch_log
from tui.widgets.epoch_log import EpochLog, format_cells


def row(number: int, text: str = "was a man") -> EpochRow:
    loss = 5 / (number + 1)
    return EpochRow(number * 20, float(number), loss, loss + 0.2, text, number * 1.5)


ROWS = [row(number) for number in range(12)]


@pytest.mark.parametrize("size", SIZES)
def test_it_looks_as_committed(size: tuple[int, int]) -> None:
    """Columns that do not line up."""
    odd = [row(12, "中文 [bold] \x1b[31m\nline"), EpochRow(261, 12.345, 1234.5, None, None, None)]

    async def act(log: EpochLog, pilot: Pilot[None]) -> None:
        log.show([*ROWS, *odd])
        await pilot.pause()
        assert_same_as_capture(pilot.app, f"epoch_log_{size[0]}x{size[1]}")

    play_widget(EpochLog(), act, size=size)


def test_it_follows_unless_the_reader_scrolled_and_the_head_stays() -> None:
    """New epochs out of sight, or a table that jumps away from the reader."""

    async def act(log: EpochLog, pilot: Pilot[None]) -> None:
        log.focus()
        rows = [row(number) for number in range(60)]
        log.show(rows)
        await pilot.pause()
        assert widget_lines(log)[-1].split()[0] == "59"
        assert widget_lines(log)[0].split()[0] == "EPOCH"
        await pilot.press("pageup")
        before = widget_lines(log)
        log.show([*rows, row(60)])
        await pilot.pause()
        assert widget_lines(log) == before
        assert before[0].split()[0] == "EPOCH"
        await pilot.press("end")
        log.show([*rows, row(60), row(61)])
        await pilot.pause()
        assert widget_lines(log)[-1].split()[0] == "61"

    play_widget(EpochLog(), act)


def test_a_hundred_thousand_rows_cost_what_is_in_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that formats all its rows for every new one."""
    made: list[EpochRow] = []
    whole = epoch_log.format_cells
    monkeypatch.setattr(epoch_log, "format_cells", lambda row: made.append(row) or whole(row))
    rows = [row(number) for number in range(100_000)]

    async def act(log: EpochLog, pilot: Pilot[None]) -> None:
        log.show(rows)
        await pilot.pause()
        assert widget_lines(log)[-1].split()[:2] == ["99,999", "1,999,980"]
        assert len(made) < 200

    play_widget(EpochLog(), act)


def test_rows_that_went_are_gone() -> None:
    """Epochs after the step a run was resumed from, still on the screen."""

    async def act(log: EpochLog, pilot: Pilot[None]) -> None:
        log.show(ROWS)
        await pilot.pause()
        log.show(ROWS[:3])
        await pilot.pause()
        assert [line.split()[0] for line in widget_lines(log) if line] == ["EPOCH", "0", "1", "2"]

    play_widget(EpochLog(), act)


def test_the_same_rows_are_not_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that is sent to the terminal with every event."""

    async def act(log: EpochLog, pilot: Pilot[None]) -> None:
        log.show(ROWS)
        await pilot.pause()
        drawn: list[object] = []
        monkeypatch.setattr(log, "refresh", lambda *region, **_: drawn.append(region))
        log.show(list(ROWS))
        assert drawn == []

    play_widget(EpochLog(), act)


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (EpochRow(20, 1.0, 4.9, 5.0, None, 7.0), ("1", "20", "4.900", "5.000", "0:07")),
        (EpochRow(5, 0.25, 0.04567, None, None, None), ("0.25", "5", "0.046", "", "")),
        (
            EpochRow(10**6, 12345.0001, 1e9, None, None, None),
            ("12,345", "1,000,000", "1e+09", "", ""),
        ),
        (EpochRow(1, None, None, None, None, None), ("", "1", "", "", "")),
    ],
)
def test_numbers_are_written_alike(found: EpochRow, shown: tuple[str, ...]) -> None:
    """Epoch 1.234e+04; losses whose points do not stand below one another."""
    assert format_cells(found) == shown

"""The table of epochs: columns, scrolling, and 100,000 rows."""

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
def test_it_looks_as_captured(size: tuple[int, int]) -> None:
    """Columns line up, also with odd values."""
    odd = [row(12, "中文 [bold] \x1b[31m\nline"), EpochRow(261, 12.345, 1234.5, None, None, None)]

    async def act(log: EpochLog, pilot: Pilot[None]) -> None:
        log.show([*ROWS, *odd])
        await pilot.pause()
        assert_same_as_capture(pilot.app, f"epoch_log_{size[0]}x{size[1]}")

    play_widget(EpochLog(), act, size=size)


def test_it_scrolls_along_unless_the_user_scrolled() -> None:
    """The heading stays on top."""

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


def test_only_visible_rows_are_formatted(monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be 100,000."""
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


def test_dropped_rows_disappear() -> None:
    """Such as epochs after the step a run was resumed from."""

    async def act(log: EpochLog, pilot: Pilot[None]) -> None:
        log.show(ROWS)
        await pilot.pause()
        log.show(ROWS[:3])
        await pilot.pause()
        assert [line.split()[0] for line in widget_lines(log) if line] == ["EPOCH", "0", "1", "2"]

    play_widget(EpochLog(), act)


def test_unchanged_rows_are_not_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or every event would redraw the table."""

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
def test_numbers_are_formatted_consistently(found: EpochRow, shown: tuple[str, ...]) -> None:
    """Without exponents, and with aligned decimal points."""
    assert format_cells(found) == shown

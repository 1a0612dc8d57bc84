"""The table of epochs: columns, cursor, best and copied, and 100,000 rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from core.run.history import EpochRow, SampleRow
from tests.support.apps import SIZES, play_widget, widget_lines
from tests.support.captures import assert_same_as_capture
from tui.widgets.epoch_log import EpochLog, EpochTableData


def row(number: int) -> EpochRow:
    loss = 5 / (number + 1)
    return EpochRow(number * 20, float(number), loss, loss + 0.2, "was a man", number * 1.5)


ROWS = tuple(row(number) for number in range(12))
LIVE = EpochRow(250, 12.0, 0.5, None, None, 17.0)


def table(count: int, live: EpochRow | None = None) -> EpochTableData:
    return EpochTableData(tuple(row(number) for number in range(count)), live)


@pytest.mark.parametrize("size", SIZES)
def test_it_looks_as_captured(size: tuple[int, int]) -> None:
    """Columns line up, also with odd values."""
    odd = (
        EpochRow(261, 12.345, 1234.5, None, None, None),
        EpochRow(262, None, None, None, None, 1),
    )
    samples = (SampleRow(40, "Py", "a", 0.05), SampleRow(45, "Py", "b", 1.0))
    data = EpochTableData((*ROWS, *odd), LIVE, samples, best_step=115)

    async def act(log: EpochLog, pilot: Pilot[None]) -> None:
        log.show(data)
        await pilot.pause()
        assert_same_as_capture(pilot.app, f"epoch_log_{size[0]}x{size[1]}")

    play_widget(EpochLog(), act, size=size)


def test_the_cursor_follows_the_newest_epoch_unless_it_was_moved() -> None:
    """The heading stays on top."""

    async def act(log: EpochLog, pilot: Pilot[None]) -> None:
        log.focus()
        log.show(table(60))
        await pilot.pause()
        assert widget_lines(log)[-1].split()[:2] == ["›", "59"]
        assert widget_lines(log)[0].split()[0] == "#"
        await pilot.press("pageup")
        before = widget_lines(log)
        log.show(table(61))
        await pilot.pause()
        assert widget_lines(log) == before
        assert before[0].split()[0] == "#"
        await pilot.press("end")
        log.show(table(62, LIVE))
        await pilot.pause()
        assert widget_lines(log)[-1].split() == ["›", "12", "250", "0.500", "…", "0:17"]

    play_widget(EpochLog(), act)


def test_only_visible_rows_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be 100,000."""
    drawn: list[int] = []
    whole = EpochLog.draw_row

    def draw_row(self: EpochLog, index: int, width: int) -> object:
        drawn.append(index)
        return whole(self, index, width)

    monkeypatch.setattr(EpochLog, "draw_row", draw_row)
    data = table(100_000)

    async def act(log: EpochLog, pilot: Pilot[None]) -> None:
        log.show(data)
        await pilot.pause()
        assert widget_lines(log)[-1].split()[:3] == ["›", "99,999", "1,999,980"]
        assert len(drawn) < 200

    play_widget(EpochLog(), act)


def test_dropped_rows_disappear() -> None:
    """Such as epochs after the step a run was resumed from."""

    async def act(log: EpochLog, pilot: Pilot[None]) -> None:
        log.show(table(12))
        await pilot.pause()
        log.show(table(3))
        await pilot.pause()
        numbers = [line.replace("›", " ").split()[0] for line in widget_lines(log) if line]
        assert numbers == ["#", "0", "1", "2"]

    play_widget(EpochLog(), act)


def test_unchanged_rows_are_not_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or every event would redraw the table."""

    async def act(log: EpochLog, pilot: Pilot[None]) -> None:
        log.show(table(12, LIVE))
        await pilot.pause()
        drawn: list[object] = []
        monkeypatch.setattr(log, "refresh", lambda *_, **__: drawn.append("all"))
        monkeypatch.setattr(log, "refresh_row", drawn.append)
        log.show(table(12, LIVE))
        assert drawn == []
        log.show(table(12, EpochRow(251, 12.0, 0.4, None, None, 18.0)))
        assert drawn == [12], "only the unfinished epoch"

    play_widget(EpochLog(), act)


def test_the_best_epoch_is_starred_and_copied_shares_belong_to_the_epoch_they_end() -> None:
    samples = (
        SampleRow(40, "Py", "a", 0.05),
        SampleRow(41, "Py", "b"),
        SampleRow(55, "Py", "c", 1),
    )
    data = EpochTableData(ROWS[1:5], None, samples, best_step=70)

    async def act(log: EpochLog, pilot: Pilot[None]) -> None:
        log.show(data)
        await pilot.pause()
        stars = [line.split()[-2:] for line in widget_lines(log) if "★" in line]
        assert len(stars) == 1
        assert [log.copied_text(index) for index in range(4)] == ["", "5 %", "100 %", ""]
        assert "★" in widget_lines(log)[4], "the loss was lowest between the epochs 3 and 4"

    play_widget(EpochLog(), act)


def test_a_task_has_a_column_of_right_replies_with_the_star() -> None:
    rows = [replace(row(number), task_accuracy=number / 8) for number in range(1, 5)]
    data = EpochTableData(rows, LIVE, (), best_step=60, has_task=True)

    async def act(log: EpochLog, pilot: Pilot[None]) -> None:
        log.show(data)
        await pilot.pause()
        assert [line.split() for line in widget_lines(log)[:6]] == [
            ["#", "step", "train", "val", "right", "copied", "time"],
            ["1", "20", "2.500", "2.700", "12.5", "%", "0:02"],
            ["2", "40", "1.667", "1.867", "25.0", "%", "0:03"],
            ["3", "60", "1.250", "1.450", "37.5", "%", "★", "0:04"],
            ["4", "80", "1.000", "1.200", "50.0", "%", "0:06"],
            ["›", "12", "250", "0.500", "…", "…", "0:17"],
        ]
        narrow = log.draw_heading(32).plain.split()
        assert narrow == ["#", "step", "train", "val", "right"]

    play_widget(EpochLog(), act)


@pytest.mark.parametrize("width", [10, 20, 36, 37, 80])
def test_the_columns_that_fit_are_whole(width: int) -> None:
    async def act(log: EpochLog, pilot: Pilot[None]) -> None:
        log.show(EpochTableData(ROWS, None, (), 220))
        await pilot.pause()
        assert log.draw_row(5, width).cell_length <= width
        assert ("time" in log.draw_heading(width).plain) is (width >= 36)

    play_widget(EpochLog(), act, size=(40, 20))

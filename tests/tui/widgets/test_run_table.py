"""The table of runs: columns by width, families, marks, a stable cursor, the mouse."""

from __future__ import annotations

import dataclasses

import pytest
from textual.pilot import Pilot

from core.run.compare import MAX_RUNS
from core.run.events import FINISHED
from core.run.status import CRASHED, FAILED, PAUSED, RUNNING, STOPPED
from core.run.summary import RunSummary
from tests.support.apps import play_widget, widget_lines
from tui.plot.chart import COLOURS, MARKERS
from tui.runs.family import FamilyRow, RunOrder
from tui.runs.library import LibraryRow
from tui.widgets.row_list import RowList
from tui.widgets.run_table import MAX_MARKED, RunTable

ROW = LibraryRow(
    summary=RunSummary(
        name="lang",
        status=FINISHED,
        step=200,
        epoch=12.0,
        train_loss=0.43,
        val_loss=0.92,
        parameters=809_088,
        corpus="lang",
        created="2026-01-02T03:04:05",
        size=0,
        steps=200,
        epochs=12.0,
        reading="lines",
    ),
    curve=(5.0, 3.0, 1.0),
    changed=0.0,
    size=9_000_000,
)


def row(name: str, depth: int = 0, **facts: object) -> FamilyRow:
    summary = dataclasses.replace(ROW.summary, name=name, **facts)  # type: ignore[arg-type]
    return FamilyRow(dataclasses.replace(ROW, summary=summary), depth)


def chosen(table: RunTable) -> str:
    return table.selected.summary.name if table.selected else ""


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (10, "name status train"),
        (58, "name status loss train val"),
        (64, "name status loss train val age"),
        (80, "name kind status loss epoch train val age"),
        (200, "name kind status loss epoch train val model size age text tags"),
    ],
)
def test_the_least_important_columns_are_omitted_first(width: int, heads: str) -> None:
    """Losses must stay visible."""

    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        table.show([FamilyRow(ROW)], RunOrder.AGE)
        await pilot.pause()
        assert table.heads == heads.split()
        assert table.draw_row(0, width).cell_length <= max(width, 33)

    play_widget(RunTable("braille"), act, size=(width, 20))


@pytest.mark.parametrize(
    ("reading", "task", "kind"),
    [
        ("lines", "continue", "lines"),
        ("text", "continue", "text"),
        ("pairs", "translate", "translate"),
        ("pairs", "classify", "classify"),
        ("conversations", "converse", "converse"),
        (None, "continue", ""),
    ],
)
def test_the_kind_of_a_run_is_its_task_or_how_its_text_is_read(
    reading: str | None, task: str, kind: str
) -> None:
    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        table.show([row("a", reading=reading, task=task)], RunOrder.AGE)
        await pilot.pause()
        heading, shown = widget_lines(table)[:2]
        assert shown[heading.index("kind") : heading.index("status")].strip() == kind

    play_widget(RunTable("braille"), act, size=(80, 20))


def test_a_row_shows_epochs_and_losses_with_three_decimals() -> None:
    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        rows = [
            row("a"),
            row("b", epoch=None, train_loss=None, val_loss=None),
            row("c", epochs=None),
        ]
        table.show(rows, RunOrder.AGE)
        await pilot.pause()
        lines = widget_lines(table)
        assert "12/12  0.430  0.920" in lines[1]
        assert "—      —      —" in lines[2]
        assert " 12  0.430" in lines[3]

    play_widget(RunTable("braille"), act)


def test_only_changed_rows_are_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table must not flicker."""

    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        table.show([row("a"), row("b")], RunOrder.AGE)
        drawn: list[int] = []
        monkeypatch.setattr(table, "refresh_row", drawn.append)
        monkeypatch.setattr(table, "refresh", lambda *_, **__: drawn.append(-1))
        table.show([row("a"), row("b")], RunOrder.AGE)
        assert drawn == []
        table.show([row("a"), row("b", train_loss=0.41)], RunOrder.AGE)
        assert drawn == [1]

    play_widget(RunTable("braille"), act, size=(200, 20))


def test_the_cursor_stays_on_its_run_when_the_order_changes() -> None:
    """Or the wrong run might be deleted."""

    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        assert chosen(table) == ""
        table.show([row("a"), row("b"), row("c")], RunOrder.AGE)
        table.move_cursor(1)
        table.show([row("c"), row("a"), row("b")], RunOrder.AGE)
        assert chosen(table) == "b"
        table.show([row("c"), row("a")], RunOrder.AGE)
        assert chosen(table) in ("a", "c")
        table.show([], RunOrder.AGE)
        assert chosen(table) == ""

    play_widget(RunTable("braille"), act)


@pytest.mark.parametrize(
    ("status", "look"),
    [
        (RUNNING, "● training 50 %"),
        (PAUSED, "‖ paused 50 %"),
        (FINISHED, "✓ finished"),
        (STOPPED, "■ stopped"),
        (FAILED, "✗ failed"),
        (CRASHED, "✗ crashed"),
    ],
)
def test_a_status_has_a_sign_of_its_own(status: str, look: str) -> None:
    """Colour alone is not visible to everyone."""

    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        table.show([row("a", status=status, step=100)], RunOrder.AGE)
        await pilot.pause()
        assert look in widget_lines(table)[1]
        table.show([row("a", status=status, problem="no")], RunOrder.AGE)
        await pilot.pause()
        assert "✗ damaged" in widget_lines(table)[1]

    play_widget(RunTable("braille"), act)


@pytest.mark.parametrize("charset", ["braille", "ascii"])
def test_texts_of_a_run_are_sanitized(charset: str) -> None:
    """Markup and escape codes in a name; ASCII sparklines where needed."""

    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        table.show([row("a", corpus="[b]\x1b[2J\n"), row("b", corpus=None)], RunOrder.AGE)
        await pilot.pause()
        shown = "\n".join(widget_lines(table))
        assert "[b]␛[2J␊" in shown
        assert ("^-_" in shown) is (charset == "ascii")

    play_widget(RunTable(charset), act, size=(200, 20))


def test_children_are_indented_below_their_parent() -> None:
    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        rows = [row("tales"), row("tales-chat", 1), row("deep", 2), row("x" * 40, 1)]
        table.show(rows, RunOrder.AGE)
        await pilot.pause()
        names = [line[2:18].rstrip() for line in widget_lines(table)[1:5]]
        assert names == ["tales", "└ tales-chat", "  └ deep", "└ " + "x" * 13 + "…"]

    play_widget(RunTable("braille"), act)


def test_at_most_four_runs_are_marked() -> None:
    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        assert not table.toggle_mark(), "there is no run"
        table.show([row(name) for name in "abcde"], RunOrder.AGE)
        for index in range(4):
            table.move_cursor(index)
            assert table.toggle_mark()
        table.move_cursor(4)
        assert not table.toggle_mark()
        await pilot.pause()
        assert [line[1] for line in widget_lines(table)[1:6]] == ["•", "•", "•", "•", " "]
        table.move_cursor(1)
        assert table.toggle_mark()
        assert table.marked == ["a", "c", "d"]
        table.show([row("c"), row("e")], RunOrder.AGE)
        assert table.marked == ["a", "c", "d"], "a hidden run keeps its mark"
        table.keep_marks({"c", "e"})
        assert table.marked == ["c"], "a deleted run is not compared"

    play_widget(RunTable("braille"), act)


def test_a_click_selects_a_double_click_opens_and_the_wheel_scrolls() -> None:
    opened: list[str] = []

    class Table(RunTable):
        def on_row_list_opened(self, event: RowList.Opened) -> None:
            opened.append(chosen(self))

    async def act(table: Table, pilot: Pilot[None]) -> None:
        table.show([row(f"run{number}") for number in range(40)], RunOrder.AGE)
        await pilot.click(table, offset=(4, 3))
        assert (chosen(table), opened) == ("run2", [])
        await pilot.click(table, offset=(4, 3))
        assert opened == [], "two clicks apart are no double click"
        await pilot.click(table, offset=(4, 0))
        assert chosen(table) == "run2", "the heading is no row"
        await pilot.double_click(table, offset=(4, 5))
        assert opened == ["run4"]
        await pilot._post_mouse_events([events.MouseScrollDown], table, offset=(4, 5))
        await pilot.pause()
        assert table.scroll_offset.y > 0
        await pilot.click(table, offset=(4, 1))
        assert chosen(table) == f"run{table.scroll_offset.y}"

    from textual import events

    play_widget(Table("braille"), act, size=(80, 12))


def test_keys_reach_every_row_and_keep_it_in_view() -> None:
    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        table.focus()
        table.show([row(f"run{number}") for number in range(40)], RunOrder.AGE)
        for key, expected in (
            *(("end", 39), ("up", 38), ("home", 0), ("down", 1)),
            *(("pagedown", 11), ("pageup", 1)),
        ):
            await pilot.press(key)
            await pilot.pause()
            assert table.cursor == expected
            (line,) = (line for line in widget_lines(table) if line.startswith("›"))
            assert f"run{expected} " in line

    play_widget(RunTable("braille"), act, size=(80, 12))


def test_as_many_runs_can_be_marked_as_compared_and_told_apart() -> None:
    assert MAX_MARKED == MAX_RUNS == len(MARKERS) == len(COLOURS)

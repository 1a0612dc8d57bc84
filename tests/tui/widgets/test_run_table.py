"""The table of runs: columns by width, stable cursor, sanitized names."""

from __future__ import annotations

import dataclasses

import pytest
from textual.pilot import Pilot

from core.run.events import FINISHED
from core.run.status import CRASHED, RUNNING
from core.run.summary import RunSummary
from tests.support.apps import play_widget
from tests.support.captures import screen_text
from tui.runs.library import LibraryRow
from tui.widgets.run_table import RunTable, run_detail

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
        size=9_000_000,
        problem="",
    ),
    curve=(5.0, 3.0, 1.0),
    changed=0.0,
)


def row(name: str, **facts: object) -> LibraryRow:
    summary = dataclasses.replace(ROW.summary, name=name, **facts)  # type: ignore[arg-type]
    return dataclasses.replace(ROW, summary=summary)


def chosen(table: RunTable) -> str:
    return table.selected.summary.name if table.selected else ""


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (10, "NAME STATUS LOSS"),
        (60, "NAME STATUS CURVE LOSS VAL"),
        (80, "NAME STATUS CURVE EPOCH LOSS VAL AGE"),
        (200, "NAME STATUS CURVE EPOCH LOSS VAL PARAMS SIZE CORPUS AGE"),
    ],
)
def test_the_least_important_columns_are_omitted_first(width: int, heads: str) -> None:
    """Losses must stay visible."""

    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        table.show([ROW])
        table.fit(width)
        await pilot.pause()
        assert [str(column.label) for column in table.ordered_columns] == heads.split()
        taken = sum(column.get_render_width(table) for column in table.ordered_columns)
        assert taken <= max(width, 40)

    play_widget(RunTable("braille"), act, size=(width, 20))


def test_only_changed_cells_are_updated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table must not flicker."""

    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        table.fit(200)
        table.show([row("a"), row("b")])
        touched: list[tuple[object, object]] = []
        monkeypatch.setattr(table, "update_cell", lambda *what: touched.append(what[:2]))
        table.show([row("a"), row("b")])
        assert touched == []
        table.show([row("a", train_loss=0.41), row("b")])
        assert touched == [("a", "LOSS")]

    play_widget(RunTable("braille"), act, size=(200, 20))


def test_the_cursor_stays_on_its_run_when_the_order_changes() -> None:
    """Or the wrong run might be deleted."""

    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        table.fit(80)
        assert chosen(table) == ""
        table.show([row("a"), row("b"), row("c")])
        table.move_cursor(row=1)
        table.show([row("c"), row("a"), row("b")])
        assert chosen(table) == "b"
        table.fit(200)
        assert chosen(table) == "b"
        table.show([row("c"), row("a")])
        assert chosen(table) in ("a", "c")
        table.show([])
        assert chosen(table) == ""

    play_widget(RunTable("braille"), act)


def test_live_and_failed_runs_are_marked_without_colour() -> None:
    """Red alone is not visible to everyone."""

    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        table.fit(80)
        table.show([row("a", status=RUNNING), row("b", status=CRASHED), row("c", problem="no")])
        words = [str(table.get_row_at(number)[1]) for number in range(3)]
        styles = [str(table.get_row_at(number)[1].style) for number in range(3)]
        assert words == [RUNNING, CRASHED, "damaged"]
        assert all("bold" in style for style in styles)

    play_widget(RunTable("braille"), act)


@pytest.mark.parametrize("charset", ["braille", "ascii"])
def test_texts_of_a_run_are_sanitized(charset: str) -> None:
    """Markup and escape codes in a name; ASCII sparklines where needed."""

    async def act(table: RunTable, pilot: Pilot[None]) -> None:
        table.fit(200)
        table.show([row("a", corpus="[b]\x1b[2J\n"), row("b", corpus=None, epoch=None)])
        await pilot.pause()
        shown = screen_text(pilot.app)
        assert "[b]␛[2J␊" in shown
        assert ("^-_" in shown) is (charset == "ascii")

    play_widget(RunTable(charset), act, size=(200, 20))


def test_the_details_of_a_run_take_two_lines() -> None:
    """A third line would move the table."""
    detail = run_detail(row("a", corpus="x\n\x1b[0m"), None).plain
    assert detail.count("\n") == 1
    assert "step 200" in detail
    assert "on x␊␛[0m" in detail
    assert "created 2026-01-02 03:04" in detail
    assert run_detail(row("a", problem="it is\nbroken"), None).plain == "it is␊broken"

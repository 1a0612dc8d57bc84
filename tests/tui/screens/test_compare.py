"""The Compare screen by keys and mouse: curves, the table, the prompt, replies."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from core.errors import InputError
from core.paths import Home
from core.run.compare import ComparedRun, RunReader
from core.run.directory import Run
from core.server.protocol import GenerateRequest
from core.system.files import read_json, write_json
from tests.support.app_runs import run_app
from tests.support.apps import StageApp, play, press, settle
from tests.support.captures import assert_same_as_capture, screen_text
from tests.support.fake_server import FakeServer
from tests.support.runs import ScriptedRun
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.common.messages import OpenChat, OpenCompare, OpenInside, OpenStep
from tui.common.terminal import Terminal
from tui.plot.chart import ScaleMode
from tui.screens.compare import CompareScreen
from tui.widgets.comparison_table import ComparisonTable
from tui.widgets.line_input import LineInput
from tui.widgets.loss_plot import LossPlot
from tui.widgets.prompt_reply import ReplyPanel

NAMES = ("tales", "tales-wide", "tales-char")
WIDE = (140, 40)
Journey = Callable[[StageApp, "Pilot[None]"], Awaitable[None]]


def _train(home: Home, name: str, steps: int = 200, **prepared: Any) -> Run:
    run = ScriptedRun(home.root, name)
    prepared["train"] = {"sample_prompt": "Once", "dropout": 0.1} | prepared.get("train", {})
    run.start(**prepared)
    run.train(1, steps)
    run.end("finished", steps, reason="all steps done", elapsed=steps / 10)
    run.run.weights.write_bytes(b"weights")
    record = read_json(run.run.record)
    record["corpus"]["size"] = 400_000
    write_json(run.run.record, record)
    return run.run


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Three runs, one of them with another tokenizer."""
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    _train(home, "tales", model={"layers": 4, "vocab_size": 4096}, tokenizer="bpe")
    _train(home, "tales-wide", 160, model={"layers": 12, "vocab_size": 4096}, tokenizer="bpe")
    tokens = {"train_tokens": 380_000, "val_tokens": 42_000}
    _train(home, "tales-char", 120, model={"layers": 4}, tokenizer="char", **tokens)
    return home


@pytest.fixture
def server() -> FakeServer:
    """Each run has a text of its own."""
    return FakeServer(
        chances=[0.5] * 4,
        tokens_of={
            "tales": [" there", " lived", " a", " fox"],
            "tales-wide": [" there", " was", " a", " lamp"],
            "tales-char": [" a", " litle", " girl"],
        },
    )


def _play(
    home: Home,
    server: FakeServer,
    journey: Journey,
    size: tuple[int, int] = WIDE,
    names: tuple[str, ...] = NAMES,
    terminal: Terminal | None = None,
) -> StageApp:
    return play(StageApp(CompareScreen(names), home, server, terminal), journey, size)


def _screen(app: StageApp) -> CompareScreen:
    assert isinstance(app.screen, CompareScreen)
    return app.screen


def _reply_text(app: StageApp, index: int) -> str:
    panel = list(app.screen.query(ReplyPanel))[index]
    return "\n".join(str(widget.content) for widget in panel.query(Static))


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (110, 30), (140, 40), (200, 50)])
def test_what_is_shown(size: tuple[int, int], home: Home, server: FakeServer) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert_same_as_capture(app, f"compare_{size[0]}x{size[1]}")

    _play(home, server, journey, size)


def test_every_panel_is_reached_on_a_small_terminal(home: Home, server: FakeServer) -> None:
    """Detects a panel that cannot be scrolled to at 60x20."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        seen = [app.text]
        seen += [await press(app, pilot, "tab") for _ in range(5)]
        assert "Validation, bits per byte" in seen[0]
        assert "What differs" in seen[1]
        assert "Same prompt" in seen[2]
        for text, name, word in zip(seen[3:], NAMES, ("lived", "was", "litle"), strict=True):
            assert name in text
            assert word in text
        assert "What differs" in await press(app, pilot, "tab", "tab")

    _play(home, server, journey, (60, 20))


def test_signs_in_place_of_colours_on_an_ascii_terminal(home: Home, server: FakeServer) -> None:
    """Detects a run that only its colour tells from others."""

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        app.client = server
        app.post_message(OpenCompare(NAMES))
        await wait_until_shown(pilot, lambda: 'parts at "a"' in screen_text(app))
        assert screen_text(app).isascii()
        assert_same_as_capture(app, "compare_ascii_110x30")

    run_app(home, journey, size=(110, 30), terminal=Terminal(charset="ascii", colour=False))


def test_keys_of_the_chart(home: Home, server: FakeServer) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        plot = app.screen.query_one(LossPlot)
        assert plot.chart.unit == "steps"
        await press(app, pilot, "u")
        assert plot.chart.unit == "tokens"
        await press(app, pilot, "u")
        assert plot.chart.unit == "time"
        assert "Training, bits per byte" in await press(app, pilot, "v")
        before = plot.view.mode
        await press(app, pilot, "l")
        assert plot.view.mode is before.following
        assert isinstance(before, ScaleMode)
        await press(app, pilot, "2", "space")
        assert [curve.name for curve in plot.chart.curves] == ["tales", "char"]
        assert "(▲ tales-wide)" in app.text
        await press(app, pilot, "space")
        assert len(plot.chart.curves) == 3

    _play(home, server, journey)


def test_the_selected_run_is_opened_where_its_text_parts(home: Home, server: FakeServer) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "2", "t", "x", "i")
        assert [message.name for message in app.posted(OpenChat)] == ["tales-wide"]
        (step,) = app.posted(OpenStep)
        assert (step.name, step.prompt, step.chosen) == ("tales-wide", "Once", [7])
        (inside,) = app.posted(OpenInside)
        assert (inside.name, inside.prompt, inside.chosen) == ("tales-wide", "Once", [7])
        app.screen.query_one(ComparisonTable).focus()
        await press(app, pilot, "right", "t", "right", "t", "left", "t")
        names = [message.name for message in app.posted(OpenChat)]
        assert names == ["tales-wide", "tales-char", "tales", "tales-char"]
        (home.runs / "tales-char" / "model.safetensors").unlink()
        await press(app, pilot, "t")
        assert len(app.posted(OpenChat)) == 4
        assert [note.message for note in app._notifications] == ["tales-char has no weights."]

    _play(home, server, journey)


def test_an_edited_prompt_is_run_by_all(home: Home, server: FakeServer) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert [request.prompt for request in server.sent(GenerateRequest)] == ["Once"] * 3
        await press(app, pilot, "f2")
        assert isinstance(app.focused, LineInput)
        await press(app, pilot, "end", *" upon v", "enter")
        requests = server.sent(GenerateRequest)[3:]
        assert [(request.run, request.prompt) for request in requests] == [
            (name, "Once upon v") for name in NAMES
        ]
        await press(app, pilot, "escape")
        assert isinstance(app.focused, LossPlot)
        await press(app, pilot, "enter")
        assert len(server.sent(GenerateRequest)) == 9
        assert "Once upon v there was a lamp" in _reply_text(app, 1)
        assert "parts at “was”" in _reply_text(app, 1)

    _play(home, server, journey)


def test_a_run_without_a_readable_model_says_why(home: Home, server: FakeServer) -> None:
    """Its settings and curves are shown all the same."""
    server.refused["Once"] = InputError("The file is damaged.", "Restore it.")

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "! The file is damaged." in _reply_text(app, 0)
        assert "Restore it." in _reply_text(app, 0)
        assert len(app.screen.query_one(LossPlot).chart.curves) == 3
        assert "layers" in app.text

    _play(home, server, journey)


def test_escape_stops_what_runs_and_then_goes_back(home: Home, server: FakeServer) -> None:
    gate = asyncio.Event()
    server.gates[GenerateRequest] = gate
    server.free_tokens = 1

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        app.client = server
        app.post_message(OpenCompare(NAMES))
        await wait_until_shown(pilot, lambda: "there" in screen_text(app))
        await pilot.press("escape")
        assert isinstance(app.screen, CompareScreen)
        await wait_until_shown(pilot, lambda: screen_text(app).count("! Stopped.") == 3)
        assert server.cancelled
        await pilot.press("escape")
        await wait_until_shown(pilot, lambda: app.screen.HEADING == "Models")  # type: ignore[attr-defined]

    run_app(home, journey, size=WIDE)


def test_runs_marked_in_models_are_compared(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "tales-char" in screen_text(app))
        await pilot.press("space", "down", "space", "c")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, CompareScreen))
        screen = app.screen
        assert isinstance(screen, CompareScreen)
        assert len(set(screen.comparison.names)) == 2
        assert set(screen.comparison.names) < set(NAMES)
        await wait_until_shown(pilot, lambda: "Same prompt" in screen_text(app))

    run_app(home, journey, size=WIDE)


def test_the_mouse_selects_and_a_double_click_opens(home: Home, server: FakeServer) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        screen, table = _screen(app), app.screen.query_one(ComparisonTable)
        lines = app.text.split("\n")
        row = next(y for y, line in enumerate(lines) if "▲ wide" in line)
        column = lines[row].index("▲ wide") - table.region.x
        await pilot.click(table, offset=(column, row - table.region.y))
        await settle(app, pilot)
        assert screen.comparison.selected == 1
        panels = list(screen.query(ReplyPanel))
        await pilot.click(panels[2], offset=(5, 2))
        await settle(app, pilot)
        assert screen.comparison.selected == 2
        assert panels[2].has_focus_within
        await pilot.click(panels[0], offset=(5, 2), times=2)
        await settle(app, pilot)
        assert [message.name for message in app.posted(OpenChat)] == ["tales"]
        await pilot.click(LineInput)
        assert isinstance(app.focused, LineInput)
        plot = screen.query_one(LossPlot)
        await pilot.click(plot, offset=(30, 5))
        assert plot.view.has_cursor

    _play(home, server, journey)


def test_a_training_run_is_read_again(home: Home, server: FakeServer) -> None:
    live = ScriptedRun(home.root, "live")
    live.start()
    live.train(1, 20)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        plot = app.screen.query_one(LossPlot)
        assert plot.chart.curves[1].xs.tolist() == [20]
        live.train(21, 40)
        await wait_until_shown(pilot, lambda: plot.chart.curves[1].xs.tolist() == [20, 40])
        assert len(server.sent(GenerateRequest)) == 2, "the prompt is not run again by itself"

    _play(home, server, journey, names=("tales", "live"))
    live.lock.release()


def test_a_slow_reading_is_waited_for(
    home: Home, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = ScriptedRun(home.root, "live")
    live.start()
    live.train(1, 20)
    read, active, most = RunReader.read, [0], [0]

    def read_slowly(self: RunReader) -> ComparedRun:
        active[0] += 1
        most[0] = max(most[0], active[0])
        time.sleep(0.15)
        active[0] -= 1
        return read(self)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        plot = app.screen.query_one(LossPlot)
        monkeypatch.setattr(RunReader, "read", read_slowly)
        live.train(21, 40)
        await wait_until_shown(pilot, lambda: plot.chart.curves[1].xs.tolist() == [20, 40])
        assert most == [1]

    _play(home, server, journey, names=("tales", "live"), terminal=Terminal(refresh=0.05))
    live.lock.release()


def test_a_prompt_typed_before_the_runs_are_read_is_kept(
    home: Home, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, read = threading.Event(), RunReader.read

    def read_late(self: RunReader) -> ComparedRun:
        gate.wait(30)
        return read(self)

    monkeypatch.setattr(RunReader, "read", read_late)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        app.client = server
        app.post_message(OpenCompare(NAMES))
        await wait_until_shown(pilot, lambda: isinstance(app.screen, CompareScreen))
        await pilot.press("f2", *"Fox")
        gate.set()
        await wait_until_shown(pilot, lambda: bool(server.sent(GenerateRequest)))
        assert app.screen.query_one(LineInput).value == "Fox"
        assert server.sent(GenerateRequest)[0].prompt == "Fox"

    run_app(home, journey, size=WIDE)

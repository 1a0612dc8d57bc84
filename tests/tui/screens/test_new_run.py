"""New run by keys: choose a text, set it up."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.config.configs import TrainConfig
from core.dataset.preview import Preview, preview
from core.errors import Cancelled, InputError
from core.paths import Home, find_home
from core.progress import CancelCheck
from core.run.directory import Run
from core.run.parents import Parent
from core.server.protocol import ProbeRequest
from core.text.catalog import register_corpus
from core.text.corpus import Corpus
from core.text.resolve import open_corpus
from core.text.stats import compute_stats
from tests.support.app_runs import make_three_runs, run_app
from tests.support.captures import screen_text
from tests.support.fake_server import FakeServer
from tests.support.runs import TINY_CORPUS, tiny_run
from tests.support.wait import wait_until, wait_until_shown
from tui.app import MiniGPTApp
from tui.common.messages import OpenNewRun, OpenSetup
from tui.screens.new_corpus import NewCorpusScreen
from tui.screens.new_setup import NewSetupScreen, read_text
from tui.widgets.config_form import ConfigForm


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home directory."""
    return find_home(tmp_path / "home")


def test_a_typed_path_is_previewed_and_a_binary_file_rejected(home: Home, tmp_path: Path) -> None:
    hostile, binary = tmp_path / "[bold]\u202e.txt", tmp_path / "bad.bin"
    hostile.write_text("the cat sat\n\x1b]0;title\x07 on the mat\n" * 30)
    binary.write_bytes(bytes(range(256)))

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "257 word tokens" in screen_text(app))
        await pilot.press("f")
        field = app.screen.query_one("#path", Input)
        field.value = str(binary)
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "bad.bin" in screen_text(app))
        await pilot.press("enter")
        assert isinstance(app.screen, NewCorpusScreen), "a binary file cannot be used"
        field.value = str(hostile)
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "cat" in screen_text(app))
        text = screen_text(app)
        assert "\x1b" not in text
        assert "\u202e" not in text
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, NewSetupScreen))

    run_app(home, journey, size=(120, 40))


async def open_settings(app: MiniGPTApp, pilot: Pilot[None]) -> NewSetupScreen:
    """Choose lang and wait for the forecast."""
    await wait_until_shown(pilot, lambda: "257 word tokens" in screen_text(app))
    await pilot.press("enter")
    await wait_until_shown(pilot, lambda: "of a minute" in screen_text(app))
    screen = app.screen
    assert isinstance(screen, NewSetupScreen)
    return screen


def test_an_invalid_setting_is_shown_and_not_started(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enter leads to the setting that is wrong."""
    monkeypatch.setattr("tui.screens.new_setup.start_run", lambda *_, **__: pytest.fail("started"))

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await open_settings(app, pilot)
        await pilot.press("down", "0", "down")
        await wait_until_shown(pilot, lambda: "! must be at least 1, is 0" in screen_text(app))
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "! layers must be at least 1" in screen_text(app))
        assert app.screen.query_one(ConfigForm).form.chosen == "layers"

    run_app(home, journey, size=(120, 40))


def test_a_typed_value_is_used_by_enter_in_its_field(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detects a field in which Enter only ends the typing."""
    started: list[tuple[str, dict[str, Any], str]] = []

    def start(_: Home, spec: str, config: TrainConfig, shape: dict[str, Any], **named: Any) -> Run:
        started.append((spec, dict(shape), named["name"]))
        raise InputError("The disk is full.")

    monkeypatch.setattr("tui.screens.new_setup.start_run", start)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await open_settings(app, pilot)
        await pilot.press("f2", *"lan-x", "enter")
        await wait_until_shown(pilot, lambda: "Settings for lan-x on lang" in screen_text(app))
        await pilot.press("down", "6", "enter")
        await wait_until_shown(pilot, lambda: "The disk is full." in screen_text(app))

    run_app(home, journey, size=(120, 40))
    assert started == [("lang", {"layers": 6}, "lan-x")]


def test_the_settings_of_another_run_fill_the_form(home: Home) -> None:
    """Detects a duplicate of a run that loses its settings."""

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        app.post_message(OpenSetup("lang", settings={"layers": 3, "seed": 7, "beta1": None}))
        await wait_until_shown(pilot, lambda: "of a minute" in screen_text(app))
        text = screen_text(app)
        assert re.search(r"layers +3 +• auto says 4", text)
        assert re.search(r"seed +7 +• default 0", text)
        assert "beta" not in text

    run_app(home, journey, size=(120, 40))


def test_tab_opens_the_reasons_where_there_are_no_panels(home: Home) -> None:
    """Detects reasons that cannot be read in 80 columns."""

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await open_settings(app, pilot)
        assert "257 tokens to learn from" not in screen_text(app)
        await pilot.press("tab")
        await wait_until_shown(pilot, lambda: "257 tokens to learn from" in screen_text(app))

    run_app(home, journey)


def test_texts_show_their_time_once_and_keep_it(home: Home) -> None:
    """A second start asks the model server for no forecast."""
    probes: list[int] = []

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: screen_text(app).count("3 s") == 8)
        assert "by heart in about 3 s" in screen_text(app)
        assert isinstance(app.client, FakeServer)
        probes.append(len(app.client.sent(ProbeRequest)))

    run_app(home, journey, size=(140, 38))
    run_app(home, journey, size=(140, 38))
    assert probes == [7, 0]


def test_texts_of_ones_own_are_found_again(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "novel.txt"
    path.write_text("the cat sat on the mat\n" * 30)
    with open_corpus(str(path), home) as corpus:
        register_corpus(corpus, compute_stats(corpus), home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "novel.txt" in screen_text(app))
        assert "  yours" in screen_text(app)
        await pilot.press("end", "up")
        await wait_until_shown(pilot, lambda: "30 lines" in screen_text(app))
        await pilot.press("slash", *"nov", "enter", "enter")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, NewSetupScreen))

    run_app(home, journey, size=(140, 38))


def test_the_list_of_texts_answers_the_mouse(home: Home) -> None:
    """A click chooses, a double click uses, the last row asks for a path."""

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "257 word tokens" in screen_text(app))
        await pilot.click("#texts", offset=(4, 1))
        await wait_until_shown(pilot, lambda: "stories for children" in screen_text(app))
        assert isinstance(app.screen, NewCorpusScreen)
        await pilot.click("#texts", offset=(4, 7), times=2)
        await wait_until_shown(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press("escape")
        await pilot.click("#texts", offset=(4, 0), times=2)
        await wait_until_shown(pilot, lambda: isinstance(app.screen, NewSetupScreen))

    run_app(home, journey)


def test_enter_is_not_lost_while_a_text_is_read(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading a large text takes seconds; who knows the way presses Enter before it is over."""
    is_read = threading.Event()
    started: list[str] = []

    def read_slowly(*arguments: Any, **options: Any) -> Preview:
        is_read.wait(30)
        return preview(*arguments, **options)

    def start(_home: Home, spec: str, *_: Any, **__: Any) -> Run:
        started.append(spec)
        raise InputError("The disk is full.")

    monkeypatch.setattr("core.dataset.preview.preview", read_slowly)
    monkeypatch.setattr("tui.screens.new_setup.start_run", start)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "reading…" in screen_text(app))
        await pilot.press("enter")
        assert isinstance(app.screen, NewCorpusScreen)
        is_read.set()
        await wait_until_shown(pilot, lambda: isinstance(app.screen, NewSetupScreen))
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "The disk is full." in screen_text(app))
        assert started == ["lang"]

    run_app(home, journey, size=(120, 40))


def test_a_second_enter_starts_no_second_run(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Detects a start whose thread goes on while its result is lost."""
    may_start = threading.Event()
    started: list[str] = []

    def start(_home: Home, spec: str, *_: Any, **__: Any) -> Run:
        started.append(spec)
        may_start.wait(30)
        raise InputError("The disk is full.")

    monkeypatch.setattr("tui.screens.new_setup.start_run", start)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await open_settings(app, pilot)
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: bool(started))
        await pilot.press("enter", "enter")
        may_start.set()
        await wait_until_shown(pilot, lambda: "The disk is full." in screen_text(app))
        assert started == ["lang"]
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: len(started) == 2)

    run_app(home, journey, size=(120, 40))


def test_a_text_that_could_not_be_read_is_read_again_after_a_change(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings name a deleted run; an Enter from before the error starts nothing later."""
    may_read = threading.Event()
    started: list[str] = []

    def start(_home: Home, spec: str, *_: Any, **__: Any) -> Run:
        started.append(spec)
        raise InputError("The disk is full.")

    monkeypatch.setattr("tui.screens.new_setup.start_run", start)

    def read_slowly(*arguments: Any) -> Any:
        may_read.wait(30)
        return read_text(*arguments)

    monkeypatch.setattr("tui.screens.new_setup.read_text", read_slowly)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        app.post_message(OpenSetup("lang", settings={"parent": "deleted"}))
        await wait_until_shown(pilot, lambda: isinstance(app.screen, NewSetupScreen))
        await pilot.press("enter")
        may_read.set()
        await wait_until_shown(pilot, lambda: "There is no run" in screen_text(app))
        app.screen.query_one(ConfigForm).form.choose("parent")
        await pilot.press("delete")
        await wait_until_shown(pilot, lambda: "of a minute" in screen_text(app))
        await pilot.pause()
        assert not started

    run_app(home, journey, size=(120, 40))


def test_parents_are_all_found_while_the_text_is_read_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detects a search cut short by the new preview, whose few results then stay."""
    may_search, results = threading.Event(), list[bool]()

    def search(
        _: Home, __: object, ___: str, cancelled: CancelCheck, *, labels: int
    ) -> list[Parent]:
        may_search.wait(30)
        results.append(cancelled())
        return []

    monkeypatch.setattr("tui.screens.new_setup.list_parents", search)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await open_settings(app, pilot)
        app.screen.query_one(ConfigForm).form.choose("tokenizer")
        await pilot.press("right")
        await wait_until_shown(pilot, lambda: "• auto says word" in screen_text(app))
        may_search.set()
        await wait_until_shown(pilot, lambda: bool(results))
        assert results == [False]

    run_app(home, journey, size=(120, 40))


def test_the_name_and_the_text_are_shown_in_80_columns(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await open_settings(app, pilot)
        assert "Settings for lang on lang" in screen_text(app)

    run_app(home, journey, size=(80, 24))


def test_facts_are_wrapped_beside_their_labels(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "130 distinct, 102 once" in screen_text(app))
        assert "│           project began with" in screen_text(app)
        await pilot.resize_terminal(60, 20)
        await wait_until_shown(pilot, lambda: "217 words, 130 distinct" in screen_text(app))

    run_app(home, journey, size=(140, 38))


@pytest.mark.parametrize("opening", [OpenNewRun(), OpenSetup("lang", None, None)])
def test_a_screen_that_is_left_stops_reading_its_text(
    home: Home, opening: OpenNewRun | OpenSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The threads of left screens piled up until no new screen could open."""
    make_three_runs(home)
    began, stopped = threading.Event(), threading.Event()

    def endless_preview(_: Corpus, cancelled: CancelCheck, *settings: object) -> None:
        began.set()
        wait_until(cancelled, "cancelled", timeout=20)
        stopped.set()
        raise Cancelled

    monkeypatch.setattr("core.dataset.preview.preview", endless_preview)
    monkeypatch.setattr("tui.screens.new_setup.preview", endless_preview)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        app.post_message(opening)
        await wait_until_shown(pilot, began.is_set)
        app.on_open_models()
        await wait_until_shown(pilot, stopped.is_set)

    run_app(home, journey)


def test_a_table_of_pairs_shows_its_format_and_how_the_model_reads_it(
    home: Home, tmp_path: Path
) -> None:
    path = tmp_path / "opinions.csv"
    labels = ("good", "bad", "fair")
    rows = "".join(f"This is number {n} of many.,{labels[n % 3]}\n" for n in range(60))
    path.write_text(f"text,label\n{rows}")

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "257 word tokens" in screen_text(app))
        await pilot.press("f")
        app.screen.query_one("#path", Input).value = str(path)
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "pairs · classify, 3 labels" in screen_text(app))
        shown = screen_text(app)
        assert "60 pairs, the longest" in shown
        assert "labels    good, bad, fair" in shown
        assert "<|user|>" in shown
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "of a minute" in screen_text(app))
        assert "auto → pairs · classify, 3 labels" in screen_text(app)
        form = app.screen.query_one(ConfigForm).form
        form.choose("reading")
        for reading in ("lines", "text", "pairs"):
            await pilot.press("right")
            assert form.texts["reading"] == reading

    run_app(home, journey, size=(140, 40))


def test_enter_reads_a_table_with_other_columns_as_lines(home: Home, tmp_path: Path) -> None:
    """The message names the columns that are accepted, and the way out."""
    path = tmp_path / "people.csv"
    path.write_text("name,age\n" + "".join(f"Ann number {n},{n}\n" for n in range(60)))

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "257 word tokens" in screen_text(app))
        await pilot.press("f")
        app.screen.query_one("#path", Input).value = str(path)
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "unknown columns" in screen_text(app))
        shown = " ".join(screen_text(app).replace("│", " ").split())
        assert "line 1: unknown columns 'name', 'age'" in shown
        assert "question,answer; source,target; text,label" in shown
        assert "--format" not in shown
        assert "Enter reads the file as lines of plain text instead" in shown
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "61 lines" in screen_text(app))
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, NewSetupScreen))
        assert app.screen.query_one(ConfigForm).form.texts["reading"] == "lines"

    run_app(home, journey, size=(140, 40))


def test_a_table_of_pairs_can_start_from_runs_that_know_it_best_first(
    home: Home, tmp_path: Path
) -> None:
    """A run on lines, whose vocabulary has no roles, is one of them."""
    tiny_run(home, "words", "word")
    tiny_run(home, "bytes", "bpe")
    rows = "".join(f"{line},{TINY_CORPUS[0]}\n" for line in [*TINY_CORPUS, "zebra"] * 20)
    path = tmp_path / "pets.csv"
    path.write_text(f"question,answer\n{rows}")

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        app.post_message(OpenSetup(str(path)))
        await wait_until_shown(pilot, lambda: "2 runs to choose from" in screen_text(app))
        form = app.screen.query_one(ConfigForm).form
        form.choose("parent")
        await pilot.press("right")
        await wait_until_shown(pilot, lambda: "knows every token" in screen_text(app))
        assert form.texts["parent"] == "bytes"
        shown = " ".join(screen_text(app).replace("│", " ").split())
        assert "Best first: bytes (knows every token), words (" in shown
        assert "% unknown)" in shown
        await wait_until_shown(pilot, lambda: "bytes → 4" in screen_text(app))

    run_app(home, journey, size=(140, 40))

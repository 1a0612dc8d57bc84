"""The Export dialog: choices by key and mouse, progress, cancellation, and how it ends."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.errors import Cancelled, MiniGPTError
from core.export import targets
from core.export.plan import ExportPlan
from core.export.report import ExportReport, Verification
from core.paths import Home
from core.progress import CancelCheck, ProgressCallback
from core.run.directory import Run
from tests.support.app_runs import run_app
from tests.support.apps import SIZES, StageApp, play
from tests.support.captures import screen_text
from tests.support.runs import make_run, tiny_run
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.common.terminal import ASCII, NO_COLOUR_THEME, Terminal
from tui.runs.export_choices import read_export_options
from tui.screens.export_dialog import ExportDialog
from tui.screens.models import ModelsScreen
from tui.widgets.export_form import ExportForm, FormatList

PROOF = Verification("other 1.0", 3, 96)
TIMEOUT_S = 60.0
SLOW_TIMEOUT_S = 300.0


class FakeExport:
    """Stands for the process of an export: it stops in its second phase until it is released.

    Attributes:
        plans: of all exports that were started.
        stopped: whether the last one was cancelled.
    """

    def __init__(
        self,
        verification: Verification | None = PROOF,
        error: MiniGPTError | None = None,
        *,
        waits: bool = False,
    ) -> None:
        self.plans: list[ExportPlan] = []
        self.stopped = threading.Event()
        self.release = threading.Event()
        self._verification, self._error = verification, error
        if not waits:
            self.release.set()

    def __call__(
        self, plan: ExportPlan, progress: ProgressCallback, cancelled: CancelCheck
    ) -> ExportReport:
        self.plans.append(plan)
        progress(0, 3, "loading the model")
        progress(2, 3, "comparing with other")
        while not self.release.wait(0.01):
            if cancelled():
                self.stopped.set()
                raise Cancelled
        if self._error is not None:
            raise self._error
        how_to = "" if self._verification else "other is not installed: pip install other"
        return ExportReport(
            plan.run.name, plan.target, plan.dtype, plan.path, 3_200_000, self._verification, how_to
        )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A run `pets`, an empty working folder, and all packages installed."""
    monkeypatch.setattr(targets, "is_installed", lambda _: True)
    home = Home(root=tmp_path / "home", cache=tmp_path / "cache")
    tiny_run(home, "pets")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return home


def stage(home: Home, export: FakeExport, terminal: Terminal | None = None) -> StageApp:
    """An app with the dialog for `pets`."""
    options = read_export_options(Run(home.runs / "pets"))
    return StageApp(ExportDialog(options, export), home, terminal=terminal)


async def shown(app: StageApp, pilot: Pilot[None], text: str) -> None:
    """Wait until a text is on the screen."""
    await wait_until_shown(pilot, lambda: text in app.text, TIMEOUT_S)


def test_arrows_choose_and_enter_exports(home: Home) -> None:
    export = FakeExport(waits=True)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "‹ hf ›" in app.text
        await pilot.press("right", "down", "left")
        await shown(app, pilot, "‹ q8_0 ›")
        assert "pets.gguf" in app.text
        await pilot.press("down", "down", "right")
        await shown(app, pilot, "‹ yes ›")
        await pilot.press("enter")
        await shown(app, pilot, "Comparing with other…")
        assert "2 of 3 steps done" in app.text
        assert "━" in app.text
        assert "‹" not in app.text, "the choices are hidden"
        await pilot.press("enter")  # starts no second one
        export.release.set()
        await shown(app, pilot, "✓ pets as a file for llama.cpp, q8_0, 3.2 MB")
        assert "✓ Verified: other 1.0 chose the same 96 tokens" in app.text
        assert "pets.gguf" in app.text
        await pilot.press("y", "enter")
        await wait_until_shown(pilot, lambda: not isinstance(app.screen, ExportDialog))

    app = play(stage(home, export), journey)
    (plan,) = export.plans
    path = Path.cwd() / "pets.gguf"
    assert (plan.target, plan.dtype, plan.path, plan.force) == ("gguf", "q8_0", path, True)
    assert app.copied == [("path", str(path))]


def test_the_path_is_typed_below_the_choices(home: Home) -> None:
    export = FakeExport()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("down", "down", "down", "down")
        await wait_until_shown(pilot, lambda: isinstance(app.focused, Input))
        assert "› To" in app.text
        await pilot.press("up")
        await wait_until_shown(pilot, lambda: isinstance(app.focused, ExportForm))
        assert "› To" not in app.text
        await pilot.press("tab", "end", *"-mine", "enter")
        await shown(app, pilot, "✓ Verified")

    play(stage(home, export), journey)
    assert export.plans[0].path == Path.cwd() / "pets-hf-mine"


def test_what_is_not_verified_is_not_called_so(home: Home) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await shown(app, pilot, "! Not verified. other is not installed: pip install other")
        assert "✓ Verified" not in app.text

    play(stage(home, FakeExport(None)), journey)


def test_escape_stops_the_export_first_and_then_closes(home: Home) -> None:
    export = FakeExport(waits=True)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await shown(app, pilot, "Comparing")
        await pilot.press("escape")
        await shown(app, pilot, "Cancelled. Nothing was kept of it.")
        assert export.stopped.is_set()
        export.release.set()
        await pilot.press("enter")
        await shown(app, pilot, "✓ Verified")
        await pilot.press("escape")
        await wait_until_shown(pilot, lambda: not isinstance(app.screen, ExportDialog))

    play(stage(home, export), journey)
    assert len(export.plans) == 2


def test_an_export_ends_with_the_app(home: Home) -> None:
    export = FakeExport(waits=True)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await shown(app, pilot, "Comparing")
        await pilot.press("ctrl+q")
        await wait_until_shown(pilot, lambda: not app.is_running, TIMEOUT_S)

    play(stage(home, export), journey)
    assert export.stopped.wait(TIMEOUT_S)


def test_a_failure_is_shown_with_its_hint_and_can_be_tried_again(home: Home) -> None:
    error = MiniGPTError("other 1.0 [chooses] other\x1b tokens.", "Free space with --out.")

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await shown(app, pilot, "Something went wrong: other 1.0 [chooses] other␛ tokens.")
        assert "Free space." in app.text
        assert "‹ hf ›" in app.text
        await pilot.press("right")
        await shown(app, pilot, "‹ gguf ›")
        assert "tokens." not in app.text

    play(stage(home, FakeExport(error=error)), journey)


def test_what_is_there_already_is_refused_before_anything_starts(home: Home) -> None:
    export = FakeExport()
    Path("pets-hf").mkdir()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("tab", "enter")
        await shown(app, pilot, "set Replace to yes.")
        assert export.plans == []
        assert isinstance(app.focused, Input)
        await pilot.press("up", "down", "down", "down", "right", "enter")
        await shown(app, pilot, "✓ Verified")

    play(stage(home, export), journey)
    assert export.plans[0].force


@pytest.mark.parametrize("size", [*SIZES, (200, 50)])
def test_everything_fits_with_formats_that_cannot_be_chosen(
    size: tuple[int, int], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "is_installed", lambda _: False)
    export = FakeExport()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "! gguf    Writing gguf needs the package" in app.text
        await pilot.press("right", "enter")
        await shown(app, pilot, "Install what")
        for word in ("Export pets", "Format", "Precision", "Weights", "Replace", "To", "Esc"):
            assert word in app.text, word
        for words in ("! gguf", "script  a Python script", "! onnx", "Enter  export", "'.[gguf]'"):
            assert words in app.text, words

    play(stage(home, export), journey, size)
    assert export.plans == []


@pytest.mark.parametrize(
    "terminal",
    [Terminal(theme=NO_COLOUR_THEME, colour=False), Terminal(charset=ASCII)],
    ids=["no colour", "ascii"],
)
def test_signs_say_what_is_chosen_without_colour(terminal: Terminal, home: Home) -> None:
    export = FakeExport(waits=True)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("right")
        await shown(app, pilot, "‹ gguf ›")
        assert "◆ gguf" in app.text
        assert "› Format" in app.text
        await pilot.press("enter")
        await shown(app, pilot, "Comparing")
        assert ("=" in app.text) == terminal.is_ascii
        export.release.set()
        await shown(app, pilot, "✓ Verified")

    play(stage(home, export, terminal), journey)


def test_the_mouse_chooses_exports_cancels_and_closes(home: Home) -> None:
    export = FakeExport(waits=True)

    async def click(app: StageApp, pilot: Pilot[None], text: str) -> None:
        rows = app.text.split("\n")
        y = next(y for y, row in enumerate(rows) if text in row)
        await pilot.click(offset=(rows[y].index(text) + 1, y))
        await pilot.pause()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await click(app, pilot, "script  onnx")
        await shown(app, pilot, "‹ script ›")
        await click(app, pilot, "a file for llama.cpp")
        await shown(app, pilot, "‹ gguf ›")
        await click(app, pilot, "float16  q8_0")
        await shown(app, pilot, "‹ float16 ›")
        await click(app, pilot, "Precision")
        assert "‹ float16 ›" in app.text, "a label only selects its row"
        assert "› Precision" in app.text
        await click(app, pilot, "Enter  export")
        await shown(app, pilot, "Comparing")
        await click(app, pilot, "Esc  cancel")
        await shown(app, pilot, "Cancelled.")
        export.release.set()
        await click(app, pilot, "Enter  export")
        await shown(app, pilot, "✓ Verified")
        await click(app, pilot, "y  copy the path")
        await click(app, pilot, "Enter  close")
        await wait_until_shown(pilot, lambda: not isinstance(app.screen, ExportDialog))

    app = play(stage(home, export), journey)
    assert [plan.dtype for plan in export.plans] == ["float16", "float16"]
    assert len(app.copied) == 1


def test_x_in_models_opens_it_for_the_run_under_the_cursor(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "pets" in screen_text(app))
        await pilot.press("X")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, ExportDialog))
        assert "Export pets" in screen_text(app)
        assert app.screen.query_one(FormatList).display
        await pilot.press("escape")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, ModelsScreen))

    run_app(home, journey)


def test_a_run_without_weights_says_so_instead(tmp_path: Path) -> None:
    home = Home(root=tmp_path / "home", cache=tmp_path / "cache")
    make_run(home, "empty")

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "empty" in screen_text(app))
        await pilot.press("X")
        await wait_until_shown(pilot, lambda: "has no weights" in screen_text(app))
        assert isinstance(app.screen, ModelsScreen)

    run_app(home, journey)


@pytest.mark.slow
def test_a_run_is_exported_for_real(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the list of runs to a script that continues texts as the run does."""
    monkeypatch.undo()
    work = home.root.parent / "work"
    monkeypatch.chdir(work)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "pets" in screen_text(app))
        await pilot.press("X")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, ExportDialog))
        form = app.screen.query_one(ExportForm)
        await wait_until_shown(pilot, lambda: form.has_focus)
        await pilot.press("right", "right")
        await wait_until_shown(pilot, lambda: "‹ script ›" in screen_text(app))
        await pilot.press("enter")
        verified = "✓ Verified: continue_text.py chose the same 96 tokens"
        await wait_until_shown(pilot, lambda: verified in screen_text(app), SLOW_TIMEOUT_S)

    run_app(home, journey)
    assert [path.name for path in work.iterdir()] == ["pets-script"]
    assert (work / "pets-script" / "continue_text.py").is_file()

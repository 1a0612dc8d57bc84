"""Signs on terminals that have only ASCII characters."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.message import Message
from textual.pilot import Pilot

from core.paths import find_home
from core.run.directory import Run
from tests.support.app_runs import make_three_runs, run_app
from tests.support.captures import screen_text
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.common.ascii_signs import TABLE
from tui.common.messages import (
    OpenChat,
    OpenInside,
    OpenModels,
    OpenNewRun,
    OpenSetup,
    OpenStep,
    OpenTrain,
)
from tui.common.terminal import ASCII, Terminal


def test_each_stand_in_is_ascii_and_as_wide_as_its_sign() -> None:
    for code, stand_in in TABLE.items():
        assert stand_in.isascii()
        assert len(stand_in) == cell_len(chr(code)), chr(code)


DRAWING_S = 0.1
SCREENS: list[tuple[Message, str, str]] = [
    (OpenNewRun(), "NewCorpusScreen", "f escape b down escape"),
    (OpenSetup("lang"), "NewSetupScreen", "down f1 escape"),
    (OpenTrain("lang"), "TrainScreen", "g x e escape"),
    (OpenTrain("poem"), "TrainScreen", "p"),
    (OpenStep("lang", "last", "Python"), "StepScreen", "enter slash escape e escape f1 escape"),
    (OpenInside("lang", "last", "Python"), "InsideScreen", "left f1 escape"),
    (
        OpenStep("lang", "last", "Python"),
        "StepScreen",
        "enter space f2 escape @cursor left space u f1 escape f2 escape",
    ),
    (OpenChat("lang"), "ChatScreen", "P y enter"),
]


def test_every_screen_is_drawn_with_ascii_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detects a sign that has no stand-in."""
    monkeypatch.setenv("HOME", str(tmp_path))  # the folder tree shows it
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").write_text("a\n")
    home = find_home(tmp_path / "home")
    make_three_runs(home)
    Run(home.runs / "lang").weights.touch()
    seen: set[str] = set()

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        async def check(keys: str) -> None:
            for key in keys.split():
                if key.startswith("@"):  # in the palette only
                    await app.run_action(key[1:], app.screen)
                else:
                    await pilot.press(key)
                await pilot.pause(DRAWING_S)
                text = screen_text(app)
                seen.add(type(app.screen).__name__)
                assert text.isascii(), f"{app.screen} {key}\n{text}"

        await check("f1 escape f4 escape end m escape d escape slash z escape")
        for message, name, keys in SCREENS:
            app.post_message(message)
            await wait_until_shown(pilot, lambda name=name: type(app.screen).__name__ == name)
            await check(f"shift {keys}")
            if name == "ChatScreen":
                await wait_until_shown(pilot, lambda: "5 tokens, 100/s -" in screen_text(app))
                await check("f2 escape s escape slash escape w escape f1 escape")
            app.post_message(OpenModels())
            await pilot.pause()

    run_app(home, journey, size=(100, 30), terminal=Terminal(charset=ASCII))
    dialogs = {"LineDialog", "TextDialog", "ConfirmDialog", "CommandPalette", "HelpScreen"}
    assert dialogs | {"CursorScreen", "OriginScreen"} | {name for _, name, _ in SCREENS} <= seen

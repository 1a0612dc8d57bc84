"""A conversation and a task with models that were trained for them, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.paths import Home, find_home
from core.run.directory import Run
from tests.support.apps import StageApp, play, press
from tests.support.conversations import prompt_of, recorded_turns, send
from tui.chat.record import read_last
from tui.common.client import ServerClient
from tui.screens.chat import ChatScreen
from tui.screens.cursor import CursorScreen
from tui.screens.inside import InsideScreen
from tui.screens.step import StepScreen

pytestmark = pytest.mark.slow

CLI = [sys.executable, "-P", "-m", "tui"]
PROCESS_TIMEOUT_S = 240.0
TINY = [
    "--set", "layers=2", "--set", "heads=2", "--set", "d_model=64", "--set", "d_ff=128",
    "--set", "batch_size=8", "--set", "threads=1", "--set", "context=48",
]  # fmt: skip
NAMES = ["Tom", "Ann", "Ben", "Eve"]


def _say(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


CONVERSATIONS = [
    {
        "messages": [
            _say("user", f"I am {name}."),
            _say("assistant", "Hello!"),
            _say("user", "How are you?"),
            _say("assistant", f"Fine, {name}."),
        ]
    }
    for name in NAMES * 40
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return find_home()


def _run_command(*command: str, text: str = "", code: int = 0) -> str:
    """Run a command to its end; return its standard output."""
    done = subprocess.run(
        [*CLI, *command], input=text, capture_output=True, text=True, timeout=PROCESS_TIMEOUT_S
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "It continues" not in done.stderr, "a model of conversations replies"
    return done.stdout


def test_a_conversation_is_held(home: Home, tmp_path: Path) -> None:
    """Detects a reply that does not depend on the turn before, in commands and on the screens."""
    file = tmp_path / "talk.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in CONVERSATIONS))
    _run_command("train", str(file), "--name", "talk", "--steps", "250", *TINY, "--foreground")

    messages = CONVERSATIONS[1]["messages"][:3]
    output = _run_command("generate", "talk", "--messages", "-", text=json.dumps(messages))
    assert output == "Fine, Ann.\n"
    lines = _run_command("generate", "talk", "I am Tom.", "--json").splitlines()
    assert json.loads(lines[-1])["text"].strip() == "Hello!"
    _run_command("generate", "talk", code=2)

    plain = _run_command(
        "chat", "talk", "--plain", text="I am Ben.\n\nHow are you?\n/new\nI am Eve.\n"
    )
    assert "Fine, Ben." in plain
    turns = read_last(Run(home.runs / "talk").chat, 9)
    assert [turn.history for turn in turns] == [0, 1, 0]

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "I am Eve." in app.text
        assert "I am Ben." not in app.text
        await send(app, pilot, "How are you?")
        assert "Fine, Eve." in app.text
        for _ in range(6):
            await send(app, pilot, "How are you?")
        assert "earlier turn" in app.text
        assert "dropped" in app.text

    async def step(app: StageApp, pilot: Pilot[None]) -> None:
        text = await press(app, pilot, "backspace", "backspace")
        assert "Fine" in text
        assert "Fine, Eve." not in text

    async def inside(app: StageApp, pilot: Pilot[None]) -> None:
        assert "<|end|>" in app.text

    async def cursor(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "home", "right", "space")
        assert "The model only writes replies" in app.text

    client = ServerClient(home)
    assert play(StageApp(ChatScreen("talk"), home, client), journey).errors == []
    last = recorded_turns(home, "talk")[-1]
    assert 0 < last.history < 7
    asked = [_say("user", "I am Eve."), _say("assistant", "Hello!"), _say("user", "How are you?")]
    replied = [*asked, _say("assistant", "Fine, Eve.")]
    place = ("talk", "last", "How are you?", ())
    screens = [
        (StepScreen(*place, None, replied), step),
        (InsideScreen(*place, messages=replied), inside),
        (CursorScreen(*place, messages=replied), cursor),
    ]
    for screen, look in screens:
        assert play(StageApp(screen, home, ServerClient(home)), look).errors == []


def test_a_sentence_is_labelled(home: Home, tmp_path: Path) -> None:
    """Detects labels that are generated as a text, or a word that decides though it does not."""
    rows = ["it is fun today,good", "it is sad today,bad", "it is today,bad", "fun,good"]
    (tmp_path / "moods.csv").write_text("text,label\n" + "\n".join(rows * 40) + "\n")
    _run_command("train", "moods.csv", "--name", "moods", "--steps", "200", *TINY, "--foreground")
    assert _run_command("generate", "moods", "it is sad today") == "bad\n"
    plain = _run_command("chat", "moods", "--plain", text="it is fun today\n")
    assert "“fun” decides: without it, bad." in plain

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "task classify · 2 labels" in app.text
        prompt_of(app).focus()
        await send(app, pilot, "it is fun today")
        assert "› good" in app.text
        text = await press(app, pilot, "escape", "o")
        assert "Why good" in text
        assert "“fun” decides: without it, bad." in text

    client = ServerClient(home)
    assert play(StageApp(ChatScreen("moods"), home, client), journey, (140, 38)).errors == []

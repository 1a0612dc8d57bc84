"""The command serve: what it refuses before torch is loaded, and what it prints of requests."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import MiniGPTError
from core.paths import Home
from core.serve.events import Event, ServeError
from core.serve.launch import ServeArguments
from tests.support.runs import tiny_run
from tests.support.serve_sources import ADDRESS, listening, replied, requested
from tui.__main__ import run

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    tiny_run(home, "words")
    tiny_run(home, "blanks", architecture="eurobert")
    return home


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> list[Event | MiniGPTError]:
    """What the server reports; then the user presses Ctrl+C."""
    script: list[Event | MiniGPTError] = []

    class ScriptedProcess:
        def __init__(self, arguments: ServeArguments) -> None:
            assert arguments.runs == ("words",)

        async def events(self) -> AsyncIterator[Event]:
            for item in script:
                if isinstance(item, MiniGPTError):
                    raise item
                yield item
            signal.raise_signal(signal.SIGINT)
            await asyncio.Event().wait()

        async def close(self) -> None:
            script.clear()

    monkeypatch.setattr("tui.common.serve_process.ServeProcess", ScriptedProcess)
    return script


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["wrods"], "Did you mean words"),
        (["words@9"], "no weights named '9'"),
        (["blanks"], "blanks is an encoder"),
        (["words", "--host", "0.0.0.0"], "needs a token"),
        (["words", "--token", "a b"], "The token has a blank in it."),
        (["words", "--port", "70000"], "65535"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_served_is_refused(
    arguments: list[str], words: str, capsys: Captured
) -> None:
    assert run(["serve", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr("core.serve.launch.find_spec", lambda _: None)
    assert run(["serve", "words"]) == 1
    error = capsys.readouterr().err
    assert "Not installed: Serving needs the packages starlette and uvicorn" in error
    assert "pip install -c constraints.txt '.[serve]'" in error


def test_it_prints_the_address_then_requests_until_ctrl_c(
    script: list[Event | MiniGPTError], capsys: Captured
) -> None:
    refused = replied(2, 400, prompt_tokens=0, message="The word 'zebra' is unknown.\x1b[2J")
    script += [listening("words"), requested(1), replied(1), refused]
    assert run(["serve", "words"]) == 0
    output, errors = capsys.readouterr()
    assert output == f"{ADDRESS}\n"
    assert errors.splitlines() == [
        "Serving words. Ctrl+C stops the server.",
        "#1 127.0.0.1 lang completions: 3 + 16 tokens in 0.50 s, 32 per second",
        "#2 127.0.0.1 lang completions: 400 The word 'zebra' is unknown.␛[2J",
        "The server has stopped.",
    ]
    assert script == [], "the server was closed"


def test_json_has_an_object_per_event(script: list[Event | MiniGPTError], capsys: Captured) -> None:
    script += [listening("words"), requested(1), replied(1)]
    assert run(["serve", "words", "--json"]) == 0
    objects: list[Any] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["type"] for each in objects] == ["listening", "request", "reply"]
    assert objects[2]["completion_tokens"] == 16


def test_a_server_that_ends_by_itself_is_an_error(
    script: list[Event | MiniGPTError], capsys: Captured
) -> None:
    script += [listening("words"), ServeError("Its exit code is 1.", "Start it again.")]
    assert run(["serve", "words"]) == 1
    assert "The server has ended: Its exit code is 1." in capsys.readouterr().err

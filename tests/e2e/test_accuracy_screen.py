"""The Test screen with the process of the model server: figures, nearest lines, Step."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.paths import Home
from tests.support.apps import StageApp, settle
from tests.support.task_runs import feelings, sums, task_run
from tests.support.wait import wait_until_shown
from tui.common.client import ServerClient
from tui.common.messages import OpenStep
from tui.screens.accuracy import AccuracyScreen

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (feelings(), ("by chance", "What it mixes up", "33.3 %")),
        (sums(), ("How it goes wrong", "items wrong")),
    ],
    ids=["labels", "answers"],
)
def test_a_run_is_tested_and_a_wrong_answer_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    home = Home(root=tmp_path / "home", cache=tmp_path / "home" / "cache")
    home.root.mkdir()
    task_run(home, "task", text)

    async def run() -> None:
        client = ServerClient(home)
        app = StageApp(AccuracyScreen("task"), home, client)
        try:
            async with app.run_test(size=(140, 38), message_hook=app.record) as pilot:
                await wait_until_shown(pilot, lambda: "this model" in app.text)
                for word in words:
                    assert word in app.text
                await wait_until_shown(pilot, lambda: "k builds it" in app.text)
                await pilot.press("k")
                await wait_until_shown(pilot, lambda: " ×" in app.text)
                await pilot.press("enter")
                await settle(app, pilot)
                (opened,) = app.posted(OpenStep)
                assert [message["role"] for message in opened.messages or []] == ["user"]
                assert app.errors == []
        finally:
            await client.close()

    asyncio.run(run())

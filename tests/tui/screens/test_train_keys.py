"""The keys of the Train screen: requests to the trainer, and other screens."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Input, Log, Static

from core.paths import Home
from core.run.directory import Run
from core.system.files import read_json, write_json
from tests.support.runs import PREPARED, ScriptedRun
from tests.support.suspended import suspended_trainer
from tests.support.train_stage import (
    TrainStage,
    footer,
    play,
    settled,
    shown,
    stop,
    text_of,
    title,
)
from tests.support.wait import wait_until_shown
from tui.common.messages import OpenChat, OpenTest
from tui.screens import train
from tui.screens.log import LogScreen
from tui.screens.train import TrainScreen, parse_epochs


@pytest.fixture
def story(tmp_path: Path) -> ScriptedRun:
    return ScriptedRun(tmp_path / "home")


@pytest.mark.parametrize(
    ("key", "request_type", "message", "answer", "then"),
    [
        ("s", "stop", "stopping…", {"type": "stopped", "reason": "asked to stop"}, "stopped"),
        ("p", "pause", "pausing…", {"type": "changed", "action": "pause"}, "paused at step 60"),
        ("w", "save", "saving…", {"type": "saved", "kind": "checkpoint"}, "saved at step 60"),
        (
            "minus",
            "change",
            "learning rate 0.0005 requested…",
            {"type": "changed", "changes": {"learning_rate": [0.001, 0.0005]}},
            "learning rate 0.0005 from step 60",
        ),
        (
            "plus",
            "change",
            "learning rate 0.002 requested…",
            {"type": "changed", "problems": {"learning_rate": "too much"}},
            "refused: learning_rate too much",
        ),
    ],
)
def test_a_request_counts_once_the_trainer_has_answered(
    story: ScriptedRun, key: str, request_type: str, message: str, answer: dict[str, Any], then: str
) -> None:
    story.train_partly()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        if key == "s":
            await stop(stage, pilot)
        else:
            await pilot.press(key)
            await pilot.pause()
        (asked,) = story.requests()
        assert asked["type"] == request_type
        assert message in title(stage)
        fields = {name: value for name, value in answer.items() if name != "type"}
        name = "request" if answer["type"] == "saved" else "id"
        story.emit(answer["type"], 60, **fields, **{name: asked["id"]})
        await settled(stage, pilot)
        assert message not in title(stage)
        assert then in title(stage)

    play(story, act)


@pytest.mark.parametrize("key", ["s", "p", "w", "minus"])
def test_a_suspended_trainer_is_named_when_a_request_is_not_answered(
    story: ScriptedRun, key: str
) -> None:
    """Detects a key that seems to do nothing for as long as the trainer is suspended."""
    story.train_partly()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        await pilot.press(key)
        await wait_until_shown(pilot, lambda: stage._notifications)
        (note,) = stage._notifications
        assert f"process {pid} is suspended" in note.message

    with suspended_trainer(story.run) as pid:
        story.emit("prepared", 60, **PREPARED)
        play(story, act)


def test_halving_twice_without_an_answer_quarters(story: ScriptedRun) -> None:
    story.train_partly()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        await pilot.press("minus", "minus")
        asked = [request["changes"]["learning_rate"] for request in story.requests()]
        assert asked == [0.0005, 0.00025]

    play(story, act)


def test_stop_is_not_offered_twice(story: ScriptedRun) -> None:
    story.train_partly()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        await stop(stage, pilot)
        await pilot.press("s")
        await pilot.press("w")
        assert [request["type"] for request in story.requests()] == ["stop", "save"]
        assert "Stop" not in footer(stage)
        assert title(stage).startswith("● stopping…"), "another note must not hide it"

    play(story, act)


def test_a_paused_run_can_be_continued(story: ScriptedRun) -> None:
    story.train_partly()
    story.emit("changed", 60, action="pause")

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        assert title(stage).startswith("‖ paused  30 %")
        assert "Continue" in footer(stage)
        assert "Pause" not in footer(stage)
        await pilot.press("p")
        assert [request["type"] for request in story.requests()] == ["continue"]

    play(story, act)


def test_more_epochs_of_a_live_run_are_a_change(story: ScriptedRun) -> None:
    story.train_partly()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        await pilot.press("e")
        await pilot.pause()
        stage.screen.query_one(Input).value = "2,5"
        await pilot.press("enter")
        await pilot.pause()
        (asked,) = story.requests()
        assert asked["changes"] == {"epochs": 12.5}
        story.emit("changed", 61, id=asked["id"], changes={"epochs": [None, 12.5]}, steps=250)
        await settled(stage, pilot)
        assert "12.5 epochs in total from step 61" in title(stage)
        assert "/250" in text_of(stage)

    play(story, act)


@pytest.mark.parametrize("line", ["", "0", "-1", "inf", "nan", "many", "1 2"])
def test_a_refused_number_of_epochs_stays_in_its_dialog(story: ScriptedRun, line: str) -> None:
    story.train_partly()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        await pilot.press("e")
        await pilot.pause()
        field = stage.screen.query_one(Input)
        field.value = line
        await pilot.press("enter")
        await pilot.pause()
        problem = stage.screen.query_one("#problem", Static)
        assert f"{line!r} is not a number of epochs." in str(problem.render())
        assert (field.value, stage.focused) == (line, field)
        await pilot.press("escape")
        assert not story.requests()

    play(story, act)


def test_more_epochs_of_an_ended_run_are_a_resume(story: ScriptedRun, monkeypatch: Any) -> None:
    story.train_fully()
    calls: list[tuple[Home, Run, float | None]] = []

    def resume(home: Home, run: Run, *, epochs: float | None = None) -> None:
        calls.append((home, run, epochs))

    monkeypatch.setattr(train, "resume_run", resume)

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        await pilot.press("e")
        await pilot.pause()
        stage.screen.query_one(Input).value = "many"
        await pilot.press("enter")
        await pilot.pause()
        problem = stage.screen.query_one("#problem", Static)
        assert "'many' is not a number of epochs" in str(problem.render())
        stage.screen.query_one(Input).value = "3"
        await pilot.press("enter")
        await stage.workers.wait_for_complete()
        assert calls == [(story.home, story.run, 3.0)]
        assert not story.requests()

    play(story, act)


def test_an_unwritable_request_is_an_error_message(story: ScriptedRun) -> None:
    story.train_partly()
    story.run.requests.mkdir()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        await stop(stage, pilot)
        assert "requests.jsonl cannot be written" in str(stage.errors[0])
        assert "stopping" not in title(stage)

    play(story, act)


def test_chat_is_offered_once_there_are_weights(story: ScriptedRun) -> None:
    story.start()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        await pilot.press("t")
        assert stage.posted(OpenChat) == []
        story.save_snapshot(0, "x")
        weights = story.run.snapshot_weights(0)
        weights.parent.mkdir(parents=True, exist_ok=True)
        weights.touch()
        await settled(stage, pilot)
        await pilot.press("t")
        await pilot.pause()
        story.run.weights.touch()
        await pilot.press("t")
        await pilot.pause()
        opened = [(message.name, message.weights) for message in stage.posted(OpenChat)]
        assert opened == [("poem", "0"), ("poem", "last")], "a snapshot until there is a save"

    play(story, act)


def test_leaving_a_live_run_says_once_that_it_continues(story: ScriptedRun) -> None:
    story.train_partly()
    notices: list[str] = []

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        stage.notify = lambda text, **_: notices.append(text)  # type: ignore[method-assign]
        for _ in range(2):
            await pilot.press("escape")
            await pilot.pause()
            assert not isinstance(stage.screen, TrainScreen)
            stage.push_screen(TrainScreen("poem"))
            await pilot.pause(0.1)
        assert notices == ["poem continues training."]
        assert not story.requests(), "detaching sends no request"

    TrainScreen.announced_runs.clear()
    play(story, act)


def test_leaving_a_run_whose_folder_is_gone_promises_nothing(story: ScriptedRun) -> None:
    story.train_partly()
    notices: list[str] = []

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        stage.notify = lambda text, **_: notices.append(text)  # type: ignore[method-assign]
        shutil.rmtree(story.run.folder)
        await settled(stage, pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert not isinstance(stage.screen, TrainScreen)

    TrainScreen.announced_runs.clear()
    play(story, act)
    assert not notices


def test_the_log_opens_as_text(story: ScriptedRun) -> None:
    story.train_fully()
    story.run.log.write_text("[bold]x[/] \x1b]0;owned\x07\n" + "line\n" * 500 + "the end\n")

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        await pilot.press("o")
        await pilot.pause()
        assert isinstance(stage.screen, LogScreen)
        assert "the end" in shown(stage.screen.query_one(Log))
        await pilot.press("home")
        await pilot.pause()
        assert "[bold]x[/] ␛]0;owned␇" in text_of(stage)
        assert "502 lines" in text_of(stage)
        await pilot.press("slash", *"THE END", "enter")
        await pilot.pause()
        await pilot.pause()
        assert "line 502 · match 1 of 1" in text_of(stage)
        with stage.train._run.log.open("a") as file:
            file.write("one more\n")
        stage.screen._poll()
        await stage.workers.wait_for_complete()
        await pilot.pause()
        assert "one more" in text_of(stage)
        await pilot.press("escape")
        await pilot.pause()
        assert title(stage).startswith("✓ finished")

    play(story, act)


def test_polling_is_paused_while_another_screen_is_on_top(story: ScriptedRun) -> None:
    story.train_partly()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        await pilot.press("o")
        await pilot.pause()
        assert not stage.train.follow_timer.is_active
        story.train(61, 80)
        await pilot.press("escape")
        await settled(stage, pilot)
        assert "80/200" in text_of(stage)

    play(story, act)


def test_every_binding_has_a_tooltip() -> None:
    for screen in (TrainScreen, LogScreen):
        bindings = [b for b in screen.BINDINGS if isinstance(b, Binding)]
        assert all(binding.tooltip for binding in bindings)


@pytest.mark.parametrize("line", ["", "x", "0", "-1", "nan", "inf", "1e999"])
def test_invalid_numbers_of_epochs(line: str) -> None:
    with pytest.raises(Exception, match="is not a number of epochs"):
        parse_epochs(line)


def _make_task(story: ScriptedRun, reading: str) -> None:
    record = read_json(story.run.record)
    record["corpus"] |= {"reading": reading, "task": "answer"}
    write_json(story.run.record, record)


@pytest.mark.parametrize("reading", ["pairs", "conversations"])
def test_replies_of_a_task_are_tested_on_a_key(story: ScriptedRun, reading: str) -> None:
    _make_task(story, reading)
    story.train_partly()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        assert "Test" in footer(stage)
        await pilot.press("T")
        await pilot.pause()
        (opened,) = stage.posted(OpenTest)
        assert (opened.name, opened.weights) == ("poem", "last")

    play(story, act, size=(140, 38))


def test_a_run_without_a_task_says_why_it_is_not_tested(story: ScriptedRun) -> None:
    story.train_partly()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        assert "Test" not in footer(stage)
        await pilot.press("T")
        await pilot.pause()
        assert not stage.posted(OpenTest)
        why = stage.train.explain_refusal("test") or ""
        assert why.startswith("poem continues texts: no reply is right or wrong.")

    play(story, act, size=(140, 38))


def test_a_task_before_its_first_save_is_not_tested(story: ScriptedRun) -> None:
    _make_task(story, "pairs")
    story.start()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        await pilot.press("T")
        await pilot.pause()
        assert not stage.posted(OpenTest)
        assert "has no weights yet" in (stage.train.explain_refusal("test") or "")

    play(story, act)

"""The Train screen with scripted runs, at three sizes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from time import time
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets._footer import FooterKey

from core.run.directory import Run
from core.run.events import encode
from tests.support.apps import SIZES
from tests.support.runs import ScriptedRun
from tests.support.train_stage import TrainStage, footer, play, settled, stop, text_of, title
from tui.common.messages import OpenChat
from tui.screens import train
from tui.screens.train import TrainScreen
from tui.widgets.epoch_log import EpochLog
from tui.widgets.loss_plot import LossPlot
from tui.widgets.train_view import TrainView

ROOT = Path(__file__).parents[3]
CAPTURES = ROOT / "tests" / "support" / "captures"
HOSTILE = "[bold]x[/] \x1b]0;owned\x07 \x9b2J 我是学生 👩‍👩‍👧 \u202eabc"


@pytest.fixture
def story(tmp_path: Path) -> ScriptedRun:
    return ScriptedRun(tmp_path / "home")


@pytest.mark.parametrize("size", SIZES)
def test_it_looks_as_captured(story: ScriptedRun, size: tuple[int, int]) -> None:
    """CAPTURE=1 accepts the present look."""
    story.train_fully()
    captured = CAPTURES / f"train_{size[0]}x{size[1]}.txt"

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        text = text_of(stage)
        if os.environ.get("CAPTURE"):
            captured.write_text(text)
        assert text == captured.read_text()

    play(story, act, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_a_finished_run_at_three_sizes(story: ScriptedRun, size: tuple[int, int]) -> None:
    story.train_fully()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        text = text_of(stage)
        assert title(stage) == "✓ finished  100 %  0:20 trained · cpu"
        assert "200/200" in text
        assert "Done: beats the bigram baseline" in text
        assert "─ “There” ─" in text
        assert "    0  the the the the" in text
        assert "  128  was a man of the sea." in text
        assert len(text.splitlines()) == size[1]
        assert footer(stage) >= {"Chat", "Step", "Inside", "Back", "Help"}
        assert not footer(stage) & {"Pause", "Stop", "Resume"}
        assert all(row.region.right <= size[0] for row in stage.screen.query(FooterKey))

    play(story, act, size=size)


def test_a_wide_terminal_has_epochs_and_samples_beside_the_chart(story: ScriptedRun) -> None:
    story.train_fully()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        plot, view = stage.screen.query_one(LossPlot), stage.screen.query_one(TrainView)
        beside = [view.query_one(name) for name in ("#epochs", "#samples", "#machine")]
        assert all(part.region.x >= plot.region.right for part in beside)
        assert plot.region.height > 30
        text = text_of(stage)
        assert "There was a man of the sea." in text
        for name in ("Train loss", "Validation", "Step", "Speed", "Epochs", "Reading the curve"):
            assert f" {name} ─" in text
        await pilot.resize_terminal(80, 24)
        await settled(stage, pilot)
        assert all(part.region.y >= plot.region.bottom for part in beside)
        assert plot.region.height >= 8
        assert "train 0.430  val 0.927 best 0.927★" in text_of(stage)

    play(story, act, size=(200, 50))


@pytest.mark.parametrize("size", [*SIZES, (160, 40)])
def test_a_task_shows_its_accuracy(story: ScriptedRun, size: tuple[int, int]) -> None:
    """On a scale at the right of the chart, beside the losses, and in the sentence."""
    story.start(reading="pairs")
    for step, accuracy in ((20, 0.0), (40, 0.3), (60, 0.62), (80, 0.91), (100, 0.875)):
        story.train(step - 19, step)
        judged = {"val_loss": 4 / step, "task_accuracy": accuracy}
        story.emit("eval", step, **judged, task_items=200)
        story.emit(
            "epoch", step, epoch=step // 20, train_loss=5 / step, elapsed=step / 10, **judged
        )
    story.end("finished", 100, elapsed=10.0)

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        text = text_of(stage)
        assert "87.5 %" in text
        assert "best accuracy 91.0 % at epoch 4." in text.replace("\n ", " ")
        assert "├ 100 %" in text
        assert "91.0 % ★" in text, "the star of the epochs"
        assert "bits per byte" not in text
        if size[0] > 60:
            assert "▲ accuracy (right axis)" in text
        assert ("right: of 200 items · copied: in the text" in text) is (size[0] >= 110)
        row = text.splitlines()[1 if size[0] < 110 else 2]
        assert ("right 87.5 % best 91.0 %★" if size[0] < 110 else "0.040 · 87.5 %") in row

    play(story, act, size=size)


def test_a_live_run_is_updated(story: ScriptedRun) -> None:
    story.train_partly()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        text = text_of(stage)
        assert re.fullmatch(r"● training  30 %  2:(30|29) left · cpu", title(stage))
        assert "4.79 k tok/s" in text
        assert footer(stage) >= {"Back", "Help", "Stop", "Pause", "Chat", "Step", "Inside"}
        story.train(61, 100)
        await settled(stage, pilot)
        assert "training  50 %" in text_of(stage)
        assert "100/200" in text_of(stage)

    play(story, act)


def test_nothing_is_redrawn_when_nothing_changed(story: ScriptedRun, monkeypatch: Any) -> None:
    """An idle screen over SSH must cost nothing."""
    story.train_partly()
    drawn: list[str] = []

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        await settled(stage, pilot)
        real = Widget.refresh

        def refresh(self: Widget, *regions: Any, **how: Any) -> Widget:
            drawn.append(repr(self))
            return real(self, *regions, **how)

        monkeypatch.setattr(Widget, "refresh", refresh)
        for _ in range(5):
            await settled(stage, pilot)
        story.emit("beat", 60)
        await settled(stage, pilot)
        assert drawn == []
        story.train(61, 61)
        await settled(stage, pilot)
        while not drawn:  # figures change at most twice a second
            await pilot.pause(0.05)
        assert not any("SampleList" in name for name in drawn)
        monkeypatch.undo()

    play(story, act)


def test_a_crashed_run_shows_a_hint_and_its_log(story: ScriptedRun, monkeypatch: Any) -> None:
    story.train_partly()
    story.emit("saved", 40, kind="checkpoint")
    story.lock.release()
    story.run.log.write_text("loading\nMemoryError: [bold] \x1b[31mno room\x1b[0m\n")
    calls: list[Run] = []
    monkeypatch.setattr(train, "resume_run", lambda home, run: calls.append(run))

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        text = text_of(stage)
        assert title(stage).startswith("✗ crashed  20 %")
        assert "Saved at step 40; resume from there with r." in text
        assert "MemoryError: [bold] ␛[31mno room␛[0m" in text
        assert "“There”" not in text, "in place of the samples"
        assert "Resume" in footer(stage)
        await pilot.press("r")
        await stage.workers.wait_for_complete()
        assert calls == [story.run]

    play(story, act)


def test_a_failed_run_shows_the_error_of_its_trainer(story: ScriptedRun) -> None:
    story.train_partly()
    story.emit("failed", 60, title="It failed", message=f"nan {HOSTILE}", hint="Lower the rate.")
    story.lock.release()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        text = text_of(stage)
        assert "It failed: nan [bold]x[/] ␛]0;owned␇" in text
        assert "Lower the rate." in text

    play(story, act, size=(60, 20))


@pytest.mark.parametrize("size", SIZES)
def test_hostile_texts_are_shown_as_text(story: ScriptedRun, size: tuple[int, int]) -> None:
    """Names and samples must neither control the terminal nor be parsed as markup."""
    story.start(train={"device": HOSTILE, "learning_rate": HOSTILE}, reference={"on": HOSTILE})
    story.save_snapshot(0, HOSTILE, HOSTILE)
    story.train(1, 30)
    story.emit("epoch", 30, epoch=1.5, train_loss=1.0, text=HOSTILE)
    story.emit("changed", 30, id="x", problems={HOSTILE: HOSTILE})
    story.emit(HOSTILE, 31)
    story.emit("stopped", 31, reason=HOSTILE)

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        text = text_of(stage)
        assert "[bold]x[/]" in text
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)
        widths = {strip.cell_length for strip in stage.screen._compositor.render_strips()}
        assert widths == {size[0]}

    play(story, act, size=size)


def test_a_vanished_run_is_a_message(story: ScriptedRun) -> None:
    story.train_partly()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        shutil.rmtree(story.run.folder)
        await settled(stage, pilot)
        text = text_of(stage)
        assert "The folder of poem is gone" in text
        assert "60/200" in text, "what was read is still shown"
        assert not footer(stage) & {"Stop", "Pause", "Chat", "More epochs"}
        await pilot.press("s", "minus", "l", "u", "o", "escape")

    play(story, act)


def test_a_missing_run_is_a_message(story: ScriptedRun) -> None:
    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        assert "The folder of none is gone" in text_of(stage)

    play(story, act, name="none")


def test_a_damaged_file_is_a_message(story: ScriptedRun) -> None:
    story.run.events.write_bytes(b"\x00" * 5000 + b"\n{]\n")
    story.lock.release()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        assert "can be read" in text_of(stage)
        assert title(stage) == "✗ cannot be read"

    play(story, act)


def test_a_run_on_another_machine_can_be_watched_and_stopped(story: ScriptedRun) -> None:
    """A shared home: the lock here is free, the trainer is on another machine."""
    story.lock.release()
    story.time = time() - 100.0
    story.start(here=False)
    story.train(1, 60)

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        assert title(stage).startswith("● training  30 %")
        await stop(stage, pilot)
        assert story.requests()[0]["type"] == "stop"

    play(story, act)


def test_a_run_in_preparation(story: ScriptedRun) -> None:
    story.emit("started", pid=1)
    story.emit("prepare", phase="making tokens", done=30, total=120)

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        assert title(stage) == "● preparing  25 %"
        assert "25 % making tokens" in text_of(stage)
        assert footer(stage) >= {"Back", "Help", "Stop"}
        assert not footer(stage) & {"Pause", "Chat", "More epochs"}

    play(story, act)


def test_a_long_log_is_read_in_pieces(story: ScriptedRun) -> None:
    """Keys are handled while a long log is read."""
    story.start(steps=20_000)
    lines = [encode("step", 1.0, step, train_loss=3.0, epoch=1.0) for step in range(1, 20_001)]
    with story.run.events.open("a") as file:
        file.write("\n".join(lines) + "\n")

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        assert "20,000/20,000" in text_of(stage)

    seen: list[float] = []
    real = TrainView.show_log_progress

    def show_log_progress(self: TrainView, share: float) -> None:
        seen.append(share)
        real(self, share)

    TrainView.show_log_progress = show_log_progress  # type: ignore[method-assign]
    try:
        play(story, act)
    finally:
        TrainView.show_log_progress = real  # type: ignore[method-assign]
    assert seen
    assert all(share < 1.0 for share in seen)


def test_torch_is_not_needed() -> None:
    """First frame within half a second, and no second CUDA context."""
    code = "import sys; sys.modules['torch'] = None; import tui.screens.train"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_chart_has_the_focus_and_tab_leads_to_epochs_and_samples(story: ScriptedRun) -> None:
    story.train_fully()

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        assert "› Loss" in text_of(stage)
        await pilot.press("tab")
        await pilot.pause()
        assert "› Epochs" in text_of(stage)
        assert "› Loss" not in text_of(stage)
        await pilot.press("tab")
        await pilot.pause()
        assert "› “There”" in text_of(stage)

    play(story, act)


def test_an_epoch_opens_the_weights_kept_in_it(story: ScriptedRun) -> None:
    """By Enter, and by a double click."""
    story.train_fully()
    story.run.snapshot_weights(32).parent.mkdir(parents=True)
    story.run.snapshot_weights(32).write_bytes(b"x")

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        log = stage.screen.query_one(EpochLog)
        log.focus()
        await pilot.press("home", "enter")
        await pilot.pause()
        assert stage.posted(OpenChat) == [], "nothing was kept up to step 20"
        await pilot.press("down", "down", "enter")
        await pilot.pause()
        await pilot.double_click(log, offset=(5, 3))
        await pilot.pause()
        assert [(m.name, m.weights) for m in stage.posted(OpenChat)] == [("poem", "32")] * 2

    play(story, act, size=(160, 40))


def test_a_question_precedes_a_stop_where_the_last_save_is_long_ago(story: ScriptedRun) -> None:
    story.time = time() - 30
    story.train_partly(10)

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        await pilot.press("s")
        await pilot.pause()
        assert [request["type"] for request in story.requests()] == ["stop"], "just started"

    play(story, act)


@pytest.mark.parametrize("key", ["p", "r", "t", "e", "w"])
def test_a_key_that_cannot_act_has_a_reason(story: ScriptedRun, key: str) -> None:
    story.emit("started", pid=1)

    async def act(stage: TrainStage, pilot: Pilot[None]) -> None:
        (binding, *_) = stage.train._bindings.key_to_bindings[key]
        reason = stage.train.explain_refusal(binding.action)
        assert reason is not None
        assert reason.endswith(".")
        assert stage.train.explain_refusal("stop") is None

    play(story, act)


def test_there_are_at_most_twenty_keys() -> None:
    """More cannot be remembered."""
    assert len({binding.key for binding in TrainScreen.BINDINGS}) <= 20

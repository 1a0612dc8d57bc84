"""Watching a run, by keys, at three sizes, with recorded events; the trainer is this test."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Input, Log
from textual.widgets._footer import FooterKey
from train_stage import Stage, Story, play, settled, shown, text_of

from core.events import encode
from core.paths import Home
from core.run import Run
from tui.screens import train as train_module
from tui.screens.log import LogScreen
from tui.screens.train import TrainScreen, epochs_of
from tui.widgets.loss_plot import LossPlot
from tui.widgets.train_view import TrainView

SIZES = [(60, 20), (80, 24), (200, 50)]
HOSTILE = "[bold]x[/] \x1b]0;owned\x07 \x9b2J 我是学生 👩‍👩‍👧 \u202eabc"


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "home")


def live(story: Story, last: int = 60) -> Story:
    """A run in mid-training, whose trainer is alive."""
    story.begin()
    story.snapshot(0, " the the the")
    story.learn(1, last)
    return story


def title(stage: Stage) -> str:
    return text_of(stage).split("\n")[0].removeprefix(" minigpt-tui Train  ")


def footer(stage: Stage) -> list[str]:
    return [key.description for key in stage.screen.query(FooterKey)]


@pytest.mark.parametrize("size", SIZES)
def test_a_finished_run_at_three_sizes(story: Story, size: tuple[int, int]) -> None:
    story.whole()

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        text = text_of(stage)
        assert title(stage) == "poem   finished"
        assert "100 %" in text
        assert "step 200/200" in text
        assert "Done: uses more than the previous token" in text
        assert "0  There| the the the the" in text
        assert "There| was a man of the sea." in text
        assert len(text.splitlines()) == size[1]
        assert {"Epochs", "Talk", "Back", "Keys"} == set(footer(stage))
        assert all(row.region.right <= size[0] for row in stage.screen.query(FooterKey))

    play(story, act, size=size)


def test_a_wide_terminal_has_epochs_and_samples_beside_the_chart(story: Story) -> None:
    story.whole()

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        plot, side = stage.screen.query_one(LossPlot), stage.screen.query_one("#side")
        assert side.region.x >= plot.region.right
        assert plot.region.height > 30
        await pilot.resize_terminal(80, 24)
        await settled(stage, pilot)
        assert side.region.y >= plot.region.bottom
        assert plot.region.height >= 8

    play(story, act, size=(200, 50))


def test_a_live_run_moves_on(story: Story) -> None:
    live(story)

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        text = text_of(stage)
        assert title(stage) == "poem   running"
        assert "30 %" in text
        assert "left" in text
        assert "4.79 k tokens/s" in text
        assert footer(stage) == ["Back", "Keys", "Stop", "Pause", "Epochs", "Talk"]
        story.learn(61, 100)
        await settled(stage, pilot)
        assert "50 %" in text_of(stage)
        assert "step 100/200" in text_of(stage)

    play(story, act)


def test_nothing_is_drawn_when_nothing_changed(story: Story, monkeypatch: Any) -> None:
    """An idle screen over SSH must cost nothing."""
    live(story)
    drawn: list[str] = []

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        from textual.widget import Widget

        await settled(stage, pilot)
        real = Widget.refresh

        def refresh(self: Widget, *regions: Any, **how: Any) -> Widget:
            drawn.append(repr(self))
            return real(self, *regions, **how)

        monkeypatch.setattr(Widget, "refresh", refresh)
        for _ in range(5):
            await settled(stage, pilot)
        story.say("beat", 60)
        await settled(stage, pilot)
        assert drawn == []
        story.learn(61, 61)
        await settled(stage, pilot)
        assert drawn
        assert not any("SampleStrip" in name or "EpochLog" in name for name in drawn)
        monkeypatch.undo()

    play(story, act)


@pytest.mark.parametrize(
    ("key", "request_type", "said", "answer", "then"),
    [
        ("s", "stop", "stopping…", {"type": "stopped", "reason": "asked to stop"}, "stopped"),
        ("p", "pause", "pausing…", {"type": "changed", "action": "pause"}, "paused at step 60"),
        ("w", "save", "saving…", {"type": "saved", "kind": "checkpoint"}, "saved at step 60"),
        (
            "minus",
            "change",
            "learning rate 0.0005 asked…",
            {"type": "changed", "changes": {"learning_rate": [0.001, 0.0005]}},
            "learning rate 0.0005 from step 60",
        ),
        (
            "plus",
            "change",
            "learning rate 0.002 asked…",
            {"type": "changed", "problems": {"learning_rate": "too much"}},
            "refused: learning_rate too much",
        ),
    ],
)
def test_a_request_counts_once_the_trainer_says_so(
    story: Story, key: str, request_type: str, said: str, answer: dict[str, Any], then: str
) -> None:
    live(story)

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        await pilot.press(key)
        await pilot.pause()
        (asked,) = story.asked()
        assert asked["type"] == request_type
        assert said in title(stage)
        fields = {name: value for name, value in answer.items() if name != "type"}
        name = "request" if answer["type"] == "saved" else "id"
        story.say(answer["type"], 60, **fields, **{name: asked["id"]})
        await settled(stage, pilot)
        assert said not in title(stage)
        assert then in title(stage)

    play(story, act)


def test_halving_twice_quarters_although_nothing_was_answered_yet(story: Story) -> None:
    live(story)

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        await pilot.press("minus", "minus")
        asked = [request["changes"]["learning_rate"] for request in story.asked()]
        assert asked == [0.0005, 0.00025]

    play(story, act)


def test_stop_is_not_offered_twice(story: Story) -> None:
    live(story)

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        await pilot.press("s", "s")
        await pilot.press("w")
        assert [request["type"] for request in story.asked()] == ["stop", "save"]
        assert "Stop" not in footer(stage)
        assert title(stage).startswith("poem   stopping…"), "another note must not hide it"

    play(story, act)


def test_a_paused_run_goes_on(story: Story) -> None:
    live(story)
    story.say("changed", 60, action="pause")

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        assert title(stage) == "poem   paused"
        assert "Continue" in footer(stage)
        assert "Pause" not in footer(stage)
        await pilot.press("p")
        assert [request["type"] for request in story.asked()] == ["continue"]

    play(story, act)


def test_more_epochs_of_a_live_run_are_a_change(story: Story) -> None:
    live(story)

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        await pilot.press("e")
        await pilot.pause()
        stage.screen.query_one(Input).value = "2,5"
        await pilot.press("enter")
        await pilot.pause()
        (asked,) = story.asked()
        assert asked["changes"] == {"epochs": 12.5}
        story.say("changed", 61, id=asked["id"], changes={"epochs": [None, 12.5]}, steps=250)
        await settled(stage, pilot)
        assert "12.5 epochs in all from step 61" in title(stage)
        assert "/250" in text_of(stage)

    play(story, act)


def test_more_epochs_of_an_ended_run_are_a_resume(story: Story, monkeypatch: Any) -> None:
    story.whole()
    calls: list[tuple[Home, Run, float | None]] = []

    def resume(home: Home, run: Run, *, epochs: float | None = None) -> None:
        calls.append((home, run, epochs))

    monkeypatch.setattr(train_module, "resume", resume)

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        await pilot.press("e")
        await pilot.pause()
        stage.screen.query_one(Input).value = "many"
        await pilot.press("enter")
        await pilot.pause()
        assert "'many' is no number of epochs" in stage.troubles[0]
        await pilot.press("e")
        await pilot.pause()
        stage.screen.query_one(Input).value = "3"
        await pilot.press("enter")
        await stage.workers.wait_for_complete()
        assert calls == [(story.home, story.run, 3.0)]
        assert not story.asked()

    play(story, act)


def test_a_crashed_run_says_what_to_do_and_shows_its_log(story: Story, monkeypatch: Any) -> None:
    live(story)
    story.say("saved", 40, kind="checkpoint")
    story.lock.release()
    story.run.log.write_text("loading\nMemoryError: [bold] \x1b[31mno room\x1b[0m\n")
    calls: list[Run] = []
    monkeypatch.setattr(train_module, "resume", lambda home, run: calls.append(run))

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        text = text_of(stage)
        assert title(stage) == "poem   crashed"
        assert "Saved at step 40. Resume goes on from there (r)." in text
        assert "MemoryError: [bold] ␛[31mno room␛[0m" in text
        assert "There|" not in text, "in place of the samples"
        assert "Resume" in footer(stage)
        await pilot.press("r")
        await stage.workers.wait_for_complete()
        assert calls == [story.run]

    play(story, act)


def test_a_failed_run_says_what_its_trainer_said(story: Story) -> None:
    live(story)
    story.say("failed", 60, title="It failed", message=f"nan {HOSTILE}", hint="Lower the rate.")
    story.lock.release()

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        text = text_of(stage)
        assert "It failed: nan [bold]x[/] ␛]0;owned␇" in text
        assert "Lower the rate." in text

    play(story, act, size=(60, 20))


@pytest.mark.parametrize("size", SIZES)
def test_hostile_texts_are_shown_as_text(story: Story, size: tuple[int, int]) -> None:
    """Names and samples must neither steer the terminal nor be taken for markup."""
    story.begin(train={"device": HOSTILE, "learning_rate": HOSTILE}, reference={"on": HOSTILE})
    story.snapshot(0, HOSTILE, HOSTILE)
    story.learn(1, 30)
    story.say("epoch", 30, epoch=1.5, train_loss=1.0, text=HOSTILE)
    story.say("changed", 30, id="x", problems={HOSTILE: HOSTILE})
    story.say(HOSTILE, 31)
    story.say("stopped", 31, reason=HOSTILE)

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        text = text_of(stage)
        assert "[bold]x[/]" in text
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)
        widths = {strip.cell_length for strip in stage.screen._compositor.render_strips()}
        assert widths == {size[0]}

    play(story, act, size=size)


def test_a_run_that_vanishes_is_a_message_and_the_screen_stays(story: Story) -> None:
    live(story)

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        shutil.rmtree(story.run.folder)
        await settled(stage, pilot)
        text = text_of(stage)
        assert "The folder of poem is gone" in text
        assert "30 %" in text, "what was read is still shown"
        assert footer(stage) == ["Back", "Keys"]
        await pilot.press("s", "minus", "l", "x", "o", "escape")

    play(story, act)


def test_a_run_that_was_never_there_is_a_message(story: Story) -> None:
    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        assert "The folder of none is gone" in text_of(stage)

    play(story, act, name="none")


def test_a_damaged_file_is_a_message(story: Story) -> None:
    story.run.events.write_bytes(b"\x00" * 5000 + b"\n{]\n")

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        assert "can be read" in text_of(stage)
        assert title(stage) == "poem   cannot be read"

    play(story, act)


def test_a_request_that_cannot_be_written_is_a_message(story: Story) -> None:
    live(story)
    story.run.requests.mkdir()

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        await pilot.press("s")
        await pilot.pause()
        assert "requests.jsonl cannot be written" in stage.troubles[0]
        assert "stopping" not in title(stage)

    play(story, act)


def test_a_run_elsewhere_can_be_watched_and_asked(story: Story) -> None:
    """A shared home: the lock here is free, the trainer is on another machine."""
    from time import time

    story.lock.release()
    story.time = time() - 100.0
    story.begin(here=False)
    story.learn(1, 60)

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        assert title(stage) == "poem   running"
        await pilot.press("s")
        assert story.asked()[0]["type"] == "stop"

    play(story, act)


def test_a_run_that_is_being_prepared(story: Story) -> None:
    story.say("started", pid=1)
    story.say("prepare", phase="making tokens", done=30, total=120)

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        assert title(stage) == "poem   preparing"
        assert "25 %   making tokens" in text_of(stage)
        assert footer(stage) == ["Back", "Keys", "Stop"]

    play(story, act)


def test_talk_is_offered_once_there_are_weights(story: Story) -> None:
    story.begin()

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        await pilot.press("t")
        assert stage.went == []
        story.snapshot(0, "x")
        await settled(stage, pilot)
        await pilot.press("t")
        await pilot.pause()
        assert stage.went == ["talk poem last"]

    play(story, act)


def test_leaving_a_live_run_says_once_that_it_goes_on(story: Story) -> None:
    live(story)
    said: list[str] = []

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        stage.notify = lambda text, **_: said.append(text)  # type: ignore[method-assign]
        for key in ("d", "escape"):
            await pilot.press(key)
            await pilot.pause()
            assert not isinstance(stage.screen, TrainScreen)
            stage.push_screen(TrainScreen("poem"))
            await pilot.pause(0.1)
        assert said == ["poem goes on training without you."]
        assert not story.asked(), "detaching asks for nothing"

    TrainScreen._told_of.clear()
    play(story, act)


def test_the_log_opens_as_text(story: Story) -> None:
    story.whole()
    story.run.log.write_text(f"{HOSTILE}\n" + "line\n" * 500 + "the end\n")

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        await pilot.press("o")
        await pilot.pause()
        assert isinstance(stage.screen, LogScreen)
        assert "the end" in shown(stage.screen.query_one(Log))
        await pilot.press("g")
        await pilot.pause()
        assert "[bold]x[/] ␛]0;owned␇" in text_of(stage)
        await pilot.press("escape")
        await pilot.pause()
        assert title(stage) == "poem   finished"

    play(story, act)


def test_nobody_reads_while_another_screen_is_shown(story: Story) -> None:
    live(story)

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        await pilot.press("o")
        await pilot.pause()
        assert stage.train._tailing._timer is None
        story.learn(61, 80)
        await pilot.press("escape")
        await settled(stage, pilot)
        assert "step 80/200" in text_of(stage)

    play(story, act)


def test_a_long_run_opens_in_pieces(story: Story) -> None:
    """100,000 events: keys are answered while they are read."""
    story.begin(steps=100_000)
    lines = [encode("step", 1.0, step, train_loss=3.0, epoch=1.0) for step in range(1, 100_001)]
    with story.run.events.open("a") as file:
        file.write("\n".join(lines) + "\n")

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        assert "step 100,000/100,000" in text_of(stage)

    seen: list[float] = []
    real = TrainView.show_reading

    def show_reading(self: TrainView, share: float) -> None:
        seen.append(share)
        real(self, share)

    TrainView.show_reading = show_reading  # type: ignore[method-assign]
    try:
        play(story, act)
    finally:
        TrainView.show_reading = real  # type: ignore[method-assign]
    assert seen
    assert all(share < 1.0 for share in seen)


def test_every_binding_says_what_it_does_and_the_footer_is_short() -> None:
    for screen in (TrainScreen, LogScreen):
        bindings = [b for b in screen.BINDINGS if isinstance(b, Binding)]
        assert all(binding.tooltip for binding in bindings)


@pytest.mark.parametrize("line", ["", "x", "0", "-1", "nan", "inf", "1e999"])
def test_a_number_of_epochs_that_makes_no_sense(line: str) -> None:
    with pytest.raises(Exception, match="is no number of epochs"):
        epochs_of(line)

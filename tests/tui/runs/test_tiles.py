"""The figures of the Train screen, for invented histories."""

from __future__ import annotations

import math
from typing import Any

import pytest

from core.run import events, status
from core.run.events import Event
from core.run.history import History
from tui.runs import tiles
from tui.runs.machine_usage import MachineUsage
from tui.runs.train_state import train_state
from tui.runs.verdict import Verdict, VerdictKind, verdict_content

PREPARED = {
    "steps": 300,
    "steps_per_epoch": 10.0,
    "train_tokens": 900,
    "val_tokens": 100,
    "train": {"device": "cpu"},
}
STEP = {"epoch": 6.2, "elapsed": 7.0, "memory": 376e6, "learning_rate": 3.1e-4}


def history(*events: tuple[str, int, dict[str, Any]]) -> History:
    history = History()
    history.apply_all(Event(type, float(step), step, fields) for type, step, fields in events)
    return history


RUNNING = history(
    ("prepared", 0, PREPARED),
    ("step", 30, {**STEP, "train_loss": 3.0}),
    ("epoch", 30, {"epoch": 3.0, "val_loss": 2.0, "train_loss": 3.0}),
    ("step", 60, {**STEP, "train_loss": 1.5, "tokens_per_second": 4790.0}),
    ("eval", 60, {"val_loss": 2.5}),
    ("step", 62, {**STEP, "train_loss": 1.25, "tokens_per_second": 4790.0}),
)


def texts(found: History, state: str = status.RUNNING, width: int = 30) -> list[list[str]]:
    shown = tiles.list_tiles(found, state, 4000, width, "braille")
    return [[line.rstrip() for line in tile.content.plain.split("\n")] for tile in shown]


def test_the_tiles_of_a_running_run() -> None:
    train, validation, step, speed = texts(RUNNING)
    assert train[0].startswith("1.250  ⢱")
    assert train[1] == "-1.750 this epoch"
    assert validation == ["2.500  best 2.000 ★", "~0.90 bits per byte"]
    assert step == ["62 of 300 · epoch 6.2/30", "━" * 6 + "─" * 24]
    assert speed == ["4.79 k tokens/s", "1 s per step · rate 0.00031"]


@pytest.mark.parametrize("width", [4, 10, 18, 23])
def test_what_does_not_fit_a_tile_is_left_out_whole(width: int) -> None:
    _, _, step, speed = texts(RUNNING, width=width)
    assert step[0] in ("62 of 300", "")
    assert speed[1] in ("1 s per step", "")


def test_a_run_without_losses_has_dashes() -> None:
    made = history(("prepared", 0, {**PREPARED, "val_tokens": 0}))
    assert [tile[0] for tile in texts(made)] == ["—", "—", "0 of 300", "—"]
    assert texts(made)[1][1] == "no validation data"
    assert texts(History())[2][0] == "0"


def test_the_change_is_counted_from_the_end_of_the_epoch_before() -> None:
    assert tiles.epoch_change(history(("step", 5, {"train_loss": 2.0}))) is None
    ended = history(
        ("step", 10, {"train_loss": 3.0}),
        ("epoch", 10, {"train_loss": 3.0}),
        ("step", 20, {"train_loss": 2.0}),
        ("epoch", 20, {"train_loss": 2.0}),
    )
    assert tiles.epoch_change(ended) == pytest.approx(-1.0), "of the epoch that has just ended"


def test_bits_per_byte_need_the_size_of_the_text() -> None:
    assert tiles.bits_per_byte(RUNNING, math.log(2), 4000) == pytest.approx(0.25)
    assert tiles.bits_per_byte(RUNNING, 1.0, None) is None
    assert tiles.bits_per_byte(History(), 1.0, 4000) is None


@pytest.mark.parametrize("reading", ["pairs", "conversations"])
def test_the_loss_of_replies_is_not_converted_to_bits_per_byte(reading: str) -> None:
    """It is that of the replies only, but the size is that of the whole text."""
    made = history(("prepared", 0, PREPARED | {"reading": reading}))
    assert tiles.bits_per_byte(made, 1.0, 4000) is None


def judged_history() -> History:
    """A run that answers: its best accuracy is not that of the lowest loss."""
    return history(
        ("prepared", 0, PREPARED | {"reading": "pairs"}),
        ("step", 30, {**STEP, "train_loss": 3.0}),
        ("eval", 30, {"val_loss": 0.5, "task_accuracy": 0.91, "task_items": 200}),
        ("eval", 60, {"val_loss": 0.412, "task_accuracy": 0.875, "task_items": 200}),
        ("step", 60, {**STEP, "train_loss": 1.5, "tokens_per_second": 4790.0}),
    )


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (30, ["loss 0.412 · 87.5 % right", "best accuracy 91.0 % ★"]),
        (20, ["0.412 · 87.5 %", "best 91.0 % ★"]),
        (17, ["0.412 · 87.5 %", "best 91.0 % ★"]),
    ],
)
def test_the_validation_of_a_task_has_its_accuracy(width: int, lines: list[str]) -> None:
    assert texts(judged_history(), width=width)[1] == lines


def test_the_line_of_figures_has_the_accuracy() -> None:
    line = tiles.figures_line(judged_history(), status.RUNNING, 80, "braille").plain
    assert line.startswith("train 1.500  val 0.412 right 87.5 % best 91.0 %★  ")


@pytest.mark.parametrize("width", [10, 20, 40, 80, 200])
def test_the_line_of_figures_fits_the_width(width: int) -> None:
    line = tiles.figures_line(RUNNING, status.RUNNING, width, "braille")
    assert line.cell_length <= width
    if width >= 80:
        assert line.plain == (
            "train 1.250  val 2.500 best 2.000★  ━━╸───────── 62/300  4.79 k tok/s"
        )


@pytest.mark.parametrize("total", [None, 0, -1, "x", 10**30])
def test_an_invalid_total_does_not_break_the_screen(total: Any) -> None:
    made = history(("prepare", 0, {"phase": "", "done": 1, "total": total}))
    assert "preparing the text" in tiles.figures_line(made, status.PREPARING, 80, "ascii").plain
    assert "preparing the text" in texts(made, status.PREPARING)[2][0]


def test_the_preparation_phase_is_plain_text() -> None:
    made = history(("prepare", 0, {"phase": "reading\x1b[2J [bold]", "done": 1, "total": 4}))
    line = tiles.figures_line(made, status.PREPARING, 80, "ascii").plain
    assert line == "===---------  25 % reading␛[2J [bold]"
    assert texts(made, status.PREPARING)[2][0] == "25 % reading␛[2J [bold]"
    assert "loading PyTorch" in tiles.figures_line(History(), status.STARTING, 80, "ascii").plain


def test_the_machine_has_a_bar_for_each_resource() -> None:
    usage = MachineUsage(
        *(197.0, 1_200_000_000, 91.0, 3_100_000_000),
        threads=4,
        memory_total=16_000_000_000,
        gpu_memory_total=24_000_000_000,
    )
    lines = tiles.machine_lines(RUNNING, status.RUNNING, usage, 60, "ascii", 62.0).plain.split("\n")
    assert len(lines) == 3
    assert "gpu " in lines[0]
    assert "91 %" in lines[0]
    assert "3.1/24 GB" in lines[0]
    assert "49 %" in lines[1]
    assert "1.2/16 GB" in lines[1]
    assert lines[2] == "rate 0.00031 · continues without this terminal"
    assert all(len(line) <= 62 for line in lines)
    narrow = tiles.machine_lines(RUNNING, status.RUNNING, usage, 40, "ascii", 62.0).plain
    assert narrow.endswith("\nrate 0.00031"), "what does not fit is left out whole"
    line = tiles.machine_line(RUNNING, status.RUNNING, usage, 78, "ascii", 62.0)
    assert line.cell_length <= 78
    assert "91 %" in line.plain


def test_without_measurements_the_trainer_tells_its_memory() -> None:
    line = tiles.machine_line(RUNNING, status.RUNNING, None, 78, "braille", 62.0).plain
    assert line.startswith("memory 376 MB  rate 0.00031")
    assert tiles.list_meters(History(), None) == []
    (meter,) = tiles.list_meters(History(), MachineUsage(None, 5))
    assert meter.share is None


def test_when_it_was_saved_is_told() -> None:
    made = history(("saved", 10, {"kind": "checkpoint"}))
    assert (
        tiles.machine_line(made, events.STOPPED, None, 78, "ascii", 24.0).plain == "saved 14 s ago"
    )


@pytest.mark.parametrize(
    ("state", "options", "expected"),
    [
        (status.RUNNING, {}, "● training  21 %  3:58 left · cpu"),
        (status.PAUSED, {}, "‖ paused  21 %  0:07 trained · cpu"),
        (status.RUNNING, {"note": "saved at step 62"}, "● training  21 %  saved at step 62"),
        (status.RUNNING, {"waiting": "stopping…"}, "● stopping…  21 %  3:58 left · cpu"),
        (events.STOPPED, {}, "■ stopped  21 %  0:07 trained · cpu"),
        (status.CRASHED, {"is_unreadable": True}, "✗ cannot be read  0:07 trained · cpu"),
        (status.STARTING, {}, "● starting  0:07 trained · cpu"),
    ],
)
def test_the_state_is_sign_word_share_and_time(
    state: str, options: dict[str, Any], expected: str
) -> None:
    assert train_state(RUNNING, state, **options).plain == expected


def test_the_beginning_of_a_verdict_is_bold() -> None:
    kind = VerdictKind.BELOW_COUNTS
    for text, bold in (
        ("Beats the bigram baseline: 1.1 against 1.5.", "Beats the bigram baseline:"),
        ("Done: beats the bigram baseline: 1.1.", "Done: beats the bigram baseline:"),
        ("No colon.", "No colon."),
        ("", ""),
    ):
        content = verdict_content(Verdict(kind, text, "But few."))
        assert content.plain == f"{text} But few."
        assert content.plain[slice(*content.spans[0][:2])] == bold if bold else True

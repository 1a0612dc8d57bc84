"""The weights of a run in time: which there are, their losses, and which of them are drawn."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from core.run.directory import Run
from core.run.events import encode
from core.run.weights_ref import BEST, LAST
from tests.support.conversations import home_with_lang
from tui.chat.timeline import (
    Losses,
    WeightsPoint,
    build_timeline,
    choose_indices,
    read_losses,
    read_timeline,
    shown_index,
)


def _log(*lines: str) -> list[bytes]:
    return [line.encode() for line in reversed(lines)]


def test_a_loss_is_measured_on_validation_data_or_is_that_of_the_next_batch() -> None:
    """Detects the loss of other weights beside a step."""
    log = _log(
        encode("step", 1.0, 1, train_loss=7.5),
        encode("step", 1.0, 2, train_loss=7.0),
        encode("eval", 1.0, 2, val_loss=6.5),
        encode("step", 1.0, 3, train_loss=6.0),
        encode("saved", 1.0, 2, kind="best"),
        encode("saved", 1.0, 3, kind="checkpoint"),
    )
    losses = read_losses(log, [0, 1, 2])
    assert losses.after(0) == 7.5
    assert losses.after(1) == 7.0
    assert losses.after(2) == 6.5
    assert losses.after(3) is None or losses.after(3) == 6.0
    assert (losses.best, losses.last_saved) == (2, 3)


def test_what_a_resume_undid_is_not_shown() -> None:
    """Detects the loss of steps that were trained again after a crash."""
    log = _log(
        encode("step", 1.0, 5, train_loss=9.0),
        encode("eval", 1.0, 5, val_loss=9.0),
        encode("started", 2.0, 4),
        encode("step", 2.0, 5, train_loss=3.0),
        encode("eval", 2.0, 5, val_loss=2.0),
    )
    assert read_losses(log, [5]).after(5) == 2.0


def test_damaged_lines_are_skipped() -> None:
    """Detects an exception because of a torn or foreign line."""
    lines = [b'{"step":3,"val_loss":', b"\xff", b'{"step":2,"val_loss":"low"}', b""]
    assert read_losses(lines, [2]).after(2) is None


def test_each_step_is_one_point_and_the_newest_comes_last() -> None:
    """Detects the same weights twice, or an order other than that of the steps."""
    losses = Losses(validation={256: 2.0, 300: 1.5}, best=300, last_saved=500)
    points = build_timeline([0, 256], losses, has_best=True, has_newest=True)
    assert [(point.weights, point.step) for point in points] == [
        ("0", 0),
        ("256", 256),
        (BEST, 300),
        (LAST, 500),
    ]
    assert [point.is_best for point in points] == [False, False, True, False]
    losses = Losses(best=256, last_saved=256)
    points = build_timeline([0, 256], losses, has_best=True, has_newest=True)
    assert [(point.weights, point.is_best) for point in points] == [("0", False), (LAST, True)]


def test_weights_without_a_log_are_listed(tmp_path: Path) -> None:
    """Detects a run that cannot be opened because its log is missing."""
    home = home_with_lang(tmp_path)
    points = read_timeline(Run(home.runs / "lang"))
    assert [point.weights for point in points] == ["0", "1", "256", LAST]
    assert read_timeline(Run(home.runs / "missing")) == []


def test_the_weights_in_use_are_found_by_name_and_by_step() -> None:
    """Detects a mark at other weights than those that reply."""
    points = [
        WeightsPoint("0", 0),
        WeightsPoint("256", 256, is_best=True),
        WeightsPoint(LAST, 500),
    ]
    assert shown_index(points, "256", None) == 1
    assert shown_index(points, LAST, 500) == 2
    assert shown_index(points, "", 500) == 2
    assert shown_index(points, BEST, 256) == 1
    assert shown_index(points, "7", 7) is None


@given(
    count=st.integers(1, 30),
    fitting=st.integers(1, 12),
    shown=st.integers(0, 29),
    best=st.integers(0, 29),
)
def test_the_shown_weights_are_always_drawn(
    count: int, fitting: int, shown: int, best: int
) -> None:
    """Detects weights in use that are not in the picture; more than fit; a wrong order."""
    points = [WeightsPoint(str(step), step, is_best=step == best) for step in range(count)]
    shown = min(shown, count - 1)
    indices = choose_indices(points, shown, fitting)
    assert len(indices) == min(count, fitting)
    assert indices == sorted(set(indices))
    assert shown in indices
    if fitting >= 4:
        assert {0, count - 1} <= set(indices)
        assert best >= count or best in indices

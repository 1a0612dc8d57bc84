"""The weights of a run in time: its snapshots, the best and the newest, each with a loss.

Pure but for `read_timeline`, which reads the run's folder and its event log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from core.errors import DamagedError
from core.run.directory import Run
from core.run.events import STEP, Event, decode
from core.run.weights_ref import BEST, LAST
from core.system.line_files import read_lines_backwards

MAX_READ_BYTES = 1 << 26  # from the end of the event log
STEP_FIELD = re.compile(rb'"step":(\d+)')


@dataclass(frozen=True)
class WeightsPoint:
    """Weights of one step.

    Attributes:
        weights: "last", "best" or the step, as requests name them.
        step: None if unknown.
        loss: nats per token: on the validation data if it was measured at this step, else of the
            batch that these weights were trained on next; None if unknown.
        is_best: whether they are the best, by the validation part.
        accuracy: share of right replies on items of the validation data; None if unknown.
        items: how many were judged for it; 0 if unknown.
    """

    weights: str
    step: int | None
    loss: float | None = None
    is_best: bool = False
    accuracy: float | None = None
    items: int = 0


def read_timeline(run: Run) -> list[WeightsPoint]:
    """The weights of a run that can be loaded, oldest first; those of an unread log lack losses."""
    steps = run.snapshot_steps()
    try:
        losses = read_losses(read_lines_backwards(run.events, MAX_READ_BYTES), steps)
    except (OSError, DamagedError):
        losses = Losses()
    has_best, has_newest = run.best_weights.is_file(), run.weights.is_file()
    return build_timeline(steps, losses, has_best=has_best, has_newest=has_newest)


@dataclass
class Losses:
    """What an event log says about weights.

    Attributes:
        train, validation: losses by step.
        accuracy: by step the share of right replies, and the number of items judged.
        best: step of the best weights.
        last_saved: step of the last checkpoint.
    """

    train: dict[int, float] = field(default_factory=dict)
    validation: dict[int, float] = field(default_factory=dict)
    accuracy: dict[int, tuple[float, int]] = field(default_factory=dict)
    best: int | None = None
    last_saved: int | None = None

    def after(self, step: int) -> float | None:
        """The loss of the weights of a step."""
        if step in self.validation:
            return self.validation[step]
        return self.train.get(step + 1, self.train.get(step))


def read_losses(lines: Iterable[bytes], steps: Iterable[int]) -> Losses:
    """Fold the lines of an event log, newest first: what a resume undid comes later.

    Args:
        steps: of snapshots; a long log has many other training losses, which are not parsed.
    """
    losses, wanted = Losses(), {step + offset for step in steps for offset in (0, 1)}
    for line in lines:
        match = STEP_FIELD.search(line)
        step = int(match[1]) if match else None
        if step is None:
            continue
        if b'"type":"saved"' in line:
            if b'"kind":"best"' in line and losses.best is None:
                losses.best = step
            elif b'"kind":"checkpoint"' in line and losses.last_saved is None:
                losses.last_saved = step
            wanted.add(step)
        elif b'"val_loss":' in line or (step in wanted and b'"train_loss":' in line):
            _add_losses(losses, decode(line))
    return losses


def _add_losses(losses: Losses, event: Event | None) -> None:
    if event is None:
        return
    train, validation = event.number("train_loss"), event.number("val_loss")
    if train is not None and event.type == STEP:
        losses.train.setdefault(event.step, train)
    if validation is not None:
        losses.validation.setdefault(event.step, validation)
    accuracy = event.number("task_accuracy")
    if accuracy is not None and not losses.accuracy.get(event.step, (0.0, 0))[1]:
        losses.accuracy[event.step] = accuracy, event.whole("task_items") or 0


def build_timeline(
    snapshots: Sequence[int], losses: Losses, *, has_best: bool, has_newest: bool
) -> list[WeightsPoint]:
    """Order snapshots, best and newest weights by their steps; each step appears once.

    Args:
        has_best, has_newest: whether there are such weights on disk.
    """
    best = losses.best if has_best else None
    newest = losses.last_saved
    points = {step: _point(str(step), step, losses, is_best=step == best) for step in snapshots}
    if best is not None and best not in points:
        points[best] = _point(BEST, best, losses, is_best=True)
    ordered = [points[step] for step in sorted(points)]
    if has_newest:
        ordered = [point for point in ordered if newest is None or point.step != newest]
        if newest is None:
            ordered.append(WeightsPoint(LAST, None))
        else:
            ordered.append(_point(LAST, newest, losses, is_best=newest == best))
    return ordered


def _point(weights: str, step: int, losses: Losses, *, is_best: bool) -> WeightsPoint:
    accuracy = losses.accuracy.get(step, (None, 0))
    return WeightsPoint(weights, step, losses.after(step), is_best, *accuracy)


def shown_index(points: Sequence[WeightsPoint], weights: str, step: int | None) -> int | None:
    """The index of the weights in use; None if they are not among the points."""
    for index, point in enumerate(points):
        is_best = weights == BEST and point.is_best
        if is_best or point.weights == (weights or LAST):
            return index
    steps = [point.step for point in points]
    return steps.index(step) if step is not None and step in steps else None


def choose_indices(points: Sequence[WeightsPoint], shown: int | None, count: int) -> list[int]:
    """Which points are drawn where only `count` fit, in order.

    The shown one, the newest, the best, the first and the neighbours of the shown one come first;
    the others are spread evenly.
    """
    last = len(points) - 1
    if len(points) <= count:
        return list(range(len(points)))
    wanted: list[int] = []
    middle = [] if shown is None else [shown]
    neighbours = [] if shown is None else [shown - 1, shown + 1]
    best = [index for index, point in enumerate(points) if point.is_best]
    for index in [*middle, last, *best, 0, *neighbours]:
        if 0 <= index <= last and index not in wanted:
            wanted.append(index)
    wanted = wanted[:count]
    while len(wanted) < count:
        # The point farthest from all that are drawn.
        free = (index for index in range(len(points)) if index not in wanted)
        wanted.append(max(free, key=lambda index: min(abs(index - other) for other in wanted)))
    return sorted(wanted)

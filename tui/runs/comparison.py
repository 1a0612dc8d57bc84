"""State of the Compare screen: the runs, what their chart shows, and what is hidden. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from core.run.compare import ComparedRun, have_same_text, have_same_tokenizer
from core.run.history import Series
from core.system.files import JsonObject
from tui.common.format import find_first_difference
from tui.plot.axis import SECONDS, STEPS, TOKENS
from tui.plot.canvas import FloatArray
from tui.plot.chart import COLOURS, MARKERS, Chart, Curve
from tui.runs.facts import BASELINES

UNITS = {"step": STEPS, "tokens": TOKENS, "time": SECONDS}  # by the word on the command line
VALIDATION, TRAIN = "validation", "train"
BITS_PER_BYTE, NATS_PER_TOKEN = "bits per byte", "nats per token"
MAX_CURVE_POINTS = 500
SAME_BASELINE = 1e-3
SEPARATORS = "-_."  # between parts of a name


class RunMark(NamedTuple):
    """How a run is recognised: its sign, the role of its colour, and its name in a table."""

    sign: str
    colour: str
    short: str


@dataclass
class Comparison:
    """Two to four runs, and what is shown of them.

    Attributes:
        names: of the runs; the others are compared with the first.
        runs: as read; empty until then.
        selected: index of the run that keys act on.
        hidden: indices of the runs whose curves are not drawn.
        unit: of the x axis: "steps", "tokens" or "time".
        loss: "validation" or "train".
    """

    names: tuple[str, ...]
    runs: tuple[ComparedRun, ...] = ()
    selected: int = 0
    hidden: set[int] = field(default_factory=set)
    unit: str = STEPS
    loss: str = VALIDATION

    @property
    def marks(self) -> list[RunMark]:
        """The mark of each run."""
        return list(map(RunMark, MARKERS, COLOURS, short_names(self.names)))

    @property
    def is_per_byte(self) -> bool:
        """Whether losses are compared in bits per byte: tokens of the runs differ."""
        return not have_same_tokenizer(self.runs)

    @property
    def loss_unit(self) -> str:
        """The unit of the losses of the chart."""
        return BITS_PER_BYTE if self.is_per_byte else NATS_PER_TOKEN

    @property
    def chart_name(self) -> str:
        """The title of the chart."""
        return f"{'Validation' if self.loss == VALIDATION else 'Training'}, {self.loss_unit}"

    @property
    def chart_notes(self) -> list[str]:
        """What has to be known to read the chart, the most important first."""
        notes = [
            f"{run.name} has no {BITS_PER_BYTE}: {run.missing} is not recorded"
            for run in self.runs
            if self.is_per_byte and run.bits_factor is None
        ]
        missing = [
            run.name
            for run in self.runs
            if not len(self._series(run)) and (run.bits_factor or not self.is_per_byte)
        ]
        if missing:
            kind = "validation" if self.loss == VALIDATION else "training"
            notes.append(f"no {kind} loss: {', '.join(missing)}")
        without = [run.name for run in self.runs if len(run.val_loss) and not self._has_x(run)]
        if without:
            notes.append(f"no {self.unit} recorded: {', '.join(without)}")
        if not have_same_text(self.runs):
            notes.append("the texts differ")
        if self.is_per_byte:
            notes.append("per byte, because the tokenizers differ")
        return notes

    def chart(self) -> Chart:
        """The curves of the runs that are not hidden."""
        curves = [
            Curve(
                mark.short,
                *points,
                colour=mark.colour,
                marker=mark.sign,
                is_noisy=self.loss == TRAIN,
                has_cloud=False,
                has_best=False,
            )
            for number, (run, mark) in enumerate(zip(self.runs, self.marks, strict=False))
            if number not in self.hidden and len((points := self.points(run))[0])
        ]
        return Chart(
            curves=tuple(curves),
            baselines=tuple(self._common_baselines()),
            unit=self.unit,
            steps_per_unit=1.0 if self.unit == STEPS else None,
        )

    def _series(self, run: ComparedRun) -> Series:
        return run.val_loss if self.loss == VALIDATION else run.train_loss

    def _has_x(self, run: ComparedRun) -> bool:
        if self.unit == TOKENS:
            return run.tokens_per_step is not None
        return self.unit == STEPS or len(run.elapsed) > 0

    def points(self, run: ComparedRun) -> tuple[FloatArray, FloatArray]:
        """The curve of a run, (N,) each; empty if what its axes need is not recorded."""
        factor = run.bits_factor if self.is_per_byte else 1.0
        if factor is None or not self._has_x(run):
            return np.empty(0), np.empty(0)
        return self.curve(run, self.loss, factor)

    def curve(self, run: ComparedRun, loss: str, factor: float) -> tuple[FloatArray, FloatArray]:
        """One of the losses of a run along the x axis, (N,) each."""
        series = run.val_loss if loss == VALIDATION else run.train_loss
        steps = np.asarray(series.steps, float)
        values = np.asarray(series.values, float) * factor
        if self.unit == TOKENS:
            return steps * (run.tokens_per_step or 0.0), values
        if self.unit == SECONDS and len(run.elapsed):
            times = np.maximum.accumulate(np.asarray(run.elapsed.values, float))
            return np.interp(steps, np.asarray(run.elapsed.steps, float), times), values
        return steps, values

    def _common_baselines(self) -> list[tuple[str, float]]:
        """The baselines that are the same for all runs, highest first."""
        if not self.runs or self.is_per_byte or not have_same_text(self.runs):
            return []
        values = [
            (name, [run.baselines.get(key, np.nan) for run in self.runs]) for key, name in BASELINES
        ]
        return [
            (name, losses[0])
            for name, losses in values
            if all(abs(loss - losses[0]) < SAME_BASELINE for loss in losses)  # false with NaN
        ]

    def next_unit(self) -> str:
        """Change the x axis to the next unit, and return it."""
        units = list(UNITS.values())
        self.unit = units[(units.index(self.unit) + 1) % len(units)]
        return self.unit

    def toggle_loss(self) -> str:
        """Change from validation to training loss or back, and return it."""
        self.loss = TRAIN if self.loss == VALIDATION else VALIDATION
        return self.loss

    def toggle_hidden(self) -> bool:
        """Hide the curve of the selected run, or show it; return whether it is hidden."""
        self.hidden ^= {self.selected}
        return self.selected in self.hidden

    @property
    def default_prompt(self) -> str:
        """The sample prompt of the first run that has one."""
        return next((run.sample_prompt for run in self.runs if run.sample_prompt), "")


def short_names(names: Sequence[str]) -> list[str]:
    """The names without the beginning that they share with the first: tales, wide, deep."""
    first = names[0] if names else ""
    short = [first, *(_without(name, first) for name in names[1:])]
    different = min((find_first_difference(short[0], name) or 0 for name in short[1:]), default=0)
    cut = max(first[:different].rfind(separator) for separator in SEPARATORS) + 1
    return [name[cut:] for name in short]


def _without(name: str, first: str) -> str:
    """A name without the first one and a separator at its beginning, if something is left."""
    rest = name.removeprefix(first)
    return rest[1:] if len(rest) > 1 and rest != name and rest[0] in SEPARATORS else name


def curves_to_json(comparison: Comparison, run: ComparedRun) -> JsonObject:
    """The curves of a run, at most 500 points each, in nats per token."""
    result: JsonObject = {}
    for loss in (TRAIN, VALIDATION):
        xs, ys = comparison.curve(run, loss, 1.0)
        every = max(1, -(-len(xs) // MAX_CURVE_POINTS))
        keep = sorted({*range(0, len(xs), every), *([len(xs) - 1] if len(xs) else [])})
        while len(keep) > MAX_CURVE_POINTS:
            keep.pop(-2)
        rows = [(float(xs[n]), float(ys[n])) for n in keep if np.isfinite(ys[n])]
        result[loss] = {"x": [x for x, _ in rows], "loss": [y for _, y in rows]}
    return result

"""A run while it learns, as the Train screen shows it: lines, chart, epochs, samples.

Shows what it is given; what says the same as before is not touched.

The last lines of something longer: as many as there is height, each cut to the width.

What the model made of the prompt at each snapshot: a line a step, the untrained one first.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from core.errors import MiniGPTError
from core.run.history import History, SampleRow
from tui.common.sanitize import clean, one_line
from tui.plot.sparkline import sparkline
from tui.runs import facts as train_facts
from tui.runs.facts import verdict
from tui.runs.machine_use import Use
from tui.runs.trainer_log import read_log_lines
from tui.widgets.epoch_log import EpochLog
from tui.widgets.loss_plot import LossPlot


class LastLines(Widget):
    """Lines that are safe to show; the newest are always in sight."""

    DEFAULT_CSS = "LastLines { height: 1fr; color: $text-muted; }"

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []

    def show(self, lines: Sequence[str]) -> None:
        """Shows these; draws only if they are others."""
        if self._lines != list(lines):
            self._lines = list(lines)
            self.refresh()

    def render(self) -> Content:
        """As many lines as there is height."""
        width, height = self.size
        last = self._lines[max(0, len(self._lines) - height) :]
        return Content("\n").join(Content(line).truncate(width, ellipsis=True) for line in last)


STRIP_LABEL = "dim"
MOST_CHARACTERS = 1000  # of a line; no terminal is wider


class SampleStrip(Widget):
    """Samples by step, `prompt|text`, aligned; where there is no room the middle ones go."""

    DEFAULT_CSS = "SampleStrip { height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._samples: list[SampleRow] = []

    def show(self, samples: Sequence[SampleRow]) -> None:
        """Shows these; draws only if they are others."""
        if self._samples != list(samples):
            self._samples = list(samples)
            self.refresh()

    def render(self) -> Content:
        """As many lines as there is height."""
        return sample_lines(self._samples, self.size.width, self.size.height)


def sample_lines(samples: Sequence[SampleRow], width: int, height: int) -> Content:
    """The first sample and as many of the last as fit, each cut to one line of `width` cells."""
    shown = list(samples)
    if len(shown) > height:
        shown = [*shown[:1], *shown[len(shown) - height + 1 :]] if height > 1 else shown[-1:]
    steps = _right([f"{sample.step:,}" for sample in shown])
    copied = _right([_share(sample.copied) for sample in shown])
    lines = [
        _line(f"{step}  {share}" if share else step, sample).truncate(width, ellipsis=True)
        for step, share, sample in zip(steps, copied, shown, strict=True)
    ]
    return Content("\n").join(lines)


def _right(cells: list[str]) -> list[str]:
    width = max(map(len, cells), default=0)
    return [cell.rjust(width) for cell in cells]


def _share(copied: float | None) -> str:
    return "" if copied is None else f"{copied:.0%} copied"


def _line(step: str, sample: SampleRow) -> Content:
    prompt, text = (one_line(part[:MOST_CHARACTERS]) for part in (sample.prompt, sample.text))
    return Content.assemble((f"{step}  ", STRIP_LABEL), (prompt, "bold"), ("|", STRIP_LABEL), text)


SPARKLINE = 12
SPARKLINE_POINTS = 48
LOG_LINES = 50
CHART_SECONDS = 1.0
CALM_CHART_SECONDS = 3.0
ASIDE_ROOM = 70  # cells below which there is only the sentence itself
LABEL = train_facts.LABEL


@dataclass(frozen=True)
class TrainPicture:
    """What there is to show.

    Attributes:
        history, word: the run and its status.
        use: what its trainer takes of this machine, where known.
        problem: why its files cannot be read; None if they can.
    """

    history: History
    word: str
    use: Use | None
    problem: MiniGPTError | None


class TrainView(Vertical):
    """Everything between the title and the footer.

    Args:
        charset: what bars and curves may be drawn with.
        log: the trainer's log, whose end is shown where it failed.
        calm: whether the chart is to be drawn rarely, as over a slow line.
    """

    def __init__(self, charset: str, log: Path, *, calm: bool = False) -> None:
        super().__init__()
        self._charset, self._log = charset, log
        self._shown: dict[str, Content] = {}
        self._chart_seconds = CALM_CHART_SECONDS if calm else CHART_SECONDS
        self._charted: tuple[object, ...] = ()
        self._chart_at = 0.0
        self._waiting: Timer | None = None
        self._logged: tuple[object, ...] = ()
        self._ending: tuple[str, str] | None = None
        self.by_epoch = False

    def compose(self) -> ComposeResult:
        """Lines on top; below the chart, or beside it, epochs and samples."""
        yield Static(id="progress")
        yield Static(id="facts")
        with Horizontal(id="verdict"):
            yield Static(id="spark")
            yield Static(id="said")
        with Container(id="middle"):
            yield LossPlot(self._charset)
            with Vertical(id="side"):
                yield EpochLog()
                yield SampleStrip()
                yield Static(id="trouble")
                yield LastLines()

    def show_reading(self, share: float) -> None:
        """Shows how much of a long past has been read; the rest comes at its end."""
        self._put("progress", train_facts.reading_line(share, self._room, self._charset))

    def show(self, seen: TrainPicture) -> None:
        """Shows a run."""
        history, word = seen.history, seen.word
        bar = train_facts.progress_line(history, word, self._room, self._charset)
        self._put("progress", bar)
        facts = train_facts.facts(history, word, seen.use, self._charset)
        self._put("facts", train_facts.facts_line(facts, self._room))
        self._judge(history, word)
        self._chart(history)
        self._log_epochs(history)
        self.query_one(SampleStrip).show(history.samples)
        self._tell(train_facts.ending(history, word, seen.problem))

    @property
    def _room(self) -> int:
        return max(10, self.query_one("#progress").content_size.width)

    def _put(self, id: str, content: Content, *, layout: bool = False) -> None:
        """Updates a line, if it says something else."""
        before = self._shown.get(id)
        if before is None or not before.is_same(content):
            self._shown[id] = content
            self.query_one(f"#{id}", Static).update(content, layout=layout)

    def _judge(self, history: History, word: str) -> None:
        """The sparkline, and the sentence beside it."""
        losses = history.train_loss.values
        spread = losses[:: max(1, len(losses) // SPARKLINE_POINTS)] + losses[-1:]
        spark = sparkline(spread, SPARKLINE, self._charset)
        self._put("spark", Content.styled(spark, "$primary"))
        found = verdict(history, word)
        style = "bold $error" if found.alarm else ""
        aside = f" {found.aside}" if found.aside and self._room >= ASIDE_ROOM else ""
        said = Content.assemble((clean(found.text), style), (clean(aside), LABEL))
        self._put("said", said, layout=True)

    def _chart(self, history: History) -> None:
        """The chart, if there is another point, mark or axis; points alone may wait a moment."""
        if self._waiting is not None:
            self._waiting.stop()
            self._waiting = None
        train, val = history.train_loss, history.val_loss
        shape = (history.started_at, len(history.changes), len(val), self.by_epoch)
        points = (len(train), train.steps[-1:], train.last, val.last)
        if (shape, points) == self._charted:
            return
        # All of a chart is sent to the terminal when its axis grows: that is rarely worth it.
        wait = self._chart_at - time.monotonic()
        if wait > 0 and self._charted and self._charted[0] == shape:
            self._waiting = self.set_timer(wait, partial(self._chart, history))
            return
        self._charted = (shape, points)
        self._chart_at = time.monotonic() + self._chart_seconds
        self._draw(history)

    def _draw(self, history: History) -> None:
        per = (history.steps_per_epoch if self.by_epoch else None) or 1.0
        curves = [
            (name, _along(series.steps, per), series.values)
            for name, series in (("train", history.train_loss), ("validation", history.val_loss))
        ]
        self.query_one(LossPlot).show(
            curves=curves,
            references=train_facts.references(history),
            marks=[(step / per, label) for step, label in train_facts.rate_marks(history)],
            axis="epochs" if self.by_epoch else "steps",
            about=train_facts.reference_text(history),
        )

    def _log_epochs(self, history: History) -> None:
        """The rows, if there is another one."""
        rows = history.epochs
        key = (history.started_at, len(rows), rows[-1:])
        if key != self._logged:
            self._logged = key
            self.query_one(EpochLog).show(rows)

    def toggle_scale(self) -> None:
        """Logarithmic losses, or plain ones."""
        plot = self.query_one(LossPlot)
        plot.log_scale = not plot.log_scale

    def _tell(self, ending: tuple[str, str] | None) -> None:
        """What went wrong, what to do, and the end of the log, in place of the samples."""
        if ending == self._ending:
            return
        self._ending = ending
        self.set_class(ending is not None, "-ended")
        if ending is not None:
            message, hint = (clean(part) for part in ending)
            said = Content.assemble((message, "bold $error"), f"\n{hint}" if hint else "")
            self._put("trouble", said, layout=True)
            self.query_one(LastLines).show(self._log_lines())

    def _log_lines(self) -> list[str]:
        try:
            return read_log_lines(self._log, LOG_LINES)
        except OSError as error:
            return [f"{clean(str(self._log))} cannot be read: {error.strerror}."]


def _along(steps: list[int], per: float) -> Sequence[float]:
    """Where points stand on the axis; as they are where it counts steps."""
    return steps if per == 1.0 else [step / per for step in steps]

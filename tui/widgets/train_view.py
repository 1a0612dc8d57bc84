"""The view of a run on the Train screen: lines, chart, epochs, samples and the end of the log.

Widgets redraw only what has changed.
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

from core.errors import DamagedError, MiniGPTError
from core.run.history import History, SampleRow
from tui.common.sanitize import clean, one_line
from tui.plot.sparkline import sparkline
from tui.runs import facts
from tui.runs.curves import run_chart
from tui.runs.facts import LABEL
from tui.runs.machine_usage import MachineUsage
from tui.runs.trainer_log import read_log_lines
from tui.runs.verdict import judge_run
from tui.widgets.chart_panel import ChartPanel
from tui.widgets.epoch_log import EpochLog
from tui.widgets.loss_plot import LossPlot

SPARKLINE_WIDTH = 12
SPARKLINE_POINTS = 48
LOG_LINES = 50
CHART_SECONDS = 1.0  # between two drawings of the chart
REMOTE_CHART_SECONDS = 3.0
MIN_CAVEAT_WIDTH = 70  # narrower screens show only the verdict's first sentence
MAX_LINE_CHARACTERS = 1000  # of a sample; no terminal is wider


class LogTail(Widget):
    """The newest of some sanitized lines, as many as fit, each cut to the width."""

    DEFAULT_CSS = "LogTail { height: 1fr; color: $text-muted; }"

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []

    def show(self, lines: Sequence[str]) -> None:
        if self._lines != list(lines):
            self._lines = list(lines)
            self.refresh()

    def render(self) -> Content:
        width, height = self.size
        last = self._lines[max(0, len(self._lines) - height) :]
        return Content("\n").join(Content(line).truncate(width, ellipsis=True) for line in last)


class SampleStrip(Widget):
    """Samples by step as aligned `prompt|text` lines: the first and as many of the last as fit."""

    DEFAULT_CSS = "SampleStrip { height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._samples: list[SampleRow] = []

    def show(self, samples: Sequence[SampleRow]) -> None:
        if self._samples != list(samples):
            self._samples = list(samples)
            self.refresh()

    def render(self) -> Content:
        return sample_lines(self._samples, self.size.width, self.size.height)


def sample_lines(samples: Sequence[SampleRow], width: int, height: int) -> Content:
    """The first sample and as many of the last as fit, each cut to `width` cells."""
    shown = list(samples)
    if len(shown) > height:
        shown = [*shown[:1], *shown[len(shown) - height + 1 :]] if height > 1 else shown[-1:]
    steps = _right_align([f"{sample.step:,}" for sample in shown])
    copied = _right_align([_copied_text(sample.copied) for sample in shown])
    lines = [
        _sample_line(f"{step}  {share}" if share else step, sample).truncate(width, ellipsis=True)
        for step, share, sample in zip(steps, copied, shown, strict=True)
    ]
    return Content("\n").join(lines)


def _right_align(cells: list[str]) -> list[str]:
    width = max(map(len, cells), default=0)
    return [cell.rjust(width) for cell in cells]


def _copied_text(copied: float | None) -> str:
    """The share measured at that step: of a few other replies, not of the sample shown."""
    return "" if copied is None else f"other replies {copied:>4.0%} copied"


def _sample_line(step: str, sample: SampleRow) -> Content:
    prompt, text = (one_line(part[:MAX_LINE_CHARACTERS]) for part in (sample.prompt, sample.text))
    return Content.assemble((f"{step}  ", LABEL), (prompt, "bold"), ("|", LABEL), text)


@dataclass(frozen=True)
class RunView:
    """What there is to show of a run.

    Attributes:
        usage: of this machine by its trainer, if known.
        problem: why its files cannot be read, or None.
    """

    history: History
    status: str
    usage: MachineUsage | None
    problem: MiniGPTError | None


class TrainView(Vertical):
    """Everything between the title and the footer.

    Args:
        charset: "braille", "block" or "ascii".
        log: the trainer's log, whose end is shown after a failure.
        chart_seconds: between two drawings of the chart.
    """

    def __init__(self, charset: str, log: Path, *, chart_seconds: float = CHART_SECONDS) -> None:
        super().__init__()
        self._charset, self._log = charset, log
        self._contents: dict[str, Content] = {}
        self._chart_seconds = chart_seconds
        self._chart_key: tuple[tuple[object, ...], ...] = ()
        self._next_chart_at = 0.0
        self._chart_timer: Timer | None = None
        self._epochs_key: tuple[object, ...] = ()
        self._failure: tuple[str, str] | None = None
        self.by_epoch = False

    def compose(self) -> ComposeResult:
        yield Static(id="progress")
        yield Static(id="facts")
        with Horizontal(id="verdict"):
            yield Static(id="spark")
            yield Static(id="sentence")
        with Container(id="middle"):
            yield ChartPanel(self._charset)
            with Vertical(id="side"):
                yield EpochLog()
                yield SampleStrip()
                yield Static(id="failure")
                yield LogTail()

    def show_log_progress(self, share: float) -> None:
        """Show how much of a long event log has been read."""
        self._put("progress", facts.log_progress_line(share, self._width, self._charset))

    def show(self, view: RunView) -> None:
        history, status = view.history, view.status
        progress = facts.progress_line(history, status, self._width, self._charset)
        self._put("progress", progress)
        listed = facts.list_facts(history, status, view.usage, self._charset)
        self._put("facts", facts.facts_line(listed, self._width))
        self._show_verdict(history, status)
        self._show_chart(history)
        self._show_epochs(history)
        self.query_one(SampleStrip).show(history.samples)
        self._show_failure(facts.describe_failure(history, status, view.problem))

    @property
    def _width(self) -> int:
        return max(10, self.query_one("#progress").content_size.width)

    def _put(self, id: str, content: Content, *, layout: bool = False) -> None:
        """Update a line if its content has changed."""
        previous = self._contents.get(id)
        if previous is None or not previous.is_same(content):
            self._contents[id] = content
            self.query_one(f"#{id}", Static).update(content, layout=layout)

    def _show_verdict(self, history: History, status: str) -> None:
        """Show the sparkline and the sentence beside it."""
        losses = history.train_loss.values
        spread = losses[:: max(1, len(losses) // SPARKLINE_POINTS)] + losses[-1:]
        spark = sparkline(spread, SPARKLINE_WIDTH, self._charset)
        self._put("spark", Content.styled(spark, "$primary"))
        verdict = judge_run(history, status)
        style = "bold $error" if verdict.is_alarming else ""
        has_space = self._width >= MIN_CAVEAT_WIDTH
        caveat = f" {verdict.caveat}" if verdict.caveat and has_space else ""
        sentence = Content.assemble((clean(verdict.text), style), (clean(caveat), LABEL))
        self._put("sentence", sentence, layout=True)

    def _show_chart(self, history: History) -> None:
        """Draw the chart if it has changed; new points alone may be delayed a little."""
        if self._chart_timer is not None:
            self._chart_timer.stop()
            self._chart_timer = None
        train, val = history.train_loss, history.val_loss
        shape = (history.started_at, len(history.changes), len(val), self.by_epoch)
        points = (len(train), train.steps[-1:], train.last, val.last)
        if (shape, points) == self._chart_key:
            return
        # When the axis grows the whole chart is sent to the terminal, so that is done rarely.
        wait = self._next_chart_at - time.monotonic()
        if wait > 0 and self._chart_key and self._chart_key[0] == shape:
            self._chart_timer = self.set_timer(wait, partial(self._show_chart, history))
            return
        self._chart_key = (shape, points)
        self._next_chart_at = time.monotonic() + self._chart_seconds
        self._draw_chart(history)

    def _draw_chart(self, history: History) -> None:
        self.query_one(LossPlot).show(run_chart(history, by_epoch=self.by_epoch))

    def _show_epochs(self, history: History) -> None:
        rows = history.epochs
        key = (history.started_at, len(rows), rows[-1:])
        if key != self._epochs_key:
            self._epochs_key = key
            self.query_one(EpochLog).show(rows)

    def toggle_scale(self) -> None:
        """Switch to the next combination of linear and logarithmic axes."""
        self.query_one(LossPlot).cycle_scale()

    def _show_failure(self, failure: tuple[str, str] | None) -> None:
        """Show what went wrong, what to do, and the end of the log in place of the samples."""
        if failure == self._failure:
            return
        self._failure = failure
        self.set_class(failure is not None, "-failed")
        if failure is not None:
            message, hint = (clean(part) for part in failure)
            text = Content.assemble((message, "bold $error"), f"\n{hint}" if hint else "")
            self._put("failure", text, layout=True)
            self.query_one(LogTail).show(self._log_lines())

    def _log_lines(self) -> list[str]:
        try:
            return read_log_lines(self._log, LOG_LINES)
        except DamagedError as error:
            return [clean(error.message)]

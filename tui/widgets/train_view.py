"""The view of a run on the Train screen: figures, chart, epochs, samples, verdict and machine.

Widgets redraw only what has changed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence, Sized
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.geometry import Region
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from core.errors import DamagedError, MiniGPTError
from core.run.history import History
from core.run.status import LIVE_STATUSES
from tui.common.sanitize import clean
from tui.common.terminal import WIDE_COLUMNS
from tui.runs.curves import run_chart
from tui.runs.facts import describe_failure
from tui.runs.machine_usage import MachineUsage
from tui.runs.sample_text import newest_prompt
from tui.runs.tiles import figures_line, list_tiles, log_progress, machine_line, machine_lines
from tui.runs.trainer_log import read_log_lines
from tui.runs.verdict import judge_run, verdict_content
from tui.widgets.chart_panel import ChartPanel
from tui.widgets.epoch_log import EpochLog, epoch_table
from tui.widgets.panel import Panel
from tui.widgets.sample_list import SampleList
from tui.widgets.train_layout import TILES, arrange

LOG_LINES = 50
CHART_SECONDS = 1.0  # between two drawings of the chart; half of it between those of the figures
REMOTE_CHART_SECONDS = 3.0
TILE_TITLES = {"train": "Train loss", "validation": "Validation", "step": "Step", "speed": "Speed"}
MULTILINE_TEXTS = ("failure-text", "sentence")  # their height changes with their content
COPIED_HINT = "copied: replies found in the text"
BORDER_CELLS = 4  # of a panel with a border, in its width


class LogTail(Widget):
    """The newest of some sanitized lines, as many as fit, each cut to the width."""

    DEFAULT_CSS = "LogTail { height: 1fr; color: $muted; }"

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


@dataclass(frozen=True)
class RunView:
    """What there is to show of a run.

    Attributes:
        usage: of this machine by its trainer, if known.
        problem: why its files cannot be read, or None.
        corpus_bytes: size of its text, if known.
    """

    history: History
    status: str
    usage: MachineUsage | None
    problem: MiniGPTError | None
    corpus_bytes: int | None = None


class TrainView(Container):
    """Everything between the first row and the keys.

    Args:
        charset: "braille", "block" or "ascii".
        log: the trainer's log, whose end is shown after a failure.
        chart_seconds: between two drawings of the chart.

    Attributes:
        by_epoch: epochs instead of steps on the x axis.
    """

    def __init__(self, charset: str, log: Path, *, chart_seconds: float = CHART_SECONDS) -> None:
        super().__init__()
        self._charset, self._log = charset, log
        self._contents: dict[str, Content] = {}
        self._chart_seconds = chart_seconds
        self._chart_key: tuple[tuple[object, ...], ...] = ()
        self._next_chart_at = 0.0
        self._chart_timer: Timer | None = None
        self._shape: tuple[object, ...] = ()
        self._next_at = 0.0
        self._timer: Timer | None = None
        self._failure: tuple[str, str] | None = None
        self._places: dict[str, Region] = {}
        self.by_epoch = False

    def compose(self) -> ComposeResult:
        yield Static(id="line", classes="part")
        for name in TILES:
            yield Panel(Static(id=f"{name}-tile"), title=TILE_TITLES[name], id=name, classes="part")
        yield ChartPanel(self._charset, id="chart", classes="part")
        yield Panel(EpochLog(), title="Epochs", hint=COPIED_HINT, id="epochs", classes="part")
        yield Panel(SampleList(), title="Same prompt, as it learns", id="samples", classes="part")
        yield Panel(
            *(Static(id="failure-text"), LogTail()),
            title="What went wrong",
            id="failure",
            classes="part",
        )
        yield Panel(Static(id="machine-bars"), title="Machine", id="machine", classes="part")
        yield Panel(Static(id="sentence"), title="Reading the curve", id="verdict", classes="part")

    def on_resize(self) -> None:
        """Place the parts before they are filled."""
        if not self._places:
            self._arrange(0)

    def _arrange(self, epochs: int, *, is_live: bool = False) -> None:
        width, height = self.size
        if not width or not height:
            return
        has_failed = self._failure is not None
        places = arrange(width, height, has_failed=has_failed, is_live=is_live, epochs=epochs)
        if places == self._places:
            return
        self._places = places
        for part in self.query(".part"):
            region = places.get(part.id or "")
            part.display = region is not None
            if region is not None:
                part.styles.offset = region.offset
                part.styles.width, part.styles.height = region.size
        self._contents.clear()

    @property
    def _is_wide(self) -> bool:
        """Whether the arrangement of the last layout has panels side by side."""
        return self.size.width >= WIDE_COLUMNS

    def show_log_progress(self, share: float) -> None:
        """Show how much of a long event log has been read."""
        name = "step-tile" if self._is_wide else "line"
        self._put(name, log_progress(share, self._charset))

    def show(self, view: RunView) -> None:
        """Show the run; new steps alone at most twice a second, as fast as one can read."""
        history, status = view.history, view.status
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        rows: tuple[Sized, ...] = (history.epochs, history.samples, history.saves, history.changes)
        shape = (status, history.started_at, self.size, self.by_epoch, view.usage, *map(len, rows))
        wait = self._next_at - time.monotonic()
        if wait > 0 and shape == self._shape and view.problem is None:
            self._timer = self.set_timer(wait, partial(self.show, view))
            return
        self._shape, self._next_at = shape, time.monotonic() + self._chart_seconds / 2
        self._show_failure(describe_failure(history, status, view.problem))
        self._arrange(len(history.epochs), is_live=status in LIVE_STATUSES)
        self._show_figures(view)
        self._show_machine(view)
        verdict = judge_run(history, status)
        self._put("sentence", verdict_content(verdict))
        self._show_chart(history)
        self.query_one(EpochLog).show(epoch_table(history, status))
        if history.task_items:
            hint = f"right: of {history.task_items:,} items · copied: in the text"
            self.query_one("#epochs", Panel).set_hint(hint)
        self._show_samples(history)

    def _show_figures(self, view: RunView) -> None:
        history, status = view.history, view.status
        if not self._is_wide:
            line = figures_line(history, status, self.size.width - 2, self._charset)
            self._put("line", line)
            return
        width = self._places[TILES[0]].width - BORDER_CELLS
        tiles = list_tiles(history, status, view.corpus_bytes, width, self._charset)
        for name, tile in zip(TILES, tiles, strict=True):
            self._put(f"{name}-tile", tile.content)

    def _show_machine(self, view: RunView) -> None:
        if "machine" not in self._places:
            return
        width = self._places["machine"].width
        facts = (view.history, view.status, view.usage)
        now = time.time()
        if self._is_wide:
            content = machine_lines(*facts, width - BORDER_CELLS, self._charset, now)
        else:
            content = machine_line(*facts, width - 2, self._charset, now)
        self._put("machine-bars", content)

    def _show_samples(self, history: History) -> None:
        samples = history.samples
        title = "Same prompt, as it learns"
        if not self._is_wide and samples:
            prompt = newest_prompt(samples)
            samples = [sample for sample in samples if sample.prompt == samples[-1].prompt]
            title = f"“{prompt}”"
        self.query_one("#samples", Panel).set_title(title)
        self.query_one(SampleList).show(samples, is_compact=not self._is_wide)

    def _put(self, id: str, content: Content) -> None:
        """Update a text if it has changed."""
        previous = self._contents.get(id)
        if previous is None or not previous.is_same(content):
            self._contents[id] = content
            self.query_one(f"#{id}", Static).update(content, layout=id in MULTILINE_TEXTS)

    def _show_chart(self, history: History) -> None:
        """Draw the chart if it has changed; new points alone may be delayed a little."""
        if self._chart_timer is not None:
            self._chart_timer.stop()
            self._chart_timer = None
        train, val, right = history.train_loss, history.val_loss, history.task_accuracy
        shape = (history.started_at, len(history.changes), self.by_epoch)
        points = (len(train), train.steps[-1:], train.last, len(val), val.last, right.last)
        if (shape, points) == self._chart_key:
            return
        # When the axis grows the whole chart is sent to the terminal, so that is done rarely.
        wait = self._next_chart_at - time.monotonic()
        if wait > 0 and self._chart_key and self._chart_key[0] == shape:
            self._chart_timer = self.set_timer(wait, partial(self._show_chart, history))
            return
        self._chart_key = (shape, points)
        self._next_chart_at = time.monotonic() + self._chart_seconds
        chart = run_chart(history, by_epoch=self.by_epoch)
        self.query_one(ChartPanel).plot.show(chart)

    def toggle_scale(self) -> None:
        """Switch to the next combination of linear and logarithmic axes."""
        self.query_one(ChartPanel).plot.cycle_scale()

    def _show_failure(self, failure: tuple[str, str] | None) -> None:
        """Show what went wrong, what to do, and the end of the log in place of the samples."""
        if failure == self._failure:
            return
        self._failure = failure
        if failure is not None:
            message, hint = (clean(part) for part in failure)
            text = Content.assemble((message, "bold $error"), f"\n{hint}" if hint else "")
            self._put("failure-text", text)
            self.query_one(LogTail).show(self._log_lines())

    def _log_lines(self) -> list[str]:
        try:
            return read_log_lines(self._log, LOG_LINES)
        except DamagedError as error:
            return [clean(error.message)]

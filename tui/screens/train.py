"""The Train screen: progress of a run, the meaning of its losses, and keys to control it."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Resize
from textual.timer import Timer

from core.errors import InputError, MiniGPTError
from core.run import control_file
from core.run.directory import Run
from core.run.events import FINISHED
from core.run.follow import RunFollower
from core.run.history import History
from core.run.record import read_record
from core.run.status import LIVE_STATUSES, PAUSED, RESUMABLE_STATUSES, RUNNING
from core.run.store import send_request
from core.run.weights_ref import LAST
from core.system.files import JsonObject
from tui.common.messages import OpenBlank, OpenChat, OpenInside, OpenStep, OpenTest
from tui.common.sanitize import one_line
from tui.runs.accuracy import explain_no_task
from tui.runs.follow import POLL_SECONDS, REMOTE_POLL_SECONDS, FollowTimer
from tui.runs.library_text import stop_question
from tui.runs.machine_usage import MachineUsage, UsageMonitor
from tui.runs.pending import LEARNING_RATE, STOP, PendingCommand, PendingCommands
from tui.runs.run_actions import GENERATING, NOT_A_DECODER, is_encoder
from tui.runs.setup import resume_run
from tui.runs.train_state import train_state
from tui.screens.base import BaseScreen
from tui.screens.dialogs import ConfirmDialog, LineDialog
from tui.screens.log import LogScreen
from tui.widgets.epoch_log import EpochLog
from tui.widgets.row_list import RowList
from tui.widgets.train_view import CHART_SECONDS, REMOTE_CHART_SECONDS, RunView, TrainView

USAGE_SECONDS = 2.0
REMOTE_USAGE_SECONDS = 10.0
NOTE_SECONDS = 10.0  # for which the outcome of a request takes the place of the time left
TRAINING_STATUSES = (RUNNING, PAUSED)
ENDED_STATUSES = (FINISHED, *RESUMABLE_STATUSES)
HOW_TO_LEAVE = "Esc: back (training continues)"


class TrainScreen(BaseScreen):
    """A run during training, or after it.

    Args:
        name: of the run; if there is no such run, a message says so.
        started: the run has just been created: tell the user that leaving does not stop it.
    """

    HEADING = "Train"
    PANEL_KEYS = ("left", "z", "tab")
    AUTO_FOCUS = "LossPlot"
    HELP = (
        "The loss measures how wrong the model's predictions are, in nats per token: lower is "
        "better. The baselines are what uniform guessing, token frequencies (unigram) and the "
        "previous token (bigram) achieve. For pairs and conversations the accuracy is the share of "
        "at most 200 validation items whose reply is right; the best weights are those with most. "
        "An encoder restores masked tokens: its accuracy is the share it gets right, and its "
        "baseline counts which tokens stood between both neighbours (two-sided trigram)."
    )
    CSS_PATH = "../styles/train.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "chat", "Chat", tooltip="Chat with the newest weights"),
        Binding("t", "blank", "Blank", tooltip="Fill in blanks of a text with an encoder"),
        Binding("x", "step", "Step", tooltip="Choose a text token by token"),
        Binding("i", "inside", "Inside", tooltip="Look inside the model"),
        Binding("T", "test", "Test", tooltip="Test how often its replies are right"),
        Binding("p", "pause", "Pause", tooltip="Pause"),
        Binding("p", "continue", "Continue", tooltip="Continue after a pause"),
        Binding("r", "resume", "Resume", tooltip="Resume from the last checkpoint"),
        Binding("s", "stop", "Stop", tooltip="Save and stop; the run can be resumed"),
        Binding("e", "more", "More epochs", tooltip="Train more epochs than planned"),
        Binding("l", "scale", "Log scale", tooltip="Linear axes, log loss, or both"),
        Binding("tab", "app.focus_next", "Panel", key_display="Tab", tooltip="Next panel"),
        Binding("w", "save", "Save", show=False, tooltip="Save a checkpoint now"),
        Binding(
            "minus",
            "rate(0.5)",
            "Half rate",
            show=False,
            tooltip="Halve the learning rate",
            id="halve_rate",
        ),
        Binding(
            "plus",
            "rate(2.0)",
            "Double rate",
            show=False,
            tooltip="Double the learning rate",
            id="double_rate",
        ),
        Binding("u", "axis", "Unit", show=False, tooltip="Steps or epochs on the horizontal axis"),
        Binding("o", "open_log", "Output", show=False, tooltip="Open the trainer's log"),
        Binding("escape", "back", "Back", tooltip="Go back; training continues"),
    ]
    announced_runs: ClassVar[set[str]] = set()  # for which a notice said that training continues

    def __init__(self, name: str, started: bool = False) -> None:
        super().__init__()
        self._run_name = name
        self._commands = PendingCommands(HOW_TO_LEAVE if started else "")
        self._title = Content("")
        self._note = ""
        self._note_timer: Timer | None = None
        self._corpus_bytes: int | None = None
        self._reading: str | None = None
        self._is_encoder = False
        self._binding_state: tuple[object, ...] = ()
        self._usage: MachineUsage | None = None
        self._monitor: tuple[object, UsageMonitor] | None = None

    def body(self) -> ComposeResult:
        self._run = Run(self.services.home.runs / self._run_name)
        self.follower = RunFollower(self._run)
        terminal = self.services.terminal
        seconds = terminal.interval(CHART_SECONDS, REMOTE_CHART_SECONDS)
        yield TrainView(terminal.charset, self._run.log, chart_seconds=seconds)

    def on_mount(self) -> None:
        super().on_mount()
        with suppress(MiniGPTError):
            corpus = read_record(self._run)["corpus"]
            self._corpus_bytes, self._reading = corpus["size"], corpus["reading"]
            self._is_encoder = is_encoder(self._run)
        interval = self.services.terminal.interval
        period = interval(POLL_SECONDS, REMOTE_POLL_SECONDS)
        self.follow_timer = FollowTimer(self, self.follower, self._show, period=period)
        seconds = interval(USAGE_SECONDS, REMOTE_USAGE_SECONDS)
        self._usage_timer = self.set_interval(seconds, self._measure_usage, pause=True)

    def on_screen_resume(self) -> None:
        self._usage_timer.resume()
        self.follow_timer.resume()

    def on_screen_suspend(self) -> None:
        """Pause polling while another screen is on top."""
        self._usage_timer.pause()
        self.follow_timer.pause()

    def on_resize(self, _: Resize) -> None:
        """Fit the lines to the new width."""
        self.call_after_refresh(self._show)

    @property
    def _history(self) -> History:
        return self.follower.history

    @property
    def _is_alive(self) -> bool:
        return self.follower.status in LIVE_STATUSES

    def _show(self) -> None:
        """Update what has changed."""
        view, status, history = self.query_one(TrainView), self.follower.status, self._history
        if self.follower.share_read < 1.0:
            view.show_log_progress(self.follower.share_read)
            return
        self._commands.settle(history, is_alive=self._is_alive)
        self._show_state()
        problem = self.follower.problem
        view.show(RunView(history, status, self._usage, problem, self._corpus_bytes))
        stop = self._commands.newest(STOP)
        binding_state = (status, bool(history.saves), history.steps_per_epoch, stop, problem)
        if binding_state != self._binding_state:
            self._binding_state = binding_state
            self.refresh_bindings()

    def _show_state(self) -> None:
        """Show the state, and for a while what became of the last request."""
        note = self._commands.note
        if note == HOW_TO_LEAVE and self.follower.status in ENDED_STATUSES:
            note = ""
        if note != self._note:
            self._note = note
            if self._note_timer is not None:
                self._note_timer.stop()
            self._note_timer = self.set_timer(NOTE_SECONDS, self._clear_note) if note else None
        stop = self._commands.newest(STOP)
        title = train_state(
            self._history,
            self.follower.status,
            note="" if stop else note,
            is_unreadable=self.follower.problem is not None,
            waiting=stop.waiting_text if stop else "",
        )
        if not title.is_same(self._title):
            self._title = title
            self.set_header(self._run_name, state=title)

    def _clear_note(self) -> None:
        """Show the time left again, unless a request still waits."""
        if not self._commands.is_waiting:
            self._commands.note = ""
        self._show_state()

    @work(exclusive=True, exit_on_error=False)
    async def _measure_usage(self) -> None:
        """Measure in a thread, as a GPU driver may be slow."""
        history = self._history
        usage = await asyncio.to_thread(
            self._machine_usage, dict(history.started), history.started_at
        )
        if usage != self._usage:
            self._usage = usage
            self._show()

    def _machine_usage(self, started: JsonObject, started_at: float | None) -> MachineUsage | None:
        if not self._is_alive:
            return None
        key = (started.get("pid"), started_at)
        if self._monitor is None or self._monitor[0] != key:
            self._monitor = (key, UsageMonitor(started, started_at))
        return self._monitor[1].measure()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what the run can do now."""
        if not self.is_mounted:
            return True
        status, history = self.follower.status, self._history
        is_training = status in TRAINING_STATUSES
        possible = {
            "stop": self._is_alive and not self._commands.newest(STOP),
            "pause": status == RUNNING,
            "continue": status == PAUSED,
            "save": is_training,
            "rate": is_training and self._learning_rate is not None,
            "more": bool(history.steps and history.steps_per_epoch)
            and (is_training or status in ENDED_STATUSES),
            **dict.fromkeys(("chat", "step"), self._has_decoder),
            "inside": bool(history.saves),
            "blank": bool(history.saves) and self._is_encoder,
            "test": self._has_decoder and not explain_no_task("", self._reading),
            "resume": status in RESUMABLE_STATUSES,
        }
        return self.follower.problem is None and possible[action] if action in possible else True

    def explain_refusal(self, action: str) -> str | None:
        """Why an action is not possible now."""
        name = action.partition("(")[0]
        if self.check_action(name, ()):
            return None
        problem, status = self.follower.problem, self.follower.status
        if problem is not None:
            return one_line(problem.message)
        if name in (*GENERATING, "blank", "inside"):
            return self._explain_no_model(name)
        if name == "stop" and self._commands.newest(STOP):
            return f"{self._run_name} is being stopped already."
        if name == "more":
            return "More epochs can be trained once the text is prepared."
        if status in LIVE_STATUSES:
            return f"Not possible while {self._run_name} is {status}."
        return f"{self._run_name} is not being trained: {status}."

    def _explain_no_model(self, action: str) -> str:
        """Why the model cannot be used for something."""
        name = self._run_name
        if self._is_encoder and action in GENERATING:
            return NOT_A_DECODER.format(name=name)
        refusal = explain_no_task(name, self._reading) if action == "test" else None
        return refusal or f"{name} has no weights yet; the first save writes them."

    @property
    def _has_decoder(self) -> bool:
        """Whether there are weights of a model that continues texts."""
        return bool(self._history.saves) and not self._is_encoder

    @property
    def _learning_rate(self) -> float | None:
        """The peak learning rate of the schedule, as last requested."""
        pending = self._commands.newest(LEARNING_RATE)
        rate = pending.value if pending else self._history.train.get("learning_rate")
        return rate if isinstance(rate, int | float) and not isinstance(rate, bool) else None

    def _send(self, type: str, command: PendingCommand, **fields: Any) -> None:
        """Send a control request; it takes effect when the trainer answers."""
        try:
            id = send_request(self._run, type, **fields)
        except MiniGPTError as error:
            self.show_error(error)
            return
        self._commands.add(replace(command, id=id))
        self.explain_silence(self._run)
        self._show()

    @work
    async def action_stop(self) -> None:
        """Request a stop, after a question if the last save was long ago."""
        question = stop_question(self._run_name, self._history, time.time())
        if question and not await self.app.push_screen_wait(ConfirmDialog(question, "stop")):
            return
        self._send(control_file.STOP, PendingCommand(STOP, "stopping…", "stopped at"))

    def action_pause(self) -> None:
        self._send(control_file.PAUSE, PendingCommand("pause", "pausing…", "paused at"))

    def action_continue(self) -> None:
        self._send(control_file.CONTINUE, PendingCommand("pause", "continuing…", "continued at"))

    def action_save(self) -> None:
        self._send(control_file.SAVE, PendingCommand("save", "saving…", "saved at"))

    def action_rate(self, factor: float) -> None:
        """Multiply the learning rate."""
        if self._learning_rate is None:
            return
        rate = float(f"{self._learning_rate * factor:.6g}")
        text = f"learning rate {rate:g}"
        command = PendingCommand(LEARNING_RATE, f"{text} requested…", f"{text} from", rate)
        self._send(control_file.CHANGE, command, changes={"learning_rate": rate})

    @work
    async def action_more(self) -> None:
        """Train more epochs: a change of a live run, a resume of one that has ended."""
        more = "more epochs than planned" if self._is_alive else "more epochs"
        line = await self.app.push_screen_wait(
            LineDialog(f"Train how many {more}?", "1", parse_epochs)
        )
        if line is None:
            return
        try:
            epochs = parse_epochs(line)
            if self._is_alive:
                self._extend(epochs)
            else:
                await asyncio.to_thread(resume_run, self.services.home, self._run, epochs=epochs)
        except MiniGPTError as error:
            self.show_error(error)

    def _extend(self, epochs: float) -> None:
        """Request more epochs than planned."""
        steps, per_epoch = self._history.steps, self._history.steps_per_epoch
        if steps and per_epoch:
            total = round(steps / per_epoch + epochs, 4)
            text = f"{total:g} epochs in total"
            command = PendingCommand("epochs", f"{text} requested…", f"{text} from")
            self._send(control_file.CHANGE, command, changes={"epochs": total})

    @work(exit_on_error=False)
    async def action_resume(self) -> None:
        try:
            await asyncio.to_thread(resume_run, self.services.home, self._run)
        except MiniGPTError as error:
            self.show_error(error)

    def action_scale(self) -> None:
        self.query_one(TrainView).toggle_scale()

    def action_axis(self) -> None:
        view = self.query_one(TrainView)
        view.by_epoch = not view.by_epoch
        self._show()

    @property
    def _weights(self) -> str:
        """The newest weights: before the first checkpoint those of a snapshot."""
        if self._run.weights.is_file():
            return LAST
        steps = self._run.snapshot_steps()
        return str(steps[-1]) if steps else LAST

    def action_blank(self) -> None:
        self.post_message(OpenBlank(self._run_name, self._weights))

    def action_chat(self) -> None:
        self.post_message(OpenChat(self._run_name, self._weights))

    def action_step(self) -> None:
        self.post_message(OpenStep(self._run_name, self._weights))

    def action_inside(self) -> None:
        self.post_message(OpenInside(self._run_name, self._weights))

    def action_test(self) -> None:
        self.post_message(OpenTest(self._run_name, self._weights))

    @on(RowList.Opened)
    def _chat_with_epoch(self, event: RowList.Opened) -> None:
        """Chat with the snapshot that was taken last in an epoch."""
        row = event.rows.selected if isinstance(event.rows, EpochLog) else None
        if row is None:
            return
        steps = [step for step in self._run.snapshot_steps() if step <= row.step]
        if steps:
            self.post_message(OpenChat(self._run_name, str(steps[-1])))
        else:
            self.notify(f"No weights of step {row.step:,} or before were kept.", markup=False)

    def action_open_log(self) -> None:
        self.app.push_screen(LogScreen(self._run))

    def action_back(self) -> None:
        """Go back; the first time, show that training continues."""
        if (
            self._is_alive
            and not self.follower.problem
            and self._run_name not in self.announced_runs
        ):
            self.announced_runs.add(self._run_name)
            self.app.notify(f"{self._run_name} continues training.", markup=False)
        super().action_back()


def parse_epochs(line: str) -> float:
    """The number of epochs in a line.

    Raises:
        InputError: it is not a number above 0.
    """
    try:
        epochs = float(line.replace(",", "."))
    except ValueError:
        epochs = math.nan
    if not 0 < epochs < math.inf:
        raise InputError(
            f"{line!r} is not a number of epochs.", "Enter a number above 0, such as 5 or 0.5."
        )
    return epochs

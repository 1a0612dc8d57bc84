"""Watching a run learn: how far it is, what its losses mean, and the keys that steer it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize

from core.errors import InputError, MiniGPTError
from core.run import control_file, status, store
from core.run.directory import Run
from core.run.events import FINISHED
from core.run.follow import RunFollower
from core.run.history import History
from tui.common.messages import OpenTalk
from tui.runs.follow import FollowTimer
from tui.runs.machine_use import MachineUse, Use
from tui.runs.pending import RATE, STOP, PendingCommand, PendingCommands
from tui.runs.setup import resume
from tui.screens.base import BaseScreen
from tui.screens.dialogs import LineDialog
from tui.screens.log import LogScreen
from tui.widgets.train_view import TrainPicture, TrainView

MACHINE_SECONDS = 2.0
CALM_MACHINE_SECONDS = 10.0
TRAINING = (status.RUNNING, status.PAUSED)
STARTED = "Esc leaves, it goes on"
ENDED = (FINISHED, *status.RESUMABLE)


class TrainScreen(BaseScreen):
    """A run that learns, or how it went.

    Args:
        name: of the run; one that is not there (any more) is a message.
        started: whether it has just been made, and nobody knows yet that one may leave.
    """

    HEADING = "Train"
    HELP = (
        "The loss is how wrong the model is, in nats a token: lower is better. The lines to "
        "compare with are what a random guess, counting words, and the token before reach."
    )
    CSS_PATH = "../styles/train.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", tooltip="Go back; the training goes on"),
        Binding("d", "back", "Detach", show=False, tooltip="Go back; the training goes on"),
        Binding("s", "stop", "Stop", tooltip="Save and stop; it can be resumed"),
        Binding("r", "resume", "Resume", tooltip="Go on from the last checkpoint"),
        Binding("p", "pause", "Pause", tooltip="Let it wait, without ending it"),
        Binding("p", "go_on", "Continue", tooltip="Let it go on after a pause"),
        Binding("e", "more", "Epochs", tooltip="Train more epochs than planned"),
        Binding("t", "talk", "Talk", tooltip="Talk to the newest weights"),
        Binding("w", "save", "Save", show=False, tooltip="Save a checkpoint now"),
        Binding("minus", "rate(0.5)", "Half rate", show=False, tooltip="Halve the learning rate"),
        Binding(
            "plus,equals_sign",
            "rate(2.0)",
            "Double rate",
            show=False,
            tooltip="Double the learning rate",
        ),
        Binding("l", "scale", "Log scale", show=False, tooltip="Losses on a logarithmic scale"),
        Binding("x", "axis", "Axis", show=False, tooltip="Steps or epochs along the chart"),
        Binding("o", "open_log", "Log", show=False, tooltip="Read the trainer's log"),
    ]
    _told_of: ClassVar[set[str]] = set()

    def __init__(self, name: str, started: bool = False) -> None:
        super().__init__()
        self._of = name
        self._wishes = PendingCommands(STARTED if started else "")
        self._title = ""
        self._able: tuple[object, ...] = ()
        self._use: Use | None = None
        self._machine: tuple[object, MachineUse] | None = None

    def body(self) -> ComposeResult:
        """All in one widget."""
        self._run = Run(self.services.home.runs / self._of)
        self.follower = RunFollower(self._run)
        look = self.services.terminal
        yield TrainView(look.charset, self._run.log, calm=look.remote)

    def on_mount(self) -> None:
        """Looking begins when the screen is shown."""
        super().on_mount()
        calm = self.services.terminal.remote
        self.follow_timer = FollowTimer(self, self.follower, self._show, calm=calm)
        seconds = CALM_MACHINE_SECONDS if calm else MACHINE_SECONDS
        self._machine_timer = self.set_interval(seconds, self._look_at_machine, pause=True)

    def on_screen_resume(self) -> None:
        """Looks, from now on."""
        self._machine_timer.resume()
        self.follow_timer.resume()

    def on_screen_suspend(self) -> None:
        """Looks no more while another screen is shown."""
        self._machine_timer.pause()
        self.follow_timer.pause()

    def on_resize(self, _: Resize) -> None:
        """Lines are made for a width."""
        self.call_after_refresh(self._show)

    @property
    def _history(self) -> History:
        return self.follower.history

    @property
    def _word(self) -> str:
        return self.follower.status

    @property
    def _alive(self) -> bool:
        return self._word in status.ALIVE

    def _show(self) -> None:
        """Shows what there is now; what says the same is not drawn."""
        view = self.query_one(TrainView)
        if self.follower.share_read < 1.0:
            view.show_reading(self.follower.share_read)
            return
        self._wishes.settle(self._history, alive=self._alive)
        doing, note = self._doing(), self._wishes.note
        if note == STARTED and doing in ENDED:
            note = ""
        title = "   ".join((self._of, doing, "" if note == doing else note)).rstrip()
        if title != self._title:
            self._title = title
            self.set_title(title)
        view.show(TrainPicture(self._history, self._word, self._use, self.follower.problem))
        able = (self._word, bool(self._history.saves), self._history.steps_per_epoch, title)
        if able != self._able:
            self._able = able
            self.refresh_bindings()

    def _doing(self) -> str:
        """The status, or what it is about to become."""
        if self.follower.problem is not None:
            return "cannot be read"
        asked = self._wishes.waiting(STOP)
        return asked.asked if asked else self._word

    @work(exclusive=True, exit_on_error=False)
    async def _look_at_machine(self) -> None:
        """What the trainer takes, looked at in a thread: a driver may take its time."""
        history = self._history
        use = await asyncio.to_thread(self._machine_use, dict(history.started), history.started_at)
        if use != self._use:
            self._use = use
            self._show()

    def _machine_use(self, started: dict[str, Any], began: float | None) -> Use | None:
        if not self._alive:
            return None
        key = (started.get("pid"), began)
        if self._machine is None or self._machine[0] != key:
            self._machine = (key, MachineUse(started, began))
        return self._machine[1].look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers what the run can do now."""
        if not self.is_mounted:
            return True
        training, history = self._word in TRAINING, self._history
        able = {
            "stop": self._alive and not self._wishes.waiting(STOP),
            "pause": self._word == status.RUNNING,
            "go_on": self._word == status.PAUSED,
            "save": training,
            "rate": training and self._rate is not None,
            "more": bool(history.steps and history.steps_per_epoch)
            and (training or self._word in ENDED),
            "talk": bool(history.saves),
            "resume": self._word in status.RESUMABLE,
        }
        return self.follower.problem is None and able[action] if action in able else True

    @property
    def _rate(self) -> float | None:
        """The highest learning rate of the schedule, as last asked for."""
        asked = self._wishes.waiting(RATE)
        rate = asked.value if asked else self._history.train.get("learning_rate")
        return rate if isinstance(rate, int | float) and not isinstance(rate, bool) else None

    def _ask(self, type: str, wish: PendingCommand, **fields: Any) -> None:
        """Sends a request; the trainer's answer is what counts."""
        try:
            id = store.send_request(self._run, type, **fields)
        except MiniGPTError as error:
            self.show_error(error)
            return
        self._wishes.ask(replace(wish, id=id))
        self._show()

    def action_stop(self) -> None:
        """Asks the trainer to save and stop."""
        self._ask(control_file.STOP, PendingCommand(STOP, "stopping…", "stopped at"))

    def action_pause(self) -> None:
        """Asks the trainer to wait."""
        self._ask(control_file.PAUSE, PendingCommand("pause", "pausing…", "paused at"))

    def action_go_on(self) -> None:
        """Asks the trainer to go on."""
        self._ask(control_file.CONTINUE, PendingCommand("pause", "continuing…", "went on at"))

    def action_save(self) -> None:
        """Asks for a checkpoint now."""
        self._ask(control_file.SAVE, PendingCommand("save", "saving…", "saved at"))

    def action_rate(self, factor: float) -> None:
        """Halves or doubles the learning rate."""
        if self._rate is None:
            return
        rate = float(f"{self._rate * factor:.6g}")
        said = f"learning rate {rate:g}"
        wish = PendingCommand(RATE, f"{said} asked…", f"{said} from", rate)
        self._ask(control_file.CHANGE, wish, changes={"learning_rate": rate})

    @work
    async def action_more(self) -> None:
        """More epochs: of a run that learns a change, of one that has ended a resume."""
        beyond = "than planned" if self._alive else "from where it is now"
        question = f"How many more epochs {beyond}?"
        line = await self.app.push_screen_wait(LineDialog(question, "1"))
        if line is None:
            return
        try:
            more = epochs_of(line)
            if self._alive:
                self._plan(more)
            else:
                await asyncio.to_thread(resume, self.services.home, self._run, epochs=more)
        except MiniGPTError as error:
            self.show_error(error)

    def _plan(self, more: float) -> None:
        """Asks for so many epochs beyond what is planned."""
        steps, per = self._history.steps, self._history.steps_per_epoch
        if steps and per:
            total = round(steps / per + more, 4)
            said = f"{total:g} epochs in all"
            wish = PendingCommand("epochs", f"{said} asked…", f"{said} from")
            self._ask(control_file.CHANGE, wish, changes={"epochs": total})

    @work(exit_on_error=False)
    async def action_resume(self) -> None:
        """Starts a trainer that goes on."""
        try:
            await asyncio.to_thread(resume, self.services.home, self._run)
        except MiniGPTError as error:
            self.show_error(error)

    def action_scale(self) -> None:
        """Logarithmic losses, or plain ones."""
        self.query_one(TrainView).toggle_scale()

    def action_axis(self) -> None:
        """Epochs along the chart, or steps."""
        view = self.query_one(TrainView)
        view.by_epoch = not view.by_epoch
        self._show()

    def action_talk(self) -> None:
        """To the model."""
        self.post_message(OpenTalk(self._of))

    def action_open_log(self) -> None:
        """The whole log."""
        self.app.push_screen(LogScreen(self._run))

    def action_back(self) -> None:
        """Back; says once that the training goes on."""
        if self._alive and not self.follower.problem and self._of not in self._told_of:
            self._told_of.add(self._of)
            self.app.notify(f"{self._of} goes on training without you.", markup=False)
        super().action_back()


def epochs_of(line: str) -> float:
    """The number of epochs in a line.

    Raises:
        InputError: it is not a number above 0.
    """
    try:
        more = float(line.replace(",", "."))
    except ValueError:
        more = math.nan
    if not 0 < more < math.inf:
        raise InputError(
            f"{line!r} is no number of epochs.", "Give a number above 0, like 5 or 0.5."
        )
    return more

"""What is asked of a trainer while it runs: through its file of requests, and by signals.

What the first of several processes was asked, obeyed by all of them at the same step.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from core.config.configs import TrainConfig
from core.config.schema import from_json, setting_specs, to_json
from core.errors import SettingsError
from core.run import control_file
from core.run.control_file import ControlRequest, RequestReader
from core.train.distributed import ProcessGroup
from core.train.trainer import Emit, Trainer

POLL_INTERVAL_S = 0.1


class Control:
    """Obeys requests between two updates.

    Args:
        reader: the requests of this life of the run.
        emit: says what was done, with the request's id.
    """

    def __init__(self, reader: RequestReader, emit: Emit) -> None:
        self._reader, self._emit = reader, emit
        self._looked = 0.0
        self._paused = False
        self._waiting: list[ControlRequest] = []
        self.stop_reason = ""
        self.stop_request: str | None = None

    def stop(self, reason: str) -> None:
        """Asks for a stop; safe to call from a signal handler."""
        self.stop_reason = reason

    def cancelled(self) -> bool:
        """Whether a stop was asked for; other requests are kept for the training to come."""
        self._look()
        for request in self._waiting:
            if request.type == control_file.STOP:
                self._stop(request)
        return bool(self.stop_reason)

    def __call__(self, trainer: Trainer) -> None:
        """Obeys what was asked; returns only once training may go on or has to end."""
        self._look()
        self._obey(trainer)
        if self._waits():
            trainer.pause_clock()
            while self._waits():
                time.sleep(POLL_INTERVAL_S)
                self._look()
                self._obey(trainer)
            trainer.resume_clock()
        if self.stop_reason:
            trainer.stop(self.stop_reason, self.stop_request)

    def _waits(self) -> bool:
        return self._paused and not self.stop_reason

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked >= POLL_INTERVAL_S:
            self._looked = now
            self._waiting += self._reader.read()

    def _obey(self, trainer: Trainer) -> None:
        waiting, self._waiting = self._waiting, []
        for request in waiting:
            if request.type == control_file.STOP:
                self._stop(request)
            elif request.type == control_file.SAVE:
                trainer.save(request.id)
                trainer.keeper.settle(wait=True)
            elif request.type == control_file.CHANGE:
                self._change(trainer, request)
            else:
                self._pause(trainer, request)

    def _stop(self, request: ControlRequest) -> None:
        self.stop_reason = str(request.fields.get("reason", "asked to stop"))
        self.stop_request = request.id

    def _pause(self, trainer: Trainer, request: ControlRequest) -> None:
        self._paused = request.type == control_file.PAUSE
        step = trainer.progress.step
        self._emit("changed", step, id=request.id, action=request.type)

    def _change(self, trainer: Trainer, request: ControlRequest) -> None:
        """Applies all of a request's changes or, said with the reasons, none."""
        asked = request.fields.get("changes")
        step = trainer.progress.step
        try:
            changes = _allowed(asked, trainer)
            before = {name: getattr(trainer.config, name) for name in changes}
            trainer.change(changes)
        except SettingsError as error:
            self._emit("changed", step, id=request.id, changes={}, problems=error.problems)
            return
        pairs = {name: [before[name], value] for name, value in changes.items()}
        self._emit("changed", step, id=request.id, changes=pairs, steps=trainer.steps)


def _allowed(asked: Any, trainer: Trainer) -> dict[str, Any]:
    if not isinstance(asked, dict) or not asked:
        raise SettingsError({"changes": "must name settings and their new values"})
    settings = setting_specs(type(trainer.config))
    fixed = {
        name: "cannot change while training"
        for name in asked
        if name not in settings or not settings[name].live
    }
    # None is "choose for me", and whoever chose has long gone home.
    fixed |= {name: "must be given" for name, value in asked.items() if value is None}
    if fixed:
        raise SettingsError(fixed)
    return asked


class BroadcastControl:
    """Requests of a trainer that is one of several.

    Args:
        ranks: all ask at the same places of their loops.
        control: obeys what was asked, on the first one; a pause holds all of them up.
    """

    def __init__(
        self, ranks: ProcessGroup, control: Callable[[Trainer], None] | None = None
    ) -> None:
        self._ranks, self._control = ranks, control
        self._told: TrainConfig | None = None

    def __call__(self, trainer: Trainer) -> None:
        """Obeys what the first one was asked, or has settled by itself, since the last call."""
        said: dict[str, Any] = {}
        if self._control is not None:
            before = self._told or trainer.config
            self._control(trainer)
            self._told = trainer.config
            if trainer.config is not before:
                said["train"] = to_json(trainer.config)
            if trainer.ending:
                said |= {"ending": trainer.ending, "request": trainer.ending_request}
        told = self._ranks.tell(said or None)
        if told and not self._ranks.first:
            _follow(trainer, told)


def _follow(trainer: Trainer, told: dict[str, Any]) -> None:
    if "train" in told:
        trainer.config = from_json(TrainConfig, told["train"])
    if "ending" in told:
        trainer.stop(told["ending"], told["request"])

"""Control requests to a running trainer, from its request file and from signals.

Where several ranks train together, rank 0 reads the requests and all ranks apply them at the same
step.
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
from core.run.event_log import Emit
from core.system.files import JsonObject
from core.train.distributed import ProcessGroup
from core.train.state import StopReason
from core.train.trainer import Trainer

POLL_INTERVAL_S = 0.1


class Control:
    """Handle control requests between two updates.

    Args:
        reader: the requests since the trainer was started.
        emit: reports what was done, with the id of the request.
        check_run: raises an error if the run is no longer this trainer's; called between updates.

    Attributes:
        stop_reason: set once a stop was requested.
    """

    def __init__(
        self, reader: RequestReader, emit: Emit, check_run: Callable[[], None] = lambda: None
    ) -> None:
        self._reader, self._emit, self._check_run = reader, emit, check_run
        self._read_at = 0.0
        self._is_paused = False
        self._pending: list[ControlRequest] = []
        self.stop_reason: StopReason | None = None

    def stop(self, reason: str) -> None:
        """Request a stop; safe to call from a signal handler."""
        self.stop_reason = StopReason(reason)

    def check_cancelled(self) -> bool:
        """Whether a stop was requested; other requests are kept until training starts."""
        self._read_requests()
        for request in self._pending:
            if request.type == control_file.STOP:
                self._stop(request)
        return self.stop_reason is not None

    def __call__(self, trainer: Trainer) -> None:
        """Handle the requests since the last call; returns only once a pause is over."""
        self._handle_requests(trainer)
        if self._should_wait():
            trainer.pause_clock()
            while self._should_wait():
                time.sleep(POLL_INTERVAL_S)
                self._handle_requests(trainer)
            trainer.resume_clock()
        if self.stop_reason is not None:
            trainer.stop(self.stop_reason)

    def _should_wait(self) -> bool:
        return self._is_paused and self.stop_reason is None

    def _read_requests(self) -> None:
        now = time.monotonic()
        if now - self._read_at >= POLL_INTERVAL_S:
            self._read_at = now
            self._check_run()
            self._pending += self._reader.read()

    def _handle_requests(self, trainer: Trainer) -> None:
        self._read_requests()
        requests, self._pending = self._pending, []
        for request in requests:
            if request.type == control_file.STOP:
                self._stop(request)
            elif request.type == control_file.SAVE:
                trainer.save(request.id, wait=True)
            elif request.type == control_file.CHANGE:
                self._change(trainer, request)
            else:
                self._is_paused = request.type == control_file.PAUSE
                self._emit("changed", trainer.state.step, id=request.id, action=request.type)

    def _stop(self, request: ControlRequest) -> None:
        reason = str(request.fields.get("reason", "asked to stop"))
        self.stop_reason = StopReason(reason, request.id)

    def _change(self, trainer: Trainer, request: ControlRequest) -> None:
        """Apply all changes of a request or, where one is invalid, none."""
        step = trainer.state.step
        try:
            changes = _check_changes(request.fields.get("changes"), trainer.config)
            before = {name: getattr(trainer.config, name) for name in changes}
            trainer.change(changes)
        except SettingsError as error:
            self._emit("changed", step, id=request.id, changes={}, problems=error.problems)
            return
        pairs = {name: [before[name], value] for name, value in changes.items()}
        self._emit("changed", step, id=request.id, changes=pairs, steps=trainer.steps)


def _check_changes(changes: Any, config: TrainConfig) -> JsonObject:
    """The changes, if they name settings that may change during training.

    Raises:
        SettingsError: some may not.
    """
    if not isinstance(changes, dict) or not changes:
        raise SettingsError({"changes": "must be an object of settings and their new values"})
    specs = setting_specs(type(config))
    problems = {
        name: "cannot change while training"
        for name in changes
        if name not in specs or not specs[name].live
    }
    # None means "choose automatically", which is resolved only at the start of training.
    problems |= {name: "must have a value" for name, value in changes.items() if value is None}
    if problems:
        raise SettingsError(problems)
    return changes


class BroadcastControl:
    """Control of a trainer that may be one of several ranks.

    Args:
        group: the ranks, which all call this equally often.
        control: handles the requests, on rank 0 only; while it is paused the other ranks wait.
    """

    def __init__(
        self, group: ProcessGroup, control: Callable[[Trainer], None] | None = None
    ) -> None:
        self._group, self._control = group, control
        self._sent_config: TrainConfig | None = None

    def __call__(self, trainer: Trainer) -> None:
        """Collective: apply on every rank what changed on rank 0 since the last call."""
        message: JsonObject = {}
        if self._control is not None:
            before = self._sent_config or trainer.config
            self._control(trainer)
            self._sent_config = trainer.config
            if trainer.config is not before:
                message["train"] = to_json(trainer.config)
            if trainer.stop_reason is not None:
                message["stop"] = [trainer.stop_reason.reason, trainer.stop_reason.request]
        received = self._group.broadcast(message or None)
        if received is None or self._group.is_rank_0:
            return
        if "train" in received:
            trainer.config = from_json(TrainConfig, received["train"])
        if "stop" in received:
            trainer.stop(StopReason(*received["stop"]))

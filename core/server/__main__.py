"""The sampler: `python -m core.server ROOT CACHE`, questions and replies as lines of JSON.

Standard input is read all the time by a thread of its own, so that a `cancel` and the end of the
file act in the middle of a load, a prompt or a reply, also while torch is being imported. The end
of the file ends the process at once: whoever started it is gone. Standard output carries replies
and nothing else. docs/sampler.md says what they hold.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import Cancelled, InputError, MiniGPTError
from core.model.memory import is_device_fault
from core.paths import Home
from core.run.events import replace_non_finite
from core.server import codec
from core.server.protocol import (
    CancelRequest,
    GenerateRequest,
    IndexRequest,
    error_to_json,
    parse_request,
)
from core.server.replies import CancelReply, FinishReason, GenerateReply, Id
from core.system.files import JsonObject as Json
from core.system.line_files import write_all

NICE = 10
LONGEST_LINE = 1 << 24
FAULT = "a fault in the sampler"
CANCELLED: FinishReason = "cancelled"


@dataclass(frozen=True, eq=False)
class PendingRequest:
    """One request on its way."""

    id: Id
    ask: Any
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Wire:
    """The channel replies go out on; several threads may use it.

    Args:
        descriptor: where to.
    """

    descriptor: int
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, id: Id | None, **fields: Any) -> None:
        """Sends one reply; where nobody is left to hear it, the process ends."""
        reply = {"id": id, **fields}
        try:
            line = json.dumps(
                reply, allow_nan=False, separators=(",", ":"), default=codec.fields_to_json
            )
        except ValueError:
            line = json.dumps(
                replace_non_finite(codec.to_json(reply)), allow_nan=False, separators=(",", ":")
            )
        try:
            with self._lock:
                write_all(self.descriptor, line.encode() + b"\n")
        except BrokenPipeError:
            os._exit(0)

    def send(self, id: Id, reply: Any, *, done: bool = False) -> None:
        """Sends a batch, or the last reply."""
        self.say(id, **codec.fields_to_json(reply), **({"done": True} if done else {}))

    def refuse(self, id: Id | None, error: MiniGPTError) -> None:
        """Sends the last reply of a request that failed."""
        self.say(id, error=error_to_json(error), done=True)


class Inbox:
    """Requests as they come; a thread reads them, the main thread takes them.

    Args:
        descriptor: where they come from.
        wire: for what is answered at once: nonsense, and `cancel`.
    """

    def __init__(self, descriptor: int, wire: Wire) -> None:
        self._descriptor, self._wire = descriptor, wire
        self._waiting: queue.SimpleQueue[PendingRequest] = queue.SimpleQueue()
        self._beside: queue.SimpleQueue[PendingRequest] = queue.SimpleQueue()
        self._open: dict[Id, PendingRequest] = {}
        self._begun: set[PendingRequest] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begins to read."""
        threading.Thread(target=self._listen, name="inbox", daemon=True).start()

    def _listen(self) -> None:
        code = 1
        try:
            for line in _lines(self._descriptor):
                self._take(line)
            code = 0
        finally:
            if code:
                traceback.print_exc()
            os._exit(code)

    def _take(self, line: bytes | None) -> None:
        id: Id | None = None
        try:
            id, op, fields = _parsed(line)
            ask = parse_request(op, fields)
            if isinstance(ask, CancelRequest):
                reply = CancelReply(target=ask.target, active=self._cancel(ask.target))
                self._wire.send(id, reply, done=True)
                return
            with self._lock:
                if id in self._open:
                    raise InputError(f"The request {id!r} is open already.", "Use another id.")
                self._open[id] = turn = PendingRequest(id, ask)
            (self._beside if isinstance(ask, IndexRequest) else self._waiting).put(turn)
        except MiniGPTError as error:
            self._wire.refuse(id, error)

    def _cancel(self, target: Id) -> bool:
        """Whether there is such a request; one that did not begin yet is answered at once."""
        with self._lock:
            turn = self._open.get(target)
            if turn is None:
                return False
            turn.cancelled.set()
            if turn in self._begun:
                return True
            del self._open[target]
        self._wire.say(target, **ended(turn.ask), done=True)
        return True

    def turns(self, *, beside: bool = False) -> Iterator[PendingRequest]:
        """Every request that was not cancelled, in the order in which they came.

        Args:
            beside: those that take minutes, need no model, and hold up no others.
        """
        waiting = self._beside if beside else self._waiting
        while True:
            turn = waiting.get()
            with self._lock:
                if self._open.get(turn.id) is not turn:
                    continue
                self._begun.add(turn)
            yield turn

    def close(self, turn: PendingRequest) -> None:
        """Notes that the last reply of a request is about to be sent: its id is free again."""
        with self._lock:
            self._begun.discard(turn)
            del self._open[turn.id]


def _lines(descriptor: int) -> Iterator[bytes | None]:
    """Whole lines until the end of the file; None for one that is too long."""
    with os.fdopen(descriptor, "rb") as file:
        while line := file.readline(LONGEST_LINE):
            if line.endswith(b"\n"):
                yield line
                continue
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE)
            yield None


def _parsed(line: bytes | None) -> tuple[Id, Any, Json]:
    """Id, operation and fields.

    Raises:
        InputError: the line is no request.
    """
    if line is None:
        raise InputError(f"A line of more than {LONGEST_LINE >> 20} MiB is no request.")
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    id = fields.pop("id", None) if isinstance(fields, dict) else None
    if isinstance(id, bool) or not isinstance(id, int | str):
        raise InputError("That line is no request: a JSON object with an `id` and an `op`.")
    return id, fields.pop("op", None), fields


def ended(ask: Any) -> Json:
    """What is said of a request that was cancelled before anything came of it."""
    if isinstance(ask, GenerateRequest):
        return codec.fields_to_json(GenerateReply(reason=CANCELLED))
    return {"cancelled": True}


def main(arguments: list[str]) -> None:
    """Answers until standard input ends.

    Args:
        arguments: the folders of `core.paths.Home`: its root and its cache.
    """
    root, cache = arguments
    wire, questions = Wire(_taken(1, 2)), _taken(0, os.open(os.devnull, os.O_RDONLY))
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    faulthandler.enable()
    os.nice(NICE)
    inbox = Inbox(questions, wire)
    inbox.start()
    serve(Home(root=Path(root), cache=Path(cache)), inbox, wire)


def _taken(descriptor: int, other: int) -> int:
    """A channel for ourselves alone; libraries that use its number find the other one there."""
    ours = os.dup(descriptor)
    os.dup2(other, descriptor)
    return ours


def serve(home: Home, inbox: Inbox, wire: Wire) -> None:
    """Answers one request after another."""
    beside = threading.Thread(target=_index, args=(home, inbox, wire), name="index", daemon=True)
    try:
        from core.server.dispatch import Dispatcher
    except (ImportError, OSError) as error:
        traceback.print_exc()
        beside.start()
        for turn in inbox.turns():
            inbox.close(turn)
            wire.refuse(turn.id, NoTorchError(str(error), "Install PyTorch as the README says."))
    gc.freeze()  # no reply waits a tenth of a second for a look at all that was imported
    # Only now: two threads that import at once can see half a module.
    beside.start()
    answerer = Dispatcher(home)
    for turn in inbox.turns():
        _settle(answerer, turn, inbox, wire)


def _index(home: Home, inbox: Inbox, wire: Wire) -> None:
    """Answers what goes on beside all others."""

    for turn in inbox.turns(beside=True):
        from core.server.origin import Indexer  # numpy takes its time

        _settle(Indexer(home), turn, inbox, wire)


def _settle(answerer: Any, turn: PendingRequest, inbox: Inbox, wire: Wire) -> None:
    """Sends the last reply of a request."""
    fields, broken = _answered(answerer, turn, wire)
    inbox.close(turn)
    wire.say(turn.id, **fields, done=True)
    if broken:
        os._exit(1)


class NoTorchError(MiniGPTError):
    """The library that computes cannot be loaded."""

    title = "PyTorch cannot be loaded"


def _answered(answerer: Any, turn: PendingRequest, wire: Wire) -> tuple[Json, bool]:
    """The last reply, and whether the device is unusable from now on."""

    def send(batch: Any) -> None:
        wire.send(turn.id, batch)

    try:
        reply = answerer.answer(turn.id, turn.ask, send, turn.cancelled.is_set)
        return codec.fields_to_json(reply), False
    except Cancelled:
        return ended(turn.ask), False
    except MiniGPTError as error:
        return {"error": error_to_json(error)}, False
    except OSError as error:
        what = f"{error.filename or 'A file'}: {error.strerror or error}."
        return {
            "error": error_to_json(InputError(what, "Look whether the run is still there."))
        }, False
    except Exception as error:  # noqa: BLE001 - a bug of ours must cost a message, not the process
        traceback.print_exc()
        fault = {
            "title": "Something went wrong",
            "message": f"{FAULT}: {type(error).__name__}: {error}",
            "hint": "Its log has the details; please report them.",
        }
        return {"error": fault}, is_device_fault(error)


if __name__ == "__main__":
    main(sys.argv[1:])

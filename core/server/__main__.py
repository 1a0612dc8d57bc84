"""The model server: `python -m core.server --root ROOT --cache CACHE`.

Requests come as lines of JSON on standard input, replies go to standard output, which carries
nothing else; see docs/server_protocol.md. A thread reads requests at all times, so that `cancel`
and the end of the input take effect during a load, a prefill, a reply or the import of torch. The
end of the input ends the process at once: the client is gone.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import json
import os
import queue
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import Cancelled, InputError, MiniGPTError, find_resource_error
from core.model.memory import is_device_fault
from core.paths import Home
from core.progress import CancelCheck
from core.run.events import replace_non_finite
from core.server import codec
from core.server.protocol import (
    CancelRequest,
    GenerateRequest,
    IndexRequest,
    Request,
    error_to_json,
    parse_request,
)
from core.server.replies import CancelReply, GenerateReply, Id
from core.system.files import JsonObject
from core.system.line_files import write_all
from core.system.process import BACKGROUND_NICENESS, keep_files_private

MAX_LINE_BYTES = 1 << 24

Answer = Callable[[Id, Any, Callable[[Any], None], CancelCheck], Any]
"""Returns the last reply to a request; see `core.server.dispatch.Dispatcher.answer`."""


class NoTorchError(MiniGPTError):
    title = "PyTorch cannot be loaded"


class ServerFaultError(MiniGPTError):
    """A bug in the server."""


@dataclass(frozen=True, eq=False)
class PendingRequest:
    """A request that has no last reply yet."""

    id: Id
    request: Request[Any, Any]
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class ReplyWriter:
    """Writes replies, from any thread; ends the process if the client is gone.

    Args:
        descriptor: of the pipe to the client.
    """

    descriptor: int
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, id: Id | None, reply: Any, *, done: bool = False) -> None:
        """Send a batch, or with `done` the last reply."""
        self._write(id, codec.fields_to_json(reply), done)

    def send_error(self, id: Id | None, error: MiniGPTError) -> None:
        """Send the last reply to a request that failed."""
        self._write(id, {"error": error_to_json(error)}, True)

    def send_cancelled(self, pending: PendingRequest) -> None:
        """Send the last reply to a request that was cancelled before it had a result."""
        if isinstance(pending.request, GenerateRequest):
            self.send(pending.id, GenerateReply(reason="cancelled"), done=True)
        else:
            self._write(pending.id, {"cancelled": True}, True)

    def _write(self, id: Id | None, fields: JsonObject, done: bool) -> None:
        message = {"id": id, **fields, **({"done": True} if done else {})}
        try:
            line = json.dumps(message, **JSON_OPTIONS)
        except ValueError:
            line = json.dumps(replace_non_finite(codec.to_json(message)), **JSON_OPTIONS)
        try:
            with self._lock:
                write_all(self.descriptor, line.encode() + b"\n")
        except BrokenPipeError:
            os._exit(0)


JSON_OPTIONS: JsonObject = {
    "allow_nan": False,
    "separators": (",", ":"),
    "default": codec.fields_to_json,
}


class RequestQueue:
    """Reads requests in a thread; other threads take them in order.

    `cancel` and malformed requests are answered by the reading thread.

    Args:
        descriptor: of the pipe from the client.
        writer: for replies.
    """

    def __init__(self, descriptor: int, writer: ReplyWriter) -> None:
        self._descriptor, self._writer = descriptor, writer
        self._waiting: queue.SimpleQueue[PendingRequest] = queue.SimpleQueue()
        self._waiting_index: queue.SimpleQueue[PendingRequest] = queue.SimpleQueue()
        self._open: dict[Id, PendingRequest] = {}
        self._started: set[PendingRequest] = set()
        self._lock = threading.Lock()

    def start_reading(self) -> None:
        threading.Thread(target=self._read_all, name="requests", daemon=True).start()

    def _read_all(self) -> None:
        exit_code = 1
        try:
            for line in _lines(self._descriptor):
                self._accept(line)
            exit_code = 0
        finally:
            if exit_code:
                traceback.print_exc()
            os._exit(exit_code)

    def _accept(self, line: bytes | None) -> None:
        id: Id | None = None
        try:
            id, op, fields = _parse_line(line)
            request = parse_request(op, fields)
            if isinstance(request, CancelRequest):
                is_active = self._cancel(request.target)
                reply = CancelReply(target=request.target, active=is_active)
                self._writer.send(id, reply, done=True)
                return
            with self._lock:
                if id in self._open:
                    raise InputError(f"The request {id!r} is open already.", "Use another id.")
                self._open[id] = pending = PendingRequest(id, request)
            is_index = isinstance(request, IndexRequest)
            (self._waiting_index if is_index else self._waiting).put(pending)
        except MiniGPTError as error:
            self._writer.send_error(id, error)

    def _cancel(self, target: Id) -> bool:
        """Cancel a request, if there is one; return whether there is."""
        with self._lock:
            pending = self._open.get(target)
            if pending is None:
                return False
            pending.cancelled.set()
            if pending in self._started:
                return True
            del self._open[target]
        self._writer.send_cancelled(pending)
        return True

    def requests(self, *, index: bool = False) -> Iterator[PendingRequest]:
        """Yield the requests that were not cancelled, forever.

        Args:
            index: only those that build an index; else all others.
        """
        waiting = self._waiting_index if index else self._waiting
        while True:
            pending = waiting.get()
            with self._lock:
                if self._open.get(pending.id) is not pending:
                    continue
                self._started.add(pending)
            yield pending

    def close(self, pending: PendingRequest) -> None:
        """Free the id of a request, just before its last reply is sent."""
        with self._lock:
            self._started.discard(pending)
            del self._open[pending.id]


def _lines(descriptor: int) -> Iterator[bytes | None]:
    """Yield complete lines until the end of the file; None for one that is too long."""
    with os.fdopen(descriptor, "rb") as file:
        while line := file.readline(MAX_LINE_BYTES):
            if line.endswith(b"\n"):
                yield line
                continue
            while line and not line.endswith(b"\n"):
                line = file.readline(MAX_LINE_BYTES)
            yield None


def _parse_line(line: bytes | None) -> tuple[Id, Any, JsonObject]:
    """Id, operation and fields of a request.

    Raises:
        InputError: the line is not a request.
    """
    if line is None:
        raise InputError(f"A request has at most {MAX_LINE_BYTES >> 20} MiB.")
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    id = fields.pop("id", None) if isinstance(fields, dict) else None
    if isinstance(id, bool) or not isinstance(id, int | str):
        raise InputError("A request is a JSON object with `id` and `op`.")
    return id, fields.pop("op", None), fields


def main() -> None:
    """Answer requests until standard input ends."""
    parser = argparse.ArgumentParser("python -m core.server", description="The model server.")
    parser.add_argument("--root", type=Path, required=True, help="folder of runs and corpora")
    parser.add_argument("--cache", type=Path, required=True, help="folder of what can be rebuilt")
    keep_files_private()
    home = Home(**vars(parser.parse_args()))
    writer = ReplyWriter(_take_over(1, 2))
    requests = RequestQueue(_take_over(0, os.open(os.devnull, os.O_RDONLY)), writer)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    faulthandler.enable()
    os.nice(BACKGROUND_NICENESS)
    requests.start_reading()
    serve(home, requests, writer)


def _take_over(descriptor: int, replacement: int) -> int:
    """Move a descriptor to a new number, so that no library reads from or writes to it."""
    private = os.dup(descriptor)
    os.dup2(replacement, descriptor)
    return private


def serve(home: Home, requests: RequestQueue, writer: ReplyWriter) -> None:
    """Answer one request after another, and index requests in a thread."""

    def answer_index_requests() -> None:
        for pending in requests.requests(index=True):
            from core.server.origin import build_index  # Imports numpy.

            def answer(id: Id, request: Any, send: Any, cancelled: CancelCheck) -> Any:
                return build_index(home, request, send, cancelled)

            _answer(answer, pending, requests, writer)

    index_thread = threading.Thread(target=answer_index_requests, name="index", daemon=True)
    try:
        from core.server.dispatch import Dispatcher
    except (ImportError, OSError) as error:
        traceback.print_exc()
        index_thread.start()
        for pending in requests.requests():
            requests.close(pending)
            hint = "Install PyTorch as described in the README."
            cause = find_resource_error(error) or NoTorchError(str(error), hint)
            writer.send_error(pending.id, cause)
    gc.freeze()  # A full collection over all imported modules would delay a reply by 0.1 s.
    # Started only now: two threads importing at once can see half a module.
    index_thread.start()
    dispatcher = Dispatcher(home)
    for pending in requests.requests():
        _answer(dispatcher.answer, pending, requests, writer)


def _answer(
    answer: Answer, pending: PendingRequest, requests: RequestQueue, writer: ReplyWriter
) -> None:
    """Send the replies to a request; end the process if the device has become unusable."""

    def send(batch: Any) -> None:
        writer.send(pending.id, batch)

    is_device_unusable = False
    try:
        reply = answer(pending.id, pending.request, send, pending.cancelled.is_set)
    except Cancelled:
        reply = None
    except MiniGPTError as error:
        reply = error
    except OSError as error:
        reason = f"{error.filename or 'A file'}: {error.strerror or error}."
        reply = InputError(reason, "Check that the run still exists.")
    except Exception as error:  # noqa: BLE001 - a bug must not end the process
        traceback.print_exc()
        reply = ServerFaultError(
            f"Internal error in the model server: {type(error).__name__}: {error}",
            "Please report it with the details in server.log.",
        )
        is_device_unusable = is_device_fault(error)
    requests.close(pending)
    if reply is None:
        writer.send_cancelled(pending)
    elif isinstance(reply, MiniGPTError):
        writer.send_error(pending.id, reply)
    else:
        writer.send(pending.id, reply, done=True)
    if is_device_unusable:
        os._exit(1)


if __name__ == "__main__":
    main()

"""A fair queue: one worker thread decodes one token of each active job in turn.

Waiting jobs become active in turn by client, so that many requests of one do not keep those of
another from starting. A job ends within a token of being cancelled. One whose items are not taken
is passed over until they are, so that memory is bounded.

This module knows nothing of models: a job is an iterator.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from core.errors import Cancelled, MiniGPTError, find_resource_error
from core.serve.errors import INTERNAL, OVERLOADED, RequestError, to_request_error

MAX_ACTIVE, MAX_WAITING = 8, 256  # jobs
MAX_UNREAD = 256  # items of a job that its reader has not taken
UNREAD_POLL_S = 0.02

ItemT = TypeVar("ItemT")


@dataclass(eq=False)
class Job(Generic[ItemT]):
    """Work whose items go to a reader in another thread.

    Attributes:
        client: whose job it is; clients take turns.
        start: begins the work, in the worker's thread; receives a function that returns whether the
            job was cancelled.
        notify: called in the worker's thread after an item and at the end; must not block.
        error: why it failed, once it has ended.
    """

    client: str
    start: Callable[[Callable[[], bool]], Iterator[ItemT]]
    notify: Callable[[], object]
    error: RequestError | None = None
    _items: deque[ItemT] = field(default_factory=deque)
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)
    _iterator: Iterator[ItemT] | None = None

    def cancel(self) -> None:
        """End it before its next item."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled.is_set()

    @property
    def has_ended(self) -> bool:
        """Whether no further item comes."""
        return self._ended.is_set()

    def take(self) -> list[ItemT]:
        """Remove and return the items so far."""
        items = []
        while self._items:
            items.append(self._items.popleft())
        return items

    def advance(self) -> bool:
        """Do one step of the work; return whether it is the last. For the worker's thread."""
        try:
            if self._cancelled.is_set():
                raise Cancelled
            if self._iterator is None:
                self._iterator = self.start(self._cancelled.is_set)
            self._items.append(next(self._iterator))
        except StopIteration:
            self.end()
        except Exception as error:  # noqa: BLE001 - one job must not end the worker
            self.end(_describe_failure(error))
        else:
            self.notify()
        return self.has_ended

    def end(self, error: RequestError | None = None) -> None:
        """Free what it holds and tell the reader. For the worker's thread."""
        self.error, self._iterator = error, None
        self._ended.set()
        self.notify()

    @property
    def is_ready(self) -> bool:
        """Whether it can advance: it has room for an item, or is to end."""
        return len(self._items) < MAX_UNREAD or self.is_cancelled


def _describe_failure(error: Exception) -> RequestError:
    if isinstance(error, RequestError):
        return error
    if isinstance(error, Cancelled):
        # A client that has left reads no reply, so the reason is the other one.
        return RequestError("The server is stopping.", OVERLOADED, code="stopping")
    if isinstance(error, MiniGPTError):
        return to_request_error(error)
    if shortage := find_resource_error(error):
        return to_request_error(shortage)
    traceback.print_exc()
    return RequestError(f"Internal error: {type(error).__name__}.", INTERNAL)


class Worker(Generic[ItemT]):
    """Runs jobs in a thread of its own, which ends with `close`."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[Job[ItemT]]] = OrderedDict()
        self._active: deque[Job[ItemT]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def count(self) -> int:
        """Jobs that have not ended."""
        with self._changed:
            return len(self._active) + sum(map(len, self._waiting.values()))

    def submit(self, job: Job[ItemT]) -> None:
        """Queue a job.

        Raises:
            RequestError: too many wait, or the worker is closed.
        """
        with self._changed:
            if self._closed:
                raise RequestError("The server is stopping.", OVERLOADED, code="stopping")
            if sum(map(len, self._waiting.values())) >= MAX_WAITING:
                self._drop_cancelled()
            if sum(map(len, self._waiting.values())) >= MAX_WAITING:
                message = f"{MAX_WAITING} requests are waiting already; try again later."
                raise RequestError(message, OVERLOADED, code="queue_full")
            self._waiting.setdefault(job.client, deque()).append(job)
            self._changed.notify()

    def _drop_cancelled(self) -> None:
        for client, jobs in list(self._waiting.items()):
            remaining = deque(job for job in jobs if not job.is_cancelled)
            if remaining:
                self._waiting[client] = remaining
            else:
                del self._waiting[client]

    def close(self, timeout_s: float = 5.0) -> bool:
        """Cancel all jobs and end the thread; return whether it has ended in time."""
        with self._changed:
            self._closed = True
            for job in (*self._active, *(job for jobs in self._waiting.values() for job in jobs)):
                job.cancel()
            self._changed.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while self._wait_for_work():
            ready = [job for job in self._active if job.is_ready]
            for job in ready:
                if job.advance():
                    with self._changed:
                        self._active.remove(job)
            if not ready:
                time.sleep(UNREAD_POLL_S)

    def _wait_for_work(self) -> bool:
        """Make waiting jobs active; return False once closed with no jobs left."""
        with self._changed:
            while not (self._active or self._waiting):
                if self._closed:
                    return False
                self._changed.wait()
            while self._waiting and len(self._active) < MAX_ACTIVE:
                client, jobs = self._waiting.popitem(last=False)
                self._active.append(jobs.popleft())
                if jobs:
                    self._waiting[client] = jobs  # behind the other clients
            return True

"""A server in this process: its application, its worker, and uvicorn in a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from core.paths import Home
from core.serve.app import Api
from core.serve.events import Event, Replied
from core.serve.launch import ServeArguments
from core.serve.listener import Listener, open_listener
from core.serve.models import ServedModel, load_models
from core.serve.protocol import timed_protocol
from core.serve.queue import Worker
from core.serve.replies import Step
from tests.support.runs import tiny_run
from tests.support.wait import wait_until

HEAD_TIMEOUT_S = READ_TIMEOUT_S = BODY_TIMEOUT_S = 0.5


def served_home(folder: Path) -> Home:
    """A home with a run for each kind of tokenizer, and `talk`, which converses."""
    home = Home(root=folder, cache=folder / "cache")
    tiny_run(home, "words")
    tiny_run(home, "chars", "char", "text", context=16)
    tiny_run(home, "bytes", "bpe", "text")
    tiny_run(home, "talk", "word", "conversations", context=64)
    return home


RUNS = ("words", "chars", "bytes", "talk")


def served_models(folder: Path, names: Sequence[str] = RUNS) -> list[ServedModel]:
    """The models of `served_home`, loaded."""
    return load_models(served_home(folder), names)


@dataclass
class Server:
    """A server that listens.

    Attributes:
        url: of the interface.
        events: what it has reported.
    """

    url: str
    worker: Worker[Step]
    events: list[Event] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2].removesuffix("/v1"))

    @property
    def replies(self) -> list[Replied]:
        """The events of requests that have ended."""
        return [event for event in self.events if isinstance(event, Replied)]

    def wait_for_replies(self, count: int) -> list[Replied]:
        """Wait until so many requests have ended in all."""
        wait_until(lambda: len(self.replies) >= count, lambda: f"{count} of {self.events}")
        return self.replies


@contextmanager
def application(models: list[ServedModel], **options: object) -> Iterator[Starlette]:
    """The application with a worker that runs."""
    worker: Worker[Step] = Worker()
    worker.start()
    try:
        yield Api(models, worker, **options).application()  # type: ignore[arg-type]
    finally:
        worker.close()


@contextmanager
def serving(models: list[ServedModel], token: str | None = None) -> Iterator[Server]:
    """A server on a free port of this machine, with short timeouts."""
    worker: Worker[Step] = Worker()
    events: list[Event] = []
    api = Api(models, worker, events.append, token=token, body_timeout_s=BODY_TIMEOUT_S)
    listener: Listener = open_listener(ServeArguments(root="", cache="", runs=(), port=0))
    config = uvicorn.Config(
        api.application(),
        http=timed_protocol(HEAD_TIMEOUT_S, READ_TIMEOUT_S),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener.socket],), daemon=True)
    worker.start()
    thread.start()
    try:
        yield Server(listener.address, worker, events)
    finally:
        worker.close()
        server.should_exit = True
        thread.join(20)
        listener.close()
        assert not thread.is_alive()

"""The state of the Serve screen: the server and its last requests."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from core.errors import MiniGPTError
from core.serve.events import Event, Listening, Replied, Requested
from tui.common.serve_text import CLIENT_GONE, OK, describe_outcome

MAX_ROWS = 500
CHAT_PATH = "/v1/chat/completions"
EXAMPLE_PROMPT, EXAMPLE_TOKENS = "Once", 20


@dataclass(frozen=True)
class RequestRow:
    """A request.

    Attributes:
        is_chat: whether it is for a reply to messages.
        reply: how it has ended; None while it waits or is answered.
    """

    id: int
    client: str
    is_chat: bool
    reply: Replied | None = None

    @property
    def outcome(self) -> str:
        """How it has ended, in words."""
        return "in progress" if self.reply is None else describe_outcome(self.reply)

    @property
    def is_failed(self) -> bool:
        """Whether it was refused or has failed."""
        return self.reply is not None and self.reply.status not in (OK, CLIENT_GONE)


@dataclass
class ServeState:
    """What is known of a server.

    Attributes:
        name: of the run.
        is_chat: whether it converses.
        listening: set once requests are answered.
        error: why it has ended, or could not start.
        rows: the last requests, the newest first.
    """

    name: str
    is_chat: bool
    listening: Listening | None = None
    error: MiniGPTError | None = None
    rows: deque[RequestRow] = field(default_factory=lambda: deque(maxlen=MAX_ROWS))
    count: int = 0
    tokens: int = 0

    def add(self, event: Event) -> None:
        """Take an event into account."""
        match event:
            case Listening():
                self.listening = event
            case Requested():
                self._add_row(event)
            case Replied():
                self._end_row(event)

    def _add_row(self, event: Requested | Replied) -> None:
        self.count += 1
        self.rows.appendleft(RequestRow(event.id, event.client, event.path == CHAT_PATH))

    def _end_row(self, event: Replied) -> None:
        self.tokens += event.completion_tokens
        if all(row.id != event.id for row in self.rows):  # refused before it waited
            self._add_row(event)
        for place, row in enumerate(self.rows):
            if row.id == event.id:
                self.rows[place] = replace(row, reply=event)

    @property
    def words(self) -> str:
        """The state in a few words."""
        if self.error is not None:
            return "stopped"
        if self.listening is None:
            return "starting"
        if not self.count:
            return "listening"
        plural = "s" * (self.count > 1)
        return f"{self.count:,} request{plural} · {self.tokens:,} tokens"

    def facts(self) -> Sequence[tuple[str, str]]:
        """Labels and values about a server that listens."""
        assert self.listening is not None
        tasks = "completions and chat" if self.is_chat else "completions"
        return (
            ("address", self.listening.address),
            ("model", f"{', '.join(self.listening.models)}: {tasks}"),
            ("key", "none is needed; only programs on this machine reach it"),
            ("try", self.example()),
        )

    def example(self) -> str:
        """A command that sends a request."""
        assert self.listening is not None
        body: dict[str, object] = {"max_tokens": EXAMPLE_TOKENS}
        if self.is_chat:
            path = "chat/completions"
            body = {"messages": [{"role": "user", "content": "Hello"}], **body}
        else:
            path = "completions"
            body = {"prompt": EXAMPLE_PROMPT, **body}
        return f"curl {self.listening.address}/{path} -d '{json.dumps(body)}'"

"""What the server's process reports to the one that started it: a line of JSON per event."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import ClassVar

from core.config.schema import from_json_checked
from core.errors import InputError, MiniGPTError

MAX_TEXT_CHARACTERS = 400  # of a field, of an event about a request
MAX_LINE_BYTES = 4096  # of those: what POSIX guarantees that a pipe takes as a whole


@dataclass(frozen=True, kw_only=True)
class Listening:
    """Requests are answered from now on.

    Attributes:
        address: of the interface, for example http://127.0.0.1:8765/v1, or the path of a socket.
        models: the names they are served by.
    """

    type: ClassVar[str] = "listening"
    address: str
    models: list[str]


@dataclass(frozen=True, kw_only=True)
class Requested:
    """A request waits for its turn.

    Attributes:
        id: number of the request, from 1.
        client: address or name of who asks.
        waiting: requests that have not ended, this one included.
    """

    type: ClassVar[str] = "request"
    id: int
    path: str
    model: str
    client: str
    waiting: int


@dataclass(frozen=True, kw_only=True)
class Replied:
    """A request has ended.

    Attributes:
        status: of the response; 499 if the client has disconnected.
        message: of an error.
        seconds: since it came.
    """

    type: ClassVar[str] = "reply"
    id: int
    path: str
    model: str
    client: str
    status: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The server cannot start; fields as of `MiniGPTError`."""

    type: ClassVar[str] = "failed"
    title: str
    message: str
    hint: str
    code: int


Event = Listening | Requested | Replied | Failed
KINDS: dict[str, type[Event]] = {
    kind.type: kind for kind in (Listening, Requested, Replied, Failed)
}


class ServeError(MiniGPTError):
    """The server did not start, or has ended."""

    title = "The server has ended"


def encode_event(event: Event) -> bytes:
    """An event as a line; long texts of one about a request are cut."""
    line = _encode(event, None)
    limit = MAX_TEXT_CHARACTERS
    while isinstance(event, Requested | Replied) and len(line) > MAX_LINE_BYTES:
        line, limit = _encode(event, limit), limit // 2
    return line


def _encode(event: Event, limit: int | None) -> bytes:
    fields = {
        name: value[:limit] if isinstance(value, str) else value
        for name, value in asdict(event).items()
    }
    return json.dumps({"type": event.type, **fields}).encode() + b"\n"


def decode_event(line: bytes) -> Event | None:
    """The event of a line; None if it is none."""
    try:
        values = json.loads(line)
        return from_json_checked(KINDS[values.pop("type")], values, "The event")
    except (ValueError, LookupError, TypeError, AttributeError, InputError):
        return None


def failure_of(error: MiniGPTError) -> Failed:
    """The event for an error."""
    return Failed(title=error.title, message=error.message, hint=error.hint, code=error.exit_code)


def error_of(event: Failed) -> MiniGPTError:
    """The inverse of `failure_of`."""
    error = ServeError(event.message, event.hint)
    error.title, error.exit_code = event.title, event.code
    return error

"""Requests to the local server in words, for the command and the screen."""

from __future__ import annotations

from core.serve.events import Replied

OK, CLIENT_GONE = 200, 499


def describe_outcome(event: Replied) -> str:
    """How a request has ended: its tokens and time, or why it was refused."""
    if event.status == CLIENT_GONE:
        return f"client gone after {_count(event)}"
    if event.status != OK:
        return f"{event.status} {event.message}"
    speed = event.completion_tokens / max(event.seconds, 1e-3)
    return f"{_count(event)} in {event.seconds:.2f} s, {speed:,.0f} per second"


def describe_reply(event: Replied) -> str:
    """A request that has ended, in a line."""
    path = event.path.removeprefix("/v1/")
    model = f" {event.model}" if event.model else ""
    return f"#{event.id} {event.client}{model} {path}: {describe_outcome(event)}"


def _count(event: Replied) -> str:
    return f"{event.prompt_tokens:,} + {event.completion_tokens:,} tokens"

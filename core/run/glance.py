"""A run's loss at a glance: a few values spread over its file of events, however long that is."""

from __future__ import annotations

from pathlib import Path

from core.run.events import STEP, decode

PIECE = 4096


def losses(events: Path, count: int) -> list[float]:
    """At most `count` training losses in nats a token, evenly spread over the file, oldest first.

    Reads `count` pieces of 4 KiB, not the file.
    """
    try:
        size = events.stat().st_size
        with events.open("rb") as file:
            found = []
            for number in range(count):
                offset = size * number // count
                file.seek(offset)
                loss = _first_loss(file.read(PIECE), whole=offset == 0)
                found += [] if loss is None else [loss]
            return found
    except OSError:
        return []


def _first_loss(piece: bytes, *, whole: bool) -> float | None:
    """The first loss of a piece; its first line is torn unless `whole`."""
    for line in piece.split(b"\n")[0 if whole else 1 : -1]:
        event = decode(line) if b'"train_loss"' in line else None
        if event is not None and event.type == STEP:
            loss = event.number("train_loss")
            if loss is not None:
                return loss
    return None

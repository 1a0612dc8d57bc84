"""What could stand at any place of a text, without forgetting what comes after it.

Each model keeps one session for this: going a token to either side reads at most one token, unless
the window slides there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, takewhile
from typing import Any

from core.server.protocol import MOST_TOP, Look, count_of, sampling
from core.errors import InputError
from core.server.model_cache import Held, Open, Shelf
from core.server.step import MOST_OPENED, view_of

READ = "look"
SCORED_AT_ONCE = 512

Json = dict[str, Any]


def look(shelf: Shelf, ask: Look) -> Json:
    """What could come at a place, what stands there, and, if asked, how likely every token was."""
    config = sampling(ask.settings)
    count_of(ask.top, 0, MOST_TOP, "top")
    held, _ = shelf.model(ask)
    if ask.ids is not None and ask.prompt:
        raise InputError("It must be clear what is looked at.", "A prompt, or ids.")
    ids = held.loaded.encode(ask.prompt) if ask.ids is None else ask.ids
    ids = checked(held, ids)
    at = count_of(len(ids) if ask.at is None else ask.at, 1, len(ids), "at")
    held.use()
    tokens = {"tokens": _scored(shelf, held, ids)} if ask.scored else {}
    view = view_of(shelf, reading(held, ids[:at]), config, ask.top)
    came = view.token(ids[at]) if at < len(ids) else None
    return {"picked": None, "came": came, **view.json(), **tokens}


def checked(held: Held, ids: Sequence[int]) -> list[int]:
    """Ids that the model can read.

    Raises:
        InputError: too many or too few, or not in its vocabulary.
    """
    count_of(len(ids), 1, MOST_OPENED, "The number of tokens")
    vocab_size = held.loaded.model.config.vocab_size
    return [count_of(id, 0, vocab_size - 1, "An id") for id in ids]


def reading(held: Held, ids: Sequence[int]) -> Open:
    """The session of this model that is kept for looking, brought to these ids."""
    session = held.read.setdefault(READ, held.session())
    pairs = zip(count(1), session.ids, ids, strict=False)
    same = max(
        (place for place, *_ in takewhile(lambda pair: pair[1] == pair[2], pairs)), default=0
    )
    session.cut(same)
    session.extend(ids[same:])
    return Open(held, session, len(ids))


def _scored(shelf: Shelf, held: Held, ids: Sequence[int]) -> list[list[Any]]:
    """Every token: its id, its text, its log-probability, of the first None."""
    session = held.session()
    scores: list[float | None] = [None]
    for place in range(0, len(ids), SCORED_AT_ONCE):
        shelf.watch.check()
        scores += session.score(ids[place : place + SCORED_AT_ONCE]).tolist()
    held.read[READ] = session
    stream = held.loaded.tokenizer.stream()
    return [[id, stream.push(id), score] for id, score in zip(ids, scores, strict=True)]

"""How long work tells of itself and is asked to stop."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called with what is done, the total and a phase in words, a few times a second at most."""

Stop = Callable[[], bool]
"""Whether the work shall stop; asked a few times a second."""


def quiet(done: int, total: int, phase: str) -> None:
    """A progress that tells nobody."""


def never() -> bool:
    """A stop that never comes."""
    return False

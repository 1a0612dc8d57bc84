"""What the training loop is given, and knows no more of than this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from core.train.trainer import Trainer


class Emit(Protocol):
    """Says one event; `step` is the number of updates done."""

    def __call__(self, type: str, step: int, **fields: Any) -> None: ...


class Keeper(Protocol):
    """Takes weights out of the training thread and into files."""

    def checkpoint(self, trainer: Trainer, request: str | None = None) -> None:
        """Starts to save everything a resume needs."""

    def snapshot(self, trainer: Trainer) -> None:
        """Starts to save the weights alone, for looking back."""

    def best(self, trainer: Trainer) -> None:
        """Starts to save the weights as the best so far."""

    def settle(self, *, wait: bool = False) -> None:
        """Says what has been saved since; raises what went wrong; waits for the rest if asked."""

    def busy(self) -> bool:
        """Whether something is still being written."""
        ...

    def snapshot_due(self, step: int) -> bool:
        """Whether the weights after `step` updates are to be kept for looking back."""
        ...

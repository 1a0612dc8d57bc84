"""A training whose processes torchrun or Slurm began, on any number of machines.

Each runs the same command. The first has the run, and tells the others which; there is no agent
of ours: who ends the rest once one has failed is torchrun's, or `srun --kill-on-bad-exit`'s, task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch.distributed as dist

from core.errors import MiniGPTError
from core.run.events import FAILED, Event
from core.system.locks import Lock
from core.config.more import More
from core.paths import Home
from core.system.rank_env import Place
from core.train.distributed import join, leave
from core.run.directory import Run
from core.train.job import assist, train


class PartedError(MiniGPTError):
    """Another process of the training has ended in its midst."""

    title = "The training came apart"


def train_first(
    home: Home,
    run: Run,
    lock: Lock,
    place: Place,
    *,
    listeners: Sequence[Callable[[Event], None]],
    on_control: Callable[[Callable[[str], None]], object],
    more: More | None,
) -> None:
    """Trains a run as the first of several processes; see `core.train.job.train`.

    Raises:
        PartedError: another one ended.
    """
    failed: list[Event] = []
    hear = [*listeners, lambda event: failed.append(event) if event.type == FAILED else None]
    with _among(run.name):
        ranks = join(place)
        ranks.tell({"run": run.name})
        train(home, run, lock, listeners=hear, on_control=on_control, more=more, ranks=ranks)
    if not failed:  # else the others are ended, not met again
        leave()


def train_beside(home: Home, place: Place) -> dict[str, Any] | None:
    """Trains along with the first of several processes; the fields of `failed` where this failed.

    Raises:
        Cancelled: the first one has nothing to train.
        PartedError: another one ended.
    """
    with _among("the run"):
        ranks = join(place)
        failure = assist(Run(home.runs / str(ranks.hear()["run"])), ranks)
    if failure is None:
        leave()
    return failure


@contextmanager
def _among(name: str) -> Iterator[None]:
    """What the library says of a connection that broke is said in words."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error).lower():
            raise
        raise PartedError(
            "Another process of the training has ended; its own output says why.",
            f"Resume {name} in the same way: the last checkpoint is whole.",
        ) from error

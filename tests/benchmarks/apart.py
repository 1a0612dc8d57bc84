"""Run each side of a comparison in its own process: settings of one cannot affect the other."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import torch

from core.system.process import keep_freed_memory

Work = Callable[[int], Any]
Make = Callable[..., tuple[Any, Work]]
_context = multiprocessing.get_context("spawn")


class WorkerProcess:
    """A process that is idle until `work` is called.

    Args:
        make: a module-level function that returns facts and the work function.
        arguments_of_make: its positional arguments.
        threads: of PyTorch.
        keep_memory: whether freed memory is kept between steps, as in the trainer.
    """

    def __init__(
        self, make: Make, *arguments_of_make: Any, threads: int, keep_memory: bool
    ) -> None:
        self._pipe, child_end = _context.Pipe()
        arguments = (make, arguments_of_make, threads, keep_memory, child_end)
        _context.Process(target=_serve, args=arguments, daemon=True).start()
        child_end.close()  # so that reading raises EOFError if the process dies
        self.facts = self._pipe.recv()

    def work(self, number: int) -> tuple[Any, float]:
        """Run the work with this number; return its result and its seconds."""
        self._pipe.send(number)
        result: tuple[Any, float] = self._pipe.recv()
        return result

    def end(self) -> None:
        """Stop the process."""
        self._pipe.send(None)


def _serve(
    make: Make,
    arguments_of_make: tuple[Any, ...],
    threads: int,
    keep_memory: bool,
    pipe: Connection,
) -> None:
    if keep_memory:
        keep_freed_memory()
    torch.set_num_threads(threads)
    facts, work = make(*arguments_of_make)
    pipe.send(facts)
    while (number := pipe.recv()) is not None:
        start = time.perf_counter()
        result = work(number)
        pipe.send((result, time.perf_counter() - start))

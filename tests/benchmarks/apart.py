"""What benchmarks compare, each in a process of its own: settings of one must not help another."""

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


class Apart:
    """One that waits, computing nothing, until it is asked.

    Args:
        make: a function of a module, which gives facts to send once and the work.
        given: what it is called with.
        threads: of PyTorch's.
        kept: whether memory is kept between steps, as our trainer has it.
    """

    def __init__(self, make: Make, *given: Any, threads: int, kept: bool) -> None:
        self._pipe, theirs = _context.Pipe()
        arguments = (make, given, threads, kept, theirs)
        _context.Process(target=_serve, args=arguments, daemon=True).start()
        theirs.close()  # one that dies is then the end of its pipe, not a wait without end
        self.facts = self._pipe.recv()

    def work(self, number: int) -> tuple[Any, float]:
        """What the work of this number gives, and its seconds."""
        self._pipe.send(number)
        answer: tuple[Any, float] = self._pipe.recv()
        return answer

    def end(self) -> None:
        """Has the process end."""
        self._pipe.send(None)


def _serve(make: Make, given: tuple[Any, ...], threads: int, kept: bool, pipe: Connection) -> None:
    if kept:
        keep_freed_memory()
    torch.set_num_threads(threads)
    facts, work = make(*given)
    pipe.send(facts)
    while (number := pipe.recv()) is not None:
        began = time.perf_counter()
        answer = work(number)
        pipe.send((answer, time.perf_counter() - began))

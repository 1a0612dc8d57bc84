"""Telling a lack of memory from other errors, and making room after one."""

from __future__ import annotations

import gc
import re

import torch

# How torch and the libraries below it say so where they have no error of its own for it.
NO_MEMORY = re.compile("out of memory|ALLOC_FAILED|can't allocate memory", re.IGNORECASE)


def lacks_memory(error: BaseException) -> bool:
    """Whether it says that memory, the device's or the host's, could not be had."""
    known = isinstance(error, MemoryError | torch.OutOfMemoryError)
    said = isinstance(error, RuntimeError) and NO_MEMORY.search(str(error)) is not None
    return known or said


def make_room(device: torch.device) -> None:
    """Gives back what is no longer used. To be called outside of `except`, which keeps frames."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()

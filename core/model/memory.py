"""Out-of-memory errors and faults of a device, recognised by type or by their text.

PyTorch has an error class for a full CUDA or XPU allocator only. The allocator of the CPU, MPS and
the CUDA libraries (cuBLAS, cuDNN) raise a plain `RuntimeError`, so its text has to be matched.

This module loads without torch: `core.server.__main__` needs it before torch is imported.
"""

from __future__ import annotations

import gc
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

OUT_OF_MEMORY_TEXT = re.compile("out of memory|ALLOC_FAILED|can't allocate memory", re.IGNORECASE)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on the device or on the host."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and bool(OUT_OF_MEMORY_TEXT.search(str(error)))


def is_device_fault(error: BaseException) -> bool:
    """Whether CUDA reported an error: after most of them every further call in the process fails.

    Running out of memory is the exception, see `is_out_of_memory`.
    """
    return "CUDA error" in str(error)


def release_unused_memory(device: torch.device) -> None:
    """Return cached, unused device memory to the system.

    Call it outside of `except`: the traceback keeps the tensors of its frames alive.
    """
    import torch

    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()

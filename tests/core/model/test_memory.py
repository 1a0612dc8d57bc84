"""Out-of-memory errors and device faults are distinguished from other errors."""

from __future__ import annotations

import pytest
import torch

from core.model.memory import is_device_fault, is_out_of_memory, release_unused_memory

OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    torch.OutOfMemoryError("any text"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    MemoryError(),
]
OTHER = [
    RuntimeError("CUDA error: device-side assert triggered"),
    RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
    ValueError("out of memory"),
    OSError("can't allocate memory"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=repr)
def test_every_allocator_error_is_out_of_memory(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", OTHER, ids=repr)
def test_other_errors_are_not_out_of_memory(error: Exception) -> None:
    """A smaller batch would be suggested against a bug."""
    assert not is_out_of_memory(error)


def test_a_cuda_error_is_a_device_fault() -> None:
    assert is_device_fault(RuntimeError("CUDA error: an illegal memory access was encountered"))
    assert not is_device_fault(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_releasing_memory_on_a_cpu_does_nothing() -> None:
    release_unused_memory(torch.device("cpu"))

"""Tensors in safetensors files, verified after writing. Nothing is ever unpickled."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.errors import DamagedError
from core.run.model_files import read_safetensors_header
from core.system.files import fsync_path

Tensors = Mapping[str, Tensor]

SAFETENSORS_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def write_tensors(path: Path, tensors: Tensors) -> int:
    """Write a new file, flush it to disk and read it back; returns its size in bytes.

    Args:
        tensors: on the CPU, contiguous, without shared memory.

    Raises:
        OSError: it could not be written, or reads back differently.
    """
    try:
        # transformers requires "format". Keys are written in no fixed order: with a second one,
        # equal weights could make different files.
        save_file(dict(tensors), path, metadata={"format": "pt"})
        fsync_path(path)
        problem = find_difference(path, tensors)
    except SafetensorError as error:
        raise _system_error(error) from error
    if problem:
        raise OSError(f"{path.name} does not read back as written: {problem}")
    return path.stat().st_size


def replace_tensors(path: Path, tensors: Tensors) -> int:
    """Like `write_tensors`, replacing the file atomically.

    Raises:
        OSError: the file is unchanged.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)  # it could be a link
    try:
        size = write_tensors(temporary, tensors)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_path(path.parent)
    return size


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file, on the CPU.

    Raises:
        DamagedError: it is missing or incomplete.
    """
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise DamagedError(f"{path} cannot be read: {error}") from error


def _system_error(error: SafetensorError) -> OSError:
    """The system's error that the library reports as text."""
    match = re.search(r"os error (\d+)", str(error))
    if match is None:
        return OSError(str(error))
    number = int(match[1])
    return OSError(number, os.strerror(number))


def find_difference(path: Path, tensors: Tensors) -> str | None:
    """How a file differs in names, types, shapes, length or values; None if it does not."""
    header, length = read_safetensors_header(path)
    if header.keys() != tensors.keys():
        return f"names differ: {sorted(header.keys() ^ tensors.keys())[:3]}"
    for name, tensor in tensors.items():
        expected = (SAFETENSORS_DTYPES[tensor.dtype], tuple(tensor.shape))
        if header[name] != expected:
            return f"{name} is {header[name]}, not {expected}"
    data = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if length != data:
        return f"{length} bytes of data, not {data}"
    with safe_open(path, framework="pt") as file:
        wrong = [name for name in tensors if not _is_same(file.get_tensor(name), tensors[name])]
    return f"other values in {', '.join(wrong[:3])}" if wrong else None


def _is_same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of the same type and shape are equal bit by bit.

    With numpy, as PyTorch would start threads for the saving thread: with more threads than CPUs,
    OpenMP lets all of them sleep between operations from then on, and every training step of a
    small model took half as long again.
    """
    left, right = (tensor.flatten().view(torch.uint8).numpy() for tensor in (one, other))
    return np.array_equal(left, right)

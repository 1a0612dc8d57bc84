"""Tensors in safetensors files."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from core.errors import DamagedError
from core.model.safetensors_io import (
    SAFETENSORS_DTYPES,
    find_difference,
    read_tensors,
    replace_tensors,
    write_tensors,
)


@contextmanager
def limited_file_size(limit: int = 4096) -> Iterator[None]:
    """Files cannot grow beyond `limit` bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def sample_tensors() -> dict[str, Tensor]:
    tensors = {str(dtype): torch.ones(2, 3).to(dtype) for dtype in SAFETENSORS_DTYPES}
    return tensors | {"scalar": torch.tensor(3), "empty": torch.zeros(0, 4)}


def test_every_type_and_shape_round_trips(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    assert write_tensors(path, sample_tensors()) == path.stat().st_size
    read = read_tensors(path)
    assert read.keys() == sample_tensors().keys()
    for name, tensor in sample_tensors().items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor)


def test_the_metadata_has_the_format_transformers_requires(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_tensors(path, sample_tensors())
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == {"format": "pt"}


def test_every_difference_is_found(tmp_path: Path) -> None:
    """Only what reads back as written counts as saved."""
    path = tmp_path / "a.safetensors"
    tensors = {"a": torch.zeros(4, 2), "b": torch.zeros(3)}
    write_tensors(path, tensors)
    assert find_difference(path, tensors) is None
    assert "names differ" in str(find_difference(path, {"a": torch.zeros(4, 2)}))
    assert "a is" in str(find_difference(path, tensors | {"a": torch.zeros(2, 4)}))
    assert find_difference(path, tensors | {"a": torch.ones(4, 2)}) == "other values in a"
    short = tensors | {"b": torch.zeros(3, dtype=torch.float16)}
    assert "b is" in str(find_difference(path, short))
    os.truncate(path, path.stat().st_size - 1)
    assert "bytes of data" in str(find_difference(path, tensors))


@pytest.mark.parametrize("keep", [0, 4, 8, 20, -1])
def test_a_truncated_file_is_damaged(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.safetensors"
    size = write_tensors(path, sample_tensors())
    os.truncate(path, keep % size)
    with pytest.raises(DamagedError, match=r"a\.safetensors"):
        read_tensors(path)
    with pytest.raises(DamagedError):
        read_tensors(tmp_path / "none")


@pytest.mark.parametrize("header", [b"", b"[]", b'{"a": 1}', b'{"a": {}}', b"\xff", b"\0"])
def test_an_invalid_header_is_an_error(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(OSError, match="no valid header"):
        find_difference(path, {})
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(OSError, match="no valid header"):
        find_difference(path, {})


def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    replace_tensors(path, {"a": torch.ones(3)})
    with limited_file_size(), pytest.raises(OSError, match=os.strerror(errno.EFBIG)) as caught:
        replace_tensors(path, {"a": torch.zeros(10_000)})
    assert caught.value.errno == errno.EFBIG
    assert torch.equal(read_tensors(path)["a"], torch.ones(3))
    assert list(tmp_path.iterdir()) == [path]
    replace_tensors(path, {"a": torch.zeros(10_000)})
    assert len(read_tensors(path)["a"]) == 10_000

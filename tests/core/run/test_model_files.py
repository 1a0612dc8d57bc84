"""Headers of safetensors files, which come from strangers."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path

import pytest

from core.config.configs import ModelConfig
from core.errors import DamagedError
from core.run.model_files import MAX_HEADER_BYTES, check_tensor_count, read_safetensors_header

DIGITS = "9" * 4300


def _write_header(path: Path, header: str) -> Path:
    data = header.encode()
    path.write_bytes(struct.pack("<Q", len(data)) + data)
    return path


def _tensor(shape: str) -> str:
    return f'{{"a": {{"dtype": "F32", "shape": {shape}, "data_offsets": [0, 4]}}}}'


@pytest.mark.parametrize(
    "header",
    [
        _tensor(f"[{', '.join([DIGITS] * 12_000)}]"),
        _tensor(f"[{', '.join([DIGITS] * 3_000)}]"),
        _tensor(f"[{DIGITS}]"),
        _tensor(f"[{', '.join(['9'] * 100_000)}]"),
        _tensor("[-1]"),
        _tensor("[1.5]"),
        _tensor("[true]"),
        _tensor("3"),
        "[" * 100_000,
        "[]",
        json.dumps({"a": 3}),
    ],
    ids=lambda header: f"{header[:60]}... {len(header)}",
)
def test_a_hostile_header_is_refused_before_any_arithmetic(header: str, tmp_path: Path) -> None:
    """The product of 12,000 sizes of 4,300 digits took 30 seconds."""
    path = _write_header(tmp_path / "model.safetensors", header)
    before = time.process_time()
    with pytest.raises(DamagedError, match="no valid header") as raised:
        check_tensor_count(path, ModelConfig(vocab_size=9))
    assert time.process_time() - before < 1.0
    assert len(raised.value.message) < 500


def test_a_header_longer_than_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", MAX_HEADER_BYTES + 1))
        file.truncate(MAX_HEADER_BYTES + 9)
    with pytest.raises(OSError, match="no valid header"):
        read_safetensors_header(path)

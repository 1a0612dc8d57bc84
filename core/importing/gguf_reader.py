"""Read GGUF files, the format of llama.cpp: values by name, and tensors in four types.

The file is a stranger's: every length is checked against the file before anything is allocated.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.system.files import open_regular_file

MAGIC, VERSIONS = b"GGUF", (2, 3)
MAX_ENTRIES = 1 << 16  # of values, and of tensors
MAX_HEADER_BYTES = 1 << 28
MAX_DIMENSIONS = 4
DEFAULT_ALIGNMENT = 32
MAX_ALIGNMENT = 1 << 20
BOOL, STRING, ARRAY = 7, 8, 9
SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    BOOL: "?",
    10: "Q",
    11: "q",
    12: "d",
}
# Types of tensors by number: the name, the numbers of a block, and its bytes.
TENSOR_TYPES = {0: ("F32", 1, 4), 1: ("F16", 1, 2), 8: ("Q8_0", 32, 34), 30: ("BF16", 1, 2)}


@dataclass(frozen=True)
class GgufTensor:
    """A tensor in a file.

    Attributes:
        shape: the outermost dimension first, as in numpy.
        kind: the name of its type.
        begin, size: of its bytes in the file.
    """

    shape: tuple[int, ...]
    kind: str
    begin: int
    size: int


class GgufFile:
    """The values and tensors of a GGUF file.

    Attributes:
        values: by name; lists for arrays.
        tensors: by name.
    """

    def __init__(self, path: Path) -> None:
        """Read the header.

        Raises:
            InputError: the file is not a GGUF file, damaged, or has tensors of another type.
        """
        self.path = path
        with os.fdopen(open_regular_file(path), "rb") as file:
            cursor = _Cursor(file, path)
            if cursor.take(4) != MAGIC:
                raise InputError(f"{path} is not a GGUF file.")
            (version,) = cursor.unpack("I")
            if version not in VERSIONS:
                raise InputError(f"{path} has version {version} of GGUF; supported: 2 and 3.")
            tensor_count, value_count = (cursor.count(8) for _ in range(2))
            self.values: dict[str, Any] = {}
            for _ in range(value_count):
                name = cursor.string()
                self.values[name] = cursor.value()
            entries = [_read_entry(cursor) for _ in range(tensor_count)]
            alignment = self.values.get("general.alignment", DEFAULT_ALIGNMENT)
            if type(alignment) is not int or not 1 <= alignment <= MAX_ALIGNMENT:
                raise cursor.error("an invalid alignment")
            begin = -(-cursor.at // alignment) * alignment
            self.tensors = {
                name: _place(cursor, name, shape, kind, begin + offset)
                for name, shape, kind, offset in entries
            }

    def read(self, name: str) -> NDArray[np.float32]:
        """The numbers of a tensor, in float32.

        Raises:
            InputError: the file has become shorter.
        """
        tensor = self.tensors[name]
        with os.fdopen(open_regular_file(self.path), "rb") as file:
            file.seek(tensor.begin)
            data = file.read(tensor.size)
        if len(data) != tensor.size:
            raise InputError(f"{self.path} ends early.", "Download it again.")
        return _dequantize(data, tensor.kind).reshape(tensor.shape)


class _Cursor:
    """Reads the header from its beginning; nothing reaches beyond the end of the file."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path
        self.size = os.fstat(file.fileno()).st_size
        self.at = 0

    def error(self, what: str) -> InputError:
        return InputError(f"{self._path} is damaged: {what} at byte {self.at:,}.")

    def take(self, count: int) -> bytes:
        if count > min(self.size, MAX_HEADER_BYTES) - self.at:
            raise self.error(f"{count:,} bytes are missing")
        data = self._file.read(count)
        if len(data) != count:
            raise self.error("it ends")
        self.at += count
        return data

    def unpack(self, codes: str) -> tuple[Any, ...]:
        return struct.unpack(f"<{codes}", self.take(struct.calcsize(f"<{codes}")))

    def count(self, item_bytes: int) -> int:
        """A number of items that the rest of the file can hold."""
        (count,) = self.unpack("Q")
        if count > MAX_ENTRIES or count * item_bytes > self.size - self.at:
            raise self.error(f"{count:,} entries")
        return int(count)

    def string(self) -> str:
        (length,) = self.unpack("Q")
        return self.take(length).decode(errors="replace")

    def value(self) -> Any:
        (kind,) = self.unpack("I")
        if kind != ARRAY:
            return self._single(kind)
        kind, length = self.unpack("IQ")
        if kind in SCALARS:
            size = struct.calcsize(f"<{SCALARS[kind]}")
            data = self.take(length * size)
            return [item for (item,) in struct.iter_unpack(f"<{SCALARS[kind]}", data)]
        if kind != STRING:
            raise self.error(f"an array of type {kind}")
        if length * 8 > self.size - self.at:
            raise self.error(f"{length:,} texts")
        return [self.string() for _ in range(length)]

    def _single(self, kind: int) -> Any:
        if kind == STRING:
            return self.string()
        if kind not in SCALARS:
            raise self.error(f"a value of type {kind}")
        return self.unpack(SCALARS[kind])[0]


def _read_entry(cursor: _Cursor) -> tuple[str, tuple[int, ...], int, int]:
    """Name, shape, type and offset of a tensor."""
    name = cursor.string()
    (dimensions,) = cursor.unpack("I")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise cursor.error(f"{dimensions:,} dimensions")
    sizes = cursor.unpack("Q" * dimensions)
    kind, offset = cursor.unpack("IQ")
    return name, tuple(reversed(sizes)), kind, offset


def _place(cursor: _Cursor, name: str, shape: tuple[int, ...], kind: int, begin: int) -> GgufTensor:
    """A tensor whose type is supported and whose bytes are inside the file."""
    if kind not in TENSOR_TYPES:
        known = ", ".join(name for name, _, _ in TENSOR_TYPES.values())
        raise InputError(
            f"The tensor {name[:80]!r} has type {kind} of GGUF; supported: {known}.",
            "Use a file with one of these types.",
        )
    type_name, numbers, size = TENSOR_TYPES[kind]
    count = math.prod(shape)
    if shape[-1] % numbers or begin + count // numbers * size > cursor.size:
        raise cursor.error(f"the tensor {name[:80]!r} does not fit")
    return GgufTensor(shape, type_name, begin, count // numbers * size)


def _dequantize(data: bytes, kind: str) -> NDArray[np.float32]:
    """The numbers in the bytes of a tensor, in one dimension; Q8_0 is a scale for 32 int8."""
    if kind == "F32":
        return np.frombuffer(data, "<f4").astype(np.float32)
    if kind == "F16":
        return np.frombuffer(data, "<f2").astype(np.float32)
    if kind == "BF16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    blocks = np.frombuffer(data, np.dtype([("scale", "<f2"), ("values", "i1", 32)]))
    values: NDArray[np.float32] = (
        blocks["values"].astype(np.float32) * blocks["scale"].astype(np.float32)[:, None]
    )
    return values.reshape(-1)

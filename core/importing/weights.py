"""The weights of a model's folder in one safetensors file, checked against the model's layout.

A single file is linked, not copied, where the file system allows it. The parts of a divided one are
joined: their bytes one after another under one header.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from core.config.budget import count_parameters
from core.config.configs import ModelConfig
from core.errors import DamagedError, InputError
from core.model import factory
from core.model.foreign_layouts import pick_weights
from core.model.state_dict import stored_shapes
from core.run.model_files import (
    MAX_SIZE_RATIO,
    read_safetensors_header,
    write_safetensors_header,
)
from core.system.files import JsonObject, fsync_path, link_or_copy, open_regular_file

BYTES_PER_NUMBER = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
COPY_BYTES = 1 << 22
MAX_NAMES_LISTED = 5

Header = dict[str, tuple[str, tuple[int, ...]]]


@dataclass(frozen=True)
class Part:
    """One safetensors file.

    Attributes:
        header: type and shape of each tensor by name.
        begin: of the data, in bytes.
        size: of the data, in bytes.
    """

    path: Path
    header: Header
    begin: int
    size: int


def read_part(path: Path) -> Part:
    """The header of a safetensors file.

    Raises:
        DamagedError: it is not one, incomplete, or a tensor is not where the header says.
    """
    try:
        header, size = read_safetensors_header(path)
        part = Part(path, header, path.stat().st_size - size, size)
    except OSError as error:
        raise DamagedError(f"{path} cannot be read: {error}.", "Download it again.") from None
    needed = sum(
        math.prod(shape) * BYTES_PER_NUMBER.get(kind, 0) for kind, shape in header.values()
    )
    if needed > size:
        raise DamagedError(
            f"{path} is incomplete: it has {size:,} of {needed:,} bytes.", "Download it again."
        )
    _entries(part)
    return part


def join_headers(parts: Sequence[Part]) -> Header:
    """The tensors of all parts.

    Raises:
        InputError: two parts hold the same tensor.
    """
    header: Header = {}
    for part in parts:
        if duplicates := header.keys() & part.header.keys():
            raise InputError(f"{part.path} holds {sorted(duplicates)[0]!r} a second time.")
        header |= part.header
    return header


def check_tensors(config: ModelConfig, header: Header, where: Path) -> None:
    """Refuse weights that are not those of the model.

    Args:
        where: the file or folder of the weights, for errors.

    Raises:
        InputError: tensors are missing, unknown, of another shape or quantised.
    """
    count = sum(math.prod(shape) for _, shape in header.values())
    if count_parameters(config) > MAX_SIZE_RATIO * count:  # before memory is allocated for them
        raise InputError(
            f"The weights in {where} hold {count:,} numbers; the model that its settings describe "
            f"has {count_parameters(config):,}.",
            "Both must be of the same model.",
        )
    expected = stored_shapes(factory.build_model(config, seed=None))
    picked = pick_weights(config, expected, header)
    problems = {
        "missing": [name for name in expected if name not in picked],
        "unknown": [name for name in picked if name not in expected],
        "of another shape": [
            f"{name} is {list(picked[name][1])}, not {list(shape)}"
            for name, shape in expected.items()
            if name in picked and picked[name][1] != shape
        ],
        "of an unsupported type": [
            f"{name} is {picked[name][0]}"
            for name in expected
            if name in picked and picked[name][0] not in BYTES_PER_NUMBER
        ],
    }
    texts = [f"{what}: {_shorten(names)}" for what, names in problems.items() if names]
    if texts:
        raise InputError(
            f"The weights in {where} do not match its settings: {'; '.join(texts)}.",
            "Both must be of the same model, in full precision (float32, bfloat16 or float16).",
        )


def _shorten(names: list[str]) -> str:
    rest = len(names) - MAX_NAMES_LISTED
    return ", ".join(names[:MAX_NAMES_LISTED]) + (f" and {rest:,} more" if rest > 0 else "")


def store_weights(parts: Sequence[Part], target: Path) -> None:
    """Make `target` a file with all tensors of the parts.

    Raises:
        OSError: it could not be written.
        DamagedError: the data of a part is not where its header says.
    """
    if len(parts) == 1:
        link_or_copy(parts[0].path, target)
    else:
        join_parts(parts, target)


def join_parts(parts: Sequence[Part], target: Path) -> None:
    """Write the tensors of all parts into one file; errors as of `store_weights`."""
    entries: JsonObject = {}
    offset = 0
    for part in parts:
        for name, entry in _entries(part).items():
            begin, end = entry["data_offsets"]
            entries[name] = {**entry, "data_offsets": [begin + offset, end + offset]}
        offset += part.size
    with target.open("xb") as file:
        write_safetensors_header(file, entries)
        for part in parts:
            _copy_data(part, file)
        file.flush()
        os.fsync(file.fileno())
    fsync_path(target.parent)


def _copy_data(part: Part, file: BinaryIO) -> None:
    left = part.size
    with os.fdopen(open_regular_file(part.path), "rb") as source:
        source.seek(part.begin)
        while left and (data := source.read(min(left, COPY_BYTES))):
            file.write(data)
            left -= len(data)
    if left:
        raise DamagedError(f"{part.path} ends early.", "Download it again.")


def _entries(part: Part) -> Mapping[str, dict[str, Any]]:
    """The entries of a header with their offsets, each inside the data and of its length."""
    with os.fdopen(open_regular_file(part.path), "rb") as source:
        size = int.from_bytes(source.read(8), "little")
        entries: dict[str, Any] = json.loads(source.read(size))
    entries.pop("__metadata__", None)
    for name, (kind, shape) in part.header.items():
        offsets = entries[name].get("data_offsets")
        needed = math.prod(shape) * BYTES_PER_NUMBER.get(kind, 0)
        is_valid = isinstance(offsets, list) and len(offsets) == 2
        is_valid = is_valid and all(type(offset) is int for offset in offsets)
        if not is_valid or not 0 <= offsets[0] <= offsets[1] <= part.size:
            raise DamagedError(f"{part.path}: {name[:80]!r} lies outside the file.")
        if kind in BYTES_PER_NUMBER and offsets[1] - offsets[0] != needed:
            raise DamagedError(f"{part.path}: {name[:80]!r} has another length than its shape.")
    spans = sorted(entries[name]["data_offsets"] for name in part.header)
    if any(end > begin for (_, end), (begin, _) in pairwise(spans)):
        raise DamagedError(f"{part.path}: two tensors share bytes.")
    return entries

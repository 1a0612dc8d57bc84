"""What a safetensors file says it holds, before any of it is believed. Knows no torch.

The format: 8 bytes with the length of a JSON object, that object (type, shape and place of each
tensor by name), then the tensors (https://huggingface.co/docs/safetensors).
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

from core.config.configs import ModelConfig
from core.errors import DamagedError
from core.config.budget import count_parameters

LONGEST_HEADER = 100 * 2**20
# A shape that needs so many times the numbers of the file is refused before memory is taken.
MOST_EXCESS = 2


def check_room(path: Path, config: ModelConfig) -> None:
    """Refuses weights that are no match at all for a shape; small differences are seen later.

    Raises:
        DamagedError: this is no whole file of tensors, or one of a far smaller model.
    """
    try:
        header, length = read_header(path)
        count = sum(math.prod(shape) for _, shape in header.values())
    except (OSError, TypeError) as error:
        raise DamagedError(f"{path} cannot be read: {error}.") from error
    wanted = count_parameters(config)
    # No type takes less than half a byte a number.
    if wanted > MOST_EXCESS * min(count, 2 * length):
        raise DamagedError(
            f"{path} holds {count:,} numbers in {length:,} bytes; "
            f"the model that config.json beside it describes has {wanted:,}.",
            "Both must come from the same run.",
        )


def read_header(path: Path) -> tuple[dict[str, tuple[str, tuple[int, ...]]], int]:
    """Type and shape by name, and how many bytes of data follow in the file.

    Raises:
        OSError: this is no header.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > LONGEST_HEADER:
            raise OSError(f"{path.name} has no header")
        text = file.read(size)
        length = os.fstat(file.fileno()).st_size - file.tell()
    try:
        entries = json.loads(text)
        entries.pop("__metadata__", None)
        return {n: (e["dtype"], tuple(e["shape"])) for n, e in entries.items()}, length
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise OSError(f"{path.name} has no header: {error}") from error

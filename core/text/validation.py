"""Which lines, pairs and conversations of a text are for validation instead of training."""

from __future__ import annotations

import hashlib

VALIDATION_ONE_IN = 10
MIN_LINES_TO_SPLIT = 200


def is_validation_line(line: str) -> bool:
    """Whether the hash of a line assigns it to validation: one in ten, equal lines alike."""
    digest = hashlib.blake2b(line.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") % VALIDATION_ONE_IN == 0


def is_split(count: int, validation_count: int) -> bool:
    """Whether a text is split at all: it has enough lines, and some of both kinds.

    Args:
        count: lines of the text.
        validation_count: those of them that `is_validation_line` names.
    """
    return count >= MIN_LINES_TO_SPLIT and 0 < validation_count < count

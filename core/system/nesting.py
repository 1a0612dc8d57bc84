"""How deeply a value of JSON is nested: what can just be read could not be written again."""

from __future__ import annotations

from typing import Any

MOST_LEVELS = 100


def check_nesting(text: str, value: Any) -> None:
    """Refuses a value of more than a hundred levels.

    Args:
        text: what it was read from; mostly it alone shows that there are not so many.

    Raises:
        RecursionError: as the reader does for some thousand levels.
    """
    if text.count("[") + text.count("{") <= MOST_LEVELS:
        return
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MOST_LEVELS):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise RecursionError(f"it is nested deeper than {MOST_LEVELS} levels")


def _inside(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value
    return [one for one in inner if isinstance(one, dict | list)]

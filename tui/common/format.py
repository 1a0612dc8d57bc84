"""Numbers, sizes, durations and tokens as text."""

from __future__ import annotations

from collections.abc import Sequence

from tui.common.sanitize import one_line

SPACE = "·"  # within a token
PLAIN_BAR, PLAIN_SPACE = "|", "_"  # the first is drawn between tokens
MAX_PLAIN_LOSS = 1000.0  # from here on decimals are meaningless
COPIED, CHOSEN = "copied", "chosen"  # styles of marked text


def format_size(count: float) -> str:
    """Format a number of bytes: 980 B, 1.2 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def format_count(number: float | None) -> str:
    """Format a number of parameters or tokens: 830 k, 1.2 M; empty if unknown."""
    if number is None:
        return ""
    for unit in ("", " k", " M"):
        if number < 1000:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:.3g} G"


def format_short_count(number: int) -> str:
    """Format a count in at most four cells: 999, 2.1k, 489k, 5M."""
    value = float(number)
    for unit in ("", "k", "M", "G"):
        if value < 999.5:
            return f"{value:.1f}{unit}" if unit and value < 9.95 else f"{value:.0f}{unit}"
        value /= 1000
    return f"{value:.0f}T"


def format_duration(seconds: float) -> str:
    """Format a duration: 0:07, 12:05, 3:00:00."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def loss(value: float | None) -> str:
    """Format a loss with a fixed number of decimals, so that points align; empty if unknown."""
    if value is None:
        return ""
    return f"{value:.3f}" if abs(value) < MAX_PLAIN_LOSS else f"{value:.2g}"


def percent(share: float) -> str:
    """Format a share in whole percent; 100 % only when all is done."""
    return f"{100 if share >= 1 else min(99, round(100 * share))} %"


def exact_percent(share: float) -> str:
    """A share with one decimal; 100 and 0 only if it is exactly that."""
    if share in (0.0, 1.0):
        return f"{100 * share:.0f} %"
    return f"{min(99.9, max(0.1, round(100 * share, 1))):.1f} %"


def format_number(value: float | None) -> str:
    """Format a loss; empty if there is none."""
    return "" if value is None else f"{value:.4g}"


def describe_change(name: str, old: object, new: object) -> str:
    """Format a changed setting: `epochs auto → 4`."""
    left, right = (
        "auto" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        for value in (old, new)
    )
    return f"{name} {left} → {right}"


def mark_spaces(token: str, space: str = SPACE) -> str:
    """Return a token's text with spaces and control codes made visible."""
    return one_line(token).replace(" ", space)


def find_first_difference(left: Sequence[object], right: Sequence[object]) -> int | None:
    """Return the index at which two sequences first differ; None if they are equal."""
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return index
    return None if len(left) == len(right) else min(len(left), len(right))

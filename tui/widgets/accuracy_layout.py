"""Where the panels of the Test screen are, for every size of the terminal. Pure."""

from __future__ import annotations

from textual.geometry import Region

from tui.common.terminal import WIDE_COLUMNS

SIDE_BY_SIDE_WIDTH = 80  # below, one panel at a time is shown under the accuracy
ROOMY, TALL = 26, 30  # rows from which panels have room to spare
MIN_LEFT = 48
PANELS = SCORE, WRONG, CLOSER, MIXED, SURE = ("score", "wrong", "closer", "mixed", "sure")
Places = dict[str, Region]


def arrange_panels(width: int, height: int, chosen: str = WRONG) -> Places:
    """The region of each panel that is shown; they fill the room without overlapping.

    Args:
        width, height: of the room, in cells.
        chosen: the panel below the accuracy where there is room for one only.
    """
    if width >= WIDE_COLUMNS:
        return _arrange_wide(width, height)
    if width >= SIDE_BY_SIDE_WIDTH:
        return _arrange_normal(width, height)
    score = 6 if height >= 18 else 5
    if chosen == SCORE:
        return {SCORE: Region(0, 0, width, height)}
    return {SCORE: Region(0, 0, width, score), chosen: Region(0, score, width, height - score)}


def _arrange_wide(width: int, height: int) -> Places:
    """Figures left; wrong answers and a closer look right."""
    left = max(MIN_LEFT, width * 2 // 5)
    right = width - left
    score = 8 if height >= ROOMY else 7
    sure, closer = (9, 9) if height >= TALL else (8, 7)
    return {
        SCORE: Region(0, 0, left, score),
        MIXED: Region(0, score, left, height - score - sure),
        SURE: Region(0, height - sure, left, sure),
        WRONG: Region(left, 0, right, height - closer),
        CLOSER: Region(left, height - closer, right, closer),
    }


def _arrange_normal(width: int, height: int) -> Places:
    """Two columns of figures, then the wrong answers."""
    left = max(36, width * 2 // 5)
    right = width - left
    score, sure, mixed = 7, 7, 7
    upper = score + sure
    return {
        SCORE: Region(0, 0, left, score),
        SURE: Region(0, score, left, sure),
        MIXED: Region(left, 0, right, mixed),
        CLOSER: Region(left, mixed, right, upper - mixed),
        WRONG: Region(0, upper, width, height - upper),
    }

"""Bars and sliders of one row, drawn with line characters; solid blocks are for heat maps only."""

from __future__ import annotations

from textual.content import Content

FULL, HALF, TRACK, KNOB = "━", "╸", "─", "◆"
ASCII_FULL, ASCII_TRACK, ASCII_KNOB = "=", "-", "O"
MIN_SHARE = 0.01  # from here on at least half a cell is drawn


def bar(share: float, width: int, style: str = "$primary", *, is_ascii: bool = False) -> Content:
    """Draw a share of a whole.

    Args:
        share: limited to 0 to 1.
        width: in cells.
        style: of the filled part.
    """
    share = min(1.0, max(0.0, share))
    halves = round(share * width * 2) or int(share >= MIN_SHARE)
    full, track = (ASCII_FULL, ASCII_TRACK) if is_ascii else (FULL, TRACK)
    half = full if is_ascii else HALF
    filled = (full * (halves // 2) + half * (halves % 2))[:width]
    return Content.assemble((filled, style), (track * (width - len(filled)), "$rule"))


def slider(
    share: float,
    width: int,
    *,
    focused: bool = False,
    is_off: bool = False,
    is_ascii: bool = False,
) -> Content:
    """Draw a position between the ends of a track.

    Args:
        share: 0 at the left end, 1 at the right end; limited to both.
        width: in cells.
        focused: whether this is the slider that arrow keys move.
        is_off: whether what it sets has no effect; then its position is faint unless focused.
    """
    at = round(min(1.0, max(0.0, share)) * (width - 1))
    chars = (ASCII_FULL, ASCII_KNOB, ASCII_TRACK) if is_ascii else (FULL, KNOB, TRACK)
    full, knob, track = chars
    if focused:
        filled_style, knob_style = "$primary", "bold $primary"
    elif is_off:
        full, filled_style, knob_style = track, "$rule", "$faint"
    else:
        filled_style, knob_style = "$faint", "bold $ink"
    return Content.assemble(
        (full * at, filled_style), (knob, knob_style), (track * (width - 1 - at), "$rule")
    )

"""Where the parts of the Train screen are, for every size of the terminal. Pure."""

from __future__ import annotations

from textual.geometry import Region

from tui.common.terminal import WIDE_COLUMNS

BIG_WIDTH = 140  # columns
SIDE_BY_SIDE_WIDTH = 70
TILES = ("train", "validation", "step", "speed")
TILE_HEIGHT = 4
MIN_CHART_HEIGHT = 8
BARS_HEIGHT = 28  # from which the machine has three lines
Places = dict[str, Region]


def arrange(
    width: int, height: int, *, has_failed: bool = False, is_live: bool = True, epochs: int = 0
) -> Places:
    """The region of each part that is shown; they fill the room without overlapping.

    Args:
        width, height: of the room, in cells.
        has_failed: the error and the end of the log take the place of the samples.
        is_live: the machine has bars, not only a line.
        epochs: rows of the table of epochs.
    """
    if width >= BIG_WIDTH:
        places = _arrange_big(width, height, is_live, epochs)
    elif width >= WIDE_COLUMNS:
        places = _arrange_wide(width, height, is_live)
    else:
        return _arrange_narrow(width, height, has_failed)
    if has_failed:
        places["failure"] = places.pop("samples")
    return places


def _arrange_big(width: int, height: int, is_live: bool, epochs: int) -> Places:
    """Two columns: tiles, chart and verdict; epochs, samples and machine."""
    right = width * 2 // 5
    left = width - right
    places = _tiles(left)
    verdict = 4
    places["chart"] = Region(0, TILE_HEIGHT, left, height - TILE_HEIGHT - verdict)
    places["verdict"] = Region(0, height - verdict, left, verdict)
    machine = _machine_height(height, is_live)
    table = max(6, min(epochs + 4, (height - machine) // 2))
    places["epochs"] = Region(left, 0, right, table)
    places["samples"] = Region(left, table, right, height - machine - table)
    places["machine"] = Region(left, height - machine, right, machine)
    return places


def _arrange_wide(width: int, height: int, is_live: bool) -> Places:
    """Tiles, then chart and epochs, verdict and samples, and the machine below all."""
    places = _tiles(width)
    machine = _machine_height(height, is_live)
    middle = height - TILE_HEIGHT - machine
    upper = max(min(MIN_CHART_HEIGHT, middle - 4), middle * 3 // 5)
    chart, verdict = width * 3 // 5, width * 2 // 5
    top, below = TILE_HEIGHT, TILE_HEIGHT + upper
    places["chart"] = Region(0, top, chart, upper)
    places["epochs"] = Region(chart, top, width - chart, upper)
    places["verdict"] = Region(0, below, verdict, middle - upper)
    places["samples"] = Region(verdict, below, width - verdict, middle - upper)
    places["machine"] = Region(0, height - machine, width, machine)
    return places


def _machine_height(height: int, is_live: bool) -> int:
    """Borders and one to three lines."""
    if not is_live:
        return 3
    return 5 if height >= BARS_HEIGHT else 4


def _tiles(width: int) -> Places:
    """Four tiles side by side."""
    edges = [width * number // len(TILES) for number in range(len(TILES) + 1)]
    return {
        name: Region(start, 0, end - start, TILE_HEIGHT)
        for name, start, end in zip(TILES, edges, edges[1:], strict=False)
    }


def _arrange_narrow(width: int, height: int, has_failed: bool) -> Places:
    """A line of figures and the parts below each other, with a rule above each."""
    has_machine = width >= SIDE_BY_SIDE_WIDTH or height >= 24
    verdict = 1 if width >= SIDE_BY_SIDE_WIDTH else 2
    machine = 2 if has_machine else 0
    lower = max(6, (height - 4) // 3) if width >= SIDE_BY_SIDE_WIDTH else max(7, (height - 4) // 2)
    chart = max(4, height - 1 - lower - machine - verdict)
    lower = height - 1 - chart - machine - verdict
    places = {"line": Region(0, 0, width, 1), "chart": Region(0, 1, width, chart)}
    top = 1 + chart
    if has_failed:
        places["failure"] = Region(0, top, width, lower)
    elif width >= SIDE_BY_SIDE_WIDTH:
        half = (width + 1) // 2
        places["epochs"] = Region(0, top, half, lower)
        places["samples"] = Region(half, top, width - half, lower)
    else:
        samples = lower // 2
        places["epochs"] = Region(0, top, width, lower - samples)
        places["samples"] = Region(0, top + lower - samples, width, samples)
    if has_machine:
        places["machine"] = Region(0, top + lower, width, machine)
    places["verdict"] = Region(0, height - verdict, width, verdict)
    return places

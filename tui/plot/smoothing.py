"""The bright line and the dim cloud of a noisy curve. Pure.

Shapes: N points of a curve, P positions of the line, K points of the cloud.
"""

from __future__ import annotations

import math

import numpy as np

from tui.plot.axis import AxisScale
from tui.plot.canvas import FloatArray

SMOOTHED_SHARE = 1 / 50  # of a curve, averaged in each position of its line
CLOUD_POINTS = 20_000  # of more, some are drawn, but always the extremes of each column


def smoothing_width(xs: FloatArray) -> float | None:
    """The width of the window to average over, in units of the x axis.

    A fiftieth of the range of `xs`, (N,), rounded to 1, 2 or 5 times a power of ten; None if there
    are fewer than two points in it, so that averaging would change nothing.
    """
    if len(xs) < 2:
        return None
    span = float(xs[-1] - xs[0])
    if not span > 0:
        return None
    width = _round_to_125(span * SMOOTHED_SHARE)
    spacing = span / (len(xs) - 1)
    return width if width >= 2 * spacing * (1 - 1e-9) else None


def _round_to_125(value: float) -> float:
    exponent = math.floor(math.log10(value))
    candidates = [float(f"{digit}e{exponent}") for digit in (1, 2, 5, 10)]
    return min(candidates, key=lambda candidate: abs(math.log(candidate / value)))


def mean_line(
    xs: FloatArray, ys: FloatArray, width: float, positions: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Means of the points within `width` / 2 of each position.

    Near the first point the window is as narrow on its right as it must be on its left: a steep
    beginning is not lowered by what follows it. Near the last point the window has only its left
    part, so the end of the line still moves while points arrive.

    Args:
        xs, ys: rising positions of the points, and their values, (N,).
        positions: rising, (P,).

    Returns:
        Positions with points in their window, and the means there, (P,) or fewer.
    """
    reach = np.minimum(width / 2, np.maximum(0.0, positions - xs[0]))
    starts = np.searchsorted(xs, positions - reach, "left")
    ends = np.searchsorted(xs, positions + reach, "right")
    keep = ends > starts
    starts, ends = starts[keep], ends[keep]
    if not len(starts):
        return positions[keep], np.empty(0)
    # Sums of single windows: in running sums one huge loss would hide all that follow it.
    pairs = np.stack([starts, ends], axis=1).ravel()
    sums = np.add.reduceat(np.append(ys, 0.0), pairs)[::2]
    return positions[keep], np.asarray(sums / (ends - starts))


def line_positions(xs: FloatArray, scale: AxisScale, count: int) -> FloatArray:
    """Where to compute the line: at the points in view, or at `count` places if they are more."""
    low, high = max(scale.low, float(xs[0])), min(scale.high, float(xs[-1]))
    inside = xs[np.searchsorted(xs, low) : np.searchsorted(xs, high, "right")]
    if len(inside) <= count:
        return inside
    shares = np.linspace(scale.share(low), scale.share(high), count)
    if not scale.log:
        return scale.low + shares * (scale.high - scale.low)
    ends = math.log10(scale.low), math.log10(scale.high)
    return np.asarray(10.0 ** (ends[0] + shares * (ends[1] - ends[0])))


def cloud_points(
    shares: FloatArray, ys: FloatArray, columns: int, limit: int = CLOUD_POINTS
) -> tuple[FloatArray, FloatArray]:
    """The points to draw as a cloud: all, or about `limit` with the extremes of each column.

    Args:
        shares: rising positions from 0 to 1, (N,).
        ys: their values, (N,).
        columns: of dots.

    Returns:
        Positions and values, (K,).
    """
    if len(ys) <= limit:
        return shares, ys
    cuts = np.searchsorted(shares, np.arange(columns) / columns)
    starts = np.unique(cuts[cuts < len(ys)])
    every = -(-len(ys) // limit)
    middles = shares[starts]
    return (
        np.concatenate([shares[::every], middles, middles]),
        np.concatenate(
            [ys[::every], np.minimum.reduceat(ys, starts), np.maximum.reduceat(ys, starts)]
        ),
    )

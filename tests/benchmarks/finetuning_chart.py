"""The chart and the table of `finetuning.py`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Point = tuple[int, float, float, float]  # examples; mean, lowest and highest accuracy

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 40, 56
COLOURS = ("#b35900", "#0b62a8")
MARK = 4


def format_table(arms: Mapping[str, Sequence[Point]], chance: float) -> list[str]:
    """A Markdown table: a row for each number of examples."""
    numbers = sorted({point[0] for points in arms.values() for point in points})
    lines = ["| examples | " + " | ".join(arms) + " |", "| ---: |" + " ---: |" * len(arms)]
    for number in numbers:
        cells = [_cell(points, number) for points in arms.values()]
        lines.append(f"| {number:,} | " + " | ".join(cells) + " |")
    return [*lines, f"The most frequent answer alone: {chance:.1%}"]


def _cell(points: Sequence[Point], number: int) -> str:
    for examples, mean, low, high in points:
        if examples == number:
            return f"{mean:.1%} ({low:.1%}–{high:.1%})"
    return ""


def draw_svg(arms: Mapping[str, Sequence[Point]], chance: float, task: str) -> str:
    """Accuracy over the number of examples, which has a logarithmic scale."""
    numbers = sorted({point[0] for points in arms.values() for point in points})
    first, last = math.log(numbers[0]), math.log(max(numbers[-1], numbers[0] + 1))

    def x(number: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log(number) - first) / (last - first)

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, 22, f"{task}: held-out accuracy; mean of the seeds, lowest to highest"),
    ]
    for percent in range(0, 101, 20):
        height = y(percent / 100)
        parts.append(_line(LEFT, height, WIDTH - RIGHT, height, "#dddddd"))
        parts.append(_text(LEFT - 8, height + 4, f"{percent} %", anchor="end"))
    for number in numbers:
        parts.append(_line(x(number), y(0), x(number), y(0) + 5, "#555555"))
        parts.append(_text(x(number), y(0) + 20, f"{number:,}", anchor="middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, "examples", anchor="middle"))
    parts.append(_line(LEFT, y(chance), WIDTH - RIGHT, y(chance), "#888888", dash="4 4"))
    parts.append(_text(WIDTH - RIGHT, y(chance) + 16, "most frequent answer", "end", "#666666"))
    for points, colour in zip(arms.values(), COLOURS, strict=True):
        if not points:
            continue
        path = " ".join(f"{x(number):.1f},{y(mean):.1f}" for number, mean, _, _ in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for number, mean, low, high in points:
            parts.append(_line(x(number), y(low), x(number), y(high), colour))
            parts.append(
                f'<circle cx="{x(number):.1f}" cy="{y(mean):.1f}" r="{MARK}" fill="{colour}"/>'
            )
    for row, (name, colour) in enumerate(zip(arms, COLOURS, strict=True)):
        height = y(0) - 16 - 20 * row
        parts.append(_line(WIDTH - 160, height - 4, WIDTH - 136, height - 4, colour))
        parts.append(_text(WIDTH - 128, height, name))
    return "\n".join([*parts, "</svg>\n"])


def _text(x: float, y: float, words: str, anchor: str = "start", colour: str = "#333333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, dash: str = "none") -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="1.5" stroke-dasharray="{dash}"/>'
    )

"""What a redraw costs: the chart, and a transcript that grows, beside Textual's own `Static`.

Measures the processor time of an update with its painting, in an app without a terminal:
20 updates a second of 25 tokens each, after so many tokens; a chart of so many points.

    python tests/benchmarks/widgets.py [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
from machine import print_machine
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from tui.widgets.loss_plot import LossPlot
from tui.widgets.transcript import Transcript

SIZE = (120, 40)
TOKENS = [" the", " quick", " brown", " fox", " jump", "s", " over", " it", ".", "\n"]
BATCH = 25
SECONDS = 1 / 20
CHART = "\n".join("·" * SIZE[0] for _ in range(SIZE[1]))
Update = Callable[[int], None]


class Stage(App[None]):
    """Shows one widget."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.animation_level = "none"
        self._widget = widget

    def compose(self) -> ComposeResult:
        """The widget alone."""
        yield self._widget


def milliseconds(widget: Widget, fill: Callable[[], None], update: Update, count: int) -> float:
    """Processor time of an update."""

    async def act() -> float:
        async with Stage(widget).run_test(size=SIZE) as pilot:
            fill()
            await pilot.pause()
            began = time.process_time()
            for number in range(count):
                update(number)
                await asyncio.sleep(SECONDS)
            return (time.process_time() - began) / count * 1000

    return asyncio.run(act())


def batch(number: int) -> str:
    return "".join(TOKENS[(number + place) % len(TOKENS)] for place in range(BATCH))


def transcript(before: int, count: int) -> float:
    shown = Transcript()
    start = "".join(batch(number) for number in range(before // BATCH))
    return milliseconds(
        shown,
        lambda: shown.append([(start, "")]),
        lambda number: shown.append([(batch(number), "")]),
        count,
    )


def static(before: int, count: int) -> float:
    shown = Static(markup=False)
    text = ["".join(batch(number) for number in range(before // BATCH))]

    def update(number: int) -> None:
        text[0] += batch(number)
        shown.update(text[0])

    scroll = VerticalScroll(shown)

    def fill() -> None:
        scroll.anchor()
        shown.update(text[0])

    return milliseconds(scroll, fill, update, count)


def plot(points: int, count: int) -> float:
    shown = LossPlot()
    noise = np.random.default_rng(0).normal(0, 0.1, points + count)
    steps = np.arange(points + count, dtype=float)
    losses = 1 + 4 * np.exp(-steps / points * 4) + noise

    def update(number: int) -> None:
        end = points + number
        shown.show(curves=[("train", steps[:end], losses[:end])], references=[("random", 4.9)])

    return milliseconds(shown, lambda: update(0), update, count)


def static_chart(count: int) -> float:
    shown = Static(markup=False)
    return milliseconds(
        shown, lambda: shown.update(CHART), lambda number: shown.update(f"{number}{CHART}"), count
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="fewer sizes, fewer updates")
    quick = parser.parse_args().quick
    count = 10 if quick else 40
    print_machine()
    print(f"textual {version('textual')}, {SIZE[0]}x{SIZE[1]}, {count} updates each\n")
    print("tokens before   Transcript      Static   ratio")
    for before in (0, 20_000) if quick else (0, 5_000, 20_000):
        ours, theirs = transcript(before, count), static(before, count)
        print(f"{before:13,} {ours:9.1f} ms {theirs:8.1f} ms {ours / theirs:7.2f}")
    baseline = static_chart(count)
    print("\n       points     LossPlot      Static   ratio")
    for points in (1_000, 100_000) if quick else (1_000, 10_000, 100_000):
        ours = plot(points, count)
        print(f"{points:13,} {ours:9.1f} ms {baseline:8.1f} ms {ours / baseline:7.2f}")


if __name__ == "__main__":
    main()

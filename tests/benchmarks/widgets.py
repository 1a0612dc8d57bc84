"""CPU time of redrawing the loss chart and a growing transcript, against Textual's `Static`.

Measures an update with its painting in a headless app: 20 updates per second of 25 tokens each,
after a number of tokens; a chart with a number of points.

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
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from tui.common.theme import ThemedApp
from tui.plot.chart import Chart, Curve
from tui.widgets.loss_plot import LossPlot
from tui.widgets.transcript import Transcript

SIZE = (120, 40)
TOKENS = [" the", " quick", " brown", " fox", " jump", "s", " over", " it", ".", "\n"]
TOKENS_PER_UPDATE = 25
UPDATE_PERIOD_S = 1 / 20
CHART_TEXT = "\n".join("·" * SIZE[0] for _ in range(SIZE[1]))
Update = Callable[[int], None]


class SingleWidgetApp(ThemedApp):
    """An app with a single widget."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.animation_level = "none"
        self._widget = widget

    def compose(self) -> ComposeResult:
        """The widget alone."""
        yield self._widget


def update_time_ms(widget: Widget, fill: Callable[[], None], update: Update, count: int) -> float:
    """Mean CPU time of an update."""

    async def run() -> float:
        async with SingleWidgetApp(widget).run_test(size=SIZE) as pilot:
            fill()
            await pilot.pause()
            start = time.process_time()
            for number in range(count):
                update(number)
                await asyncio.sleep(UPDATE_PERIOD_S)
            return (time.process_time() - start) / count * 1000

    return asyncio.run(run())


def tokens_of_update(number: int) -> str:
    return "".join(TOKENS[(number + place) % len(TOKENS)] for place in range(TOKENS_PER_UPDATE))


def time_transcript(before: int, count: int) -> float:
    widget = Transcript()
    start = "".join(tokens_of_update(number) for number in range(before // TOKENS_PER_UPDATE))
    return update_time_ms(
        widget,
        lambda: widget.append([(start, "")]),
        lambda number: widget.append([(tokens_of_update(number), "")]),
        count,
    )


def time_static(before: int, count: int) -> float:
    widget = Static(markup=False)
    text = ["".join(tokens_of_update(number) for number in range(before // TOKENS_PER_UPDATE))]

    def update(number: int) -> None:
        text[0] += tokens_of_update(number)
        widget.update(text[0])

    scroll = VerticalScroll(widget)

    def fill() -> None:
        scroll.anchor()
        widget.update(text[0])

    return update_time_ms(scroll, fill, update, count)


def time_plot(points: int, count: int) -> float:
    widget = LossPlot()
    noise = np.random.default_rng(0).normal(0, 0.1, points + count)
    steps = np.arange(points + count, dtype=float)
    losses = 1 + 4 * np.exp(-steps / points * 4) + noise

    def update(number: int) -> None:
        end = points + number
        train = Curve("train", steps[:end], losses[:end], is_noisy=True)
        widget.show(Chart(curves=(train,), baselines=(("uniform", 4.9),)))

    return update_time_ms(widget, lambda: update(0), update, count)


def time_static_chart(count: int) -> float:
    widget = Static(markup=False)
    return update_time_ms(
        widget,
        lambda: widget.update(CHART_TEXT),
        lambda number: widget.update(f"{number}{CHART_TEXT}"),
        count,
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
        our_ms, static_ms = time_transcript(before, count), time_static(before, count)
        print(f"{before:13,} {our_ms:9.1f} ms {static_ms:8.1f} ms {our_ms / static_ms:7.2f}")
    baseline = time_static_chart(count)
    print("\n       points     LossPlot      Static   ratio")
    for points in (1_000, 100_000) if quick else (1_000, 10_000, 100_000):
        our_ms = time_plot(points, count)
        print(f"{points:13,} {our_ms:9.1f} ms {baseline:8.1f} ms {our_ms / baseline:7.2f}")


if __name__ == "__main__":
    main()

"""The forecast of a run, its reasons and the steps of setting it up, in words and bars."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content

from tui.common.format import format_count, format_size
from tui.common.sanitize import one_line
from tui.plot.bars import bar

if TYPE_CHECKING:
    from tui.runs.setup import RunForecast  # imports the planner: not for the first frame

LABEL_CELLS, BRIEF_LABEL_CELLS, VALUE_CELLS = 10, 7, 14
PART_CELLS, PART_VALUE_CELLS = 16, 10  # of what the memory is for
MIN_BAR_CELLS = 6
NARROW_COLUMNS = 70  # below, figures without bars have no room beside the others
MINUTE, HOUR, DAY, WEEK = 60.0, 3600.0, 86400.0, 604800.0
SPANS = ((MINUTE, "of a minute"), (HOUR, "of an hour"), (DAY, "of a day"), (WEEK, "of a week"))
SETUP_STEPS = ("text", "settings", "train")
TIMING = "timing some steps…"


def approximate_duration(seconds: float) -> str:
    """A duration in a word: 3 s, 7 min, 2.5 h, 4 days."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * MINUTE:
        return f"{round(seconds / MINUTE)} min"
    if seconds < 36 * HOUR:
        hours = seconds / HOUR
        return f"{hours:.1f} h" if hours < 9.95 else f"{hours:.0f} h"
    return f"{seconds / DAY:,.0f} days"


def setup_state(current: int) -> Content:
    """Where one is between choosing a text and training, for the first row.

    Args:
        current: 0 is the text, 1 the settings.
    """
    parts: list[tuple[str, str]] = []
    for number, name in enumerate(SETUP_STEPS):
        if number:
            parts.append((" ── ", "$rule"))
        is_done = number < current
        style = "bold $primary" if number == current else "$muted"
        parts.append((f"{number + 1} {name}{' ✓' if is_done else ''}", style))
    return Content.assemble(*parts)


class _Share(NamedTuple):
    """A part of a whole: label, value, share, and the whole in words."""

    label: str
    value: str
    share: float | None
    whole: str


class _BarStyle(NamedTuple):
    """How shares are drawn: columns of the label, the value and the whole, and the bar."""

    label: int
    value: int
    whole: int
    colour: str
    is_ascii: bool

    def draw(self, share: _Share, width: int) -> Content:
        """A line with a bar, if there is room for one."""
        cells = width - self.label - self.value - self.whole - 2
        drawn: list[Content] = []
        if share.share is not None and cells >= MIN_BAR_CELLS:
            drawn = [bar(share.share, cells, self.colour, is_ascii=self.is_ascii), Content("  ")]
        return Content.assemble(
            (share.label.ljust(self.label), "$muted"),
            (share.value.ljust(self.value), "bold"),
            *drawn,
            (share.whole.ljust(self.whole), "$muted"),
        )


def forecast_lines(forecast: RunForecast, width: int, *, is_ascii: bool = False) -> Content:
    """The forecast with a line for each figure, for a panel."""
    lines = [_figure_line(label, parts) for label, parts in _figures(forecast)]
    shares = _shares(forecast)
    whole = max(len(share.whole) for share in shares)
    style = _BarStyle(LABEL_CELLS, VALUE_CELLS, whole, "$primary", is_ascii)
    bars = [style.draw(share, width) for share in shares]
    state, total = forecast.state_memory, max(1, forecast.memory)
    weights = "weights, Adam" if "adam" in str(forecast.train.optimizer) else "weights"
    parts = (("activations", max(0, total - state)), (weights, state))
    style = _BarStyle(PART_CELLS, PART_VALUE_CELLS, 0, "$secondary", is_ascii)
    memory = [
        style.draw(_Share(f"  {label}", format_size(part), part / total, ""), width)
        for label, part in parts
    ]
    title = Content.styled("what the memory is for", "$muted")
    blank = Content("")
    return Content("\n").join([*lines, blank, *bars, blank, title, *memory])


def compact_forecast(forecast: RunForecast, width: int, *, is_ascii: bool = False) -> Content:
    """The forecast in three lines: a bar each, and the other figures at the right."""
    figures = [Content.assemble(*parts) for _, parts in _figures(forecast, brief=True)]
    beside = max(figure.cell_length for figure in figures) + 2 if width >= NARROW_COLUMNS else 0
    shares = _shares(forecast)
    whole = max(len(share.whole) for share in shares)
    style = _BarStyle(BRIEF_LABEL_CELLS, VALUE_CELLS, whole, "$primary", is_ascii)
    lines = [style.draw(share, width - beside) for share in shares]
    if not beside:
        return Content("\n").join([*lines, Content(" · ").join(figures)])
    return Content("\n").join(
        Content.assemble(line, " " * max(2, width - beside - line.cell_length + 2), figure)
        for line, figure in zip(lines, figures, strict=True)
    )


def _figures(
    forecast: RunForecast, *, brief: bool = False
) -> list[tuple[str, list[tuple[str, str] | str]]]:
    """Parameters, steps and speed: label, and the figure with its unit."""
    steps, seconds = forecast.steps, forecast.step_seconds
    speed: list[tuple[str, str] | str] = [(TIMING, "$muted")]
    if seconds:
        speed = [(format_count(forecast.step_tokens / seconds), "bold"), " tokens/s"]
    training: list[tuple[str, str] | str] = [("as many steps as fit", "$muted")]
    if steps is not None:
        training = [(f"{steps:,}", "bold"), " steps"]
        if not brief:
            training.append(f" of {forecast.step_tokens:,} tokens")
    return [
        ("model", [(format_count(forecast.parameters), "bold"), " parameters"]),
        ("training", training),
        ("speed", speed),
    ]


def _figure_line(label: str, parts: Sequence[tuple[str, str] | str]) -> Content:
    return Content.assemble((f"{label:<{LABEL_CELLS}}", "$muted"), *parts)


def _shares(forecast: RunForecast) -> list[_Share]:
    """Time, memory and disk."""
    seconds = forecast.seconds
    if seconds is None:
        time = _Share("time", "…", None, TIMING)
    else:
        whole, words = next((span for span in SPANS if seconds <= span[0]), SPANS[-1])
        time = _Share("time", f"about {approximate_duration(seconds)}", seconds / whole, words)
    return [
        time,
        *(
            _Share(
                label, format_size(needed), needed / max(1, free), f"of {format_size(free)} free"
            )
            for label, needed, free in (
                ("memory", forecast.memory, forecast.free_memory),
                ("disk", forecast.disk, forecast.free_disk),
            )
        ),
    ]


def reason_lines(reasons: Sequence[str], width: int) -> Content:
    """What was chosen, each with its reason; the user's choices carry `•`."""
    from core.config.planner import USER_CHOICE  # not for the first frame

    lines = []
    for reason in reasons:
        match = re.fullmatch(r"(.*?) \((.*)\)", one_line(reason), re.DOTALL)
        what, why = match.groups() if match else (one_line(reason), "")
        sign = ("• ", "bold $accent") if why == USER_CHOICE else ("· ", "$secondary")
        words = Content.assemble((what, "bold"), (f"  {why}", "$muted"))
        for number, line in enumerate(words.wrap(max(1, width - 2))):
            lines.append(Content.assemble("  " if number else sign, line))
    return Content("\n").join(lines)


def warning_lines(warnings: Sequence[str]) -> Content:
    """What to know before training, each with `!`."""
    lines = [
        Content.assemble(("! ", "bold $warning"), (one_line(text), "$warning")) for text in warnings
    ]
    return Content("\n").join(lines)

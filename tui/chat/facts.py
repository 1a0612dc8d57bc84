"""Facts beside or below generated text: weights, settings, speed, context."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from core.run.weights_ref import weights_label
from tui.common.sampling_settings import SamplingControls, describe_next
from tui.common.sanitize import one_line

LABEL_CELLS, VALUE_CELLS = 9, 20


@dataclass(frozen=True, kw_only=True)
class GenerationFacts:
    """Weights, settings and counts at one moment.

    Attributes:
        run, weights, step: the weights; the step is None until known.
        loading: whether the model is not ready yet.
        problem: why the model could not be loaded; empty if it could, or is loading.
        controls: the settings of the next reply.
        tokens: of the reply; None before the first.
        speed: tokens per second.
        used, context: tokens in the context window, and its size.
        note: a short note for the status line.
    """

    run: str
    weights: str
    step: int | None
    loading: bool
    problem: str
    controls: SamplingControls
    tokens: int | None
    speed: float | None
    used: int | None
    context: int | None
    note: str

    @property
    def weights_text(self) -> str:
        """The weights in words, or why there are none."""
        return "loading" if self.loading else self.problem or weights_label(self.weights, self.step)

    @property
    def counts(self) -> tuple[object, ...]:
        """What changes while a reply is generated."""
        return self.tokens, self.speed, self.used, self.context


def weights_rows(facts: GenerationFacts) -> Content:
    """Render run and weights, with the keys that change them."""
    return Content("\n").join(
        [
            _row("Run", one_line(facts.run)),
            _row("Weights", facts.weights_text),
            Content.styled(f"  {', .  b  l  o':>{LABEL_CELLS + VALUE_CELLS}}", "dim"),
        ]
    )


def reply_rows(facts: GenerationFacts) -> Content:
    """Render the counts of the reply in progress, or of the last one."""
    context = "–" if facts.context is None else f"{_number(facts.used)} of {facts.context:,}"
    return Content("\n").join(
        [
            _row("Reply", "–" if facts.tokens is None else f"{facts.tokens:,} tokens"),
            _row("Speed", f"{facts.speed:,.0f} per second" if facts.speed else "–"),
            _row("Context", context),
        ]
    )


def _row(label: str, value: str) -> Content:
    return Content.assemble((f"  {label:<{LABEL_CELLS}}", "dim"), f"{value:>{VALUE_CELLS}}")


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def status_line(facts: GenerationFacts, width: int) -> Content:
    """Render note or settings, and counts, on one line; the left part is truncated to fit."""
    counts = [
        f"{facts.tokens:,} tok" if facts.tokens is not None else "",
        f"{facts.speed:,.0f}/s" if facts.speed else "",
        f"{facts.used:,}/{facts.context:,}" if facts.used is not None and facts.context else "",
    ]
    right = "  ".join(word for word in counts if word)
    left = facts.note or describe_next(facts.controls)
    available = max(0, width - cell_len(right) - 2)
    if cell_len(left) > available:
        left = set_cell_size(left, max(0, available - 1)).rstrip() + "…"
    return Content.assemble(set_cell_size(left, available), "  ", right)

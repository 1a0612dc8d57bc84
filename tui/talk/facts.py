"""What stands beside or below a talk: which weights, how fast, how full the context is. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from core.run.weights_ref import weights_label
from tui.common.sampling_settings import SamplingControls, now_in_words
from tui.common.sanitize import one_line

LABEL, VALUE = 9, 20


@dataclass(frozen=True, kw_only=True)
class TalkFacts:
    """What is known at this moment.

    Attributes:
        run, which, step: whose weights; the step is None until it is known.
        loading: whether they are not ready yet.
        problem: why they are not loaded; empty if they are, or will be.
        dials: the settings of the next reply.
        tokens: of the reply, None before the first.
        speed: tokens a second.
        used, size: tokens in the context, and how many fit.
        note: a few words that matter now.
    """

    run: str
    which: str
    step: int | None
    loading: bool
    problem: str
    dials: SamplingControls
    tokens: int | None
    speed: float | None
    used: int | None
    size: int | None
    note: str

    @property
    def weights(self) -> str:
        """The weights in words."""
        words = weights_label(self.which, self.step)
        return "loading" if self.loading else self.problem or words

    @property
    def counts(self) -> tuple[object, ...]:
        """What changes while a reply comes."""
        return self.tokens, self.speed, self.used, self.size


def weights_rows(facts: TalkFacts) -> Content:
    """The head of the side pane."""
    return Content("\n").join(
        [
            _row("Run", one_line(facts.run)),
            _row("Weights", facts.weights),
            Content.styled(f"  {', .  b  l  o':>{LABEL + VALUE}}", "dim"),
        ]
    )


def reply_rows(facts: TalkFacts) -> Content:
    """Counts of the reply that comes, or of the last one."""
    return Content("\n").join(
        [
            _row("Reply", "–" if facts.tokens is None else f"{facts.tokens:,} tokens"),
            _row("Speed", f"{facts.speed:,.0f} a second" if facts.speed else "–"),
            _row("Context", _context(facts)),
        ]
    )


def _row(label: str, value: str) -> Content:
    return Content.assemble((f"  {label:<{LABEL}}", "dim"), f"{value:>{VALUE}}")


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _context(facts: TalkFacts) -> str:
    return "–" if facts.size is None else f"{_number(facts.used)} of {facts.size:,}"


def line(facts: TalkFacts, width: int) -> Content:
    """Settings or note, and counts, in one line: the first is cut where there is no room."""
    counts = [
        f"{facts.tokens:,} tok" if facts.tokens is not None else "",
        f"{facts.speed:,.0f}/s" if facts.speed else "",
        f"{_number(facts.used)}/{facts.size:,}" if facts.used is not None and facts.size else "",
    ]
    right = "  ".join(word for word in counts if word)
    left = facts.note or now_in_words(facts.dials)
    room = max(0, width - cell_len(right) - 2)
    return Content.assemble(set_cell_size(_shortened(left, room), room), "  ", right)


def _shortened(text: str, room: int) -> str:
    if cell_len(text) <= room:
        return text
    return set_cell_size(text, max(0, room - 1)).rstrip() + "…"

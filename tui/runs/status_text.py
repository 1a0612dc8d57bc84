"""The status of a run as a sign and a word; the sign alone tells them apart without colour."""

from __future__ import annotations

from typing import NamedTuple

from textual.content import Content

from core.run.events import FINISHED, IMPORTED
from core.run.status import CRASHED, FAILED, PAUSED, PREPARING, RUNNING, STARTING, STOPPED
from core.run.summary import RunSummary
from tui.common.format import percent

DAMAGED = "damaged"


class StatusLook(NamedTuple):
    """Sign, word, and the style of both."""

    sign: str
    word: str
    style: str


LOOKS = {
    STARTING: StatusLook("●", "starting", "$success"),
    PREPARING: StatusLook("●", "preparing", "$success"),
    RUNNING: StatusLook("●", "training", "$success"),
    PAUSED: StatusLook("‖", "paused", "$warning"),
    FINISHED: StatusLook("✓", "finished", "$muted"),
    IMPORTED: StatusLook("↓", "imported", "$muted"),
    STOPPED: StatusLook("■", "stopped", "$warning"),
    FAILED: StatusLook("✗", "failed", "$error"),
    CRASHED: StatusLook("✗", "crashed", "$error"),
    DAMAGED: StatusLook("✗", "damaged", "$error"),
}


def status_look(status: str) -> StatusLook:
    """How a status is shown; an unknown one has no sign."""
    return LOOKS.get(status, StatusLook(" ", status, "$muted"))


def status_of_summary(summary: RunSummary) -> Content:
    """The status of a run in a list, with the share of its steps while it trains."""
    look = status_look(DAMAGED if summary.problem else summary.status)
    share = ""
    if summary.status in (RUNNING, PAUSED) and summary.steps and not summary.problem:
        share = f" {percent(summary.step / summary.steps)}"
    return Content.assemble((f"{look.sign} {look.word}{share}", look.style))

"""The state of a run in the first row of the Train screen. Pure."""

from __future__ import annotations

from textual.content import Content

from core.run.history import History
from core.run.status import PREPARING, RUNNING, STARTING
from tui.common.format import format_duration, percent
from tui.common.sanitize import one_line
from tui.runs.status_text import DAMAGED, status_look
from tui.runs.tiles import preparation


def train_state(
    history: History,
    status: str,
    *,
    note: str = "",
    waiting: str = "",
    is_unreadable: bool = False,
) -> Content:
    """Sign and word, share of the steps, then the time left and the device.

    Args:
        note: what became of a request; it takes the place of time and device.
        waiting: what a pending stop is about to do; it takes the place of the word.
        is_unreadable: the files of the run cannot be read.
    """
    look = status_look(DAMAGED if is_unreadable else status)
    word = "cannot be read" if is_unreadable else waiting or look.word
    parts: list[Content | str | tuple[str, str]] = [(look.sign, look.style), " ", (word, "$ink")]
    share = history.progress
    if status in (STARTING, PREPARING):
        share = preparation(history, status)[0]
    if share is not None and not is_unreadable:
        parts += ["  ", (percent(share), "bold $ink")]
    details = [note] if note else [_time(history, status), str(history.train.get("device") or "")]
    text = one_line(" · ".join(filter(None, details)))
    if text:
        parts += ["  ", (text, "$muted")]
    return Content.assemble(*parts)


def _time(history: History, status: str) -> str:
    if status == RUNNING and history.eta is not None:
        return f"{format_duration(history.eta)} left"
    return f"{format_duration(history.elapsed)} trained" if history.elapsed is not None else ""

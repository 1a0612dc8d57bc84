"""Beside the talk, or in one line below it: weights, settings, counts. Drawn when one changed."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui.common.sampling_settings import (
    BY_NAME,
    DECLARED,
    SEED,
    USELESS_WHEN_GREEDY,
    SamplingControls,
    value_text,
)
from tui.talk.facts import TalkFacts, line, reply_rows, weights_rows

HINT = "F6 less   F7 more   F8 next"


class TalkSide(Vertical):
    """The facts as a column.

    Args:
        mark: the sign before the setting that is chosen.
    """

    def __init__(self, mark: str) -> None:
        super().__init__(id="side")
        self._mark = mark
        self._facts: TalkFacts | None = None
        self._height = -1  # of the counts, less one

    def compose(self) -> ComposeResult:
        """Weights, settings, counts, a note."""
        yield Static(id="weights")
        yield SettingsPane(self._mark)
        yield Static(HINT, id="hint", markup=False)
        yield Static(id="counts")
        yield Static(id="note", markup=False)

    def show(self, facts: TalkFacts) -> None:
        """Shows these."""
        before, self._facts = self._facts, facts
        if before == facts:
            return
        self.query_one(SettingsPane).show(facts.dials)
        if before is None or (before.run, before.weights) != (facts.run, facts.weights):
            self.query_one("#weights", Static).update(weights_rows(facts))
        if before is None or before.counts != facts.counts:
            rows = reply_rows(facts)
            height = rows.plain.count("\n")
            # Numbers that change do not lay the screen out anew.
            self.query_one("#counts", Static).update(rows, layout=height != self._height)
            self._height = height
        if before is None or before.note != facts.note:
            self.query_one("#note", Static).update(Content.styled(facts.note, "dim"))


class TalkLine(Static):
    """The facts as one line."""

    def __init__(self) -> None:
        super().__init__(id="line", markup=False)
        self._shown: tuple[TalkFacts, int] | None = None

    def show(self, facts: TalkFacts, width: int) -> None:
        """Shows these, in so many cells."""
        if self._shown != (facts, width):
            self._shown = (facts, width)
            self.update(line(facts, width), layout=False)  # one row, whatever it says


def rows(dials: SamplingControls, mark: str = "›") -> Content:
    """The settings as a table: name, value, keys; the one that is chosen has the mark."""
    lines = []
    for name in (*BY_NAME, SEED):
        keys = SEED[0] if name == SEED else f"{BY_NAME[name].key} {BY_NAME[name].key.upper()}"
        lines.append(_row(dials, name, mark if name == dials.chosen else " ", keys))
    return Content("\n").join(lines)


def _row(dials: SamplingControls, name: str, mark: str, keys: str) -> Content:
    value = value_text(dials, name)
    idle = dials.greedy and name in (*USELESS_WHEN_GREEDY, SEED)
    plain = idle or value in ("off", "new")
    return Content.assemble(
        (f"{mark} ", "bold $primary"),
        (f"{DECLARED[name].label:<19}", "dim"),
        (f"{value:>10}", "dim" if plain else "bold"),
        (f"  {keys}", "dim"),
    )


class SettingsPane(Static):
    """The settings, a row each; drawn anew only when one changed.

    Args:
        mark: the sign before the one that is chosen.
    """

    def __init__(self, mark: str = "›") -> None:
        super().__init__(id="settings", markup=False)
        self._mark = mark
        self._dials: SamplingControls | None = None

    def show(self, dials: SamplingControls) -> None:
        """Shows these."""
        if dials != self._dials:
            self._dials = dials
            self.update(rows(dials, self._mark))

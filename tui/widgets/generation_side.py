"""Weights, settings and counts, in a column beside the text or in one line below it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui.chat.facts import GenerationFacts, reply_rows, status_line, weights_rows
from tui.common.sampling_settings import (
    CONTROLS_BY_NAME,
    SEED,
    SETTING_SPECS,
    USELESS_WHEN_GREEDY,
    SamplingControls,
    value_text,
)

HINT = "F6 less   F7 more   F8 next"


class GenerationSide(Vertical):
    """The facts as a column; redrawn only where they changed.

    Args:
        mark: shown before the selected setting.
    """

    def __init__(self, mark: str) -> None:
        super().__init__(id="side")
        self._mark = mark
        self._facts: GenerationFacts | None = None
        self._counts_newlines = -1

    def compose(self) -> ComposeResult:
        """Yield weights, settings, counts and a note."""
        yield Static(id="weights")
        yield SettingsPane(self._mark)
        yield Static(HINT, id="hint", markup=False)
        yield Static(id="counts")
        yield Static(id="note", markup=False)

    def show(self, facts: GenerationFacts) -> None:
        """Show these facts."""
        before, self._facts = self._facts, facts
        if before == facts:
            return
        self.query_one(SettingsPane).show(facts.controls)
        if before is None or (before.run, before.weights_text) != (facts.run, facts.weights_text):
            self.query_one("#weights", Static).update(weights_rows(facts))
        if before is None or before.counts != facts.counts:
            rows = reply_rows(facts)
            newlines = rows.plain.count("\n")
            # Changing numbers alone need no new layout.
            self.query_one("#counts", Static).update(rows, layout=newlines != self._counts_newlines)
            self._counts_newlines = newlines
        if before is None or before.note != facts.note:
            self.query_one("#note", Static).update(Content.styled(facts.note, "dim"))


class GenerationLine(Static):
    """The facts as one line."""

    def __init__(self) -> None:
        super().__init__(id="line", markup=False)
        self._shown: tuple[GenerationFacts, int] | None = None

    def show(self, facts: GenerationFacts, width: int) -> None:
        """Show these facts in `width` cells."""
        if self._shown != (facts, width):
            self._shown = (facts, width)
            self.update(status_line(facts, width), layout=False)  # always one row


class SettingsPane(Static):
    """The settings, one per row; redrawn only when one changed.

    Args:
        mark: shown before the selected one.
    """

    def __init__(self, mark: str = "›") -> None:
        super().__init__(id="settings", markup=False)
        self._mark = mark
        self._controls: SamplingControls | None = None

    def show(self, controls: SamplingControls) -> None:
        """Show these settings."""
        if controls != self._controls:
            self._controls = controls
            self.update(settings_table(controls, self._mark))


def settings_table(controls: SamplingControls, mark: str = "›") -> Content:
    """Render the settings as rows of name, value and keys."""
    return Content("\n").join(
        _setting_row(controls, name, mark) for name in (*CONTROLS_BY_NAME, SEED)
    )


def _setting_row(controls: SamplingControls, name: str, mark: str) -> Content:
    keys = (
        SEED[0]
        if name == SEED
        else f"{CONTROLS_BY_NAME[name].key} {CONTROLS_BY_NAME[name].key.upper()}"
    )
    value = value_text(controls, name)
    unused = controls.greedy and name in (*USELESS_WHEN_GREEDY, SEED)
    return Content.assemble(
        (f"{mark if name == controls.selected else ' '} ", "bold $primary"),
        (f"{SETTING_SPECS[name].label:<19}", "dim"),
        (f"{value:>10}", "dim" if unused or value in ("off", "new") else "bold"),
        (f"  {keys}", "dim"),
    )

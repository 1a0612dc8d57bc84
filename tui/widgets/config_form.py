"""The form of a new run's settings: one panel of rows that arrows, digits and the mouse change."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, Key, Paste
from textual.geometry import Region, Size
from textual.message import Message
from textual.widget import Widget

from tui.common.keys import hidden_key
from tui.common.sanitize import one_line
from tui.runs.form import SettingsForm, default_text, own_value_text
from tui.runs.form_fields import ALL, ALWAYS, PARENT, TOGGLE, WIDE, FormField
from tui.widgets.panel import is_wide

LABEL_CELLS = 16
MIN_LABEL_CELLS = 14
ROWS_PER_PAGE = 10
CURSOR, LEFT_ARROW, RIGHT_ARROW = "▌", "‹ ", " ›"
NO_VALUE_WORDS = {PARENT: "fresh weights", "minutes": "no limit"}  # of settings that are off
ON_SWITCH, OFF_SWITCH = "━━●", "●──"


class ConfigForm(Widget, can_focus=True):
    """The rows of a `SettingsForm` under their headings.

    Args:
        form: its state; the screen refreshes the widget when it changes that.
    """

    DEFAULT_CSS = "ConfigForm { height: auto; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "choose(-1)", "Setting", key_display="↑↓", tooltip="Choose a setting"),
        hidden_key("down", "choose(1)", "Setting", "Choose a setting", "↑↓"),
        Binding("left", "change(-1)", "Change", key_display="←→", tooltip="Change the setting"),
        hidden_key("right", "change(1)", "Change", "Change the setting", "←→"),
        Binding("a,delete", "clear", "Auto", key_display="a", tooltip="Back to auto"),
        Binding("escape", "cancel", "Cancel", tooltip="Restore the value from before typing"),
        hidden_key("backspace", "erase", "Erase", "Delete the last character of a value"),
        hidden_key("pageup", "page(-1)", "Up", "Ten settings up or down", "PgUp"),
        hidden_key("pagedown", "page(1)", "Down", "Ten settings up or down", "PgDn"),
        hidden_key("home", "end(-1)", "First", "First or last setting"),
        hidden_key("end", "end(1)", "Last", "First or last setting"),
    ]

    class Changed(Message):
        """A setting has another text, valid or not.

        Attributes:
            name: of the setting.
        """

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    class Chosen(Message):
        """Another row was chosen."""

    class Explained(Message):
        """Why a key changed nothing, in one line."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, form: SettingsForm, id: str | None = None) -> None:
        super().__init__(id=id)
        self.form = form
        self.shows_all = False
        self._lines: list[str | None] = []  # the setting of each line; None for a heading
        self._arrows: dict[int, tuple[int, int]] = {}  # columns of both arrows, by line

    # Display

    @property
    def level(self) -> int:
        """Which rows are shown."""
        return ALL if self.shows_all else WIDE if is_wide(self) else ALWAYS

    def redraw(self) -> None:
        """Show the state of the form."""
        self._layout_lines()
        self.refresh(layout=True)
        self.call_after_refresh(self._bring_into_view)

    def _layout_lines(self) -> None:
        groups = self.form.groups(self.level)
        count = sum(1 + len(fields) for _, fields in groups)
        parent = self.parent
        height = parent.size.height if isinstance(parent, Widget) else 0
        is_spaced = is_wide(self) and count + len(groups) - 1 <= height
        lines: list[str | None] = []
        for group, fields in groups:
            if is_spaced and lines:
                lines.append(None)
            lines += [f"#{group}", *(field.name for field in fields)]
        self._lines = lines

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line for each row and heading."""
        self._layout_lines()
        return len(self._lines)

    def render(self) -> Content:
        """The rows."""
        self._layout_lines()
        self._arrows.clear()
        rows = {field.name: field for _, fields in self.form.groups(ALL) for field in fields}
        return Content("\n").join(
            Content("")
            if name is None
            else self._heading(name[1:])
            if name.startswith("#")
            else self._row(number, rows[name])
            for number, name in enumerate(self._lines)
        )

    def _heading(self, group: str) -> Content:
        rule = "─" * max(0, self.size.width - len(group) - 3)
        return Content.assemble(("─ ", "$rule"), (group, "bold $muted"), (f" {rule}", "$rule"))

    def _row(self, number: int, field: FormField) -> Content:
        is_chosen = field.name == self.form.chosen
        is_here = is_chosen and self.has_focus
        cells = LABEL_CELLS if self.size.width >= 50 else MIN_LABEL_CELLS
        label_style = "bold $ink" if is_chosen else "$muted"
        label = Content.assemble(
            ("› " if is_here else "  ", "bold $primary"),
            (f"{field.label:<{cells}}", label_style),
        )
        value = self._value(field)
        note = self._note(field)
        if is_here:
            start = label.cell_length
            value = Content.assemble((LEFT_ARROW, "bold $primary"), value)
            self._arrows[number] = (start, start + value.cell_length + 1)
            value = Content.assemble(value, (RIGHT_ARROW, "bold $primary"))
        row = Content.assemble(label, value, "  " if note else "", note)
        row = row.truncate(self.size.width, ellipsis=True)
        row = row.pad_right(max(0, self.size.width - row.cell_length))
        return row.stylize("on $cursor") if is_chosen else row

    def _value(self, field: FormField) -> Content:
        form, name = self.form, field.name
        if form.is_typing and name == form.chosen:
            style = "bold $error" if form.problem(name) else "bold $primary"
            return Content.styled(f"{one_line(form.texts.get(name, ''))}{CURSOR}", style)
        if form.is_own(name):
            if field.kind == TOGGLE and not form.problem(name):
                return _switch(form.parse(name), own=True)
            return Content.styled(own_value_text(field, one_line(form.texts[name])), "bold $ink")
        is_on = form.automatic.get(name, field.default)
        if field.kind == TOGGLE and is_on is not None:
            return _switch(bool(is_on), own=False)
        return self._automatic_value(field)

    def _automatic_value(self, field: FormField) -> Content:
        """What is used without a choice, and where it comes from."""
        form, name = self.form, field.name
        words = one_line(form.words.get(name, ""))
        if field.default is not None:
            return Content.styled(words or default_text(field), "$ink")
        if name in NO_VALUE_WORDS and not words:
            return Content.styled(f"— {NO_VALUE_WORDS[name]}", "$faint")
        source = one_line(form.parent_name or "") if form.is_fixed(name) else "auto"
        arrow = " → " if words else ""
        return Content.assemble((f"{source}{arrow}", "$faint"), (words, "$ink"))

    def _note(self, field: FormField) -> Content:
        """What is wrong with a value, which values are allowed, or what auto says instead."""
        form, name = self.form, field.name
        is_typing = form.is_typing and name == form.chosen
        if problem := form.problem(name):
            limits = f" ({field.limits})" if field.limits and is_typing else ""
            return Content.assemble(("! ", "bold $error"), (f"{problem}{limits}", "$error"))
        if is_typing:
            return Content.styled(field.limits, "$faint")
        if name == PARENT:
            return Content.styled(one_line(form.parent_note()), "$muted")
        if not form.is_own(name):
            return Content("")
        instead = form.instead.get(name, "")
        if field.default is not None:
            words = f"default {instead}" if instead else "yours"
        else:
            words = f"auto says {instead}" if instead else "yours"
        return Content.assemble(("• ", "bold $accent"), (one_line(words), "$muted"))

    def _bring_into_view(self) -> None:
        parent = self.parent
        if isinstance(parent, Widget) and self.form.chosen in self._lines:
            line = self._lines.index(self.form.chosen)
            has_heading = line > 0 and (self._lines[line - 1] or "").startswith("#")
            top = line - has_heading
            region = Region(0, top, max(1, self.size.width), line - top + 1)
            parent.scroll_to_region(region, animate=False, force=True)

    def on_focus(self) -> None:
        """Show the chosen row."""
        self.redraw()

    def on_blur(self) -> None:
        """Keep what was typed."""
        self.form.end_typing()
        self.redraw()
        self.refresh_bindings()

    def on_resize(self) -> None:
        """Show the rows of this width."""
        self.redraw()

    # Keys

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Characters of a value are typed."""
        return self.form.accepts(character)

    def on_key(self, event: Key) -> None:
        """Type a value."""
        if event.character and self.form.accepts(event.character):
            event.stop()
            event.prevent_default()
            self._type(event.character)

    def on_paste(self, event: Paste) -> None:
        """Type what is pasted."""
        event.stop()
        text = one_line(event.text).strip()
        if text and all(self.form.accepts(character) for character in text):
            self._type(text)

    def _type(self, text: str) -> None:
        self._finish(self.form.type_text(text))

    def _finish(self, refusal: str = "") -> None:
        """Show a change, or why there is none."""
        self.redraw()
        self.refresh_bindings()
        if refusal:
            self.post_message(self.Explained(refusal))
        else:
            self.post_message(self.Changed(self.form.chosen))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape acts here only while a value is typed."""
        return self.form.is_typing if action == "cancel" else True

    def action_choose(self, by: int) -> None:
        """Choose the setting above or below."""
        self.form.move(by, self.level)
        self._show_chosen()

    def action_page(self, direction: int) -> None:
        """Choose a setting ten rows above or below."""
        self.action_choose(direction * ROWS_PER_PAGE)

    def action_end(self, direction: int) -> None:
        """Choose the first or the last setting."""
        self.action_choose(direction * len(self._lines))

    def _show_chosen(self) -> None:
        self.redraw()
        self.refresh_bindings()
        self.post_message(self.Chosen())

    def action_change(self, by: int) -> None:
        """Choose the next or the previous value."""
        self._finish(self.form.step(by))

    def action_clear(self) -> None:
        """Make the setting automatic again."""
        self.form.clear()
        self._finish()

    def action_erase(self) -> None:
        """Delete the last character of the value."""
        self.form.delete()
        self._finish()

    def action_cancel(self) -> None:
        """Restore the value from before typing."""
        self.form.cancel_typing()
        self._finish()

    # Mouse

    def on_click(self, event: Click) -> None:
        """Choose the row; on an arrow, on a switch or with a double click also change it."""
        event.stop()
        if not 0 <= event.y < len(self._lines):
            return
        name = self._lines[event.y]
        if name is None or name.startswith("#"):
            return
        arrows = self._arrows.get(event.y) if name == self.form.chosen else None
        if name != self.form.chosen:
            self.form.choose(name)
            self._show_chosen()
        if arrows and abs(event.x - arrows[0]) <= 1:
            self.action_change(-1)
        elif (arrows and abs(event.x - arrows[1]) <= 1) or event.chain == 2:
            self.action_change(1)


def _switch(is_on: bool, *, own: bool) -> Content:
    """A switch with its word."""
    style = "bold $ink" if own else "$ink"
    if is_on:
        return Content.assemble((ON_SWITCH, "$primary"), (" on", style))
    return Content.assemble((OFF_SWITCH, "$faint"), (" off", style))

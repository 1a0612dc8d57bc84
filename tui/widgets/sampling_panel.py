"""The sampling settings as a panel: a row with a slider for each, or one or two lines of all."""

from __future__ import annotations

import random
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click, Key, MouseScrollDown, MouseScrollUp
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from tui.common.sampling_settings import (
    CONTROLS_BY_NAME,
    DRAWN_SEED_LIMIT,
    SEED,
    SETTING_SPECS,
    WHOLE_SETTINGS,
    SamplingControls,
    has_effect,
    limit_note,
    parse_typed,
    value_text,
)
from tui.plot.bars import slider
from tui.widgets.panel import Panel, is_wide

NAMES = (*CONTROLS_BY_NAME, SEED)
LABEL_CELLS, VALUE_CELLS, GAP_CELLS = 12, 6, 2
SLIDER_START = 2 + LABEL_CELLS + VALUE_CELLS + GAP_CELLS  # after the mark of the chosen row
MIN_SLIDER_CELLS = 4
HINT = "Tab here, then ↑ ↓ and ← →"
FOCUSED_HINT = "digits type · a off · g greedy"
SEED_KEPT, SEED_DRAWN = "kept · ← → another", "each reply its own"
MARK, CURSOR = "›", "▌"
Parts = list[tuple[str, str]]  # texts with their styles


class SamplingPanel(Panel):
    """The settings with a title; see `SamplingRows` for its keys.

    Args:
        title: from 110 columns.
        narrow_title: below that, where it may head several lines.
        names: the settings it has, in order.
    """

    def __init__(
        self,
        title: str = "Sampling",
        narrow_title: str = "Sampling",
        names: tuple[str, ...] = NAMES,
        id: str | None = None,
    ) -> None:
        self.rows = SamplingRows(names)
        super().__init__(self.rows, title=title, id=id)
        self._titles = narrow_title, title

    class Changed(Message):
        """A setting was changed.

        Attributes:
            controls: the new settings.
        """

        def __init__(self, controls: SamplingControls) -> None:
            super().__init__()
            self.controls = controls

    class Explained(Message):
        """Why a key changes nothing, in one line; empty when that is over."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def on_mount(self) -> None:
        """Show title and hint."""
        self._show_frame()

    def on_resize(self) -> None:
        """Use the title of this width."""
        self._show_frame()

    def show(self, controls: SamplingControls) -> None:
        """Show these settings."""
        self.rows.show(controls)

    def on_descendant_focus(self) -> None:
        """Name the keys of the rows."""
        self._show_frame()

    def on_descendant_blur(self) -> None:
        """Tell how to get there."""
        self._show_frame()

    def on_sampling_panel_explained(self, event: Explained) -> None:
        """Show a problem in the bottom border too."""
        self._show_frame(event.text)

    def _show_frame(self, problem: str = "") -> None:
        self.set_title(self._titles[is_wide(self)])
        hint = FOCUSED_HINT if self.has_focus_within else HINT
        self.set_hint(Content.styled(problem, "$error") if problem else hint)


class SamplingRows(Widget, can_focus=True):
    """The settings; one of them is chosen.

    Args:
        names: the settings, in order.
    """

    DEFAULT_CSS = "SamplingRows { height: auto; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", tooltip="Drop the typed value"),
        Binding("enter", "accept", "Set", tooltip="Use the typed value"),
        Binding("up", "choose(-1)", "Setting", key_display="↑↓", tooltip="Choose a setting"),
        Binding("down", "choose(1)", "Setting", show=False, tooltip="Choose a setting"),
        Binding("left", "change(-1)", "Change", key_display="←→", tooltip="One step lower"),
        Binding("right", "change(1)", "Change", show=False, tooltip="One step higher"),
        Binding("a", "off", "Off", tooltip="Switch the setting off; a seed is drawn anew"),
        Binding("backspace", "delete", "Delete", show=False, tooltip="Delete the last digit"),
    ]

    def __init__(self, names: tuple[str, ...] = NAMES) -> None:
        super().__init__()
        self._names = names
        self._controls = SamplingControls()
        self._chosen = names[0]
        self._typed = ""

    def show(self, controls: SamplingControls) -> None:
        """Show these settings."""
        if controls != self._controls:
            self._controls = controls
            self._redraw()

    @property
    def chosen(self) -> str:
        """The name of the chosen setting."""
        return self._chosen

    # Display

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A row for each setting, or as many lines as they take."""
        return len(self._names) if is_wide(self) else len(self._compact_lines(width))

    def render(self) -> Content:
        """The rows."""
        if is_wide(self):
            rows = [self._row(name) for name in self._names]
        else:
            rows = [
                Content.assemble(*(part for _, parts in line for part in parts))
                for line in self._compact_lines(self.size.width)
            ]
        return Content("\n").join(rows)

    @property
    def _is_ascii(self) -> bool:
        return self.app.has_class("-ascii")

    def _value(self, name: str) -> tuple[str, str]:
        """A setting's value, or what is typed, with its style."""
        if name == self._chosen and self._typed:
            problem = parse_typed(name, self._typed)[1]
            return f"{self._typed}{CURSOR}", "bold $error" if problem else "bold $primary"
        if name == SEED:
            text = str(self._controls.config.seed) if self._controls.fixed else "new"
        else:
            text = value_text(self._controls, name)
        return text, "$faint" if self._is_off(name) else "bold $ink"

    def _is_off(self, name: str) -> bool:
        """Whether a setting does not change the reply."""
        if name == SEED:
            is_unset = not self._controls.fixed
        else:
            is_unset = value_text(self._controls, name) == "off"
        return is_unset or not has_effect(self._controls, name)

    def _row(self, name: str) -> Content:
        """Name, value and slider."""
        is_here = self.has_focus and name == self._chosen
        mark = MARK if is_here else " "
        label = "seed" if name == SEED else CONTROLS_BY_NAME[name].row_label
        value, style = self._value(name)
        row = Content.assemble(
            (f"{mark} ", "bold $primary"),
            (f"{label:<{LABEL_CELLS}}", "bold $ink" if is_here else "$muted"),
            (f"{value:>{VALUE_CELLS}}", style),
            " " * GAP_CELLS,
            self._right_part(name, is_focused=is_here),
        )
        width = self.size.width
        row = row.pad_right(max(0, width - row.cell_length))
        return row.stylize("on $cursor") if is_here else row

    def _right_part(self, name: str, *, is_focused: bool) -> Content:
        width = self._slider_cells
        if name != SEED:
            return slider(
                self._controls.share(name),
                width,
                focused=is_focused,
                is_off=self._is_off(name),
                is_ascii=self._is_ascii,
            )
        words = SEED_KEPT if self._controls.fixed else SEED_DRAWN
        return Content.styled(words, "$faint").truncate(width)

    @property
    def _slider_cells(self) -> int:
        return max(MIN_SLIDER_CELLS, self.size.width - SLIDER_START - 1)

    def _compact_lines(self, width: int) -> list[list[tuple[str, Parts]]]:
        """All settings, each with what is shown of it, broken into lines between them."""
        lines: list[list[tuple[str, Parts]]] = [[]]
        used = 0
        for name in self._names:
            is_here = self.has_focus and name == self._chosen
            mark = MARK if is_here else " "
            label = "seed" if name == SEED else CONTROLS_BY_NAME[name].brief
            value, style = self._value(name)
            cells = len(mark) + len(label) + 1 + len(value)
            if used and used + cells > width:
                lines.append([])
                used = 0
            tint = " on $cursor" if is_here else ""
            parts = [
                (mark, f"bold $primary{tint}"),
                (f"{label} ", ("bold $ink" if is_here else "$muted") + tint),
                (value, style + tint),
                (" ", ""),
            ]
            lines[-1].append((name, parts))
            used += cells + 1
        return lines

    def _redraw(self) -> None:
        self.refresh(layout=not is_wide(self))

    # Keys

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Digits begin a value; they and a point are typed while there is one."""
        return self._is_typed(character)

    def _is_typed(self, character: str | None) -> bool:
        if not character:
            return False
        if character.isascii() and character.isdecimal():
            return True
        return bool(self._typed) and character == "." and self._chosen not in WHOLE_SETTINGS

    def on_key(self, event: Key) -> None:
        """Type an exact value."""
        if event.character and self._is_typed(event.character):
            event.stop()
            event.prevent_default()
            self._set_typed(self._typed + event.character)

    def _set_typed(self, text: str) -> None:
        """Show another typed text, and what is wrong with it."""
        had_text, self._typed = bool(self._typed), text
        problem = parse_typed(self._chosen, text)[1] if text else ""
        label = SETTING_SPECS[self._chosen].label
        self._explain(f"{label} {problem}" if problem else "")
        self._redraw()
        if had_text != bool(text):
            self.refresh_bindings()

    def _explain(self, text: str) -> None:
        self.post_message(SamplingPanel.Explained(text))

    def _change_to(self, controls: SamplingControls) -> None:
        """Show other settings and post them."""
        if controls != self._controls:
            self._controls = controls
            self._redraw()
            self.post_message(SamplingPanel.Changed(controls))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A typed value can be accepted, dropped and edited while there is one."""
        return bool(self._typed) if action in ("cancel", "accept", "delete") else True

    def action_cancel(self) -> None:
        """Drop the typed value."""
        self._set_typed("")

    def action_delete(self) -> None:
        """Delete the last typed character."""
        self._set_typed(self._typed[:-1])

    def action_accept(self) -> None:
        """Use the typed value unless something is wrong with it."""
        value, _ = parse_typed(self._chosen, self._typed)
        if value is not None:
            self._set_typed("")
            self._change_to(self._controls.with_value(self._chosen, value))

    def action_choose(self, by: int) -> None:
        """Choose the setting above or below; a valid typed value is used."""
        index = self._names.index(self._chosen) + by
        self._choose(self._names[max(0, min(len(self._names) - 1, index))])

    def _choose(self, name: str) -> None:
        if self._typed:
            self.action_accept()
            self._set_typed("")
        self._chosen = name
        self._explain("")
        self._redraw()

    def action_change(self, by: int) -> None:
        """Change the chosen setting by a step of its ladder; a seed is drawn anew and kept.

        A valid typed value is used first.
        """
        if self._typed:
            self.action_accept()
            self._set_typed("")
        if self._chosen == SEED:
            self._change_to(self._controls.with_value(SEED, random.randrange(DRAWN_SEED_LIMIT)))
            return
        note = limit_note(self._controls, self._chosen, by)
        self._explain(note)
        self._change_to(self._controls.stepped(self._chosen, by))

    def action_off(self) -> None:
        """Switch the chosen setting off."""
        self._set_typed("")
        self._change_to(self._controls.without(self._chosen))

    def on_blur(self) -> None:
        """Use a valid typed value; the panel may be left by the mouse."""
        if self._typed:
            self.action_accept()
            self._set_typed("")
        self._redraw()

    def on_focus(self) -> None:
        """Show the chosen setting."""
        self._redraw()

    # Mouse

    def _setting_at(self, x: int, y: int) -> str | None:
        """The setting at a cell."""
        if is_wide(self):
            return self._names[y] if 0 <= y < len(self._names) else None
        lines = self._compact_lines(self.size.width)
        if not 0 <= y < len(lines):
            return None
        end = 0
        for name, parts in lines[y]:
            end += sum(len(text) for text, _ in parts)
            if x < end:
                return name
        return None

    def on_click(self, event: Click) -> None:
        """Choose the row; on its slider also set the value."""
        name = self._setting_at(event.x, event.y)
        if name is None:
            return
        event.stop()
        self._choose(name)
        place = event.x - SLIDER_START
        if is_wide(self) and 0 <= place < self._slider_cells:
            if name == SEED:
                self.action_change(1)
            else:
                share = place / (self._slider_cells - 1)
                self._change_to(self._controls.at_share(name, share))

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Raise the setting under the pointer."""
        self._scroll(event, 1)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Lower the setting under the pointer."""
        self._scroll(event, -1)

    def _scroll(self, event: MouseScrollUp | MouseScrollDown, by: int) -> None:
        name = self._setting_at(event.x, event.y)
        if name is not None and self.has_focus:
            event.stop()
            self._choose(name)
            self.action_change(by)

"""Tables of keys: every key of an action, each action once, with the usual names."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from types import ModuleType
from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingsMap, BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

import tui.screens
import tui.widgets
from tui.app import MiniGPTApp
from tui.common.keys import KEY_NAMES, KeyRow, binding_rows, key_name, key_rows, merge_digit_rows


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("q", "q"),
        ("Q", "Q"),
        ("question_mark", "?"),
        ("slash", "/"),
        ("escape", "Esc"),
        ("enter", "Enter"),
        ("space", "Space"),
        ("pagedown", "PageDown"),
        ("up", "Up"),
        ("f1", "F1"),
        ("f12", "F12"),
        ("f", "f"),
        ("ctrl+q", "Ctrl+Q"),
        ("ctrl+right", "Ctrl+Right"),
        ("ctrl+pageup", "Ctrl+PageUp"),
        ("shift+ctrl+f5", "Shift+Ctrl+F5"),
        ("ctrl+home", "Ctrl+Home"),
        ("shift+tab", "Shift+Tab"),
    ],
)
def test_keys_have_their_usual_names(key: str, name: str) -> None:
    """Not question_mark, or CTRL+RIGHT."""
    assert key_name(Binding(key, "act")) == name


def test_a_binding_can_set_the_name_of_its_key() -> None:
    assert key_name(Binding("ctrl+underscore", "act", key_display="Ctrl+/")) == "Ctrl+/"


def own_classes() -> list[type[Widget | App[None]]]:
    """The app, and all its screens and widgets."""
    classes: list[type[Widget | App[None]]] = [MiniGPTApp]
    for package in (tui.screens, tui.widgets):
        for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            classes += widgets_of(importlib.import_module(info.name))
    return classes


def widgets_of(module: ModuleType) -> list[type[Widget]]:
    """The widget classes that a module defines."""
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    return [
        kind for kind in classes if issubclass(kind, Widget) and kind.__module__ == module.__name__
    ]


@pytest.mark.parametrize("kind", own_classes(), ids=lambda kind: kind.__name__)
def test_every_shown_binding_has_a_tooltip(kind: type[Widget | App[None]]) -> None:
    """The footer shows no key that help and palette do not explain."""
    for binding in vars(kind).get("BINDINGS", ()):
        assert isinstance(binding, Binding)
        assert binding.tooltip or not binding.show, f"{kind.__name__}: {binding.key}"


def test_all_keys_of_an_action_are_in_one_row() -> None:
    """Bindings hidden from the footer are included; those without tooltip are not."""
    bindings = BindingsMap(
        [
            Binding("question_mark,f1", "help", "Keys", tooltip="All keys"),
            Binding("ctrl+j", "newline", show=False, tooltip="A new line"),
            Binding("x", "secret", "Without tooltip"),
        ]
    )
    assert binding_rows(bindings) == [
        KeyRow("? F1", "All keys", "help"),
        KeyRow("Ctrl+J", "A new line", "newline"),
    ]


class JumpWidget(Widget, can_focus=True):
    """A widget with a key."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("j", "jump", tooltip="Jump")]


class KeyScreen(Screen[object]):
    """A screen with a key of its own and one of the app."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "rename", tooltip="Rename"),
        Binding("question_mark", "help", tooltip="All keys"),
    ]

    def compose(self) -> ComposeResult:
        """A widget of ours and one of Textual."""
        yield JumpWidget()
        yield Input()


class KeyApp(App[None]):
    """An app with the same key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", tooltip="All keys"),
    ]


def listed_actions(focus: str) -> list[str]:
    """The listed actions while a widget has the focus."""

    async def show() -> list[str]:
        app = KeyApp()
        async with app.run_test() as pilot:
            await app.push_screen(screen := KeyScreen())
            screen.set_focus(screen.query_one(focus) if focus else None)
            await pilot.pause()
            rows = key_rows(screen)
            assert all(row.description for row in rows)
            return [row.action for row in rows]

    return asyncio.run(show())


@pytest.mark.parametrize(
    ("focus", "expected"),
    [
        ("JumpWidget", ["jump", "rename", "help"]),
        ("Input", ["rename", "help"]),
        ("", ["rename", "help"]),
    ],
)
def test_keys_of_the_focused_widget_come_first_and_none_twice(
    focus: str, expected: list[str]
) -> None:
    """The many keys of an Input are left out."""
    actions = listed_actions(focus)
    assert actions[: len(expected)] == expected
    assert len(actions) == len(set(actions))


def test_key_names_differ_from_the_keys() -> None:
    assert all(name != key for key, name in KEY_NAMES.items())


def test_digits_with_the_same_action_are_merged() -> None:
    """Nine rows would push other keys out of sight."""
    rows = [
        KeyRow("a", "Again", "again"),
        *(KeyRow(str(n), f"Take row {n}", f"take({n})") for n in range(1, 5)),
        KeyRow("0", "The mean", "mean"),
        *(KeyRow(str(n), f"{n} ways", f"ways({n})") for n in (2, 3)),
        KeyRow("7", "Take 8 of them", "eight"),
    ]
    assert [(row.key, row.description) for row in merge_digit_rows(rows)] == [
        ("a", "Again"),
        ("1-4", "Take row 1 to 4"),
        ("0", "The mean"),
        ("2-3", "2 to 3 ways"),
        ("7", "Take 8 of them"),
    ]

"""Keys as help and README show them: every way to press one, each action once, as it is written."""

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
    ("key", "written"),
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
def test_a_key_is_written_as_on_a_keyboard(key: str, written: str) -> None:
    """A help that says question_mark, or CTRL+RIGHT."""
    assert key_name(Binding(key, "act")) == written


def test_a_key_may_say_how_it_is_written() -> None:
    assert key_name(Binding("ctrl+underscore", "act", key_display="Ctrl+/")) == "Ctrl+/"


def own_classes() -> list[type[Widget | App[None]]]:
    """Every screen and widget of the application, and itself."""
    found: list[type[Widget | App[None]]] = [MiniGPTApp]
    for package in (tui.screens, tui.widgets):
        for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            found += widgets_of(importlib.import_module(info.name))
    return found


def widgets_of(module: ModuleType) -> list[type[Widget]]:
    """The widgets that a module makes."""
    each = [each for each in vars(module).values() if isinstance(each, type)]
    return [
        kind for kind in each if issubclass(kind, Widget) and kind.__module__ == module.__name__
    ]


@pytest.mark.parametrize("kind", own_classes(), ids=lambda kind: kind.__name__)
def test_every_binding_that_is_shown_says_what_it_does(kind: type[Widget | App[None]]) -> None:
    """A footer with a key that neither help nor palette explains."""
    for binding in vars(kind).get("BINDINGS", ()):
        assert isinstance(binding, Binding)
        assert binding.tooltip or not binding.show, f"{kind.__name__}: {binding.key}"


def test_all_keys_of_an_action_are_one_row_and_hidden_ones_are_told() -> None:
    """A row for each of four keys that do the same; keys nobody is told of."""
    bindings = BindingsMap(
        [
            Binding("question_mark,f1", "help", "Keys", tooltip="All keys"),
            Binding("ctrl+j", "newline", show=False, tooltip="A new line"),
            Binding("x", "secret", "Nothing said"),
        ]
    )
    assert binding_rows(bindings) == [
        KeyRow("? F1", "All keys", "help"),
        KeyRow("Ctrl+J", "A new line", "newline"),
    ]


class Own(Widget, can_focus=True):
    """A widget with a key of its own."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("j", "jump", tooltip="Jump")]


class Place(Screen[object]):
    """A screen with a key of its own and one of the app's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "rename", tooltip="Rename"),
        Binding("question_mark", "help", tooltip="All keys"),
    ]

    def compose(self) -> ComposeResult:
        """Something of ours, and something of Textual's."""
        yield Own()
        yield Input()


class Places(App[None]):
    """An app with the same key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", tooltip="All keys"),
    ]


def told(focus: str) -> list[str]:
    """The actions that are told of where so a widget has the focus."""

    async def show() -> list[str]:
        app = Places()
        async with app.run_test() as pilot:
            await app.push_screen(screen := Place())
            screen.set_focus(screen.query_one(focus) if focus else None)
            await pilot.pause()
            rows = key_rows(screen)
            assert all(row.description for row in rows)
            return [row.action for row in rows]

    return asyncio.run(show())


@pytest.mark.parametrize(
    ("focus", "first"),
    [("Own", ["jump", "rename", "help"]), ("Input", ["rename", "help"]), ("", ["rename", "help"])],
)
def test_what_has_the_focus_comes_first_and_nothing_twice(focus: str, first: list[str]) -> None:
    """The thirty keys of a line of input before those of the screen; Keys told twice."""
    found = told(focus)
    assert found[: len(first)] == first
    assert len(found) == len(set(found))


def test_no_name_is_the_key_itself() -> None:
    assert all(name != key for key, name in KEY_NAMES.items())


def test_digits_that_do_the_same_are_one_row() -> None:
    """Nine rows that push the useful keys out of sight."""
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

"""Ids of key bindings, and the user's keys in place of the default ones.

An id is the scope of a binding, a screen or `app`, and its action: `train.pause`. Textual's keymap
maps ids to keys, but applies them badly: moving one action takes its old key from all others that
share it, such as Stop and Back on Escape, and a letter moved to would act while one types.
`remap_chain` does it instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from textual.app import App
from textual.binding import Binding, BindingsMap, BindingType, Keymap
from textual.dom import DOMNode
from textual.keys import Keys, _character_to_key, key_to_character
from textual.screen import ModalScreen, Screen

from core.errors import did_you_mean
from tui.common.user_config import (
    KEYMAP,
    MAX_SHOWN_PROBLEMS,
    ConfigProblem,
    UserConfig,
    format_key,
    locate_problem,
)

APP_SCOPE = "app"
SHARED_SCOPES = (APP_SCOPE, "screen")  # active together with every other
MODIFIERS = ("ctrl", "shift", "alt", "super", "hyper", "meta")
KEY_ALIASES = {"esc": "escape", "return": "enter", "pgup": "pageup", "pgdn": "pagedown"}
KEY_ALIASES |= {"del": "delete", "ins": "insert"}
ARGUMENT_WORDS = {"1": "next", "-1": "previous"}


def with_ids(scope: str, bindings: Iterable[BindingType]) -> list[BindingType]:
    """The bindings, each with an id in this scope.

    An id given without a scope gets this one; without an id, it is derived from the action:
    `page(-1)` is `page_previous`.
    """
    identified: list[BindingType] = []
    for binding in Binding.make_bindings(bindings):
        id = binding.id or _action_id(binding)
        identified.append(replace(binding, id=id if "." in id else f"{scope}.{id}"))
    return identified


def scope_of(kind: type[DOMNode]) -> str:
    """The scope of a screen or widget: the name of its class without "Screen", as new_corpus."""
    words = re.findall(r"[A-Z][a-z0-9]*", kind.__name__.removesuffix("Screen"))
    return "_".join(words).lower()


def _action_id(binding: Binding) -> str:
    name, _, arguments = binding.action.partition("(")
    words = filter(None, (word.strip("' ") for word in arguments.rstrip(")").split(",")))
    names = {} if binding.key.isdecimal() else ARGUMENT_WORDS
    parts = [names.get(word) or re.sub(r"\W", "_", word) for word in words]
    return "_".join([name.rpartition(".")[2], *parts])


def declared_bindings() -> list[Binding]:
    """The bindings of all screens and widgets of the program that are loaded, with their ids.

    Those of dialogs, which only answer their question, are left out.
    """
    bindings: dict[BindingType, None] = {}
    for kind in _subclasses(DOMNode):
        if kind.__module__.partition(".")[0] == "tui" and not issubclass(kind, ModalScreen):
            bindings |= dict.fromkeys(with_ids(scope_of(kind), vars(kind).get("BINDINGS", ())))
    return [binding for binding in bindings if isinstance(binding, Binding)]


def _subclasses(kind: type[DOMNode]) -> Iterator[type[DOMNode]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def normalize_key(text: str) -> str | None:
    """Textual's name of a key as people write it, such as Ctrl+R, ? or PageUp; None if unknown."""
    if len(text) == 1:
        return _character_to_key(text)
    *modifiers, key = text.lower().split("+")
    if len(key) == 1:
        key = _character_to_key(key)
    key = KEY_ALIASES.get(key, key)
    if key not in _key_names() or any(each not in MODIFIERS for each in modifiers):
        return None
    return "+".join([*modifiers, key])


def _key_names() -> set[str]:
    characters = (_character_to_key(chr(code)) for code in range(33, 127))
    return {*characters, *(key.value for key in Keys)}


def check_keymap(
    keymap: Mapping[str, str], bindings: Iterable[Binding]
) -> tuple[dict[str, str], dict[str, str]]:
    """The entries that can be used, in Textual's form, and what is wrong with the others.

    An entry is refused if its id or a key is unknown, or a key has another meaning at the same
    place, unless both meanings share a key by default: which one acts then depends on the state.
    """
    default_keys: dict[str, set[str]] = {}
    for binding in bindings:
        default_keys.setdefault(binding.id or "", set()).add(binding.key)
    chosen: dict[str, list[str]] = {}
    problems: dict[str, str] = {}
    for id, text in keymap.items():
        names = [name.strip() for name in text.split(",")]
        keys = [normalize_key(name) for name in names]
        if id not in default_keys:
            suggest = len(problems) < MAX_SHOWN_PROBLEMS  # looking for one takes a while
            suggestion = did_you_mean(id, default_keys) if suggest else ""
            problems[id] = f"is an unknown action. {suggestion}".strip()
        elif None in keys:
            problems[id] = f"names an unknown key: {names[keys.index(None)]!r}"
        else:
            chosen[id] = [key for key in keys if key]
    while conflict := _find_conflict(chosen, default_keys):
        id, key, other = conflict
        problems[id] = f"cannot use {key}: it is bound to {other}"
        del chosen[id]
    return {id: ",".join(keys) for id, keys in chosen.items()}, problems


def usable_keymap(config: UserConfig) -> tuple[dict[str, str], list[ConfigProblem]]:
    """The keymap of the configuration without its wrong entries, and these.

    All screens must have been imported, or their actions are unknown.
    """
    keymap, wrong = check_keymap(config.keymap, declared_bindings())
    keys = {format_key(key[1:]): key for key in config.entries if key[0] == KEYMAP}
    problems = [locate_problem(config.text, keys[id], text) for id, text in wrong.items()]
    return keymap, problems


def _find_conflict(
    chosen: Mapping[str, list[str]], default_keys: Mapping[str, set[str]]
) -> tuple[str, str, str] | None:
    """The last entry whose key another action has: its id, the key and the other id."""
    for id, keys in reversed(list(chosen.items())):
        for other, defaults in default_keys.items():
            if other == id or not _act_together(id, other) or defaults & default_keys[id]:
                continue
            for key in keys:
                if key in chosen.get(other, defaults):
                    return id, key, other
    return None


def _act_together(id: str, other: str) -> bool:
    scopes = {id.partition(".")[0], other.partition(".")[0]}
    return len(scopes) == 1 or not scopes.isdisjoint(SHARED_SCOPES)


def remap_bindings(node: DOMNode, keymap: Keymap) -> BindingsMap:
    """A copy of the bindings of a screen or widget with the user's keys."""
    ids = _binding_ids(type(node)) if keymap else {}
    keys: dict[str, list[Binding]] = {}
    for key, binding in node._bindings:
        chosen = keymap.get(ids.get(binding) or binding.id or "") if keymap else None
        if chosen is None:
            keys.setdefault(key, []).append(binding)
            continue
        for new in chosen.split(","):
            moved = binding.with_key(new)
            if moved not in keys.setdefault(new, []):
                keys[new].append(moved)
    return BindingsMap.from_keys(keys)


@cache
def _binding_ids(kind: type[DOMNode]) -> dict[Binding, str]:
    """The ids of a class's bindings, each in the scope of the class that declares it."""
    ids: dict[Binding, str] = {}
    for base in kind.__mro__:
        bindings = list(Binding.make_bindings(vars(base).get("BINDINGS", ())))
        for binding, identified in zip(bindings, with_ids(scope_of(base), bindings), strict=True):
            assert isinstance(identified, Binding)
            ids.setdefault(binding, identified.id or "")
    return ids


def active_keymap(app: App[Any]) -> Keymap:
    """The keymap that was given to `App.set_keymap`."""
    return app._keymap


def remap_chain(screen: Screen[Any]) -> list[tuple[DOMNode, BindingsMap]]:
    """The bindings of the focused widget, its parents and the app, with the user's keys.

    Keys that a widget takes as text are left out of what is above it, as Textual does.
    """
    app, focused = screen.app, screen.focused
    nodes = [screen, app] if focused is None or focused.loading else focused.ancestors_with_self
    chain = [(node, remap_bindings(node, active_keymap(app))) for node in nodes]
    for index, (node, _) in enumerate(chain):
        for _, above in chain[index + 1 :]:
            for key in list(above.key_to_bindings):
                if node.check_consume_key(key, key_to_character(key)):
                    del above.key_to_bindings[key]
    return chain

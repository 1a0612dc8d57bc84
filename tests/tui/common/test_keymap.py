"""The user's keys: ids of actions, keys as people write them, and conflicts."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.binding import Binding, BindingsMap
from textual.widget import Widget

from tui.app import import_screens
from tui.common import keymap
from tui.common.keymap import (
    check_keymap,
    declared_bindings,
    normalize_key,
    remap_bindings,
    scope_of,
    usable_keymap,
    with_ids,
)
from tui.common.user_config import MAX_SHOWN_PROBLEMS, load_user_config
from tui.screens.chat import ChatScreen
from tui.screens.new_corpus import NewCorpusScreen
from tui.widgets.run_table import RunTable


def ids_of(*bindings: Binding) -> list[str | None]:
    return [each.id for each in with_ids("train", bindings) if isinstance(each, Binding)]


def test_an_id_is_the_scope_and_the_action() -> None:
    assert ids_of(Binding("p", "pause", "Pause")) == ["train.pause"]
    assert ids_of(Binding("f1,f2", "app.keys", "Keys")) == ["train.keys", "train.keys"]
    pages = Binding("up", "page(-1)", "Up"), Binding("down", "page(1)", "Down")
    assert ids_of(*pages) == ["train.page_previous", "train.page_next"]
    rows = Binding("1", "take(1)", "Take"), Binding("2", "take('2')", "Take")
    assert ids_of(*rows) == ["train.take_1", "train.take_2"]
    assert ids_of(Binding("-", "rate(0.5)", "Half", id="halve")) == ["train.halve"]
    assert ids_of(Binding("-", "rate(0.5)", "Half", id="chat.x")) == ["chat.x"]
    assert (scope_of(ChatScreen), scope_of(NewCorpusScreen)) == ("chat", "new_corpus")


def test_every_key_of_every_screen_has_an_id_of_its_action() -> None:
    """Alternatives, such as a letter and a control key, share one; different actions do not."""
    import_screens()
    actions: dict[str, set[str]] = {}
    for binding in declared_bindings():
        actions.setdefault(binding.id or "", set()).add(binding.action.removesuffix("()"))
    assert {"app.quit", "models.open", "train.pause", "chat.again", "step.take_1"} <= actions.keys()
    assert {id: each for id, each in actions.items() if len(each) > 1} == {}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("p", "p"),
        ("P", "P"),
        ("?", "question_mark"),
        ("+", "plus"),
        ("F5", "f5"),
        ("Ctrl+R", "ctrl+r"),
        ("shift+Tab", "shift+tab"),
        ("ctrl+/", "ctrl+slash"),
        ("Esc", "escape"),
        ("PgUp", "pageup"),
        ("Space", "space"),
        ("question_mark", "question_mark"),
        ("f99", None),
        ("crtl+r", None),
        ("pause", None),
        ("", None),
        ("ctrl+", None),
    ],
)
def test_keys_are_understood_as_people_write_them(text: str, key: str | None) -> None:
    assert normalize_key(text) == key


BINDINGS = [
    Binding("p", "pause", id="train.pause"),
    Binding("p", "continue", id="train.continue"),
    Binding("s", "stop", id="train.stop"),
    Binding("n", "new", id="models.new"),
    Binding("f1", "keys", id="app.keys"),
]


@pytest.mark.parametrize(
    ("keymap", "valid", "wrong"),
    [
        ({"train.stop": "F5, x"}, {"train.stop": "f5,x"}, {}),
        ({"train.stop": "n"}, {"train.stop": "n"}, {}),  # n is a key of another screen
        ({"train.stop": "p"}, {}, {"train.stop": "cannot use p: it is bound to train.pause"}),
        ({"train.stop": "f1"}, {}, {"train.stop": "cannot use f1: it is bound to app.keys"}),
        ({"app.keys": "n"}, {}, {"app.keys": "cannot use n: it is bound to models.new"}),
        ({"train.pause": "x"}, {"train.pause": "x"}, {}),
        ({"train.pause": "x", "train.continue": "x"},
         {"train.pause": "x", "train.continue": "x"}, {}),
        ({"train.pause": "s", "train.stop": "p", "train.continue": "s"},
         {"train.pause": "s", "train.stop": "p", "train.continue": "s"}, {}),
        ({"train.stop": "x", "train.pause": "x"}, {"train.stop": "x"},
         {"train.pause": "cannot use x: it is bound to train.stop"}),
        ({"train.stopp": "x"}, {},
         {"train.stopp": "is an unknown action. "
                         "Did you mean train.stop or train.pause or train.continue?"}),
        ({"train.stop": "x,f99"}, {}, {"train.stop": "names an unknown key: 'f99'"}),
    ],
)  # fmt: skip
def test_an_entry_with_an_unknown_id_or_a_taken_key_is_refused(
    keymap: dict[str, str], valid: dict[str, str], wrong: dict[str, str]
) -> None:
    assert check_keymap(keymap, BINDINGS) == (valid, wrong)


def test_a_moved_action_leaves_those_that_shared_its_key() -> None:
    node = Widget()
    node._bindings = BindingsMap(BINDINGS)
    moved = remap_bindings(node, {"train.pause": "x,f5"})
    actions = {key: [each.action for each in found] for key, found in moved.key_to_bindings.items()}
    assert actions == {
        "x": ["pause"],
        "f5": ["pause"],
        "p": ["continue"],
        "s": ["stop"],
        "n": ["new"],
        "f1": ["keys"],
    }
    assert node._bindings.key_to_bindings.keys() == {"p", "s", "n", "f1"}, "it is a copy"


def test_a_binding_of_a_widget_without_an_id_is_moved_by_its_class_and_action() -> None:
    class RowList(Widget):
        BINDINGS = [Binding("up", "move(-1)", "Up")]  # noqa: RUF012

    assert remap_bindings(RowList(), {"row_list.move_previous": "k"}).key_to_bindings.keys() == {
        "k"
    }
    assert remap_bindings(RowList(), {}).key_to_bindings.keys() == {"up"}


def test_inherited_bindings_are_moved_by_the_class_that_declares_them() -> None:
    import_screens()
    keymap = {"row_list.move_previous": "k", "row_list.first": "g", "models.open": "o"}
    assert keymap.keys() <= {binding.id for binding in declared_bindings()}
    keys = remap_bindings(RunTable("ascii"), keymap).key_to_bindings
    assert [keys[key][0].action for key in "kgo"] == ["move(-1)", "move_to(0)", "open"]
    assert keys.keys().isdisjoint({"up", "home", "enter"})


def test_wrong_entries_are_named_with_their_line(tmp_path: Path) -> None:
    import_screens()
    path = tmp_path / "config.toml"
    path.write_text('[keymap]\ntrain.pause = "f6"\ntrain.stop = "p"\n"chat.agian" = ["f7"]\n')
    keymap, problems = usable_keymap(load_user_config(path))
    assert keymap == {"train.pause": "f6"}
    first, second = sorted(map(str, problems))
    assert first == "line 3: keymap.train.stop cannot use p: it is bound to train.continue"
    assert second.startswith(
        "line 4: keymap.chat.agian is an unknown action. Did you mean chat.again"
    )


def test_similar_actions_are_only_looked_for_where_they_are_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(keymap, "did_you_mean", lambda name, _: calls.append(name) or "")
    assert len(check_keymap({f"x{n}": "f5" for n in range(100)}, [])[1]) == 100
    assert len(calls) == MAX_SHOWN_PROBLEMS

"""Turns of conversations as trees, and as messages."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.text.messages import parse_messages
from tests.support.conversations import make_turn
from tui.chat.record import Turn
from tui.chat.turn_tree import TurnTree, exchange_distances, to_messages, with_reply


def _turn(id: str, parent: str | None = None, conversation: str = "c", **fields: Any) -> Turn:
    text = {"prompt": f"prompt {id}", "text": f"reply {id}"} | fields
    return make_turn(**text, id=id, parent=parent, conversation=conversation)


def _ids(turns: list[Turn]) -> str:
    return " ".join(turn.id for turn in turns)


# a - b - c, an edited second turn d with e after it, an edited first turn f; g is on its own
TURNS = {
    turn.id: turn
    for turn in (
        _turn("a"),
        _turn("b", "a"),
        _turn("c", "b"),
        _turn("d", "a"),
        _turn("e", "d"),
        _turn("f"),
        _turn("g", conversation="other"),
    )
}


def test_an_edited_turn_leaves_the_old_end_as_a_branch() -> None:
    """Detects a path through the wrong branch, and a first turn of another conversation."""
    tree = TurnTree(TURNS.values())
    assert _ids(tree.path(TURNS["c"])) == "a b c"
    assert _ids(tree.path(TURNS["e"])) == "a d e"
    assert _ids(tree.siblings(TURNS["b"])) == "b d"
    assert _ids(tree.siblings(TURNS["f"])) == "a f"
    assert _ids(tree.siblings(TURNS["g"])) == "g"
    assert tree.newest_end(TURNS["a"]) is TURNS["e"]
    assert tree.newest_end(TURNS["b"]) is TURNS["c"]


def test_a_removed_turn_takes_those_after_it_along() -> None:
    """Detects turns without the one they answer to, and a branch that is still counted."""
    tree = TurnTree(TURNS.values())
    assert _ids(tree.remove(TURNS["d"])) == "d e"
    assert _ids(tree.siblings(TURNS["b"])) == "b"
    assert tree.newest_end(TURNS["a"]) is TURNS["c"]
    assert set(_ids(tree.remove(TURNS["a"])).split()) == {"a", "b", "c"}
    assert _ids(tree.siblings(TURNS["f"])) == "f"


ids = st.sampled_from("abcde")


@given(st.lists(st.builds(_turn, ids, st.none() | ids, st.sampled_from(["", "c"]))))
def test_any_record_has_paths_that_end(turns: list[Turn]) -> None:
    """Detects an endless walk over turns that are each other's parents, as a damaged file has."""
    tree = TurnTree(turns)
    for turn in turns:
        path = tree.path(turn)
        assert path[-1] is turn
        assert len({each.id for each in path}) == len(path)
        assert turn in tree.siblings(turn)
        assert len(tree.subtree(tree.newest_end(turn))) >= 1


def test_messages_leave_out_what_nobody_said() -> None:
    """Detects messages that the model server refuses: empty ones, or two of one role in turn."""
    earlier = [
        _turn("a"),
        _turn("b", text=""),
        _turn("c", prompt="  "),
        _turn("d", text="zero\0\ud800"),
    ]
    messages = to_messages(earlier, "Now?", "Be kind.")
    assert [message["content"] for message in messages] == [
        *("Be kind.", "prompt a", "reply a", "prompt d", "zero\ufffd\ufffd", "Now?")
    ]
    assert [message.role for message in parse_messages("", messages)] == [
        *("system", "user", "assistant", "user", "assistant", "user")
    ]
    assert exchange_distances(earlier) == [4, 1]
    assert with_reply(messages, " ") == messages
    assert with_reply(messages, " Yes")[-1] == {"role": "assistant", "content": " Yes"}
    assert to_messages((), "Now?") == [{"role": "user", "content": "Now?"}]

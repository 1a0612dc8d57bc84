"""Turns of conversations as trees by their parents, and as messages. Pure.

An edited or regenerated turn is another child of the same parent, or another first turn of the same
conversation: the turns after the old one stay as a branch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from core.text.messages import ASSISTANT, SYSTEM, USER
from tui.chat.record import Turn

# No message may contain a zero, or half a character, which a damaged record may hold.
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")
JsonMessages = list[dict[str, str]]  # each with `role` and `content`


class TurnTree:
    """Turns by id; also those of other conversations, and those with a lost parent."""

    def __init__(self, turns: Iterable[Turn] = ()) -> None:
        self._turns: dict[str, Turn] = {}
        self._children: dict[str, list[Turn]] = {}
        self._firsts: dict[str, list[Turn]] = {}  # by conversation
        for turn in turns:
            self.add(turn)

    def add(self, turn: Turn) -> None:
        """Add a turn after its parent."""
        if turn.id in self._turns:
            return
        self._siblings_list(turn).append(turn)
        self._turns[turn.id] = turn

    def _siblings_list(self, turn: Turn) -> list[Turn]:
        # A parent that comes later is as good as lost: so there are no circles.
        if turn.parent in self._turns:
            return self._children.setdefault(str(turn.parent), [])
        return self._firsts.setdefault(turn.conversation or turn.id, [])

    def path(self, turn: Turn) -> list[Turn]:
        """The turns up to this one, the first of its conversation first."""
        path = [turn]
        while (parent := self._turns.get(path[-1].parent or "")) is not None:
            if path[-1] not in self._children.get(parent.id, ()):
                break
            path.append(parent)
        return path[::-1]

    def siblings(self, turn: Turn) -> list[Turn]:
        """The turns at the same place of the conversation, itself among them, oldest first."""
        for places in (self._children.get(turn.parent or ""), self._firsts.get(turn.conversation)):
            if places and turn in places:
                return list(places)
        return [turn]

    def newest_end(self, turn: Turn) -> Turn:
        """The end of the newest branch through a turn."""
        while children := self._children.get(turn.id):
            turn = children[-1]
        return turn

    def subtree(self, turn: Turn) -> list[Turn]:
        """A turn and all that continue it."""
        found = [turn]
        for each in found:
            found += self._children.get(each.id, ())
        return found

    def remove(self, turn: Turn) -> list[Turn]:
        """Remove a turn and all that continue it; return them."""
        removed = self.subtree(turn)
        siblings = self.siblings(turn)
        for each in removed:
            self._turns.pop(each.id, None)
            self._children.pop(each.id, None)
        for places in (self._children.get(turn.parent or ""), self._firsts.get(turn.conversation)):
            if places is not None and turn in siblings and turn in places:
                places.remove(turn)
        return removed


def is_exchange(turn: Turn) -> bool:
    """Whether both sides of a turn have said something, as messages must."""
    return bool(turn.prompt.strip() and turn.text.strip())


def to_messages(earlier: Sequence[Turn], prompt: str, system: str = "") -> JsonMessages:
    """What the model reads: the system text, earlier exchanges, and the prompt."""
    messages = [_message(SYSTEM, system)] if system.strip() else []
    for turn in filter(is_exchange, earlier):
        messages += [_message(USER, turn.prompt), _message(ASSISTANT, turn.text)]
    return [*messages, _message(USER, prompt)]


def with_reply(messages: JsonMessages, text: str) -> JsonMessages:
    """Messages and the beginning of the reply to them."""
    return [*messages, _message(ASSISTANT, text)] if text.strip() else messages


def _message(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": _NOT_TEXT.sub("\ufffd", text)}


def exchange_distances(earlier: Sequence[Turn]) -> list[int]:
    """For each exchange among earlier turns, how many turns before the next one it is."""
    return [len(earlier) - index for index, turn in enumerate(earlier) if is_exchange(turn)]

"""The result of a generator of conversations: a corpus and a held-out part, packed JSON lines."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Conversation:
    """A conversation.

    Attributes:
        messages: role and content of each; the last is the assistant's.
        topic: of the last question; "farewell" if there is none.
        values: everything told or mentioned in it that a list of values has.
    """

    messages: tuple[tuple[str, str], ...]
    topic: str
    values: tuple[str, ...]

    def to_json(self) -> str:
        """Return its line in a file."""
        messages = [{"role": role, "content": content} for role, content in self.messages]
        return json.dumps({"messages": messages}, ensure_ascii=False)


@dataclass(frozen=True)
class GeneratedConversations:
    """Conversations to train on and conversations held out."""

    corpus: tuple[Conversation, ...]
    heldout: tuple[Conversation, ...]

    def to_files(self) -> dict[str, bytes]:
        """Return the content of each file by its name."""
        return {
            "corpus.jsonl.gz": pack_lines(self.corpus),
            "heldout.jsonl.gz": pack_lines(self.heldout),
        }


def pack_lines(conversations: Iterable[Conversation]) -> bytes:
    """Pack one line of JSON for each conversation, without the time."""
    lines = "".join(f"{conversation.to_json()}\n" for conversation in conversations)
    return gzip.compress(lines.encode(), 9, mtime=0)

"""Special tokens: ids 0 to 2 of every vocabulary; `<mask>` and the roles come last.

An encoder's vocabulary has `<mask>`, that of a chat the roles, after all ids of the text.
"""

from __future__ import annotations

from typing import NamedTuple

PAD, SOS, EOS = 0, 1, 2
SPECIAL = ("<pad>", "<sos>", "<eos>")
UNKNOWN = "<unk>"
MASK = "<mask>"
BLANK = "[]"  # in a text that a person types, it stands for one <mask>
NEVER_GENERATED = (PAD, SOS)  # <pad> fills batches, <sos> begins a line: neither follows a text
# In a vocabulary for conversations, the token that ends every message takes the place of <eos>, and
# the roles are its last ids: a vocabulary without them can be extended.
CHAT_SPECIAL = ("<pad>", "<sos>", "<|end|>")
ROLE_TOKENS = ("<|system|>", "<|user|>", "<|assistant|>")


class RoleIds(NamedTuple):
    """The ids of the tokens that begin a message."""

    system: int
    user: int
    assistant: int


def start_id(reading: str) -> int:
    """Return the id before the first token of a text, as in training.

    Every line and every conversation begins with <sos>. Running text has none: its documents
    follow the <eos> of others.
    """
    return EOS if reading == "text" else SOS

"""Special tokens and their ids, the same in every vocabulary."""

from __future__ import annotations

PAD, SOS, EOS = 0, 1, 2
SPECIAL = ("<pad>", "<sos>", "<eos>")
UNKNOWN = "<unk>"
NEVER_GENERATED = (PAD, SOS)  # <pad> fills batches, <sos> begins a line: neither follows a text


def start_id(reading: str) -> int:
    """Return the id before the first token of a text, as in training.

    Every line begins with <sos>. Running text has none: its documents follow the <eos> of others.
    """
    return SOS if reading == "lines" else EOS

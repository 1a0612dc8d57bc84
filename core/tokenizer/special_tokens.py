"""Special tokens and their ids, the same in every vocabulary."""

from __future__ import annotations

PAD, SOS, EOS = 0, 1, 2
SPECIAL = ("<pad>", "<sos>", "<eos>")
UNKNOWN = "<unk>"

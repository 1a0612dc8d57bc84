"""What the samples of a training begin with, where nobody said it."""

from __future__ import annotations

from core.tokenizer.tokenizer import EOS, SOS, Tokenizer
from core.dataset.token_store import TokenFile

FIRST_LOOKED_AT = 1_000
LONGEST_PROMPT = 80  # characters; a word may be a megabyte


def sample_prompt(proposed: str | None, stored: TokenFile, tokenizer: Tokenizer) -> str:
    """The corpus's own proposal if the tokenizer knows it, else the first words of the text."""
    if proposed and _known(tokenizer, proposed):
        return proposed
    return _first_words(stored, tokenizer)


def _known(tokenizer: Tokenizer, text: str) -> bool:
    """Whether a text can be a prompt: every word of it is in the vocabulary."""
    return tokenizer.unk_id is None or tokenizer.unk_id not in tokenizer.encode(text)


def _first_words(stored: TokenFile, tokenizer: Tokenizer) -> str:
    """The first few tokens of the text that can be a prompt of a line; empty if there are none."""
    most = 1 if tokenizer.kind == "word" else 6
    barred = {SOS, EOS, tokenizer.unk_id}
    run: list[int] = []
    for id in stored.ids[:FIRST_LOOKED_AT].tolist():
        if id not in barred and len(tokenizer.decode([*run, id])) <= LONGEST_PROMPT:
            run.append(id)
        elif tokenizer.decode(run).strip():
            break
        else:
            run = []
        if len(run) == most:
            break
    return tokenizer.decode(run).strip()

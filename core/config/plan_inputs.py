"""The facts that choices are made from: of the text, of its tokens, of the device."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TextFacts:
    """What the choice of a tokenizer looks at; counts as `core.text.corpus` makes them."""

    reading: str
    characters: int
    distinct_words: int
    spaces: int


@dataclass(frozen=True, kw_only=True)
class TokenFacts:
    """What the choice of a model looks at.

    Attributes:
        reading: "lines" or "text".
        vocab_size: tokens of the tokenizer.
        train_tokens: ids in the training part.
        train_samples: lines in the training part (0 for running text).
        longest: ids of the longest line, <sos> and <eos> included (0 for running text).
    """

    reading: str
    vocab_size: int
    train_tokens: int
    train_samples: int
    longest: int


@dataclass(frozen=True, kw_only=True)
class DeviceFacts:
    """What the choice of a size looks at.

    Attributes:
        device: "cpu", "cuda:0", "mps".
        name: the device's own name, for people.
        free_memory: bytes.
        threads: processor threads for the products.
        bfloat16: whether it computes in bfloat16 faster than in float32.
    """

    device: str
    name: str
    free_memory: int
    threads: int
    bfloat16: bool = False

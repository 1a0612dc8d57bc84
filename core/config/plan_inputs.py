"""Facts about the text, its tokens and the device: the inputs of the planner."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TextFacts:
    """Facts for the choice of a tokenizer; see `core.text.stats`.

    Attributes:
        reading: "lines" or "text".
        characters: in the corpus.
        distinct_words: separated by white space.
        spaces: white-space characters.
    """

    reading: str
    characters: int
    distinct_words: int
    spaces: int


@dataclass(frozen=True, kw_only=True)
class TokenFacts:
    """Facts for the choice of a model and its training.

    Attributes:
        reading: "lines" or "text".
        vocab_size: tokens of the tokenizer.
        train_tokens: tokens of the training data.
        train_samples: lines of the training data; 0 for running text.
        longest: tokens of the longest line, <sos> and <eos> included; 0 for running text.
    """

    reading: str
    vocab_size: int
    train_tokens: int
    train_samples: int
    longest: int


@dataclass(frozen=True, kw_only=True)
class DeviceFacts:
    """Facts for the choice of a size, batch and precision.

    Attributes:
        device: "cpu", "cuda:0", "mps".
        name: the device's product name.
        free_memory: bytes.
        threads: CPU threads to use.
        bfloat16: whether it computes faster in bfloat16 than in float32.
    """

    device: str
    name: str
    free_memory: int
    threads: int
    bfloat16: bool = False

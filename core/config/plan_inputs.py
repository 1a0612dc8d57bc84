"""Facts about the text, its tokens and the device: the inputs of the planner."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.errors import InputError

CHAT_READINGS = ("pairs", "conversations")  # as in `core.text.corpus`


@dataclass(frozen=True, kw_only=True)
class TextFacts:
    """Facts for the choice of a tokenizer; see `core.text.stats`.

    Attributes:
        reading: one of `core.text.corpus.READINGS`.
        characters: in the corpus.
        spaces: white-space characters.
    """

    reading: str
    characters: int
    spaces: int


@dataclass(frozen=True, kw_only=True)
class TokenFacts:
    """Facts for the choice of a model and its training.

    Attributes:
        reading: one of `core.text.corpus.READINGS`.
        vocab_size: tokens of the tokenizer.
        train_tokens: tokens of the training data.
        train_samples: lines or conversations of the training data; 0 for running text.
        longest: tokens of the longest one, special tokens included; 0 for running text.
        line_lengths: pairs of a length in tokens, special tokens included, and the number of lines
            or conversations of that length in the training data. If empty, all are taken to be
            equally long.
        labels: for an encoder that labels texts, how many there are.

    Raises:
        InputError: `line_lengths` are not pairs.
    """

    reading: str
    vocab_size: int
    train_tokens: int
    train_samples: int
    longest: int
    line_lengths: list[list[int]] = field(default_factory=list)
    labels: int = 0

    def __post_init__(self) -> None:
        if any(len(pair) != 2 for pair in self.line_lengths):
            raise InputError("line_lengths must be pairs of a length and a number of lines.")

    def samples(self, context: int) -> int:
        """Samples per epoch for a model of this context: what `core.train.batches` cuts.

        Conversations are cut between exchanges, perhaps into a few more.
        """
        if self.reading == "text":
            return count_windows(self.train_tokens - 1, context)
        lengths = self.line_lengths
        if not lengths:
            lines = max(1, self.train_samples)
            lengths = [[round(self.train_tokens / lines), lines]]
        return max(1, sum(lines * count_pieces(length - 1, context) for length, lines in lengths))

    def length_quantile(self, share: float) -> int:
        """The length that this share of the lines or conversations does not exceed."""
        total = sum(lines for _, lines in self.line_lengths)
        seen = 0
        for length, lines in sorted(self.line_lengths):
            seen += lines
            if seen >= share * total:
                return length
        return self.longest


def count_pieces(targets: int, context: int) -> int:
    """Samples that a line of so many targets is cut into."""
    return max(1, -(-targets // context))


def count_windows(targets: int, context: int) -> int:
    """Samples per epoch of running text: enough that a shifted grid still reaches both ends."""
    return 1 if targets <= context else -(-targets // context) + 1


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

"""Parents: runs whose weights and tokenizer a new run starts from."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.config.configs import AUTO, ModelConfig, TrainConfig
from core.errors import InputError, MiniGPTError, SettingsError
from core.paths import Home
from core.progress import CancelCheck, never_cancelled
from core.run import store
from core.run.directory import Run
from core.run.model_files import check_tensor_count, check_vocabulary, read_model_config
from core.run.summary import count_trained_tokens
from core.run.weights_ref import LAST, weights_file
from core.text.corpus import CHAT_READINGS, TEXT, Corpus, read_samples
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.train import sample_evenly

MAX_UNKNOWN_SHARE = 0.05  # of the tokens of a text, in the vocabulary of a parent
UNKNOWN_SEARCH_BYTES = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Parent:
    """A run that a new run on some text can start from.

    Attributes:
        name: of the run.
        model: its shape, which the new run keeps but for the tokens of roles.
        tokenizer: kind of its tokenizer, which the new run keeps.
        unknown_share: of the text's tokens, those its vocabulary lacks.
        fitting_share: of the lines or records, those that fit into its context; of running text 1.
        text_tokens: what its tokenizer makes of the text; the fewer, the better it suits.
        trained_tokens: that it has learnt from, each as often as it was read.
    """

    name: str
    model: ModelConfig
    tokenizer: str
    unknown_share: float
    fitting_share: float = 1.0
    text_tokens: int = 0
    trained_tokens: int = 0

    @property
    def rank(self) -> tuple[float, float, int, int, str]:
        """The best first: known tokens, records that fit, a suitable tokenizer, more training."""
        return (
            round(self.unknown_share, 3),
            -round(self.fitting_share, 2),
            self.text_tokens,
            -self.trained_tokens,
            self.name,
        )


@dataclass(frozen=True)
class _TokenCounts:
    """What a tokenizer makes of some lines.

    Attributes:
        lengths: tokens of each line or record, special tokens included.
    """

    unknown_share: float
    lengths: list[int]


def find_parent(
    home: Home, parent: str, config: TrainConfig, shape: Mapping[str, Any]
) -> tuple[Run, str]:
    """The run to start from and which of its weights.

    Args:
        parent: a run, or run@best or run@STEP.
        config, shape: the chosen settings of the new run.

    Raises:
        MiniGPTError: they cannot be used, or settings were chosen that the parent determines.
    """
    name, _, weights = parent.partition("@")
    run = store.find_run(home, name)
    file = weights_file(run, weights or LAST)
    fixed = dict.fromkeys(shape, "is taken from the parent and cannot be changed")
    for key in ("tokenizer", "vocab_size"):
        if getattr(config, key) is not None:
            fixed[key] = "is taken from the parent and cannot be changed"
    if config.preset != AUTO:
        fixed["preset"] = "the model size is taken from the parent and cannot be changed"
    if fixed:
        raise SettingsError(fixed, f"Omit these when starting from {run.name}.")
    # Check the files here: the child's trainer would name the child's copies in its errors.
    model = read_model_config(run.config)
    check_vocabulary(run, Tokenizer.load(run.folder), model)
    check_tensor_count(file, model)
    return run, weights or LAST


def check_objective(name: str, parent: ModelConfig, reading: str, *, has_labels: bool) -> None:
    """Refuse an encoder that cannot learn a text.

    Args:
        name: of the parent.
        reading, has_labels: of the text.

    Raises:
        InputError: the text has replies that are no labels; or the encoder labels texts, and has no
            head to fill in blanks.
    """
    if parent.is_encoder and reading in CHAT_READINGS and not has_labels:
        raise InputError(
            f"{name} is an encoder: it learns from lines or text, or to label texts; the replies "
            f"of these {reading} are no labels.",
            "Start from a decoder, or add --format lines.",
        )
    if parent.labels and not has_labels:
        raise InputError(
            f"{name} labels texts; it has no head to fill in blanks.",
            "Start from the run that it was started from, or omit --from.",
        )


def adapt_to_reading(
    tokenizer: Tokenizer, model: ModelConfig, reading: str
) -> tuple[Tokenizer, ModelConfig]:
    """A parent's tokenizer and shape, with the tokens of the roles where the reading needs them."""
    if reading not in CHAT_READINGS or tokenizer.roles:
        return tokenizer, model
    extended = tokenizer.with_roles()
    return extended, dataclasses.replace(model, vocab_size=extended.vocab_size)


def check_vocabulary_suits(
    parent: Run, corpus: Corpus, reading: str, labels: Sequence[str] = ()
) -> None:
    """Refuse a text of which the parent's tokenizer knows too little.

    Args:
        labels: of the text, each of which has to be known.

    Raises:
        InputError: it does not know a label, or more than 5 % of the tokens.
    """
    tokenizer = Tokenizer.load(parent.folder)
    if tokenizer.unk_id is None:
        return
    for label in labels:
        if tokenizer.unk_id in tokenizer.encode(label):
            raise InputError(
                f"The label {label!r} is not in the vocabulary of {parent.name}, which cannot "
                "learn new words.",
                "Start from a run with a byte-level tokenizer (--tokenizer bpe), or omit --from.",
            )
    share = min(1.0, UNKNOWN_SEARCH_BYTES / max(1, corpus.size))
    texts = list(sample_evenly(read_samples(corpus, reading), share))
    unknown = tokenizer.unknown_share(texts)
    if unknown > MAX_UNKNOWN_SHARE:
        units = "words" if tokenizer.kind == "word" else "characters"
        raise InputError(
            f"{unknown:.0%} of the {units} of {corpus.name} are not in the vocabulary of "
            f"{parent.name}, which cannot learn new ones; at most {MAX_UNKNOWN_SHARE:.0%} may be "
            "missing.",
            "Start from a run with a byte-level tokenizer (--tokenizer bpe), which can read every "
            f"text, or omit --from; --force trains with unknown {units}.",
        )


def list_parents(
    home: Home,
    lines: Sequence[str],
    reading: str,
    cancelled: CancelCheck = never_cancelled,
    *,
    labels: int = 0,
) -> list[Parent]:
    """The runs that training on a text can start from, the best first (`Parent.rank`).

    A run is one if its newest weights fit its shape and tokenizer, and the tokenizer knows at least
    95 % of the text. Each different tokenizer reads the text once.

    Args:
        lines: some lines or records of the text; the messages of a record on a line each.
        reading: of the text, one of `core.text.corpus.READINGS`.
        cancelled: ends the search early; the runs found so far are returned.
        labels: of a text that consists of texts with labels, how many there are.
    """
    parents: list[Parent] = []
    counts: dict[bytes, _TokenCounts] = {}
    for run in store.list_runs(home):
        if cancelled():
            break
        if not run.weights.is_file():
            continue
        try:
            find_parent(home, run.name, TrainConfig(), {})
            tokenizer, model = Tokenizer.load(run.folder), read_model_config(run.config)
            trained_tokens = count_trained_tokens(run.events)
            check_objective(run.name, model, reading, has_labels=labels > 0)
        except MiniGPTError:
            continue
        key = hashlib.sha256(tokenizer.to_json().encode()).digest()
        if key not in counts:
            counts[key] = _count_tokens(tokenizer, lines, reading)
        if tokenizer.is_imported and reading in CHAT_READINGS:
            continue  # it has no tokens for roles, and gets none
        unknown_share, lengths = counts[key].unknown_share, counts[key].lengths
        if unknown_share > MAX_UNKNOWN_SHARE:
            continue
        fitting = sum(length <= model.context + 1 for length in lengths)
        parents.append(
            Parent(
                name=run.name,
                model=dataclasses.replace(
                    adapt_to_reading(tokenizer, model, reading)[1],
                    labels=labels if model.is_encoder else 0,
                ),
                tokenizer=tokenizer.kind,
                unknown_share=unknown_share,
                fitting_share=1.0 if reading == TEXT else fitting / max(1, len(lengths)),
                text_tokens=sum(lengths),
                trained_tokens=trained_tokens,
            )
        )
    return sorted(parents, key=lambda parent: parent.rank)


def _count_tokens(tokenizer: Tokenizer, lines: Sequence[str], reading: str) -> _TokenCounts:
    """Tokenise the lines; of a record, about 2 special tokens for each message and <sos>."""
    is_chat = reading in CHAT_READINGS
    ids = tokenizer.encode_batch(lines)
    tokens = sum(map(len, ids))
    unknown = 0 if tokenizer.unk_id is None else sum(line.count(tokenizer.unk_id) for line in ids)
    lengths = [
        len(line) + (3 + 2 * text.count("\n") if is_chat else 2)
        for text, line in zip(lines, ids, strict=True)
    ]
    return _TokenCounts(unknown / max(1, tokens), lengths)

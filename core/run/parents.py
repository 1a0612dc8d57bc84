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
from core.run.weights_ref import LAST, weights_file
from core.text.corpus import CHAT_READINGS, Corpus, read_samples
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.train import sample_evenly

MAX_UNKNOWN_SHARE = 0.05  # of the tokens of a text, in the vocabulary of a parent
UNKNOWN_SEARCH_BYTES = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Parent:
    """A run that a new run on some text can start from.

    Attributes:
        name: of the run.
        model: its shape, which the new run keeps.
        tokenizer: kind of its tokenizer, which the new run keeps.
        unknown_share: of the text's tokens, those its vocabulary lacks.
    """

    name: str
    model: ModelConfig
    tokenizer: str
    unknown_share: float


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


def adapt_to_reading(
    tokenizer: Tokenizer, model: ModelConfig, reading: str
) -> tuple[Tokenizer, ModelConfig]:
    """A parent's tokenizer and shape, with the tokens of the roles where the reading needs them."""
    if reading not in CHAT_READINGS or tokenizer.roles:
        return tokenizer, model
    extended = tokenizer.with_roles()
    return extended, dataclasses.replace(model, vocab_size=extended.vocab_size)


def check_vocabulary_suits(parent: Run, corpus: Corpus, reading: str) -> None:
    """Refuse a text of which the parent's tokenizer knows too little.

    Raises:
        InputError: it does not know more than 5 % of the tokens.
    """
    tokenizer = Tokenizer.load(parent.folder)
    if tokenizer.unk_id is None:
        return
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
    home: Home, lines: Sequence[str], cancelled: CancelCheck = never_cancelled
) -> list[Parent]:
    """The runs that training on a text can start from, in the order of `store.list_runs`.

    A run is one if its newest weights fit its shape and tokenizer, and the tokenizer knows at least
    95 % of the text. Each different tokenizer reads the text once.

    Args:
        lines: some lines of the text.
        cancelled: ends the search early; the runs found so far are returned.
    """
    parents: list[Parent] = []
    shares: dict[bytes, float] = {}
    for run in store.list_runs(home):
        if cancelled():
            break
        if not run.weights.is_file():
            continue
        try:
            find_parent(home, run.name, TrainConfig(), {})
            tokenizer, model = Tokenizer.load(run.folder), read_model_config(run.config)
        except MiniGPTError:
            continue
        key = hashlib.sha256(tokenizer.to_json().encode()).digest()
        if key not in shares:
            shares[key] = tokenizer.unknown_share(lines)
        if shares[key] <= MAX_UNKNOWN_SHARE:
            parents.append(
                Parent(
                    name=run.name,
                    model=model,
                    tokenizer=tokenizer.kind,
                    unknown_share=shares[key],
                )
            )
    return parents

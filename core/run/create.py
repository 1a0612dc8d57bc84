"""Creating a run from a text, settings and possibly a parent run."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from core.config.configs import TrainConfig
from core.config.planner import check_model_shape, is_encoder
from core.config.schema import to_json
from core.errors import InputError, SettingsError, StorageError
from core.paths import Home
from core.progress import ProgressCallback, no_progress
from core.run import store
from core.run.directory import Run
from core.run.model_files import hf_config, read_model_config
from core.run.parents import (
    adapt_to_reading,
    check_objective,
    check_vocabulary_suits,
    find_parent,
)
from core.run.weights_ref import LAST, weights_file
from core.system.files import JsonObject, link_or_copy, write_json
from core.system.locks import Lock
from core.text import catalog, resolve
from core.text.corpus import CHAT_READINGS
from core.text.messages import FILL
from core.text.stats import compute_stats
from core.tokenizer.tokenizer import Tokenizer

MAX_NAME_ATTEMPTS = 100
LIBRARIES = ("minigpt-tui", "torch", "tokenizers", "safetensors", "numpy")


def create_run(
    home: Home,
    spec: str,
    config: TrainConfig,
    shape: Mapping[str, Any],
    *,
    name: str | None = None,
    reading: str | None = None,
    encoding: str | None = None,
    parent: str | None = None,
    force: bool = False,
    progress: ProgressCallback = no_progress,
) -> tuple[Run, Lock]:
    """Create a run, ready for its trainer; returns it with its lock held.

    Everything a user can get wrong is checked before anything is created.

    Args:
        spec: the text, as `open_corpus` takes it.
        config: the chosen settings; None values are left open.
        shape: chosen fields of ModelConfig.
        name: of the run; None takes the corpus's name, or a free one like it.
        reading: one of `core.text.corpus.READINGS`; None decides from the text.
        parent: a run (or run@best, run@STEP) whose weights and tokenizer to start from.
        force: start from it even if its vocabulary lacks much of the text.

    Raises:
        MiniGPTError: unusable input.
    """
    check_model_shape(config.preset, shape)
    if name is not None:
        store.check_free(home, name)
    parent_run, weights = None, LAST
    if parent is not None:
        parent_run, weights = find_parent(home, parent, config, shape)
    parent_shape = read_model_config(parent_run.config) if parent_run is not None else None
    has_encoder = parent_shape.is_encoder if parent_shape else is_encoder(config.preset, shape)
    with resolve.open_corpus(spec, home, encoding=encoding) as corpus:
        if reading:
            corpus = dataclasses.replace(corpus, reading=reading)
        stats = compute_stats(corpus, progress)
        reading = stats.reading
        labels = stats.labels if has_encoder else ()
        if parent_run is not None and parent_shape is not None:
            check_objective(parent_run.name, parent_shape, reading, has_labels=bool(stats.labels))
        elif has_encoder and reading in CHAT_READINGS and not labels:
            raise InputError(
                f"{corpus.name} consists of {reading} whose replies are no labels; an encoder "
                "learns from lines or text, or to label texts.",
                "Add --format lines, or choose a preset of a decoder.",
            )
        if config.mask_share is not None and (not has_encoder or labels):
            raise SettingsError(
                {"mask_share": "is only for an encoder that learns to fill in blanks"},
                "Omit it, or add --preset encoder-modern.",
            )
        if parent_run is not None and not force:
            check_vocabulary_suits(parent_run, corpus, reading, stats.labels)
        record = {
            "corpus": {
                "name": corpus.name,
                "size": stats.size,
                "sha256": stats.sha256,
                "reading": reading,
                "encoding": corpus.encoding,
                "errors": corpus.errors,
                "task": FILL if has_encoder and not labels else stats.task,
                "labels": list(stats.labels),
            },
            "train": to_json(config),
            "model": dict(shape),
            "seed": config.seed,
            "versions": library_versions(),
            "parent": parent_run and {"run": parent_run.name, "weights": weights},
        }
        run, lock = create_named(home, name, corpus.name, record)
        try:
            catalog.register_corpus(corpus, stats, home)
            if parent_run is not None:
                _copy_parent_files(run, parent_run, weights, reading, labels)
        except BaseException:
            lock.release()
            store.delete_run(home, run)
            raise
    return run, lock


def library_versions() -> JsonObject:
    """Versions of Python, the program and its libraries, without importing them."""
    return {"python": sys.version.split()[0], **{name: version(name) for name in LIBRARIES}}


def create_named(
    home: Home, name: str | None, base: str, record: Mapping[str, Any]
) -> tuple[Run, Lock]:
    """Create the run under its name, or under a free name like `base`."""
    if name is not None:
        return store.create_locked_run(home, name, record)
    for _ in range(MAX_NAME_ATTEMPTS):
        try:
            return store.create_locked_run(home, store.propose_name(home, base), record)
        except InputError:
            continue  # another process took the name in the meantime
    raise InputError(f"No free name like {base!r} was found.", "Choose one with --name.")


def _copy_parent_files(
    run: Run, parent: Run, weights: str, reading: str, labels: Sequence[str]
) -> None:
    """Give a new run its own weights, config and tokenizer, independent of the parent's.

    For pairs and conversations, a tokenizer without roles is extended. The trainer extends the
    weights (`core.model.state_dict.extend_vocabulary`), and gives an encoder that is to label texts
    its head (`core.model.state_dict.with_own_head`).

    Args:
        labels: for an encoder.

    Raises:
        StorageError: there is no space for them.
    """
    try:
        link_or_copy(weights_file(parent, weights), run.weights)
        tokenizer, model = adapt_to_reading(
            Tokenizer.load(parent.folder), read_model_config(parent.config), reading
        )
        model = dataclasses.replace(model, labels=len(labels))
        config = hf_config(model, tokenizer.mask_id, labels, tokenizer.special_ids)
        write_json(run.config, config)
        tokenizer.save(run.folder, reading, is_encoder=model.is_encoder)
    except OSError as error:
        raise StorageError(
            f"The files of {parent.name} could not be copied to {run.name}: {error.strerror}.",
            "Free some disk space.",
        ) from error

"""Asking for a run: a text, settings and perhaps a parent become a run directory.

Everything a user can get wrong is found here, before anything is made.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from core.config.configs import AUTO, TrainConfig
from core.config.planner import check_model_shape
from core.config.schema import to_json
from core.errors import InputError, SettingsError, StorageError
from core.paths import Home
from core.progress import ProgressCallback, no_progress
from core.run import store
from core.run.directory import Run
from core.run.model_files import check_tensor_count, check_vocabulary, read_model_config
from core.run.weights_ref import LAST, weights_file
from core.system.files import link_or_copy
from core.system.locks import Lock
from core.text import catalog, resolve
from core.text.corpus import Corpus
from core.text.stats import CorpusStats, compute_stats
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
    progress: ProgressCallback = no_progress,
) -> tuple[Run, Lock]:
    """Makes a run that waits for its trainer, and holds its lock.

    Args:
        spec: the text, as `finding.find` takes it.
        config: the settings chosen; None is left open.
        shape: fields of ModelConfig chosen.
        name: of the run; the corpus's, or a free one like it, if None.
        reading: "lines" or "text"; decided from the text if None.
        parent: a run (or run@best, run@step) whose weights and tokenizer to start from.

    Raises:
        MiniGPTError: what cannot be used; nothing has been made then.
    """
    check_model_shape(config.preset, shape)
    if name is not None:
        store.check_free(home, name)
    source = _parent(home, parent, config, shape) if parent else None
    corpus = resolve.resolve_corpus(spec, home, encoding=encoding)
    found = compute_stats(corpus, progress)
    catalog.register_corpus(corpus, found, home)
    parts = {"train": to_json(config), "model": dict(shape), "seed": config.seed}
    text = _text(corpus, found, reading)
    origin = source and {"run": source[0].name, "weights": source[1] or LAST}
    record = {"corpus": text, **parts, "versions": library_versions(), "parent": origin}
    run, lock = _create(home, name, corpus.name, record)
    with _or_forgotten(home, run, lock):
        if source:
            _inherit(run, *source)
    return run, lock


@contextmanager
def _or_forgotten(home: Home, run: Run, lock: Lock) -> Iterator[None]:
    """Leaves nothing behind of a new run that fails here."""
    try:
        yield
    except BaseException:
        lock.release()
        store.delete_run(home, run)
        raise


def _create(home: Home, name: str | None, base: str, record: Mapping[str, Any]) -> tuple[Run, Lock]:
    """The run under the name asked for, or under a free one like the corpus's."""
    if name is not None:
        return store.create_locked_run(home, name, record)
    for _ in range(MAX_NAME_ATTEMPTS):
        try:
            return store.create_locked_run(home, store.propose_name(home, base), record)
        except InputError:
            # Somebody who started at the same moment took it.
            continue
    raise InputError(f"No free name like {base!r} was found.", "Choose one with --name.")


def _text(corpus: Corpus, found: CorpusStats, reading: str | None) -> dict[str, Any]:
    """What a run says of its text: enough to find it again, and no path."""
    return {
        "name": corpus.name,
        "size": found.size,
        "sha256": found.sha256,
        "reading": reading or found.reading,
        "encoding": corpus.encoding,
        "errors": corpus.errors,
    }


def library_versions() -> dict[str, str]:
    """Of the program, its libraries and Python; nothing is imported for it."""
    return {"python": sys.version.split()[0], **{name: version(name) for name in LIBRARIES}}


def _parent(
    home: Home, parent: str, config: TrainConfig, shape: Mapping[str, Any]
) -> tuple[Run, str]:
    """The run to start from and which of its weights; what is the parent's cannot be chosen."""
    name, _, which = parent.partition("@")
    run = store.find_run(home, name)
    weights = weights_file(run, which)
    taken = dict.fromkeys(shape, "is the parent's, and stays")
    for key in ("tokenizer", "vocab_size"):
        if getattr(config, key) is not None:
            taken[key] = "is the parent's, and stays"
    if config.preset != AUTO:
        taken["preset"] = "the size is the parent's, and stays"
    if taken:
        raise SettingsError(taken, f"Leave these out when starting from {run.name}.")
    # Read only to see that it can be: the child's trainer would name the child's copies.
    own = read_model_config(run.config)
    check_vocabulary(run, Tokenizer.load(run.folder), own)
    check_tensor_count(weights, own)
    return run, which


def _inherit(run: Run, parent: Run, which: str) -> None:
    """Gives the new run the parent's files, so that it can do without the parent.

    Raises:
        StorageError: there is no room for them.
    """
    try:
        link_or_copy(weights_file(parent, which), run.weights)
        link_or_copy(parent.config, run.config)
        # The files that go with these two are made anew: what they hold follows from them.
        Tokenizer.load(parent.folder).save(run.folder)
    except OSError as error:
        what = f"{run.name} could not be given the files of {parent.name}"
        raise StorageError(f"{what}: {error.strerror}.", "Make room on the disk.") from error

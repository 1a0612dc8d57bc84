"""Import a model: a folder of another program becomes a run of the library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.config.budget import count_parameters
from core.config.configs import ModelConfig, TrainConfig
from core.config.schema import to_json
from core.errors import InputError, StorageError
from core.importing.folder import CONFIG, ModelFolder
from core.importing.gguf_model import GgufModel
from core.importing.tokenizer import read_tokenizer
from core.importing.weights import check_tensors, join_headers, read_part, store_weights
from core.paths import Home
from core.run import store
from core.run.create import create_named, library_versions
from core.run.directory import Run
from core.run.event_log import EventLog
from core.run.events import IMPORTED, SAVED
from core.run.model_files import generation_config, hf_config, parse_model_config
from core.system.files import JsonObject, write_json
from core.text.corpus import TEXT
from core.text.messages import CONTINUE
from core.tokenizer.imported import ImportedTokenizer

FLOAT32_BYTES = 4
MAX_NOTE_CHARACTERS = 500


@dataclass(frozen=True)
class ForeignModel:
    """A model of another program, read and checked but for the values of its weights.

    Attributes:
        store: writes its weights to a file.
        licence: as its files say; empty if they say nothing.
    """

    source: Path
    config: ModelConfig
    tokenizer: ImportedTokenizer
    store: Callable[[Path], None]
    licence: str

    @property
    def parameters(self) -> int:
        """Parameters of the model."""
        return count_parameters(self.config)

    @property
    def memory_bytes(self) -> int:
        """What its weights take in memory, in float32."""
        return FLOAT32_BYTES * self.parameters


def read_foreign_model(source: Path) -> ForeignModel:
    """Read and check a folder of `transformers`, or a GGUF file.

    Raises:
        InputError: it is not one, or of a kind that is not supported.
        DamagedError: a file of it cannot be read.
    """
    if source.is_file() and source.suffix == ".gguf":
        return _read_gguf(source)
    if not source.is_dir():
        raise InputError(
            f"{source} is neither a folder nor a GGUF file.",
            "Pass a folder with config.json, tokenizer.json and model.safetensors, or a file "
            "whose name ends in .gguf.",
        )
    folder = ModelFolder(source)
    values = folder.config()
    config = parse_model_config(values, source / CONFIG)
    if config.is_encoder or config.is_tutorial:
        raise InputError(
            f"{source / CONFIG} describes a model of type {values['model_type']!r}.",
            "Decoders can be imported.",
        )
    tokenizer = read_tokenizer(folder, values, config.vocab_size)
    parts = [read_part(path) for path in folder.weights()]
    check_tensors(config, join_headers(parts), source)
    return ForeignModel(
        source, config, tokenizer, lambda target: store_weights(parts, target), folder.licence()
    )


def _read_gguf(source: Path) -> ForeignModel:
    gguf = GgufModel.open(source)
    config = parse_model_config(gguf.config, source)
    tokenizer = gguf.read_tokenizer(config.vocab_size)
    check_tensors(config, gguf.tensors(), source)
    return ForeignModel(source, config, tokenizer, gguf.store, gguf.licence)


def import_model(
    home: Home,
    model: ForeignModel,
    *,
    name: str | None = None,
    source: str | None = None,
    licence: str | None = None,
) -> Run:
    """Make a run of a model.

    Args:
        name: of the run; None takes that of its folder, or a free one like it.
        source: where it is from, in words or as an address; None takes its folder.
        licence: in words; None takes what its files say.

    Raises:
        InputError: the name is taken.
        StorageError: it cannot be written; nothing stays.
    """
    notes = source or str(model.source.resolve()), model.licence if licence is None else licence
    record = _record(model, *(note[:MAX_NOTE_CHARACTERS] for note in notes))
    run, lock = create_named(home, name, base_name(model.source), record)
    try:
        _write_files(run, model)
    except BaseException as error:
        lock.release()
        store.delete_run(home, run)
        if isinstance(error, OSError):
            raise StorageError(
                f"The model could not be written to {home.runs}: {error.strerror}.",
                "Free some disk space.",
            ) from error
        raise
    lock.release()
    return run


def base_name(source: Path) -> str:
    """The name of a model's folder; in the cache of `huggingface_hub` that of its repository."""
    folder = source.resolve()
    if folder.parent.name == "snapshots":
        return folder.parent.parent.name.rpartition("--")[2]
    return folder.stem if folder.is_file() else folder.name


def _record(model: ForeignModel, source: str, licence: str) -> JsonObject:
    return {
        "corpus": {
            "name": "",
            "size": 0,
            "sha256": "",
            "reading": TEXT,
            "encoding": "utf-8",
            "errors": "strict",
            "task": CONTINUE,
            "labels": [],
        },
        "train": to_json(TrainConfig()),
        "model": {},
        "seed": 0,
        "versions": library_versions(),
        "parent": None,
        "imported": {
            "source": source,
            "licence": licence,
            "model_type": model.config.architecture,
        },
    }


def _write_files(run: Run, model: ForeignModel) -> None:
    config, tokenizer = model.config, model.tokenizer
    model.store(run.weights)
    special_ids = tokenizer.special_ids
    write_json(run.config, hf_config(config, special_ids=special_ids))
    write_json(run.generation_config, generation_config(config, TEXT, (), special_ids))
    tokenizer.save(run.folder, TEXT)
    log = EventLog(run.events)
    try:
        log.emit(SAVED, 0, kind="checkpoint", bytes=run.weights.stat().st_size, seconds=0.0)
        log.emit(
            IMPORTED,
            0,
            vocab_size=config.vocab_size,
            parameters=model.parameters,
            model=to_json(config),
        )
    finally:
        log.close()

"""The record of a run (run.json): what was requested at its creation, checked when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.config.schema import MAX_SEED, find_value_problems, from_json
from core.errors import DamagedError, SettingsError, StateError
from core.run.directory import Run
from core.system.files import JsonObject, read_json
from core.text.corpus import READINGS
from core.text.messages import CONTINUE, TASKS

if TYPE_CHECKING:
    from core.config.configs import (
        TrainConfig,  # at run time when settings are read, not at start-up
    )

FORMAT_VERSION = 1
MAX_RECORD_BYTES = 1 << 20
CORPUS_TEXT_FIELDS = ("name", "sha256", "reading", "encoding", "errors")


def read_record(run: Run) -> JsonObject:
    """Read and check the record.

    Raises:
        DamagedError: it cannot be read, or required fields are missing or invalid.
        StateError: it was written by a newer version of the program.
    """
    record = read_json(run.record, MAX_RECORD_BYTES)
    format = record.get("format")
    if not isinstance(format, int) or isinstance(format, bool) or format < 1:
        raise DamagedError(f"{run.record} has no format number.")
    if format > FORMAT_VERSION:
        raise StateError(
            f"The run {run.name} is of a newer version (format {format}, known: {FORMAT_VERSION}).",
            "Update minigpt-tui.",
        )
    _check_record(run, record)
    return record


def read_requested_config(run: Run, record: Mapping[str, Any]) -> TrainConfig:
    """The training settings in a record; the fields of the model's shape are checked too.

    Raises:
        DamagedError: they are not valid settings.
    """
    from core.config.configs import ModelConfig, TrainConfig

    try:
        if problems := find_value_problems(ModelConfig, record["model"]):
            raise SettingsError(problems)
        return from_json(TrainConfig, record["train"])
    except SettingsError as error:
        raise DamagedError(f"{run.record} cannot be used: {error.message}.") from error


def task_of_record(corpus: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The task and the labels in the `corpus` of a record; older ones have none."""
    return corpus.get("task", CONTINUE), tuple(corpus.get("labels", ()))


def _check_record(run: Run, record: Mapping[str, Any]) -> None:
    """Raise DamagedError unless all fields that readers rely on are present and of their type."""
    kinds = {"corpus": dict, "train": dict, "model": dict}
    wrong = [name for name, kind in kinds.items() if not isinstance(record.get(name), kind)]
    wrong += [] if _is_count(record.get("seed")) else ["seed"]
    wrong += [] if isinstance(record.get("parent"), dict | None) else ["parent"]
    wrong += [] if "corpus" in wrong else _invalid_corpus_fields(record["corpus"])
    if wrong:
        raise DamagedError(f"{run.record} has no valid {', '.join(wrong)}.")


def _invalid_corpus_fields(corpus: Mapping[str, Any]) -> list[str]:
    wrong = [name for name in CORPUS_TEXT_FIELDS if not isinstance(corpus.get(name), str)]
    wrong += [] if "reading" in wrong or corpus["reading"] in READINGS else ["reading"]
    wrong += [] if _is_count(corpus.get("size")) else ["size"]
    wrong += [] if corpus.get("task", CONTINUE) in TASKS else ["task"]
    wrong += [] if _is_label_list(corpus.get("labels", [])) else ["labels"]
    return [f"corpus.{name}" for name in wrong]


def _is_label_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(label, str) and label for label in value)


def _is_count(value: Any) -> bool:
    """Whether it is a plausible size or seed."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SEED

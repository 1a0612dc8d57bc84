"""A run's record: what was asked for when it was made, written once, and checked when it is read.

Who reads it relies on all that is checked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.config.configs import MAX_SEED, ModelConfig, TrainConfig
from core.config.schema import find_value_problems, from_json
from core.errors import DamagedError, InputError, SettingsError
from core.run.directory import Run
from core.system.files import read_json
from core.text.corpus import READINGS

FORMAT = 1
TEXT = ("name", "sha256", "reading", "encoding", "errors")


def read_record(run: Run) -> dict[str, Any]:
    """What was asked for when the run was made.

    Raises:
        DamagedError: it cannot be read, or not be relied on.
        InputError: a newer version of the program wrote it.
    """
    record = read_json(run.record)
    format = record.get("format")
    if not isinstance(format, int) or isinstance(format, bool) or format < 1:
        raise DamagedError(f"{run.record} has no format number.")
    if format > FORMAT:
        raise InputError(
            f"The run {run.name} was made by a newer version (format {format}, known: {FORMAT}).",
            "Update minigpt-tui.",
        )
    _check_record(run, record)
    return record


def read_requested_config(run: Run, record: Mapping[str, Any]) -> TrainConfig:
    """The settings that a record asks for; the fields of the shape are checked along.

    Raises:
        DamagedError: they are no settings.
    """
    try:
        if problems := find_value_problems(ModelConfig, record["model"]):
            raise SettingsError(problems)
        return from_json(TrainConfig, record["train"])
    except SettingsError as error:
        raise DamagedError(f"{run.record} cannot be used: {error.message}.") from error


def _check_record(run: Run, record: Mapping[str, Any]) -> None:
    """Raises DamagedError unless all that readers rely on is there, and of its kind."""
    kinds = {"corpus": dict, "train": dict, "model": dict}
    wrong = [name for name, kind in kinds.items() if not isinstance(record.get(name), kind)]
    wrong += [] if _is_count(record.get("seed")) else ["seed"]
    wrong += [] if isinstance(record.get("parent"), dict | None) else ["parent"]
    wrong += [] if "corpus" in wrong else _wrong_of_text(record["corpus"])
    if wrong:
        raise DamagedError(f"{run.record} lacks {', '.join(wrong)}, or has nothing of use there.")


def _wrong_of_text(text: Mapping[str, Any]) -> list[str]:
    """Which facts of a text are not of their kind; whether it is found by them is seen then."""
    wrong = [name for name in TEXT if not isinstance(text.get(name), str)]
    wrong += [] if "reading" in wrong or text["reading"] in READINGS else ["reading"]
    wrong += [] if _is_count(text.get("size")) else ["size"]
    return [f"corpus.{name}" for name in wrong]


def _is_count(value: Any) -> bool:
    """Whether it is a whole number that a file system could know."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SEED

"""What the model of a run does: continue texts, fill in blanks, or label texts."""

from __future__ import annotations

from enum import StrEnum

from core.errors import InputError
from core.run.directory import Run
from core.run.model_files import read_model_config


class ModelKind(StrEnum):
    """A decoder, or an encoder with one of two heads, each as what it does."""

    DECODER = "continue a text"
    ENCODER = "fill in blanks"
    CLASSIFIER = "label texts with a head"


def find_kind(run: Run) -> ModelKind:
    """What the model of a run does.

    Raises:
        MiniGPTError: its config.json cannot be read.
    """
    config = read_model_config(run.config)
    if not config.is_encoder:
        return ModelKind.DECODER
    return ModelKind.CLASSIFIER if config.labels else ModelKind.ENCODER


def check_kind(run: Run, wanted: ModelKind) -> None:
    """Raise InputError if the model of a run does something else."""
    if (kind := find_kind(run)) is not wanted:
        raise wrong_kind_error(run.name, kind, wanted)


def wrong_kind_error(name: str, kind: ModelKind, wanted: ModelKind) -> InputError:
    """The error for a model that is to do what another kind does."""
    what, hint = {
        ModelKind.DECODER: (
            "a decoder: it continues a text",
            "Train an encoder on the same text: minigpt-tui train TEXT --preset encoder-modern",
        ),
        ModelKind.ENCODER: (
            "an encoder: it fills in blanks",
            f'Try: minigpt-tui blank {name} "A text with a [] in it"',
        ),
        ModelKind.CLASSIFIER: ("an encoder: it labels texts", f"Try: minigpt-tui test {name}"),
    }[kind]
    return InputError(f"{name} is {what} and cannot {wanted}.", hint)

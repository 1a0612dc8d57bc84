"""Whether a run has a decoder, which continues texts, or an encoder, which fills in blanks."""

from __future__ import annotations

from core.errors import InputError
from core.run.directory import Run
from core.run.model_files import read_model_config


def check_decoder(run: Run) -> None:
    """Raise InputError if the run has an encoder."""
    if read_model_config(run.config).is_encoder:
        raise encoder_error(run.name)


def check_encoder(run: Run) -> None:
    """Raise InputError if the run has a decoder."""
    if not read_model_config(run.config).is_encoder:
        raise decoder_error(run.name)


def encoder_error(name: str) -> InputError:
    """The error for an encoder that is to continue a text."""
    return InputError(
        f"{name} is an encoder: it fills in blanks and cannot continue a text.",
        f'Try: minigpt-tui blank {name} "A text with a [] in it"',
    )


def decoder_error(name: str) -> InputError:
    """The error for a decoder that is to fill in blanks."""
    return InputError(
        f"{name} is a decoder: it continues a text and cannot fill in blanks.",
        "Train an encoder on the same text: minigpt-tui train TEXT --preset encoder-modern",
    )

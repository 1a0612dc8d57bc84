"""Which decoder an encoder can be compared with, and which encoder fills in blanks of a text."""

from __future__ import annotations

import json
from contextlib import suppress

from core.errors import MiniGPTError
from core.paths import Home
from core.run.directory import Run
from core.run.model_files import read_model_config
from core.run.model_kind import ModelKind, find_kind
from core.run.record import read_record
from core.run.store import list_runs
from core.system.files import read_regular_file
from core.tokenizer.vocabulary import Merges, is_same_but_for_mask, parse_vocabulary

Vocabulary = tuple[str, dict[str, int], Merges]
MAX_TOKENIZER_BYTES = 1 << 28


def find_comparable_decoder(home: Home, run: Run) -> str | None:
    """The run of the decoder that an encoder can be compared with: its ids mean the same.

    It learnt from the same text, read alike, and its vocabulary is the same but for `<mask>`. Of
    several, the one whose weights were saved last.

    Args:
        run: of the encoder.

    Returns:
        Its name; None if there is none, or if the files of `run` cannot be read.
    """
    try:
        text, size = _text(run), read_model_config(run.config).vocab_size
        vocabulary = _vocabulary(run)
        others = [other for other in list_runs(home) if _is_decoder_of(other, text, size - 1)]
    except (MiniGPTError, OSError, ValueError):
        return None
    for other in sorted(others, key=_saved_at, reverse=True):
        with suppress(MiniGPTError, OSError, ValueError):
            if _is_same_but_for_mask(_vocabulary(other), vocabulary):
                return other.name
    return None


def find_encoder(home: Home, run: Run) -> str | None:
    """The run of an encoder that learnt from the same text, read alike.

    One with the same vocabulary is preferred; of several, the one whose weights were saved last.

    Args:
        run: of a decoder.

    Returns:
        Its name; None if there is none, or if the files of `run` cannot be read.
    """
    try:
        text, vocabulary = _text(run), _vocabulary(run)
        others = [other for other in list_runs(home) if _is_encoder_of(other, text)]
    except (MiniGPTError, OSError, ValueError):
        return None
    others.sort(key=_saved_at, reverse=True)
    for other in others:
        with suppress(MiniGPTError, OSError, ValueError):
            if _is_same_but_for_mask(vocabulary, _vocabulary(other)):
                return other.name
    return others[0].name if others else None


def _is_encoder_of(run: Run, text: tuple[str, str]) -> bool:
    with suppress(MiniGPTError, OSError):
        is_trained = run.weights.is_file() and _text(run) == text
        return is_trained and find_kind(run) is ModelKind.ENCODER
    return False


def _is_decoder_of(run: Run, text: tuple[str, str], vocab_size: int) -> bool:
    with suppress(MiniGPTError, OSError):
        if run.weights.is_file() and _text(run) == text:
            config = read_model_config(run.config)
            return not config.is_encoder and config.vocab_size == vocab_size
    return False


def _text(run: Run) -> tuple[str, str]:
    """The hash of a run's text, and how it is read."""
    corpus = read_record(run)["corpus"]
    return corpus["sha256"], corpus["reading"]


def _saved_at(run: Run) -> int:
    with suppress(OSError):
        return run.weights.stat().st_mtime_ns
    return 0


def _is_same_but_for_mask(decoder: Vocabulary, encoder: Vocabulary) -> bool:
    (kind, ids, merges), (own_kind, own_ids, own_merges) = decoder, encoder
    return (kind, merges) == (own_kind, own_merges) and is_same_but_for_mask(ids, own_ids)


def _vocabulary(run: Run) -> Vocabulary:
    """Kind, ids and merges of a run's tokenizer."""
    return parse_vocabulary(json.loads(read_regular_file(run.tokenizer, MAX_TOKENIZER_BYTES)))

"""The tokenizer of a model's folder, with what `tokenizer.json` does not say of special tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import InputError
from core.importing.folder import (
    GENERATION_CONFIG,
    TOKENIZER,
    TOKENIZER_CONFIG,
    ModelFolder,
)
from core.system.files import JsonObject, read_regular_file
from core.tokenizer.imported import ADVICE, ImportedTokenizer, TokenizerFacts

MAX_TOKENIZER_CONFIG_BYTES = 1 << 24  # some list thousands of added tokens


def read_tokenizer(folder: ModelFolder, config: JsonObject, vocab_size: int) -> ImportedTokenizer:
    """The tokenizer of a folder.

    Args:
        config: the content of config.json.
        vocab_size: rows of the model's embedding.

    Raises:
        InputError: there is none, or it is of a kind that is not supported.
    """
    path = folder.file(TOKENIZER)
    if path is None:
        raise InputError(
            f"{folder.path} has no {TOKENIZER}.",
            "Make one with transformers: "
            "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)",
        )
    data = read_regular_file(path)
    settings = folder.read(TOKENIZER_CONFIG, MAX_TOKENIZER_CONFIG_BYTES)
    generation = folder.read(GENERATION_CONFIG)
    try:
        return build_tokenizer(data, settings, {**config, **_end_of_text(generation)}, vocab_size)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The tokenizer {path} cannot be used: {error}.", ADVICE) from None


def build_tokenizer(
    data: bytes, settings: Mapping[str, Any], ids: Mapping[str, Any], vocab_size: int
) -> ImportedTokenizer:
    """A tokenizer from its file and what is known of its special tokens.

    Args:
        data: the content of tokenizer.json.
        settings: the content of tokenizer_config.json, with names of special tokens.
        ids: `eos_token_id`, of the generation or else of the model.

    Raises:
        ValueError: it cannot be used.
    """
    plain = TokenizerFacts(vocab_size=vocab_size, begin_id=None, end_ids=[], pad_id=None)
    tokenizer = ImportedTokenizer(data, plain)

    def id_of(name: str) -> int | None:
        token = settings.get(name)
        text = token.get("content") if isinstance(token, dict) else token
        return tokenizer.id_of(text) if isinstance(text, str) else None

    begin = tokenizer.begin_id_of_file()
    adds_begin = settings.get("add_bos_token")
    if adds_begin is False:
        begin = None
    elif adds_begin is True and begin is None:
        begin = id_of("bos_token")
    ends = ids.get("eos_token_id")
    end_ids = [id for id in (ends if isinstance(ends, list) else [ends]) if type(id) is int]
    if not end_ids and (end := id_of("eos_token")) is not None:
        end_ids = [end]
    facts = TokenizerFacts(
        vocab_size=vocab_size, begin_id=begin, end_ids=end_ids, pad_id=id_of("pad_token")
    )
    return ImportedTokenizer(data, facts)


def _end_of_text(generation: JsonObject) -> JsonObject:
    """The `eos_token_id` of generation_config.json, which goes before the model's."""
    ends = generation.get("eos_token_id")
    return {} if ends is None else {"eos_token_id": ends}

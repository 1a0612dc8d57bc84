"""The model files of a run that can be handled without torch.

config.json and generation_config.json have every field that an unmodified `transformers` reads;
the tutorial's models, which `transformers` does not know, have model types of their own. The header
of a safetensors file is checked before memory is allocated for its tensors.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from core.config.budget import VARIANT_FIELDS, check_architecture, count_parameters
from core.config.configs import FOREIGN_DECODERS, ModelConfig, SamplingConfig
from core.config.schema import from_json, setting_specs
from core.errors import DamagedError, InputError, SettingsError
from core.run.directory import Run
from core.run.foreign_configs import (
    check_features,
    foreign_config,
    parse_foreign_config,
    rotary_parameters,
)
from core.system.files import JsonObject, open_regular_file, read_json
from core.tokenizer.special_tokens import EOS, NEVER_GENERATED, PAD, SOS, start_id
from core.tokenizer.tokenizer import Tokenizer

QWEN3, EUROBERT = "qwen3", "eurobert"
MASKED_LM, CLASSIFIER = "EuroBertForMaskedLM", "EuroBertForSequenceClassification"
# Model types of our own, and the architecture and class each stands for.
TUTORIALS = {
    "minigpt-tutorial": ("tutorial", "TutorialGPT"),
    "minigpt-tutorial-encoder": ("tutorial-encoder", "TutorialEncoder"),
}
MODEL_TYPES = (QWEN3, EUROBERT, *TUTORIALS, *FOREIGN_DECODERS)

# Fields of ModelConfig and their names in a config.json of Qwen3 or EuroBERT.
MODERN_FIELDS = {
    "vocab_size": "vocab_size",
    "context": "max_position_embeddings",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "d_model": "hidden_size",
    "head_dim": "head_dim",
    "d_ff": "intermediate_size",
    "activation": "hidden_act",
    "tie_embeddings": "tie_word_embeddings",
    "norm_eps": "rms_norm_eps",
}
TUTORIAL_FIELDS = tuple(
    name for name in setting_specs(ModelConfig) if name not in ("architecture", *VARIANT_FIELDS)
)

# Far more than the tensors of the largest model need.
MAX_HEADER_BYTES = 16 * 2**20
HEADER_ALIGNMENT = 8  # bytes
MAX_DIMENSIONS = 8
MAX_DIMENSION_DIGITS = 18
MAX_CONFIG_BYTES = 1 << 20
# A config that needs this many times the numbers in the weights file is refused.
MAX_SIZE_RATIO = 2


OWN_IDS: Mapping[str, int | None] = {
    "pad_token_id": PAD,
    "bos_token_id": SOS,
    "eos_token_id": EOS,
}


def hf_config(
    config: ModelConfig,
    mask_id: int | None = None,
    labels: Sequence[str] = (),
    special_ids: Mapping[str, int | None] = OWN_IDS,
) -> JsonObject:
    """The content of config.json for a model.

    Args:
        mask_id: the id of an encoder's `<mask>`.
        labels: of an encoder that labels texts, in the order of its head.
        special_ids: of padding, start and end, by the names in config.json.
    """
    assert len(labels) == config.labels
    ids = dict(special_ids)
    if mask_id is not None:
        ids["mask_token_id"] = mask_id
    if config.architecture in FOREIGN_DECODERS:
        return foreign_config(config) | ids
    if config.is_tutorial:
        kind, name = next(
            (kind, name)
            for kind, (architecture, name) in TUTORIALS.items()
            if architecture == config.architecture
        )
        shape = {name: getattr(config, name) for name in TUTORIAL_FIELDS}
        names = {"architectures": [name], "model_type": kind}
        return {**names, **shape, **_label_fields(labels), **ids}
    is_encoder = config.is_encoder
    architecture = MASKED_LM if is_encoder else "Qwen3ForCausalLM"
    return {
        "architectures": [CLASSIFIER if labels else architecture],
        "model_type": EUROBERT if is_encoder else QWEN3,
        **{theirs: getattr(config, ours) for ours, theirs in MODERN_FIELDS.items()},
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        "rope_theta": config.rope_theta,  # where transformers before 5 looks for it
        "attention_bias": config.attention_bias,
        "attention_dropout": 0.0,
        "rope_scaling": None,
        "initializer_range": 0.02,
        "dtype": "float32",
        **({"mlp_bias": False} if is_encoder else _qwen3_fields(config)),
        **_label_fields(labels),
        **ids,
    }


def _label_fields(labels: Sequence[str]) -> JsonObject:
    """Names of the labels, and that the head is read at the first token."""
    if not labels:
        return {}
    return {
        "id2label": {str(number): label for number, label in enumerate(labels)},
        "label2id": {label: number for number, label in enumerate(labels)},
        "classifier_pooling": "bos",
    }


def _qwen3_fields(config: ModelConfig) -> JsonObject:
    """Fields that only a decoder has."""
    return {
        "layer_types": ["full_attention"] * config.layers,
        "max_window_layers": config.layers,
        "use_sliding_window": False,
        "sliding_window": None,
        "use_cache": True,
    }


def read_model_config(path: Path) -> ModelConfig:
    """The model that the config.json at `path` describes; raises as `parse_model_config`."""
    return parse_model_config(read_json(path, MAX_CONFIG_BYTES), path)


def check_vocabulary(run: Run, tokenizer: Tokenizer, config: ModelConfig) -> None:
    """Refuse a tokenizer of another model.

    Raises:
        DamagedError: its vocabulary size differs from the model's.
    """
    if tokenizer.vocab_size != config.vocab_size:
        raise DamagedError(
            f"{run.tokenizer} holds {tokenizer.vocab_size:,} tokens; "
            f"the model that {run.config.name} describes has {config.vocab_size:,}.",
            "Both must come from the same run.",
        )


def parse_model_config(values: Mapping[str, Any], where: object = "config.json") -> ModelConfig:
    """The model that a config.json describes.

    Args:
        where: name of the file in errors.

    Raises:
        InputError: the model is of another type or uses unsupported features.
        DamagedError: fields are missing or invalid.
    """
    kind = values.get("model_type")
    if kind not in MODEL_TYPES:
        raise InputError(
            f"{where} describes a model of type {kind!r}.",
            f"Supported: {', '.join(MODEL_TYPES)}.",
        )
    try:
        if kind in TUTORIALS:
            return _tutorial(values)
        if kind in FOREIGN_DECODERS:
            config = from_json(ModelConfig, parse_foreign_config(values, where))
            check_architecture(config)
            return config
        return _modern(values, where)
    except SettingsError as error:
        raise DamagedError(f"{where} cannot be used: {error.message}") from error


def _modern(values: Mapping[str, Any], where: object) -> ModelConfig:
    rotary = rotary_parameters(values)
    check_features(values, rotary, where)
    names = {**MODERN_FIELDS, "rope_theta": "rope_theta"}
    fields = _rename_fields({**values, "rope_theta": rotary.get("rope_theta")}, names)
    fields |= {name: values.get(name) or False for name in ("attention_bias", "mlp_bias")}
    config = from_json(ModelConfig, {"architecture": values["model_type"], **fields})
    check_architecture(config)
    return dataclasses.replace(config, labels=_count_labels(values))


def _tutorial(values: Mapping[str, Any]) -> ModelConfig:
    names = {name: name for name in TUTORIAL_FIELDS}
    architecture, _ = TUTORIALS[values["model_type"]]
    config = from_json(ModelConfig, {"architecture": architecture, **_rename_fields(values, names)})
    return dataclasses.replace(config, labels=_count_labels(values))


def _count_labels(values: Mapping[str, Any]) -> int:
    """The labels of a head; other models may list some as well, which are not used."""
    if values.get("classifier_pooling") != "bos":
        return 0
    names = values.get("id2label")
    if not isinstance(names, dict) or not names:
        raise SettingsError({"id2label": "must be an object with the labels"})
    return len(names)


def _rename_fields(values: Mapping[str, Any], names: Mapping[str, str]) -> JsonObject:
    missing = {name: "is missing" for name in names.values() if values.get(name) is None}
    if missing:
        raise SettingsError(missing)
    return {ours: values[theirs] for ours, theirs in names.items()}


def generation_config(
    config: ModelConfig,
    reading: str,
    never_generated: Sequence[int] = NEVER_GENERATED,
    special_ids: Mapping[str, int | None] | None = None,
) -> JsonObject:
    """The content of generation_config.json: greedy decoding up to the end of text, as here.

    Args:
        reading: how the corpus is cut, one of `core.text.corpus.READINGS`.
        never_generated: ids that follow no text, see `Tokenizer.never_generated`.
        special_ids: as for `hf_config`; None takes those of this program's vocabularies.
    """
    own_ids = {**OWN_IDS, "bos_token_id": start_id(reading)}
    return {
        "do_sample": False,
        "max_new_tokens": min(SamplingConfig().max_tokens, config.context),
        "suppress_tokens": list(never_generated) or None,
        **(own_ids if special_ids is None else special_ids),
    }


def check_tensor_count(path: Path, config: ModelConfig) -> None:
    """Refuse weights of a far smaller model; small differences are found when they are loaded.

    Raises:
        DamagedError: the header is invalid or the file has far too few numbers.
    """
    try:
        header, length = read_safetensors_header(path)
        count = sum(math.prod(shape) for _, shape in header.values())
    except OSError as error:
        raise DamagedError(f"{path} cannot be read: {error}.") from error
    expected = count_parameters(config)
    # The smallest data type takes half a byte per number.
    if expected > MAX_SIZE_RATIO * min(count, 2 * length):
        raise DamagedError(
            f"{path} holds {count:,} numbers in {length:,} bytes; "
            f"the model that config.json describes has {expected:,}.",
            "Both must come from the same run.",
        )


def read_safetensors_header(path: Path) -> tuple[dict[str, tuple[str, tuple[int, ...]]], int]:
    """Type and shape of each tensor by name, and the number of bytes after the header.

    The format: 8 bytes with the length of a JSON object, that object (type, shape and offsets of
    each tensor by name), then the tensors (https://huggingface.co/docs/safetensors).

    Raises:
        OSError: the header is invalid.
        DamagedError: it is not a regular file.
    """
    with os.fdopen(open_regular_file(path), "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > MAX_HEADER_BYTES:
            raise OSError(f"{path.name} has no valid header: it has {size:,} bytes")
        text = file.read(size)
        length = os.fstat(file.fileno()).st_size - file.tell()
    try:
        entries = json.loads(text, parse_int=_parse_dimension)
        entries.pop("__metadata__", None)
        return {
            n: (_parse_type(n, e["dtype"]), _parse_shape(n, e["shape"])) for n, e in entries.items()
        }, length
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise OSError(f"{path.name} has no valid header: {error}") from error


def write_safetensors_header(file: BinaryIO, entries: JsonObject) -> None:
    """Write the header of a new file: type, shape and offsets of each tensor by name."""
    header = {"__metadata__": {"format": "pt"}, **entries}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % HEADER_ALIGNMENT)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)


def _parse_dimension(text: str) -> int:
    """Parse an integer of a header; long ones take seconds to multiply."""
    if len(text) > MAX_DIMENSION_DIGITS:
        raise ValueError(f"a number of {len(text):,} digits")
    return int(text)


def _parse_type(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"the type of {name[:80]!r} is not a text")
    return value


def _parse_shape(name: str, value: Any) -> tuple[int, ...]:
    is_valid = isinstance(value, list) and all(type(size) is int and size >= 0 for size in value)
    if not is_valid:
        raise ValueError(f"the shape of {name!r} is not a list of sizes")
    if len(value) > MAX_DIMENSIONS:
        raise ValueError(f"{name!r} has {len(value):,} dimensions")
    return tuple(value)

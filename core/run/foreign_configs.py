"""Read and write the config.json of decoders of other programs, as `transformers` does.

Fields that a file may leave out have the defaults of `transformers`. A feature that changes what a
model computes and is not implemented here is refused by name. Code named in a config is never run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.config.configs import GPT2, GPT_NEOX, LLAMA, QWEN2, ModelConfig
from core.errors import InputError, SettingsError
from core.system.files import JsonObject

DEFAULT_THETA = 10000.0
DEFAULT_ROTARY_SHARE = 0.25  # of GPT-NeoX
DEFAULT_ROTARY = "default"  # without any scaling for longer contexts
ACTIVATION_NAMES = {"gelu_pytorch_tanh": "gelu_new", "gelu_fast": "gelu_new", "swish": "silu"}
CLASSES = {
    GPT2: "GPT2LMHeadModel",
    LLAMA: "LlamaForCausalLM",
    QWEN2: "Qwen2ForCausalLM",
    GPT_NEOX: "GPTNeoXForCausalLM",
}
# Fields of ModelConfig and their names in config.json.
SHARED_FIELDS = {"vocab_size": "vocab_size", "tie_embeddings": "tie_word_embeddings"}
GPT2_FIELDS = SHARED_FIELDS | {
    "context": "n_positions",
    "layers": "n_layer",
    "heads": "n_head",
    "d_model": "n_embd",
    "d_ff": "n_inner",
    "activation": "activation_function",
    "norm_eps": "layer_norm_epsilon",
}
COMMON_FIELDS = SHARED_FIELDS | {
    "context": "max_position_embeddings",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "d_model": "hidden_size",
    "d_ff": "intermediate_size",
    "activation": "hidden_act",
}
NEOX_FIELDS = COMMON_FIELDS | {
    "norm_eps": "layer_norm_eps",
    "parallel_residual": "use_parallel_residual",
    "attention_bias": "attention_bias",
}
LLAMA_FIELDS = COMMON_FIELDS | {
    "kv_heads": "num_key_value_heads",
    "head_dim": "head_dim",
    "norm_eps": "rms_norm_eps",
}
LLAMA_BIASES = {"attention_bias": "attention_bias", "mlp_bias": "mlp_bias"}
FIELDS = {
    GPT2: GPT2_FIELDS,
    LLAMA: LLAMA_FIELDS | LLAMA_BIASES,
    QWEN2: LLAMA_FIELDS,
    GPT_NEOX: NEOX_FIELDS,
}
DEFAULTS: Mapping[str, JsonObject] = {
    GPT2: {"tie_word_embeddings": True, "activation_function": "gelu_new"},
    LLAMA: {"tie_word_embeddings": False, "attention_bias": False, "mlp_bias": False},
    QWEN2: {"tie_word_embeddings": False},
    GPT_NEOX: {
        "tie_word_embeddings": False,
        "attention_bias": True,
        "use_parallel_residual": True,
        "hidden_act": "gelu",
    },
}

# Features that are not implemented here: a field, and whether its value asks for one.
UNSUPPORTED: Mapping[str, Callable[[Any], bool]] = {
    "use_sliding_window": bool,
    "layer_types": lambda value: any(kind != "full_attention" for kind in _as_list(value)),
    "quantization_config": bool,
    "auto_map": bool,
    "add_cross_attention": bool,
    "scale_attn_by_inverse_layer_idx": bool,
    "scale_attn_weights": lambda value: value is False,
    "rope_interleaved": bool,
    "is_encoder_decoder": bool,
    "adapters": bool,
}


def parse_foreign_config(values: Mapping[str, Any], where: object) -> JsonObject:
    """The fields of ModelConfig that the config.json of a foreign decoder describes.

    Args:
        where: name of the file in errors.

    Raises:
        InputError: a feature that is not implemented here.
        SettingsError: fields are missing.
    """
    kind = values["model_type"]
    rotary = rotary_parameters(values)
    check_features(values, rotary, where)
    values = {**DEFAULTS[kind], **values}
    missing = {
        theirs: "is missing"
        for theirs in FIELDS[kind].values()
        if values.get(theirs) is None and theirs not in _derived_names(kind)
    }
    if missing:
        raise SettingsError(missing)
    fields = {ours: values.get(theirs) for ours, theirs in FIELDS[kind].items()}
    fields |= {"architecture": kind, "mlp_bias": fields.get("mlp_bias", kind in (GPT2, GPT_NEOX))}
    width, heads = (_size(name, fields[name]) for name in ("d_model", "heads"))
    fields["head_dim"] = fields.get("head_dim") or width // heads
    fields["kv_heads"] = fields.get("kv_heads") or heads
    fields["d_ff"] = fields["d_ff"] or 4 * width
    activation = fields["activation"]
    fields["activation"] = ACTIVATION_NAMES.get(str(activation), activation)
    if kind == GPT2:
        fields["attention_bias"] = True
    else:
        theta = rotary.get("rope_theta", values.get("rotary_emb_base"))
        fields["rope_theta"] = DEFAULT_THETA if theta is None else theta
    if kind == GPT_NEOX:
        share = rotary.get("partial_rotary_factor", values.get("rotary_pct"))
        fields["rotary_share"] = DEFAULT_ROTARY_SHARE if share is None else share
    return fields


def _size(name: str, value: Any) -> int:
    """The value if it is a positive integer; else SettingsError."""
    if type(value) is not int or value < 1:
        raise SettingsError({name: f"must be a whole number from 1, is {value!r}"[:80]})
    return value


def _derived_names(kind: str) -> tuple[str, ...]:
    """Fields that follow from others where they are missing."""
    return ("n_inner",) if kind == GPT2 else ("num_key_value_heads", "head_dim")


def rotary_parameters(values: Mapping[str, Any]) -> JsonObject:
    """The parameters of rotary positions, from any of the fields that versions of transformers use.

    `rope_type` is always among them.

    Raises:
        SettingsError: it is not an object.
    """
    parameters: JsonObject = {
        name: values[name]
        for name in ("rope_theta", "partial_rotary_factor")
        if values.get(name) is not None
    }
    kinds = []
    for place in ("rope_scaling", "rope_parameters"):
        nested = values.get(place) or {}
        if not isinstance(nested, dict):
            raise SettingsError({place: "must be an object"})
        parameters |= nested
        kinds.append(nested.get("rope_type", nested.get("type", DEFAULT_ROTARY)))
    scaled = [kind for kind in kinds if kind != DEFAULT_ROTARY]
    return parameters | {"rope_type": scaled[0] if scaled else DEFAULT_ROTARY}


def check_features(values: Mapping[str, Any], rotary: Mapping[str, Any], where: object) -> None:
    """Refuse what changes a model's results and is not implemented here.

    Args:
        values: the content of config.json.
        rotary: of `rotary_parameters`.
        where: name of the file in errors.

    Raises:
        InputError: there are such features; it names all of them.
    """
    unsupported = [
        f"{name}: {values[name]!r}"[:80]
        for name, is_used in UNSUPPORTED.items()
        if values.get(name) is not None and is_used(values[name])
    ]
    if rotary["rope_type"] != DEFAULT_ROTARY:
        unsupported.append(f"rope_type: {rotary['rope_type']!r}"[:80])
    if unsupported:
        raise InputError(
            f"{where} uses unsupported features: {', '.join(unsupported)}.",
            "Models without them can be loaded: docs/interop.md lists what is supported.",
        )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def foreign_config(config: ModelConfig) -> JsonObject:
    """The content of config.json for a foreign decoder, without the ids of special tokens."""
    kind = config.architecture
    values: JsonObject = {
        "architectures": [CLASSES[kind]],
        "model_type": kind,
        **{theirs: getattr(config, ours) for ours, theirs in FIELDS[kind].items()},
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "dtype": "float32",
        "use_cache": True,
    }
    if kind == GPT2:
        return values
    rotary: JsonObject = {"rope_type": DEFAULT_ROTARY, "rope_theta": config.rope_theta}
    values["rope_theta"] = config.rope_theta  # where transformers before 5 looks for it
    if kind == GPT_NEOX:
        rotary["partial_rotary_factor"] = config.rotary_share
        values |= {"rotary_pct": config.rotary_share, "rotary_emb_base": config.rope_theta}
    if kind == QWEN2:
        values |= {"use_sliding_window": False, "sliding_window": None}
    return values | {"rope_parameters": rotary}

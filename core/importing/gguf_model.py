"""A model in a GGUF file, in the terms of `transformers`: its config, tokenizer and weights.

In files of Llama, the rows of queries and keys are in another order: pairs that are rotated
together are neighbours there, and half a head apart here.

Shapes: H heads, K head size.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.importing.gguf_reader import GgufFile
from core.importing.tokenizer import build_tokenizer
from core.model.gguf_names import CONTROL, LLAMA_NAMES, USER_DEFINED
from core.run.model_files import write_safetensors_header
from core.system.files import JsonObject, fsync_path
from core.tokenizer.imported import ADVICE, ImportedTokenizer

ARCHITECTURES = ("gpt2", "llama", "qwen2", "qwen3")
TOKENS = "tokenizer.ggml"
# How texts are split before byte-pair encoding, by the name in the file.
_LETTERS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_ENDINGS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPLITS = {
    "gpt-2": None,
    "qwen2": rf"{_ENDINGS}|{_LETTERS}|\p{{N}}|{_REST}",
    "llama-bpe": rf"{_ENDINGS}|{_LETTERS}|\p{{N}}{{1,3}}|{_REST}",
}
# As `LLAMA_NAMES`, of GPT-2.
GPT2_NAMES = {
    "token_embd": "transformer.wte",
    "position_embd": "transformer.wpe",
    "output_norm": "transformer.ln_f",
    "output": "lm_head",
    "attn_norm": "transformer.h.{}.ln_1",
    "attn_qkv": "transformer.h.{}.attn.c_attn",
    "attn_output": "transformer.h.{}.attn.c_proj",
    "ffn_norm": "transformer.h.{}.ln_2",
    "ffn_up": "transformer.h.{}.mlp.c_fc",
    "ffn_down": "transformer.h.{}.mlp.c_proj",
}
GPT2_TRANSPOSED = ("attn_qkv", "attn_output", "ffn_up", "ffn_down")


@dataclass(frozen=True)
class GgufModel:
    """A model in a GGUF file.

    Attributes:
        config: the content of config.json.
    """

    file: GgufFile
    config: JsonObject

    @classmethod
    def open(cls, path: Path) -> GgufModel:
        """Read the header of a file.

        Raises:
            InputError: it is damaged, or its model is of a kind or has features that are not
                supported.
        """
        file = GgufFile(path)
        kind = file.values.get("general.architecture")
        if kind not in ARCHITECTURES:
            raise InputError(
                f"{path} holds a model of type {str(kind)[:40]!r}.",
                f"Supported in GGUF files: {', '.join(ARCHITECTURES)}.",
            )
        return cls(file, _read_config(file, kind))

    @property
    def licence(self) -> str:
        """The licence that the file names; empty if it names none."""
        licence = self.file.values.get("general.license")
        return licence if isinstance(licence, str) else ""

    def tensors(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Type and shape of each tensor, by its name in `transformers`.

        Raises:
            InputError: a tensor belongs to a feature that is not implemented here.
        """
        return {
            name: ("F32", tuple(reversed(shape)) if is_transposed else shape)
            for name, (theirs, is_transposed) in self._names().items()
            for shape in (self.file.tensors[theirs].shape,)
        }

    def read_tokenizer(self, vocab_size: int) -> ImportedTokenizer:
        """The tokenizer of the file.

        Raises:
            InputError: it is of a kind that is not supported.
        """
        values = self.file.values
        try:
            data = _tokenizer_json(values)
            ids = {"eos_token_id": values.get(f"{TOKENS}.eos_token_id")}
            settings = {"add_bos_token": values.get(f"{TOKENS}.add_bos_token", False)}
            tokens = values[f"{TOKENS}.tokens"]
            for name, field in (("bos_token", "bos_token_id"), ("pad_token", "padding_token_id")):
                id = values.get(f"{TOKENS}.{field}")
                if type(id) is int and 0 <= id < len(tokens):
                    settings[name] = tokens[id]
            return build_tokenizer(data, settings, ids, vocab_size)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"The tokenizer of {self.file.path} cannot be used: {error}.", ADVICE
            ) from None

    def store(self, target: Path) -> None:
        """Write all tensors to a new safetensors file in float32, one after another.

        Raises:
            OSError: it could not be written.
        """
        entries: JsonObject = {}
        offset = 0
        for name, (kind, shape) in self.tensors().items():
            end = offset + 4 * int(np.prod(shape, dtype=np.int64))
            entries[name] = {"dtype": kind, "shape": shape, "data_offsets": [offset, end]}
            offset = end
        with target.open("xb") as file:
            write_safetensors_header(file, entries)
            for theirs, is_transposed in self._names().values():
                values = self._values(theirs)
                values = values.T if is_transposed else values
                file.write(np.ascontiguousarray(values, "<f4").data)
            file.flush()
            os.fsync(file.fileno())
        fsync_path(target.parent)

    def _names(self) -> dict[str, tuple[str, bool]]:
        """Each tensor's name in the file and whether it is transposed, by its transformers name.

        Raises:
            InputError: a tensor belongs to a feature that is not implemented here.
        """
        is_gpt2 = self.config["model_type"] == "gpt2"
        known, names = GPT2_NAMES if is_gpt2 else LLAMA_NAMES, {}
        for theirs in self.file.tensors:
            stem, _, suffix = theirs.rpartition(".")
            layer = ""
            if stem.startswith("blk."):
                _, layer, stem = (*stem.split(".", 2), "", "")[:3]
            name = known.get(stem)
            if name is None or suffix not in ("weight", "bias"):
                raise InputError(
                    f"{self.file.path} has a tensor {theirs[:80]!r}, which is not supported.",
                    "It belongs to a feature that is not implemented here.",
                )
            is_matrix = is_gpt2 and suffix == "weight" and stem in GPT2_TRANSPOSED
            names[f"{name.format(layer)}.{suffix}"] = theirs, is_matrix
        return names

    def _values(self, theirs: str) -> NDArray[np.float32]:
        """A tensor's numbers, rows of queries and keys in the order of `transformers`."""
        values, config = self.file.read(theirs), self.config
        if config["model_type"] != "llama":
            return values
        for part, heads in (
            (".attn_q.", config["num_attention_heads"]),
            (".attn_k.", config["num_key_value_heads"]),
        ):
            if part in theirs:
                rows = values.reshape(heads, -1, 2, *values.shape[1:])  # (H, K/2, 2, …)
                return rows.swapaxes(1, 2).reshape(values.shape)
        return values


def _read_config(file: GgufFile, kind: str) -> JsonObject:
    """The content of config.json, as `core.run.model_files` parses it.

    Raises:
        InputError: a feature is not supported, or there is no embedding.
    """
    values = file.values

    def field(name: str, default: Any = None) -> Any:
        return values.get(f"{kind}.{name}", default)

    _check_features(file, field)
    embedding = file.tensors.get("token_embd.weight")
    if embedding is None or len(embedding.shape) != 2:
        raise InputError(f"{file.path} has no token embedding.")
    shared = {
        "model_type": kind,
        "vocab_size": embedding.shape[0],
        "tie_word_embeddings": "output.weight" not in file.tensors,
    }
    if kind == "gpt2":
        return shared | {
            "n_positions": field("context_length"),
            "n_embd": field("embedding_length"),
            "n_layer": field("block_count"),
            "n_head": field("attention.head_count"),
            "n_inner": field("feed_forward_length"),
            "activation_function": "gelu_new",
            "layer_norm_epsilon": _rounded(field("attention.layer_norm_epsilon")),
        }
    heads, width = field("attention.head_count"), field("embedding_length")
    size = field("attention.key_length")
    if size is None and type(heads) is int and type(width) is int and heads > 0:
        size = width // heads
    biases = {"attention_bias": "blk.0.attn_output.bias", "mlp_bias": "blk.0.ffn_up.bias"}
    return shared | {
        "max_position_embeddings": field("context_length"),
        "hidden_size": width,
        "num_hidden_layers": field("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": field("attention.head_count_kv", heads),
        "head_dim": size,
        "intermediate_size": field("feed_forward_length"),
        "hidden_act": "silu",
        "rms_norm_eps": _rounded(field("attention.layer_norm_rms_epsilon")),
        "rope_theta": _rounded(field("rope.freq_base", 10000.0)),
        **{name: tensor in file.tensors for name, tensor in biases.items()},
    }


def _rounded(value: Any) -> Any:
    """A float32 as the decimal number it was rounded from."""
    return float(str(np.float32(value))) if isinstance(value, float) else value


def _check_features(file: GgufFile, field: Callable[[str], Any]) -> None:
    """Refuse what changes a model's results and is not implemented here."""
    rotary = field("rope.dimension_count")
    size = field("attention.key_length")
    unsupported = {
        "rope.scaling.type": field("rope.scaling.type") not in (None, "none"),
        "attention.sliding_window": bool(field("attention.sliding_window")),
        "rope.dimension_count": None not in (rotary, size) and rotary != size,
        "attention.value_length": field("attention.value_length") not in (None, size),
        "expert_count": bool(field("expert_count")),
    }
    if names := [name for name, is_used in unsupported.items() if is_used]:
        raise InputError(f"{file.path} uses unsupported features: {', '.join(names)}.")


def _tokenizer_json(values: Mapping[str, Any]) -> bytes:
    """The tokenizer as the content of tokenizer.json.

    Raises:
        ValueError: it is of another kind.
    """
    kind, split = values.get(f"{TOKENS}.model"), values.get(f"{TOKENS}.pre", "gpt-2")
    if kind != "gpt2":
        raise ValueError(
            f"its kind is {str(kind)[:40]!r}, not byte-level BPE; import the model's folder of "
            "transformers instead"
        )
    if not isinstance(split, str) or split not in SPLITS:
        raise ValueError(f"its pre-tokenizer is {str(split)[:40]!r}, not {', '.join(SPLITS)}")
    tokens, merges = (_texts(values.get(f"{TOKENS}.{name}")) for name in ("tokens", "merges"))
    types = values.get(f"{TOKENS}.token_type", [1] * len(tokens))
    if not tokens or not merges or not isinstance(types, list) or len(types) != len(tokens):
        raise ValueError("it has no tokens, types and merges")
    pattern = SPLITS[split]
    bytes_only = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False}
    steps = [{**bytes_only, "use_regex": pattern is None}]
    if pattern is not None:
        form = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated"}
        steps.insert(0, {**form, "invert": False})
    vocab = {token: id for id, token in enumerate(tokens)}
    pairs = [merge.partition(" ")[::2] for merge in merges]
    return json.dumps(
        {
            "version": "1.0",
            "added_tokens": [
                {
                    "id": id,
                    "content": token,
                    "single_word": False,
                    "lstrip": False,
                    "rstrip": False,
                    "normalized": False,
                    "special": types[id] == CONTROL,
                }
                for id, token in enumerate(tokens)
                if types[id] in (CONTROL, USER_DEFINED)
            ],
            "normalizer": {"type": "NFC"} if split == "qwen2" else None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
            "post_processor": None,
            "decoder": {**bytes_only, "use_regex": True},
            "model": {"type": "BPE", "vocab": vocab, "merges": pairs},
        }
    ).encode()


def _texts(value: Any) -> list[str]:
    """The value if it is a list of texts; else an empty one."""
    is_valid = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return value if is_valid else []

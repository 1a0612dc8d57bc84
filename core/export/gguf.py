"""A GGUF file for llama.cpp and the programs built on it, with the tokenizer inside.

The package `gguf` of the extra `[gguf]` is imported when a file is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from core.config.configs import ModelConfig
from core.export.llama_vocabulary import LlamaVocabulary, llama_vocabulary
from core.export.source import ExportSource, Tensors
from core.export.targets import BFLOAT16, FLOAT16, FLOAT32, Q8_0
from core.model.gguf_names import LLAMA_NAMES

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType, GGUFWriter

ARCHITECTURE = "qwen3"
Q8_0_ROW_UNIT = 32  # numbers that share a scale
# Names with which llama.cpp treats some tokens of a vocabulary differently.
RESERVED_NAMES = ("phi-3", "phi3", "modern-bert")

OUR_NAMES = {ours: theirs for theirs, ours in LLAMA_NAMES.items()}
LAYER = re.compile(r"(?<=^model\.layers\.)\d+")


def write_file(source: ExportSource, path: Path, dtype: str) -> Tensors:
    """Write the file.

    Args:
        dtype: of the matrices; norms are in float32. Of a matrix whose rows cannot be cut into
            groups of 32, Q8_0 is float16.

    Returns:
        The weights as they are stored, in float32, by their names in our layout.

    Raises:
        OSError: it could not be written.
    """
    from gguf import GGUFWriter, LlamaFileType, quants

    types = {
        FLOAT32: LlamaFileType.ALL_F32,
        BFLOAT16: LlamaFileType.MOSTLY_BF16,
        FLOAT16: LlamaFileType.MOSTLY_F16,
        Q8_0: LlamaFileType.MOSTLY_Q8_0,
    }
    loaded = source.decoder
    stored: Tensors = {}
    writer = GGUFWriter(path, ARCHITECTURE)
    try:
        if not any(name in source.run.name.casefold() for name in RESERVED_NAMES):
            writer.add_name(source.run.name)
        writer.add_file_type(types[dtype])
        writer.add_sampling_temp(0.0)  # greedy, as here, where nothing else is asked for
        _add_shape(writer, loaded.model.config)
        _add_vocabulary(writer, llama_vocabulary(loaded.tokenizer, loaded.reading))
        for name, tensor in source.stored_tensors().items():
            kind = _tensor_type(tensor, dtype)
            data = quants.quantize(tensor.numpy(), kind)
            stored[name] = torch.from_numpy(quants.dequantize(data, kind))
            writer.add_tensor(tensor_name(name), data, raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()
    return stored


def tensor_name(name: str) -> str:
    """The name in a GGUF file of a tensor in our layout on disk."""
    stem, _, suffix = name.rpartition(".")
    layer = LAYER.search(stem)
    block = f"blk.{layer[0]}." if layer else ""
    return f"{block}{OUR_NAMES[LAYER.sub('{}', stem)]}.{suffix}"


def _tensor_type(tensor: Tensor, dtype: str) -> GGMLQuantizationType:
    """The type in which a tensor is stored; see `write_file`."""
    from gguf import GGMLQuantizationType as Type

    if tensor.dim() < 2:
        return Type.F32
    if dtype == Q8_0 and tensor.shape[-1] % Q8_0_ROW_UNIT:
        return Type.F16
    types: Mapping[str, GGMLQuantizationType] = {
        FLOAT32: Type.F32,
        BFLOAT16: Type.BF16,
        FLOAT16: Type.F16,
        Q8_0: Type.Q8_0,
    }
    return types[dtype]


def _add_shape(writer: GGUFWriter, config: ModelConfig) -> None:
    writer.add_context_length(config.context)
    writer.add_embedding_length(config.d_model)
    writer.add_block_count(config.layers)
    writer.add_feed_forward_length(config.d_ff)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.kv_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_layer_norm_rms_eps(config.norm_eps)
    writer.add_vocab_size(config.vocab_size)


def _add_vocabulary(writer: GGUFWriter, words: LlamaVocabulary) -> None:
    from gguf import GGUFValueType

    writer.add_tokenizer_model(words.model)
    if words.pre is not None:
        writer.add_tokenizer_pre(words.pre)
    writer.add_token_list(words.tokens)
    writer.add_token_types(words.types)
    if words.merges:
        writer.add_token_merges(words.merges)
    if words.spaces is not None:
        writer.add_token_scores([0.0] * len(words.tokens))
        writer.add_add_space_prefix(True)
        writer.add_remove_extra_whitespaces(True)
        writer.add_precompiled_charsmap(words.spaces)
    if words.unknown is not None:
        writer.add_unk_token_id(words.unknown)
    writer.add_bos_token_id(words.start)
    writer.add_eos_token_id(words.end)
    writer.add_pad_token_id(words.padding)
    writer.add_add_bos_token(words.add_start)
    writer.add_add_eos_token(False)
    writer.add_key_value(
        "tokenizer.ggml.suppress_tokens",
        list(words.suppressed),
        GGUFValueType.ARRAY,
        GGUFValueType.INT32,
    )
    if words.chat_template is not None:
        writer.add_chat_template(words.chat_template)

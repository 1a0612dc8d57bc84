"""GGUF files compute here what the model in them computes in transformers."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from core.errors import InputError
from core.importing.gguf_model import GPT2_NAMES, GPT2_TRANSPOSED, LLAMA_NAMES
from core.importing.gguf_reader import ARRAY, STRING, GgufFile
from core.importing.model import import_model, read_foreign_model
from core.inference.load import load_model
from core.paths import Home
from tests.support.foreign_models import CONTEXT, VOCABULARY, make_foreign_model

gguf = pytest.importorskip("gguf")
TYPES = {
    "f32": gguf.GGMLQuantizationType.F32,
    "f16": gguf.GGMLQuantizationType.F16,
    "bf16": gguf.GGMLQuantizationType.BF16,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,
}
PROMPT = "The quick café don't 12345 \n\n 日本"


def _write(path: Path, folder: Path, model: PreTrainedModel, kind: str, **values: Any) -> None:
    """Write a model of transformers as the converter of llama.cpp does.

    The weights of `model` become those that can be read from the file.
    """
    config, architecture = model.config, model.config.model_type
    writer = gguf.GGUFWriter(path, architecture)
    is_gpt2 = architecture == "gpt2"
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    if is_gpt2:
        writer.add_feed_forward_length(4 * config.hidden_size)
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
    else:
        writer.add_feed_forward_length(config.intermediate_size)
        writer.add_head_count_kv(config.num_key_value_heads)
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
        if architecture == "qwen3":
            writer.add_key_length(config.head_dim)
            writer.add_value_length(config.head_dim)
    _write_tokenizer(writer, json.loads((folder / "tokenizer.json").read_text()))
    for name, value in values.items():
        writer.add_string(name, value)
    names = GPT2_NAMES if is_gpt2 else LLAMA_NAMES
    tensors = dict(model.named_parameters())
    for layer in range(config.num_hidden_layers):
        for theirs, ours in names.items():
            for suffix in ("weight", "bias"):
                stem = f"blk.{layer}.{theirs}" if "{}" in ours else theirs
                weight = tensors.pop(f"{ours.format(layer)}.{suffix}", None)
                if weight is not None:
                    _add_tensor(writer, f"{stem}.{suffix}", weight, kind, model)
    assert not tensors
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_tokenizer(writer: Any, tokenizer: dict[str, Any]) -> None:
    vocab = tokenizer["model"]["vocab"]
    tokens = [token for token, _ in sorted(vocab.items(), key=lambda item: item[1])]
    unused = [f"[PAD{id}]" for id in range(len(tokens), VOCABULARY)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*tokens, *unused])
    types = [3, *[1] * (len(tokens) - 1), *[5] * len(unused)]
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(merge) for merge in tokenizer["model"]["merges"]])
    writer.add_eos_token_id(0)
    writer.add_bos_token_id(0)


def _add_tensor(
    writer: Any, name: str, weight: torch.nn.Parameter, kind: str, model: PreTrainedModel
) -> None:
    values = weight.detach().numpy()
    part = name.split(".")[-2]
    is_transposed = model.config.model_type == "gpt2" and part in GPT2_TRANSPOSED
    is_transposed &= values.ndim == 2
    values = values.T if is_transposed else values
    type = TYPES[kind]
    if values.ndim == 1 or (kind == "q8_0" and values.shape[1] % 32):
        type = TYPES["f32"]
    data = gguf.quants.quantize(np.ascontiguousarray(values), type)
    read = gguf.quants.dequantize(data, type)
    with torch.no_grad():
        weight.copy_(torch.from_numpy(read.T.copy() if is_transposed else read))
    if model.config.model_type == "llama" and part in ("attn_q", "attn_k"):
        heads = model.config.num_attention_heads
        heads = heads if part == "attn_q" else model.config.num_key_value_heads
        rows = data.reshape(heads, 2, -1, *data.shape[1:]).swapaxes(1, 2)
        data = np.ascontiguousarray(rows.reshape(data.shape))
    writer.add_tensor(name, data, raw_dtype=type)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("layout", ["gpt2", "smollm", "qwen2", "qwen3"])
def test_logits_and_tokens_are_those_of_the_model_in_the_file(
    layout: str, kind: str, tmp_path: Path
) -> None:
    theirs = make_foreign_model(tmp_path / "theirs", layout)
    _write(tmp_path / "small-1.5b.gguf", tmp_path / "theirs", theirs, kind)
    home = Home(root=tmp_path / "home", cache=tmp_path / "cache")
    run = import_model(home, read_foreign_model(tmp_path / "small-1.5b.gguf"))
    folder = import_model(home, read_foreign_model(tmp_path / "theirs"))
    assert run.name == "small-1.5b"
    loaded = load_model(run)
    ids = torch.randint(VOCABULARY, (2, CONTEXT), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = theirs(ids).logits
        tolerance = 1e-4 * float(expected.abs().max())
        found = loaded.model.head(loaded.model(ids))
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)
    other = load_model(folder).tokenizer
    assert loaded.encode(PROMPT) == other.encode(PROMPT)
    assert loaded.tokenizer.decode(loaded.encode(PROMPT)) == PROMPT
    assert loaded.tokenizer.end_ids == other.end_ids


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file that can be read."""
    folder = tmp_path_factory.mktemp("gguf")
    theirs = make_foreign_model(folder / "theirs")
    _write(folder / "model.gguf", folder / "theirs", theirs, "q8_0")
    return (folder / "model.gguf").read_bytes()


@pytest.mark.parametrize(
    ("name", "value"),
    [("gpt2.rope.scaling.type", "yarn"), ("tokenizer.ggml.extra", "x")],
)
def test_unknown_values_matter_only_where_they_change_results(
    name: str, value: str, tmp_path: Path
) -> None:
    theirs = make_foreign_model(tmp_path / "theirs")
    _write(tmp_path / "model.gguf", tmp_path / "theirs", theirs, "f32", **{name: value})
    if "rope" not in name:
        read_foreign_model(tmp_path / "model.gguf")
        return
    with pytest.raises(InputError, match=r"rope\.scaling\.type"):
        read_foreign_model(tmp_path / "model.gguf")


def test_a_file_cut_anywhere_is_refused_in_words(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    cuts = [*range(0, 200, 7), *range(200, len(content) - 1, len(content) // 40)]
    for cut in cuts:
        path.write_bytes(content[:cut])
        with pytest.raises(InputError):
            read_foreign_model(path)


def test_lengths_beyond_the_file_are_refused_at_once(content: bytes, tmp_path: Path) -> None:
    """Every eight bytes of the header in turn claim a length of 2^60."""
    path = tmp_path / "model.gguf"
    start = time.process_time()
    for at in range(8, 1200, 5):
        broken = bytearray(content)
        broken[at : at + 8] = struct.pack("<Q", 1 << 60)
        path.write_bytes(broken)
        try:
            GgufFile(path)
        except InputError as error:
            assert len(error.message) < 1000
    assert time.process_time() - start < 20.0


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (b"gpt2.block_count", b"gpt2.block_xount", "n_layer"),
        (b"general.architecture", b"general.architectura", "None"),
        (b"blk.0.attn_qkv.weight", b"blk.0.attn_xkv.weight", "attn_xkv"),
        (b"tokenizer.ggml.merges", b"tokenizer.ggml.mergex", "no tokens, types and merges"),
    ],
)
def test_what_is_missing_is_named(
    old: bytes, new: bytes, named: str, content: bytes, tmp_path: Path
) -> None:
    assert old in content
    (tmp_path / "model.gguf").write_bytes(content.replace(old, new, 1))
    with pytest.raises(InputError, match=named):
        read_foreign_model(tmp_path / "model.gguf")


def test_a_way_to_split_texts_that_is_no_text_is_refused(content: bytes, tmp_path: Path) -> None:
    name = b"tokenizer.ggml.pre"
    at = content.index(name) + len(name)
    assert struct.unpack_from("<I", content, at) == (STRING,)
    (length,) = struct.unpack_from("<Q", content, at + 4)
    # The same bytes as an array: its type, the number of items, and the items.
    value = struct.pack("<IIQ", ARRAY, 0, 1) + b"x"
    file = tmp_path / "model.gguf"
    file.write_bytes(content[:at] + value + content[at + 12 + length :])
    with pytest.raises(InputError, match="its pre-tokenizer"):
        read_foreign_model(file)

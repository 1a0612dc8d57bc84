"""The content of a GGUF file, read back with the package that describes the format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.export.source import load_source
from core.export.targets import FORMATS
from core.paths import Home
from core.run import store
from core.run.directory import Run
from tests.support.exports import change_model, exported_run

gguf = pytest.importorskip("gguf", reason="needs the extra [gguf]")


def _write(run: Run, path: Path, dtype: str = "float32") -> tuple[Any, dict[str, torch.Tensor]]:
    from core.export.gguf import write_file

    stored = write_file(load_source(run), path, dtype)
    return gguf.GGUFReader(path), stored


def _value(reader: Any, key: str) -> Any:
    return reader.fields[key].contents()


@pytest.mark.parametrize("dtype", FORMATS["gguf"].dtypes)
@pytest.mark.parametrize("d_model", [64, 40], ids=["rows of 32", "other rows"])
def test_tensors_have_the_values_that_are_compared(
    d_model: int, dtype: str, tmp_path: Path
) -> None:
    run = exported_run(tmp_path / "home")
    config = change_model(run, d_model=d_model, d_ff=96, tie_embeddings=False)
    reader, stored = _write(run, tmp_path / "m.gguf", dtype)
    from core.export.gguf import tensor_name

    tensors = {tensor.name: tensor for tensor in reader.tensors}
    assert set(tensors) == {tensor_name(name) for name in stored}
    expected = {"float32": "F32", "bfloat16": "BF16", "float16": "F16", "q8_0": "Q8_0"}[dtype]
    for name, ours in stored.items():
        tensor = tensors[tensor_name(name)]
        fallback = "F16" if dtype == "q8_0" and ours.shape[-1] % 32 else expected
        assert tensor.tensor_type.name == ("F32" if ours.dim() == 1 else fallback), name
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        assert np.array_equal(values, ours.numpy()), name
    exact = load_source(run).stored_tensors()
    largest = max(float((stored[name] - exact[name]).abs().max()) for name in stored)
    assert largest <= {"float32": 0, "bfloat16": 0.01, "float16": 1e-3, "q8_0": 0.02}[dtype]
    assert _value(reader, "qwen3.context_length") == config.context


def test_the_shape_is_that_of_the_model(tmp_path: Path) -> None:
    run = exported_run(tmp_path / "home")
    config = change_model(run, heads=6, kv_heads=2, head_dim=10, rope_theta=3e5, norm_eps=1e-5)
    reader, _ = _write(run, tmp_path / "m.gguf")
    fields = {
        "block_count": config.layers,
        "embedding_length": config.d_model,
        "feed_forward_length": config.d_ff,
        "attention.head_count": 6,
        "attention.head_count_kv": 2,
        "attention.key_length": 10,
        "attention.value_length": 10,
        "rope.dimension_count": 10,
        "rope.freq_base": pytest.approx(3e5),
        "attention.layer_norm_rms_epsilon": pytest.approx(1e-5),
    }
    assert {name: _value(reader, f"qwen3.{name}") for name in fields} == fields
    assert _value(reader, "tokenizer.ggml.suppress_tokens") == [0, 1]
    assert _value(reader, "general.sampling.temp") == 0.0


@pytest.mark.parametrize(("name", "is_kept"), [("tales", True), ("my-Phi3", False)])
def test_a_name_by_which_llama_cpp_would_treat_tokens_differently_is_left_out(
    name: str, is_kept: bool, tmp_path: Path
) -> None:
    run = exported_run(tmp_path)
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    store.rename_run(home, run, name)
    reader, _ = _write(store.find_run(home, name), tmp_path / "m.gguf")
    assert ("general.name" in reader.fields) == is_kept

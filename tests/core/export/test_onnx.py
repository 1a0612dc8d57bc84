"""An ONNX model computes our logits: with and without its cache, in batches, beside padding."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.export.source import ExportSource, load_source
from core.export.targets import FORMATS
from core.run.directory import Run
from tests.core.export.test_script import TUTORIAL
from tests.support.exports import change_model, exported_run

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra [onnx]")
pytest.importorskip("onnxscript", reason="needs the extra [onnx]")
pytestmark = pytest.mark.slow  # tracing a model takes many seconds


def _export(run: Run, folder: Path) -> tuple[ExportSource, Any]:
    from core.export.onnx import write_folder

    folder.mkdir()
    source = load_source(run)
    write_folder(source, folder, "float32")
    session = onnxruntime.InferenceSession(
        folder / "onnx" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    return source, session


def _inputs(ids: Any, past: dict[str, Any], mask: Any, positions: Any) -> dict[str, Any]:
    return {"input_ids": ids, "attention_mask": mask, "position_ids": positions} | past


def _empty(session: Any, batch: int) -> dict[str, Any]:
    return {
        i.name: np.zeros((batch, i.shape[1], 0, i.shape[3]), np.float32)
        for i in session.get_inputs()
        if i.name.startswith("past_key_values")
    }


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"heads": 4, "kv_heads": 4, "head_dim": 10, "tie_embeddings": False, "rope_theta": 3e5},
        {"activation": "relu2", "layers": 1},
        TUTORIAL,
    ],
    ids=["grouped", "untied", "squared", "tutorial"],
)
def test_logits_are_ours_in_pieces_in_batches_and_beside_padding(
    fields: dict[str, Any], tmp_path: Path
) -> None:
    run = exported_run(tmp_path / "home", "char")
    config = change_model(run, **fields)
    source, session = _export(run, tmp_path / "out")
    generator = np.random.default_rng(0)
    ids = generator.integers(3, config.vocab_size, (2, 12))
    with torch.no_grad():
        model = source.decoder.model
        ours = model.head(model(torch.from_numpy(ids))).numpy()
    mask, positions = np.ones((2, 12), np.int64), np.tile(np.arange(12), (2, 1))
    whole, *_ = session.run(None, _inputs(ids, _empty(session, 2), mask, positions))
    np.testing.assert_allclose(whole, ours, rtol=1e-4, atol=1e-4)
    past, pieces = _empty(session, 2), []
    for begin, end in ((0, 5), (5, 6), (6, 12)):
        part = _inputs(ids[:, begin:end], past, mask[:, :end], positions[:, begin:end])
        logits, *present = session.run(None, part)
        pieces.append(logits)
        past = dict(zip(past, present, strict=True))
    np.testing.assert_allclose(np.concatenate(pieces, 1), ours, rtol=1e-4, atol=1e-4)
    # Three tokens of padding before the first row.
    padded, mask = np.zeros((2, 15), np.int64), np.ones((2, 15), np.int64)
    padded[0, 3:], padded[1, :12], mask[0, :3] = ids[0], ids[1], 0
    positions = np.stack([np.maximum(np.arange(15) - 3, 0), np.arange(15)])
    logits, *_ = session.run(None, _inputs(padded, _empty(session, 2), mask, positions))
    np.testing.assert_allclose(logits[0, 3:], ours[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(logits[1, :12], ours[1], rtol=1e-4, atol=1e-4)


def test_inputs_and_outputs_have_the_names_that_other_tools_expect(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = exported_run(tmp_path / "home", "word")
    _, session = _export(run, tmp_path / "out")
    inputs = {i.name: i.shape for i in session.get_inputs()}
    cache = [f"{layer}.{part}" for layer in (0, 1) for part in ("key", "value")]
    assert list(inputs) == [
        *("input_ids", "attention_mask", "position_ids"),
        *(f"past_key_values.{name}" for name in cache),
    ]
    past = ["batch_size", 1, "past_sequence_length", 8]
    assert all(inputs[f"past_key_values.{name}"] == past for name in cache)
    outputs = [o.name for o in session.get_outputs()]
    assert outputs == ["logits", *(f"present.{name}" for name in cache)]
    out = tmp_path / "out"
    files = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert files == set(FORMATS["onnx"].files)
    assert "library_name: onnx" in (out / "README.md").read_text()
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
    assert logging.root.manager.disable == 0

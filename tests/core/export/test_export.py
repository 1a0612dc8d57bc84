"""Exports of whole runs: proven by the other program, or not there at all."""

from __future__ import annotations

import errno
import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import Cancelled, InputError, StorageError
from core.export import export as exporting
from core.export import targets, verify
from core.export.export import export_run
from core.export.plan import plan_export
from core.export.report import ExportReport
from core.export.source import ExportSource
from core.export.targets import FORMATS, TARGETS
from core.export.verify import ExportError
from core.run.directory import Run
from tests.support.exports import KINDS, READINGS, change_model, export, exported_run


def _need(*modules: str) -> None:
    for module in modules:
        pytest.importorskip(module, reason="the other program is not installed")


def _check(run: Run, target: str, folder: Path, **options: Any) -> ExportReport:
    """Export, and expect a proof."""
    before = sorted(path.name for path in run.folder.iterdir())
    report = export(run, target, folder / "result", **options)
    assert report.path == folder / "result"
    assert report.bytes > 1000
    assert report.verification is not None
    assert report.verification.prompts == 3
    assert report.verification.tokens >= (3 if run.name.startswith("encoder") else 60)
    assert report.how_to_verify == ""
    assert sorted(path.name for path in run.folder.iterdir()) == before
    assert [path.name for path in folder.iterdir() if path.name != "home"] == ["result"]
    return report


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_llama_cpp_chooses_the_same_tokens(kind: str, reading: str, tmp_path: Path) -> None:
    _need("gguf", "xllamacpp")
    report = _check(exported_run(tmp_path / "home", kind, reading), "gguf", tmp_path)
    assert report.verification is not None
    assert report.verification.ties == 0


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "q8_0"])
def test_llama_cpp_chooses_the_same_tokens_in_lower_precision(dtype: str, tmp_path: Path) -> None:
    _need("gguf", "xllamacpp")
    run = exported_run(tmp_path / "home", "bpe", "lines")
    change_model(run, d_model=64, d_ff=96, kv_heads=2, head_dim=16)
    whole = export(run, "gguf", tmp_path / "whole", dtype="float32").bytes
    report = export(run, "gguf", tmp_path / "result", dtype=dtype)
    assert report.verification is not None
    assert report.bytes < (0.5 if dtype == "q8_0" else 0.7) * whole


@pytest.mark.slow
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", ["hf", "script", "onnx"])
def test_the_other_program_chooses_the_same_tokens(
    target: str, kind: str, reading: str, tmp_path: Path
) -> None:
    _need(*filter(None, [FORMATS[target].checker, *(FORMATS[target].writers or {})]))
    report = _check(exported_run(tmp_path / "home", kind, reading), target, tmp_path)
    difference = report.verification and report.verification.max_logit_difference
    assert (difference is not None) == (target == "onnx")


@pytest.mark.slow
@pytest.mark.parametrize(("target", "dtype"), [("hf", "bfloat16"), ("script", "bfloat16")])
def test_rounded_weights_are_compared_with_the_same_rounded_weights(
    target: str, dtype: str, tmp_path: Path
) -> None:
    _need("transformers")
    report = _check(exported_run(tmp_path / "home", "char"), target, tmp_path, dtype=dtype)
    assert report.dtype == "bfloat16"


def test_an_earlier_state_is_exported_by_its_step(tmp_path: Path) -> None:
    run = exported_run(tmp_path / "home", "char", snapshots=(0, 8))
    report = export_run(plan_export(run, "8", "script", out=tmp_path / "result"))
    assert report.label == "char-lines@8"
    with pytest.raises(InputError, match="no weights named '9'") as error:
        plan_export(run, "9", "script", out=tmp_path / "other")
    assert error.value.hint == "Available: last, snapshots of steps 0, 8."


def _spoil(monkeypatch: pytest.MonkeyPatch, target: str, change: Any) -> None:
    """Have the writer of a target report other weights than it writes."""
    writer = exporting.WRITERS[target]

    def write(source: ExportSource, path: Path, dtype: str) -> Mapping[str, torch.Tensor]:
        return change(writer(source, path, dtype))

    monkeypatch.setitem(exporting.WRITERS, target, write)  # type: ignore[arg-type]


def test_an_export_with_other_weights_is_an_error_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = exported_run(tmp_path / "home")
    _spoil(monkeypatch, "script", lambda t: {n: w.flip(0).contiguous() for n, w in t.items()})
    with pytest.raises(ExportError, match=r"chooses other tokens: after '.*', token 1 is"):
        export(run, "script", tmp_path / "result")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_an_export_that_the_program_cannot_open_is_removed_and_the_old_one_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = exported_run(tmp_path / "home")
    export(run, "script", tmp_path / "result")
    old = (tmp_path / "result" / "continue_text.py").read_bytes()
    writer = exporting.WRITERS["script"]

    def write(source: ExportSource, path: Path, dtype: str) -> Mapping[str, torch.Tensor]:
        stored = writer(source, path, dtype)
        (path / "model.safetensors").write_bytes(b"")
        return stored

    monkeypatch.setitem(exporting.WRITERS, "script", write)  # type: ignore[arg-type]
    with pytest.raises(ExportError, match="could not open it"):
        export(run, "script", tmp_path / "result", force=True)
    assert (tmp_path / "result" / "continue_text.py").read_bytes() == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "result"]


def test_a_full_disk_and_a_cancellation_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = exported_run(tmp_path / "home")
    plan = plan_export(run, "last", "script", out=tmp_path / "result")
    with pytest.raises(Cancelled):
        export_run(plan, cancelled=lambda: True)

    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setitem(exporting.WRITERS, "script", fail)  # type: ignore[arg-type]
    with pytest.raises(StorageError, match="No space left on device"):
        export_run(plan)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_comparison_that_is_not_possible_is_said_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _need("gguf")
    monkeypatch.setattr(verify, "is_installed", lambda module: module != "xllamacpp")
    report = export(exported_run(tmp_path / "home"), "gguf", tmp_path / "result")
    assert report.verification is None
    assert report.how_to_verify == "llama.cpp is not installed: pip install '.[gguf]'"
    assert report.path.is_file()


@pytest.mark.parametrize("target", TARGETS)
def test_what_cannot_be_exported_is_refused_before_anything_is_loaded(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = exported_run(tmp_path / "home")
    monkeypatch.setattr(targets, "is_installed", lambda _: True)
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="exists already"):
        plan_export(run, "last", target, out=tmp_path / "taken")
    config = run.config.read_text().replace('"qwen3"', '"other"')
    run.config.write_text(config)
    with pytest.raises(InputError, match="a model of type 'other'"):
        plan_export(run, "last", target, out=tmp_path / "free")


def test_progress_has_a_phase_for_each_part_of_the_work(tmp_path: Path) -> None:
    run = exported_run(tmp_path / "home")
    seen: list[tuple[int, int, str]] = []
    plan = plan_export(run, "last", "script", out=tmp_path / "result")
    export_run(plan, lambda *progress: seen.append(progress))
    phases = ["loading the model", "writing", "comparing with continue_text.py", "done"]
    assert seen == [(number, 3, phase) for number, phase in enumerate(phases)]


def test_every_target_has_a_writer() -> None:
    assert set(exporting.WRITERS) == set(TARGETS)
    importlib.import_module("core.export.__main__")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_an_encoder_that_labels_texts_gives_the_same_labels(kind: str, tmp_path: Path) -> None:
    _need("transformers")
    from core.paths import Home
    from tests.support.task_runs import feelings, task_run

    home = Home(root=tmp_path / "home", cache=tmp_path / "cache")
    run = task_run(home, "tiny", feelings(), kind=kind, context=64, architecture="eurobert")
    report = export(run, "hf", tmp_path / "result", dtype="bfloat16")
    proof = report.verification
    assert proof is not None
    assert (proof.prompts, proof.tokens, proof.max_logit_difference is not None) == (3, 3, True)
    card = (tmp_path / "result" / "README.md").read_text()
    assert "pipeline_tag: text-classification" in card
    assert "It labels texts of the kind" in card

"""Checks of CPU, memory, torch and GPUs."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
import torch

from core.doctor import devices
from core.model import quantize


def test_the_cpu_is_reported_with_name_and_threads(tmp_path: Path) -> None:
    finding = devices.check_cpu()
    assert finding.value
    assert 1 <= finding.numbers["threads"] <= finding.numbers["processors"]
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("processor: 0\nmodel name\t: A Fine One\n")
    assert devices.cpu_name(tmp_path) == "A Fine One"


@pytest.mark.parametrize("free", [2**20, 2**40])
def test_low_memory_is_a_problem(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(devices, "free_memory", lambda: free)
    monkeypatch.setattr(devices, "memory_limit", lambda: 2**32)
    finding = devices.check_memory()
    assert "limited to 4 GiB" in finding.value
    assert bool(finding.problem) == (free == 2**20)


def test_a_torch_that_cannot_be_imported_is_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A diagnosis, not the traceback of an import."""
    monkeypatch.setitem(sys.modules, "torch", None)
    (finding,) = devices.check_gpus()
    assert finding.fatal
    assert "torch" in finding.problem


def test_a_gpu_that_torch_was_not_built_for_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise training would use the CPU next to an idle GPU."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    (tmp_path / "version").touch()
    (finding,) = [f for f in devices.check_gpus(tmp_path / "version") if f.name == "cuda"]
    assert "without CUDA" in finding.problem
    assert "pytorch.org" in finding.advice
    assert not finding.fatal
    assert "cuda" not in {f.name for f in devices.check_gpus(tmp_path / "absent")}


def fake_gpu(monkeypatch: pytest.MonkeyPatch, ones: object) -> None:
    """Pretend that there is one GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Some GPU")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (2**34, 2**35))
    monkeypatch.setattr(torch, "ones", ones)
    monkeypatch.setattr(devices, "find_graph_failure", lambda device: "")


def test_a_gpu_is_reported_with_memory_and_features(monkeypatch: pytest.MonkeyPatch) -> None:
    number = types.SimpleNamespace(item=lambda: 8.0)
    fake_gpu(monkeypatch, lambda *_, device: types.SimpleNamespace(sum=lambda: number))
    (finding,) = [f for f in devices.check_gpus() if f.name == "cuda:0"]
    assert finding.value == "Some GPU, 16 GiB free of 32 GiB, bfloat16, CUDA graphs"
    assert not finding.problem
    monkeypatch.setattr(devices, "find_graph_failure", lambda device: "not here")
    (finding,) = [f for f in devices.check_gpus() if f.name == "cuda:0"]
    assert finding.value.endswith("bfloat16, no CUDA graphs (not here)")
    assert finding.numbers["graphs"] is False


def test_a_gpu_that_cannot_compute_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is listed, but full, or of an architecture that this torch has no kernels for."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: no kernel image\nand much more")

    fake_gpu(monkeypatch, refuse)
    (finding,) = [f for f in devices.check_gpus() if f.name == "cuda:0"]
    assert finding.problem == "CUDA error: no kernel image"
    assert "--device cpu" in finding.advice


def test_an_unavailable_precision_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """`generate` would refuse it."""
    monkeypatch.setattr(
        quantize, "unsupported_reason", lambda name: "no such operator" * (name == "int8")
    )
    finding = devices.check_precisions()
    assert "int8 unavailable: no such operator" in finding.value
    assert finding.numbers["lacking"] == {"int8": "no such operator"}


def test_graph_failure_on_a_device_without_graphs_has_a_reason() -> None:
    """The check must not pass on a CPU, which has no CUDA graphs."""
    assert devices.find_graph_failure("cpu")

"""What can compute here, and GPUs that do not."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
import torch

from core.doctor import devices
from core.model import quantize


def test_the_processor_has_a_name_and_threads(tmp_path: Path) -> None:
    found = devices.check_cpu()
    assert found.value
    assert 1 <= found.numbers["threads"] <= found.numbers["processors"]
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("processor: 0\nmodel name\t: A Fine One\n")
    assert devices.cpu_name(tmp_path) == "A Fine One"


@pytest.mark.parametrize("free", [2**20, 2**40])
def test_little_memory_is_a_problem(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(devices, "free_memory", lambda: free)
    monkeypatch.setattr(devices, "memory_limit", lambda: 2**32)
    found = devices.check_memory()
    assert "limited to 4 GiB" in found.value
    assert bool(found.problem) == (free == 2**20)


def test_a_torch_that_cannot_be_loaded_is_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback of an import where a diagnosis was asked for."""
    monkeypatch.setitem(sys.modules, "torch", None)
    (found,) = devices.check_gpus()
    assert found.fatal
    assert "torch" in found.problem


def test_a_gpu_that_torch_was_not_built_for_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A night's training on the processor beside an idle GPU."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    (tmp_path / "version").touch()
    (found,) = [found for found in devices.check_gpus(tmp_path / "version") if found.name == "cuda"]
    assert "without CUDA" in found.problem
    assert "pytorch.org" in found.advice
    assert not found.fatal
    assert "cuda" not in {found.name for found in devices.check_gpus(tmp_path / "absent")}


def _cuda(monkeypatch: pytest.MonkeyPatch, ones: object) -> None:
    """A GPU that is not there."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Some GPU")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (2**34, 2**35))
    monkeypatch.setattr(torch, "ones", ones)
    monkeypatch.setattr(devices, "_unrecorded", lambda device: "")


def test_a_gpu_is_named_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    number = types.SimpleNamespace(item=lambda: 8.0)
    _cuda(monkeypatch, lambda *_, device: types.SimpleNamespace(sum=lambda: number))
    (found,) = [found for found in devices.check_gpus() if found.name == "cuda:0"]
    assert found.value == "Some GPU, 16 GiB free of 32 GiB, bfloat16, CUDA graphs"
    assert not found.problem
    monkeypatch.setattr(devices, "_unrecorded", lambda device: "not here")
    (found,) = [found for found in devices.check_gpus() if found.name == "cuda:0"]
    assert found.value.endswith("bfloat16, no CUDA graphs (not here)")
    assert found.numbers["graphs"] is False


def test_a_gpu_that_does_not_compute_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that is listed, and full or of a kind that this torch has no code for."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: no kernel image\nand much more")

    _cuda(monkeypatch, refuse)
    (found,) = [found for found in devices.check_gpus() if found.name == "cuda:0"]
    assert found.problem == "CUDA error: no kernel image"
    assert "--device cpu" in found.advice


def test_a_missing_product_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A precision that doctor promises and `generate` then refuses."""
    monkeypatch.setattr(
        quantize, "unsupported_reason", lambda name: "no such operator" * (name == "int8")
    )
    found = devices.check_precisions()
    assert "int8 not: no such operator" in found.value
    assert found.numbers["lacking"] == {"int8": "no such operator"}


def test_where_no_graph_can_be_recorded_it_says_why() -> None:
    """A trial that passes where nothing was tried: a processor has no such graphs."""
    assert devices._unrecorded("cpu")

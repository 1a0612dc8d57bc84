from __future__ import annotations

import pytest
import torch

from core.errors import InputError
from core.model import device


def test_the_processor_is_always_there() -> None:
    facts = device.device_facts("cpu")
    assert facts.device == "cpu"
    assert facts.threads >= 1
    assert facts.free_memory > 0


@pytest.mark.parametrize("wanted", ["cuda:99", "tpu", "cpu:1", "cuda:one", "mps:1", ""])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(wanted: str) -> None:
    with pytest.raises(InputError, match="cpu"):
        device.device_facts(wanted)


def test_the_gpu_with_most_free_memory_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    free = [10, 30, 20]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(free))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda i: (free[i], 99))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda i: f"GPU {i}")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda i: (8, 0))
    assert device.device_facts("auto").device == "cuda:1"
    assert device.device_facts("cuda:2").name == "GPU 2"
    assert device.device_facts("cuda").bfloat16


@pytest.mark.parametrize(
    ("found", "quick"),
    [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx512_f": True}, False)],
)
def test_bfloat16_is_for_processors_that_multiply_it(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, bool], quick: bool
) -> None:
    """Emulated it is slower than float32, however willing the library is."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    assert device.device_facts("cpu").bfloat16 is quick
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not device.device_facts("cpu").bfloat16

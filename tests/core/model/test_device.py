"""The devices of this machine, and the choice of one."""

from __future__ import annotations

import pytest
import torch

from core.errors import InputError
from core.model import device


def test_the_cpu_is_always_available() -> None:
    facts = device.device_facts("cpu")
    assert facts.device == "cpu"
    assert facts.threads >= 1
    assert facts.free_memory > 0


@pytest.mark.parametrize("name", ["cuda:99", "tpu", "cpu:1", "cuda:one", "mps:1", ""])
def test_an_unknown_device_is_an_error_listing_the_available_ones(name: str) -> None:
    with pytest.raises(InputError, match="cpu"):
        device.device_facts(name)


def test_auto_is_the_gpu_with_most_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
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
    ("capabilities", "is_faster"),
    [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx512_f": True}, False)],
)
def test_bfloat16_is_faster_on_cpus_with_instructions_for_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], is_faster: bool
) -> None:
    """The library also emulates it, more slowly than float32."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert device.device_facts("cpu").bfloat16 is is_faster
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not device.device_facts("cpu").bfloat16

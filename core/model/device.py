"""What the devices are, and how long a real step takes on them."""

from __future__ import annotations

import torch

from core.config.plan_inputs import DeviceFacts
from core.errors import InputError
from core.system.machine import free_memory, usable_threads


def device_facts(wanted: str = "auto") -> DeviceFacts:
    """The device to use: the one asked for, else the GPU with most free memory, else the CPU.

    Raises:
        InputError: there is no such device.
    """
    if wanted == "auto":
        wanted = _best()
    kind, _, number = wanted.partition(":")
    if kind == "cpu" and not number:
        return _cpu()
    if kind == "cuda" and ((number.isdecimal() and number.isascii()) or not number):
        return _cuda(int(number) if number else _freest_gpu())
    if kind == "mps" and not number and torch.backends.mps.is_available():
        return DeviceFacts(
            device="mps", name="Apple GPU", free_memory=free_memory(), threads=usable_threads()
        )
    raise InputError(
        f"There is no device {wanted!r} here; there is {', '.join(available_devices())}.",
        "Choose one of these, or auto.",
    )


def device_to_resume_on(recorded: str, asked: str) -> DeviceFacts:
    """The device a run was on, or where that is gone one such as was asked for.

    Raises:
        InputError: there is no such device either.
    """
    gone = recorded != asked and recorded not in available_devices()
    return device_facts(asked if gone else recorded)


def available_devices() -> list[str]:
    """The devices there are, as they are written on the command line."""
    gpus = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    return ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _cpu() -> DeviceFacts:
    name = torch.backends.cpu.get_cpu_capability()
    return DeviceFacts(
        device="cpu",
        name=f"CPU, {name}",
        free_memory=free_memory(),
        threads=usable_threads(),
        bfloat16=_multiplies_bfloat16(),
    )


def _multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for it; emulated, it is slower than float32."""
    if not hasattr(torch.cpu, "get_capabilities"):  # which old versions have not
        return False
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def _cuda(index: int) -> DeviceFacts:
    if index >= torch.cuda.device_count():
        raise InputError(
            f"There is no device 'cuda:{index}' here; there is {', '.join(available_devices())}.",
            "Choose one of these, or auto; CUDA_VISIBLE_DEVICES says which GPUs are seen.",
        )
    free, _ = torch.cuda.mem_get_info(index)
    return DeviceFacts(
        device=f"cuda:{index}",
        name=torch.cuda.get_device_name(index),
        free_memory=free,
        threads=usable_threads(),
        bfloat16=torch.cuda.get_device_capability(index) >= (8, 0),
    )


def _freest_gpu() -> int:
    """The GPU with most free memory among those CUDA_VISIBLE_DEVICES shows."""
    count = torch.cuda.device_count()
    return max(range(count), key=lambda i: torch.cuda.mem_get_info(i)[0]) if count else 0

"""The devices of this machine, and the choice of one."""

from __future__ import annotations

import torch

from core.config.configs import AUTO
from core.config.plan_inputs import DeviceFacts
from core.errors import InputError
from core.system.machine import free_memory, usable_threads

MIN_BFLOAT16_CAPABILITY = (8, 0)  # CUDA compute capability of Ampere


def device_facts(name: str = AUTO) -> DeviceFacts:
    """Facts of a device; "auto" is the GPU with most free memory, else the CPU.

    Raises:
        InputError: there is no such device.
    """
    if name == AUTO:
        has_mps = torch.backends.mps.is_available()
        name = "cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu"
    kind, _, number = name.partition(":")
    if kind == "cpu" and not number:
        return _cpu_facts()
    if kind == "cuda" and ((number.isdecimal() and number.isascii()) or not number):
        return _cuda_facts(int(number) if number else _freest_gpu())
    if kind == "mps" and not number and torch.backends.mps.is_available():
        return DeviceFacts(
            device="mps", name="Apple GPU", free_memory=free_memory(), threads=usable_threads()
        )
    raise _no_device(name, "Choose one of them, or auto.")


def _no_device(name: str, hint: str) -> InputError:
    return InputError(
        f"There is no device {name!r}; available: {', '.join(available_devices())}.", hint
    )


def device_to_resume_on(recorded: str, wanted: str) -> DeviceFacts:
    """The device a run was on or, if it is gone, the one the user wants.

    Raises:
        InputError: neither is available.
    """
    is_gone = recorded != wanted and recorded not in available_devices()
    return device_facts(wanted if is_gone else recorded)


def available_devices() -> list[str]:
    """The names of all devices, as on the command line."""
    gpus = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    return ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]


def _cpu_facts() -> DeviceFacts:
    return DeviceFacts(
        device="cpu",
        name=f"CPU, {torch.backends.cpu.get_cpu_capability()}",
        free_memory=free_memory(),
        threads=usable_threads(),
        bfloat16=_has_bfloat16_products(),
    )


def _has_bfloat16_products() -> bool:
    """Whether the CPU has instructions for them; emulated, they are slower than float32."""
    if not hasattr(torch.cpu, "get_capabilities"):  # missing in older versions
        return False
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _cuda_facts(index: int) -> DeviceFacts:
    if index >= torch.cuda.device_count():
        raise _no_device(
            f"cuda:{index}",
            "Choose one of them, or auto; CUDA_VISIBLE_DEVICES limits the visible GPUs.",
        )
    free, _ = torch.cuda.mem_get_info(index)
    return DeviceFacts(
        device=f"cuda:{index}",
        name=torch.cuda.get_device_name(index),
        free_memory=free,
        threads=usable_threads(),
        bfloat16=torch.cuda.get_device_capability(index) >= MIN_BFLOAT16_CAPABILITY,
    )


def _freest_gpu() -> int:
    """Index of the visible GPU with most free memory."""
    count = torch.cuda.device_count()
    return max(range(count), key=lambda i: torch.cuda.mem_get_info(i)[0]) if count else 0

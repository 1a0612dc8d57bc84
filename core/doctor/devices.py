"""Check the devices: CPU and memory without torch, then torch and the GPUs, each tried out.

Only `check_gpus` and the functions it calls import torch.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

from core.config.configs import PRECISIONS
from core.doctor.finding import Finding
from core.system.machine import free_memory, memory_limit, usable_threads

INSTALL_HINT = "For the right build see https://pytorch.org/get-started/locally/."
LOW_MEMORY_BYTES = 1 << 30
NVIDIA_DRIVER_FILE = Path("/proc/driver/nvidia/version")


def check_cpu() -> Finding:
    """Report the CPU and how many threads training uses."""
    threads, cpus = usable_threads(), os.cpu_count() or 1
    return Finding(
        name="cpu",
        value=f"{cpu_name()}, {_format_count(threads, 'thread')} "
        f"on {_format_count(cpus, 'processor')}",
        numbers={"threads": threads, "processors": cpus},
    )


def cpu_name(root: Path = Path("/")) -> str:
    """Return the vendor's name of the CPU, or the architecture if it is unknown."""
    try:
        text = (root / "proc/cpuinfo").read_text(errors="replace")
    except OSError:
        text = ""
    if match := re.search(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE):
        return match[1]
    if platform.system() == "Darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
        if done.stdout.strip():
            return done.stdout.strip()
    return platform.machine()


def check_memory() -> Finding:
    """Check the free memory, for training on the CPU."""
    free, limit = free_memory(), memory_limit()
    is_low = free < LOW_MEMORY_BYTES
    return Finding(
        name="memory",
        value=f"{format_gib(free)} free"
        + (f", limited to {format_gib(limit)} by a cgroup" if limit else ""),
        problem=f"Less than {format_gib(LOW_MEMORY_BYTES)} is free: "
        "the system may kill the training of a larger model."
        if is_low
        else "",
        advice="Close other programs, or train with --preset tiny." if is_low else "",
        numbers={"free": free, "limit": limit},
    )


def check_gpus(nvidia: Path = NVIDIA_DRIVER_FILE) -> Iterator[Finding]:
    """Check torch, then each GPU; importing torch takes a second or more."""
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding(
            name="torch",
            value="cannot be imported",
            problem=_first_line(error),
            advice=f"Reinstall it. {INSTALL_HINT}",
            fatal=True,
        )
        return
    built = torch.version.cuda or torch.version.hip
    kind = f"built for {'CUDA' if torch.version.cuda else 'ROCm'} {built}" if built else "no CUDA"
    version = str(torch.__version__)
    yield Finding(name="torch", value=f"{version}, {kind}", numbers={"version": version})
    yield check_precisions()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        has_cuda = torch.cuda.is_available()
    if has_cuda:
        yield from map(check_gpu, range(torch.cuda.device_count()))
    elif nvidia.exists():
        yield _unused_gpu(str(caught[-1].message) if caught else "", has_gpu_build=bool(built))
    if torch.backends.mps.is_available():
        yield Finding(name="mps", value="Apple GPU, shares the machine's memory")
    elif not has_cuda:
        yield Finding(name="gpu", value="none usable; training uses the CPU")


def check_precisions() -> Finding:
    """Check the fast matrix products and the weight precisions of the CPU, each tried out."""
    from core.model.linear import has_onednn_linear
    from core.model.quantize import unsupported_reason

    is_fast = has_onednn_linear()
    reasons = {name: reason for name in PRECISIONS if (reason := unsupported_reason(name))}
    usable = ", ".join(name for name in PRECISIONS if name not in reasons)
    speed = "fast matrix products" if is_fast else "slow matrix products (no oneDNN)"
    unusable = "".join(f"; {name} unavailable: {reason}" for name, reason in reasons.items())
    return Finding(
        name="precision",
        value=f"{speed}; weights in {usable}{unusable}",
        numbers={"quick": is_fast, "lacking": reasons},
    )


def check_gpu(index: int) -> Finding:
    """Check one CUDA device with a small computation."""
    import torch

    device = f"cuda:{index}"
    name = torch.cuda.get_device_name(index)
    try:
        torch.ones(8, device=device).sum().item()
        free, total = torch.cuda.mem_get_info(index)
        failure = find_graph_failure(device)
    except RuntimeError as error:
        return Finding(
            name=device,
            value=f"{name}, cannot be used",
            problem=_first_line(error),
            advice="Another program may use all of its memory; otherwise train with --device cpu. "
            f"{INSTALL_HINT}",
        )
    bfloat16 = torch.cuda.get_device_capability(index) >= (8, 0)
    graphs = f", no CUDA graphs ({failure})" if failure else ", CUDA graphs"
    return Finding(
        name=device,
        value=f"{name}, {format_gib(free)} free of {format_gib(total)}, "
        f"{'bfloat16' if bfloat16 else 'float32 only'}{graphs}",
        numbers={"free": free, "total": total, "bfloat16": bfloat16, "graphs": not failure},
    )


def find_graph_failure(device: str) -> str | None:
    """Decode with CUDA graphs; return why they cannot be used on a device, None if they can."""
    import torch

    from core.config.configs import ModelConfig
    from core.model.fast_decode import GRAPH_AFTER_TOKENS, CudaGraphDecoder, FastDecoder
    from core.model.gpt import GPT
    from core.model.kv_cache import KVCache

    shape = ModelConfig(layers=1)
    model = GPT(shape).to(device).eval()
    decoder = CudaGraphDecoder(FastDecoder(model))
    cache = KVCache(shape, 1, shape.context, device)
    with torch.inference_mode():
        for token in range(GRAPH_AFTER_TOKENS + 2):
            decoder(torch.tensor([[token]], device=device), cache)
    return decoder.failure


def _unused_gpu(warning: str, *, has_gpu_build: bool) -> Finding:
    """Report an NVIDIA driver without a GPU that torch can use."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        advice = "CUDA_VISIBLE_DEVICES limits the visible GPUs; unset it to see them all."
    else:
        advice = INSTALL_HINT
    reason = (warning.splitlines() or [""])[0]
    if not reason:
        reason = "no GPU responds" if has_gpu_build else "this torch was built without CUDA"
    return Finding(
        name="cuda",
        value="NVIDIA GPU found but not used",
        problem=f"torch cannot use it: {reason}",
        advice=advice,
    )


def format_gib(count: float) -> str:
    """Format bytes in GiB."""
    return f"{count / 2**30:.3g} GiB"


def _format_count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

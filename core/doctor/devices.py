"""What can compute here: the processor, without torch, and the GPUs, each really tried.

Importing this loads no torch; `check_gpus` does when it is asked.
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

INSTALL_HINT = "https://pytorch.org/get-started/locally/ names the build that fits this machine."
LOW_MEMORY_BYTES = 1 << 30
NVIDIA_DRIVER_FILE = Path("/proc/driver/nvidia/version")


def check_cpu() -> Finding:
    """The processor and how much of it training uses."""
    threads, there = usable_threads(), os.cpu_count() or 1
    return Finding(
        name="cpu",
        value=f"{cpu_name()}, {_count(threads, 'thread')} for {_count(there, 'processor')}",
        numbers={"threads": threads, "processors": there},
    )


def cpu_name(root: Path = Path("/")) -> str:
    """What the maker calls it; the kind of machine where that is not told."""
    try:
        text = (root / "proc/cpuinfo").read_text(errors="replace")
    except OSError:
        text = ""
    if found := re.search(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE):
        return found[1]
    if platform.system() == "Darwin":
        asked = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=False)
        if done.stdout.strip():
            return done.stdout.strip()
    return platform.machine()


def check_memory() -> Finding:
    """What is free for training on the processor."""
    free, limit = free_memory(), memory_limit()
    little = free < LOW_MEMORY_BYTES
    return Finding(
        name="memory",
        value=f"{format_gib(free)} free"
        + (f", limited to {format_gib(limit)} by a cgroup" if limit else ""),
        problem="Little memory is free: a larger model would be ended by the system."
        if little
        else "",
        advice="Close other programs, or train with --preset tiny." if little else "",
        numbers={"free": free, "limit": limit},
    )


def check_gpus(nvidia: Path = NVIDIA_DRIVER_FILE) -> Iterator[Finding]:
    """Torch itself, then each GPU; torch is loaded now, which takes a second or more."""
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding(
            name="torch",
            value="cannot be loaded",
            problem=_first_line(error),
            advice=f"Install it again. {INSTALL_HINT}",
            fatal=True,
        )
        return
    built = torch.version.cuda or torch.version.hip
    kind = f"built for {'CUDA' if torch.version.cuda else 'ROCm'} {built}" if built else "no CUDA"
    version = str(torch.__version__)
    yield Finding(name="torch", value=f"{version}, {kind}", numbers={"version": version})
    yield check_precisions()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        available = torch.cuda.is_available()
    if available:
        yield from map(check_gpu, range(torch.cuda.device_count()))
    elif nvidia.exists():
        yield _unused(str(said[-1].message) if said else "", bool(built))
    if torch.backends.mps.is_available():
        yield Finding(name="mps", value="Apple GPU, of the machine's memory")
    elif not available:
        yield Finding(name="gpu", value="none that can be used; the processor trains")


def check_precisions() -> Finding:
    """Which quick products and precisions of weights the processor has, each really tried."""
    from core.model.linear import has_onednn_linear
    from core.model.quantize import unsupported_reason

    lacking = {name: why for name in PRECISIONS if (why := unsupported_reason(name))}
    there = ", ".join(name for name in PRECISIONS if name not in lacking)
    quick = "quick" if has_onednn_linear() else "without oneDNN's product, so slower,"
    without = "".join(f"; {name} not: {why}" for name, why in lacking.items())
    return Finding(
        name="precision",
        value=f"{quick} in float32; weights as {there}{without}",
        numbers={"quick": has_onednn_linear(), "lacking": lacking},
    )


def check_gpu(index: int) -> Finding:
    """One GPU that CUDA sees, after a small sum on it."""
    import torch

    device = f"cuda:{index}"
    name = torch.cuda.get_device_name(index)
    try:
        torch.ones(8, device=device).sum().item()
        free, total = torch.cuda.mem_get_info(index)
        unrecorded = _unrecorded(device)
    except RuntimeError as error:
        return Finding(
            name=device,
            value=f"{name}, cannot be used",
            problem=_first_line(error),
            advice=f"Another program may use all of it; train with --device cpu. {INSTALL_HINT}",
        )
    bfloat16 = torch.cuda.get_device_capability(index) >= (8, 0)
    graphs = f", no CUDA graphs ({unrecorded})" if unrecorded else ", CUDA graphs"
    return Finding(
        name=device,
        value=f"{name}, {format_gib(free)} free of {format_gib(total)}, "
        f"{'bfloat16' if bfloat16 else 'float32 only'}{graphs}",
        numbers={"free": free, "total": total, "bfloat16": bfloat16, "graphs": not unrecorded},
    )


def _unrecorded(device: str) -> str | None:
    """Why generation plays back no graphs there; empty where it does. Really tried."""
    import torch

    from core.config.configs import ModelConfig
    from core.model.fast_decode import GRAPH_AFTER_TOKENS, CudaGraphDecoder, FastDecoder
    from core.model.gpt import GPT
    from core.model.kv_cache import KVCache

    shape = ModelConfig(layers=1)
    model = GPT(shape).to(device).eval()
    replaying = CudaGraphDecoder(FastDecoder(model))
    cache = KVCache(shape, 1, shape.context, device)
    with torch.inference_mode():
        for token in range(GRAPH_AFTER_TOKENS + 2):
            replaying(torch.tensor([[token]], device=device), cache)
    return replaying.failure


def _unused(said: str, built: bool) -> Finding:
    """An NVIDIA driver is loaded, and torch finds no GPU."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        advice = "CUDA_VISIBLE_DEVICES says which GPUs are seen; unset it to see them all."
    else:
        advice = INSTALL_HINT
    said = (said.splitlines() or [""])[0]
    why = said or ("no GPU answers" if built else "this torch was built without CUDA")
    return Finding(
        name="cuda",
        value="there is an NVIDIA GPU that is not used",
        problem=f"torch cannot use it: {why}",
        advice=advice,
    )


def format_gib(count: float) -> str:
    """Bytes in gibibytes."""
    return f"{count / 2**30:.3g} GiB"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

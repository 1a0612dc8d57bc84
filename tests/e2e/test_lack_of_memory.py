"""Too little memory: refused before training, reported during training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from core.model import device
from core.paths import Home, find_home
from core.run import status, store
from core.run.events import FAILED, FINISHED
from core.system import machine
from core.train.update import Updater
from tests.support.real_trainers import create_held_run, train_here
from tests.support.runners import run, small_text

SETTINGS = {"steps": 12, "eval_steps": 4, "snapshots": False}
HUGE = ["d_model=8192", "layers=128", "heads=64", "head_dim=128", "d_ff=32768"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path / "home")


@pytest.mark.slow
def test_a_model_that_cannot_fit_is_refused_before_training(home: Home, tmp_path: Path) -> None:
    """The machine would swap, and the kernel would kill the run without an error message."""
    text = small_text(tmp_path)
    options = [part for pair in HUGE for part in ("--set", pair)]
    process = run(home.root, "train", str(text), "--tokenizer", "word", *options)
    assert process.returncode == 2, process.stderr
    assert "GiB to train" in process.stderr
    assert "smaller preset" in process.stderr
    assert "pets was not created" in process.stderr
    assert store.list_runs(home) == []


def test_the_memory_limit_of_a_cgroup_is_respected(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container with little memory on a large machine."""
    group = tmp_path / "cgroup"
    group.mkdir()
    (group / "memory.max").write_text(f"{64 * 2**20}\n")
    (group / "memory.current").write_text(f"{(64 * 2**20) - 1000}\n")
    monkeypatch.setattr(machine, "PROC_SELF_CGROUP", tmp_path / "none")
    monkeypatch.setattr(device, "free_memory", lambda: machine.free_memory(group))
    one, lock = create_held_run(home, small_text(tmp_path), "pets", **SETTINGS)
    events = train_here(home, one, lock)
    assert (events[-1].type, events[-1].whole("code")) == (FAILED, 2)
    assert "GiB free" in str(events[-1].text("message"))


OUT_OF_MEMORY_ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.\nmore"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    MemoryError(),
]


@pytest.mark.parametrize(
    "error", OUT_OF_MEMORY_ERRORS, ids=[str(error)[:24] for error in OUT_OF_MEMORY_ERRORS]
)
def test_the_failure_names_the_settings_to_lower_and_the_checkpoint_stays(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    one, lock = create_held_run(home, small_text(tmp_path), "pets", **SETTINGS)
    update = Updater.update

    def run_out(self: Updater, batches: Any, step: int, *rest: Any) -> Any:
        if step == 9:
            raise error
        return update(self, batches, step, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Updater, "update", run_out)
        events = train_here(home, one, lock)
    failed = events[-1]
    assert (failed.type, failed.step, failed.whole("code")) == (FAILED, 9, 1)
    assert failed.whole("saved_step") == 8
    assert failed.text("title") == "Out of memory"
    assert "batch_size" in str(failed.text("hint"))
    assert "\n" not in str(failed.text("message"))
    assert failed.text("message")
    assert train_here(home, one)[-1].type == FINISHED


def test_other_device_errors_are_not_reported_as_lack_of_memory(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A smaller batch would not help against a bug."""
    one, lock = create_held_run(home, small_text(tmp_path), "pets", **SETTINGS)

    def broken(*_: Any) -> Any:
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(Updater, "update", broken)
    with pytest.raises(RuntimeError, match="device-side"):
        train_here(home, one, lock)
    assert status.status_of(one) == "crashed"

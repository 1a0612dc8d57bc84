"""Too little memory: refused before it is tried, said in words where it was."""

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
from tests.support.runners import run, small_text
from tests.support.trainers_at_work import create_held_run, train_here

SETTINGS = {"steps": 12, "eval_steps": 4, "snapshots": False}
HUGE = ["d_model=8192", "layers=128", "heads=64", "head_dim=128", "d_ff=32768"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path / "home")


@pytest.mark.slow
def test_what_cannot_fit_is_refused_before_training(home: Home, tmp_path: Path) -> None:
    """The machine would be brought to its knees, and the run killed without a word."""
    text = small_text(tmp_path)
    sets = [part for pair in HUGE for part in ("--set", pair)]
    done = run(home.root, "train", str(text), "--tokenizer", "word", *sets)
    assert done.returncode == 2, done.stderr
    assert "GiB to train" in done.stderr
    assert "smaller preset" in done.stderr
    assert "pets was not created" in done.stderr
    assert store.list_runs(home) == []


def test_the_limit_of_a_cgroup_counts(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container of little memory on a large machine."""
    group = tmp_path / "cgroup"
    group.mkdir()
    (group / "memory.max").write_text(f"{64 * 2**20}\n")
    (group / "memory.current").write_text(f"{(64 * 2**20) - 1000}\n")
    monkeypatch.setattr(machine, "PROC_SELF_CGROUP", tmp_path / "none")
    monkeypatch.setattr(device, "free_memory", lambda: machine.free_memory(group))
    one, lock = create_held_run(home, small_text(tmp_path), "pets", **SETTINGS)
    told = train_here(home, one, lock)
    assert (told[-1].type, told[-1].whole("code")) == (FAILED, 2)
    assert "GiB free" in str(told[-1].text("message"))


NO_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.\nmore"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    MemoryError(),
]


@pytest.mark.parametrize("error", NO_MEMORY, ids=[str(error)[:24] for error in NO_MEMORY])
def test_what_to_lower_is_said_and_the_checkpoint_stays(
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
        told = train_here(home, one, lock)
    failed = told[-1]
    assert (failed.type, failed.step, failed.whole("code")) == (FAILED, 9, 1)
    assert failed.whole("saved_step") == 8
    assert "not enough memory" in str(failed.text("title"))
    assert "batch_size" in str(failed.text("hint"))
    assert "\n" not in str(failed.text("message"))
    assert failed.text("message")
    assert train_here(home, one)[-1].type == FINISHED


def test_other_errors_of_the_device_are_no_lack_of_memory(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug must not be told as something a smaller batch would help against."""
    one, lock = create_held_run(home, small_text(tmp_path), "pets", **SETTINGS)

    def broken(*_: Any) -> Any:
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(Updater, "update", broken)
    with pytest.raises(RuntimeError, match="device-side"):
        train_here(home, one, lock)
    assert status.status_of(one) == "crashed"

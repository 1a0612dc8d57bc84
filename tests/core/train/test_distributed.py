"""Several processes, looked at one by one: places, slices, words, without starting any."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import Cancelled, InputError
from core.model import factory
from core.run.directory import Run
from core.run.event_log import EventLog, EventTail
from core.run.launch import environment
from core.system.rank_env import RankInfo, read_rank_info, rendezvous_endpoint
from core.train import launchers
from core.train.batches import Batches, LineSamples, WindowSamples
from core.train.control import BroadcastControl
from core.train.distributed import ABORT_KEY, ProcessGroup
from core.train.evaluation import Evaluation
from tests.support.runners import alive, until
from tests.support.trainers import IDS, SHAPE, made_trainer

TORCHRUN = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}
SLURM = {
    "SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NUM_NODES": "2", "SLURM_JOB_ID": "123456", "MASTER_ADDR": "node1",
}  # fmt: skip


@pytest.mark.parametrize("environ", [TORCHRUN, SLURM, SLURM | TORCHRUN])
def test_a_place_is_read_from_the_variables(environ: dict[str, str]) -> None:
    assert read_rank_info(environ) == RankInfo(
        rank=3, local_rank=1, world_size=4, local_world_size=2
    )


@pytest.mark.parametrize(
    "environ",
    [{}, {"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}, {**SLURM, "SLURM_STEP_NUM_TASKS": "1"},
     {name: value for name, value in SLURM.items() if name != "MASTER_ADDR"}],
)  # fmt: skip
def test_without_them_there_is_one_process(environ: dict[str, str]) -> None:
    """A training in a batch script that waits for others for ever."""
    assert read_rank_info(environ) is None


@pytest.mark.parametrize(
    "change", [{"RANK": "4"}, {"RANK": "x"}, {"LOCAL_RANK": "2"}, {"WORLD_SIZE": "-1"}]
)
def test_impossible_places_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(InputError):
        read_rank_info(TORCHRUN | change)


def test_the_port_follows_from_the_job_where_none_is_given() -> None:
    assert rendezvous_endpoint(SLURM) == {"MASTER_ADDR": "node1", "MASTER_PORT": "23456"}
    assert rendezvous_endpoint({"MASTER_PORT": "7"}) == {
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": "7",
    }


def test_a_trainer_of_its_own_inherits_no_place() -> None:
    """A run started from within a job of several processes that takes itself for one of them."""
    assert not set(environment(TORCHRUN)) & set(TORCHRUN)


@dataclass(frozen=True)
class Scripted(ProcessGroup):
    """One of several whose messages are a list, and whose sums are noted."""

    heard: list[dict[str, Any] | None] = field(default_factory=list)
    sums: list[list[float]] = field(default_factory=list)

    def tell(self, message: dict[str, Any] | None = None) -> dict[str, Any] | None:
        if self.first:
            self.heard.append(json.loads(json.dumps(message)))
            return message
        return self.heard.pop(0)

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        self.sums.append(tensor.tolist())
        return tensor


def test_what_the_first_is_asked_the_others_do_at_the_same_step() -> None:
    """A learning rate that only one of them changes; one that trains on alone."""
    messages: list[dict[str, Any] | None] = []
    first, other = (
        Scripted(RankInfo(0, 0, 2, 2), messages),
        Scripted(RankInfo(1, 1, 2, 2), messages),
    )
    one, two = made_trainer(), made_trainer()

    def asked(trainer: Any) -> None:
        if trainer.progress.step == 2:
            trainer.change({"learning_rate": 0.5})
            trainer.config = dataclasses.replace(trainer.config, compile="off")
        if trainer.progress.step == 3:
            trainer.stop("asked to stop", "id7")

    speaks, hears = BroadcastControl(first, asked), BroadcastControl(other)
    for step in range(4):
        one.progress.step = two.progress.step = step
        speaks(one)
        hears(two)
        assert two.config == one.config
        if step == 0:  # what it settles by itself, between two calls
            one.config = dataclasses.replace(one.config, compile="on")
    assert two.config.compile == "off"
    assert two.config.learning_rate == one.config.learning_rate == 0.5
    assert (two.ending, two.ending_request) == (one.ending, one.ending_request)
    assert messages == []


@pytest.mark.parametrize("message", [None, {ABORT_KEY: True}])
def test_who_hears_of_no_work_ends(message: dict[str, Any] | None) -> None:
    with pytest.raises(Cancelled):
        Scripted(RankInfo(1, 1, 2, 2), [message]).hear()


@pytest.mark.parametrize(("world", "pieces"), [(2, 1), (3, 2), (7, 1)])
def test_slices_of_the_ranks_are_the_batch(world: int, pieces: int) -> None:
    """A sample that two ranks learn from, or none; also where there are more ranks than samples."""
    batches = Batches(IDS, WindowSamples(0, 200, 8), 5, seed=0)
    slots = world * pieces
    shares = [batches.batch(4, slot, slots)[0] for slot in range(slots)]
    counts = [batches.targets(4, slot, slots) for slot in range(slots)]
    real = torch.cat([s for s, count in zip(shares, counts, strict=True) if count])
    assert torch.equal(real, batches.batch(4)[0])
    assert sum(counts) == batches.targets(4) == 40


@pytest.mark.parametrize("world", [2, 3])
def test_evaluations_of_the_ranks_add_up(world: int) -> None:
    model = factory.build_model(SHAPE, seed=0)
    pieces = LineSamples(np.arange(200, 264, 8), np.arange(209, 273, 8).clip(max=270))
    evaluation = Evaluation(IDS, pieces, 1)
    alone = evaluation.loss(model, torch.device("cpu"), whole=True)
    assert alone
    loss = count = 0.0
    asked: list[int] = []
    for rank in range(world):
        ranks = Scripted(RankInfo(rank, rank, world, world))
        times: list[int] = []

        def interrupted(times: list[int] = times) -> bool:
            times.append(1)
            return False

        evaluation.loss(
            model, torch.device("cpu"), whole=True, interrupted=interrupted, ranks=ranks
        )
        (sums,) = ranks.sums
        loss, count = loss + sums[0], count + sums[1]
        asked.append(len(times))
    assert (loss / count, count) == pytest.approx(alone)
    assert len(set(asked)) == 1, "they wait for each other where they are asked"


@pytest.mark.parametrize(
    ("wanted", "device", "found"),
    [(0, "cpu", 1), (3, "cpu", 3), (2, "auto", 2), (0, "auto", 1), (1, "mps", 1)],
)
def test_devices_are_counted(
    wanted: int, device: str, found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert launchers.count_devices(wanted, device) == found


@pytest.mark.parametrize(("wanted", "device"), [(3, "auto"), (3, "cuda"), (2, "cuda:1")])
def test_more_devices_than_there_are_are_refused(
    wanted: int, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes on one GPU, or a wait for one that is not there."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert launchers.count_devices(0, "cuda") == 2
    with pytest.raises(InputError):
        launchers.count_devices(wanted, device)


def test_the_agent_says_what_its_workers_could_not(tmp_path: Path) -> None:
    """A run that looks crashed although somebody knows why; a second word after the last."""
    run, told = Run(tmp_path), tmp_path / "told"
    told.mkdir()
    since = time.time()
    with_words = {"title": "No", "message": "why", "hint": "", "code": 2, "saved_step": None}
    log = EventLog(run.events)
    log.emit("saved", 5, kind="checkpoint")
    log.close()
    (told / "1.json").write_text(json.dumps(with_words))
    launchers._say_what_was_not_said(run, since - 1, "Process 1 of 2 ended with signal 9.", told)
    launchers._say_what_was_not_said(run, since - 1, "again", told)
    *_, last = EventTail(run.events).read()
    assert (last.type, last.step, last.fields["message"]) == ("failed", 5, "why")
    assert last.fields["saved_step"] == 5
    assert len(EventTail(run.events).read()) == 2


ORPHAN = """
import os, sys, time
from core.system.process import end_with_parent
end_with_parent(int(sys.argv[1]) or os.getppid())
print(os.getpid(), flush=True)
time.sleep(600)
"""
PARENT = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1], "0"])
"""
ROOT = Path(__file__).parents[3]


def test_an_orphan_ends(tmp_path: Path) -> None:
    """A worker that holds its GPU for ever after its agent was killed."""
    line = [sys.executable, "-c", PARENT, ORPHAN]
    with subprocess.Popen(line, stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert alive(child)
        os.kill(parent.pid, signal.SIGKILL)
        until(lambda: not alive(child), "the orphan is gone")


def test_who_is_an_orphan_already_ends_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", ORPHAN, "1"], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 1

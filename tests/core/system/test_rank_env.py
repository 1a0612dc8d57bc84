"""Rank and world size from the environment of torchrun or Slurm."""

from __future__ import annotations

import pytest

from core.errors import InputError
from core.system.rank_env import RankInfo, read_rank_info, rendezvous_endpoint

TORCHRUN = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}
SLURM = {
    "SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NUM_NODES": "2", "SLURM_JOB_ID": "123456", "MASTER_ADDR": "node1",
}  # fmt: skip


@pytest.mark.parametrize("environ", [TORCHRUN, SLURM, SLURM | TORCHRUN])
def test_the_rank_is_read_from_the_variables(environ: dict[str, str]) -> None:
    assert read_rank_info(environ) == RankInfo(
        rank=3, local_rank=1, world_size=4, local_world_size=2
    )


@pytest.mark.parametrize(
    "environ",
    [{}, {"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}, {**SLURM, "SLURM_STEP_NUM_TASKS": "1"},
     {name: value for name, value in SLURM.items() if name != "MASTER_ADDR"}],
)  # fmt: skip
def test_without_the_variables_there_is_one_process(environ: dict[str, str]) -> None:
    """A run in a batch script would wait for other processes for ever."""
    assert read_rank_info(environ) is None


@pytest.mark.parametrize(
    "change", [{"RANK": "4"}, {"RANK": "x"}, {"LOCAL_RANK": "2"}, {"WORLD_SIZE": "-1"}]
)
def test_impossible_ranks_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(InputError):
        read_rank_info(TORCHRUN | change)


def test_without_a_port_it_follows_from_the_job_id() -> None:
    assert rendezvous_endpoint(SLURM) == {"MASTER_ADDR": "node1", "MASTER_PORT": "23456"}
    assert rendezvous_endpoint({"MASTER_PORT": "7"}) == {
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": "7",
    }

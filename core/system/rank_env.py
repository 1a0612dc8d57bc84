"""Rank and world size of this process, from the environment of torchrun or Slurm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import InputError

TORCHRUN_VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")
SLURM_VARIABLES = (
    "SLURM_PROCID",
    "SLURM_LOCALID",
    "SLURM_STEP_NUM_TASKS",
    "SLURM_STEP_NUM_NODES",
)
FIRST_PORT, PORT_COUNT = 20_000, 10_000


@dataclass(frozen=True)
class RankInfo:
    """This process among those that train one model.

    Attributes:
        rank: from 0 to world_size - 1.
        local_rank: rank among the processes of this machine.
        world_size: number of processes.
        local_world_size: number of processes on this machine.
    """

    rank: int = 0
    local_rank: int = 0
    world_size: int = 1
    local_world_size: int = 1

    @property
    def is_rank_0(self) -> bool:
        """Rank 0 alone writes files and events and takes decisions for all ranks."""
        return self.rank == 0


def read_rank_info(environ: Mapping[str, str]) -> RankInfo | None:
    """The rank given by torchrun or by a Slurm step; None if neither started this process.

    Source: torchrun's page, "Environment Variables"; srun(1), "Output Environment Variables".

    Raises:
        InputError: a variable is not a number, or they contradict each other.
    """
    if "RANK" in environ and "WORLD_SIZE" in environ:
        rank, local_rank, world_size, local_world_size = (
            _read_int(environ, name) for name in TORCHRUN_VARIABLES
        )
    elif int(environ.get("SLURM_STEP_NUM_TASKS") or 1) > 1 and "MASTER_ADDR" in environ:
        rank, local_rank, world_size, nodes = (_read_int(environ, name) for name in SLURM_VARIABLES)
        local_world_size = -(-world_size // max(1, nodes))
    else:
        return None
    if not 0 <= rank < world_size or not 0 <= local_rank < local_world_size:
        raise InputError(
            f"Invalid rank {rank} of {world_size} processes "
            f"(local rank {local_rank} of {local_world_size}).",
            "Start all processes with torchrun or srun.",
        )
    return RankInfo(rank, local_rank, world_size, local_world_size)


def _read_int(environ: Mapping[str, str], name: str) -> int:
    try:
        return int(environ[name])
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{name} must be a whole number to train with several processes.",
            "Start them with torchrun, or with srun in a Slurm job as in docs/slurm.sbatch.",
        ) from error


def rendezvous_endpoint(environ: Mapping[str, str]) -> dict[str, str]:
    """MASTER_ADDR and MASTER_PORT; without one, the port is derived from the Slurm job's number."""
    job = environ.get("SLURM_JOB_ID", "0")
    port = FIRST_PORT + (int(job) % PORT_COUNT if job.isdecimal() else 0)
    return {
        "MASTER_ADDR": environ.get("MASTER_ADDR", "localhost"),
        "MASTER_PORT": environ.get("MASTER_PORT", str(port)),
    }

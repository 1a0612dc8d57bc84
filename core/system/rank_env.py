"""Which process of one training this is, as torchrun or Slurm say it. Knows no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import InputError

TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")
SLURM = ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_NUM_NODES")
FIRST_PORT, PORTS = 20_000, 10_000


@dataclass(frozen=True)
class RankInfo:
    """A process among those of one training.

    Attributes:
        rank: its number among all, from 0; the first alone writes.
        local: its number among those of its machine.
        world: how many there are.
        beside: how many of them are on its machine, itself included.
    """

    rank: int = 0
    local: int = 0
    world: int = 1
    beside: int = 1

    @property
    def first(self) -> bool:
        """Whether it is the one that writes, says and decides."""
        return self.rank == 0


def rank_info(environ: Mapping[str, str]) -> RankInfo | None:
    """The place that the variables of torchrun or of a Slurm step give; None without them.

    Source: torchrun's page, "Environment Variables"; srun(1), "Output Environment Variables".

    Raises:
        InputError: they are no numbers, or do not fit together.
    """
    if "RANK" in environ and "WORLD_SIZE" in environ:
        rank, local, world, beside = (_number(environ, name) for name in TORCHRUN)
    elif int(environ.get("SLURM_STEP_NUM_TASKS") or 1) > 1 and "MASTER_ADDR" in environ:
        rank, local, world, nodes = (_number(environ, name) for name in SLURM)
        beside = -(-world // max(1, nodes))
    else:
        return None
    if not 0 <= rank < world or not 0 <= local < beside:
        raise InputError(f"Rank {rank} ({local} here) of {world} ({beside} here) cannot be.")
    return RankInfo(rank, local, world, beside)


def rendezvous_endpoint(environ: Mapping[str, str]) -> dict[str, str]:
    """MASTER_ADDR and MASTER_PORT, where a port that Slurm does not give follows from the job."""
    job = environ.get("SLURM_JOB_ID", "0")
    port = FIRST_PORT + (int(job) % PORTS if job.isdecimal() else 0)
    return {
        "MASTER_ADDR": environ.get("MASTER_ADDR", "localhost"),
        "MASTER_PORT": environ.get("MASTER_PORT", str(port)),
    }


def _number(environ: Mapping[str, str], name: str) -> int:
    try:
        return int(environ[name])
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{name} must be a whole number for a training of several processes.",
            "Start it with torchrun, or with srun in a Slurm job: docs/slurm.sbatch shows how.",
        ) from error

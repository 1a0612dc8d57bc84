"""Data-parallel training: the processes that train one model, and what they exchange.

Every rank has the whole model and works on its slice of each batch. Gradients are averaged over
the ranks, weighted by targets, so that an update equals that of a single process up to rounding.

A collective is a function that all ranks must call equally often and in the same order; a rank
that calls one alone waits for the others until PROCESS_GROUP_TIMEOUT.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import warnings
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from core.config.plan_inputs import DeviceFacts
from core.errors import Cancelled
from core.model import device as probe
from core.model.language_model import LanguageModel
from core.system.files import JsonObject
from core.system.rank_env import RankInfo, rendezvous_endpoint

# Rank 0 may tokenise a large text, or save, while the others wait. A lost rank is noticed by its
# closed connection or by torchrun, not by this timeout.
PROCESS_GROUP_TIMEOUT = timedelta(days=7)

ABORT_KEY = "abort"


class LossModule(nn.Module):
    """A model's loss as the call of a module, which is what DistributedDataParallel wraps."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """See `LanguageModel.loss`."""
        return self.model.loss(tokens, targets)


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train together; a single one exchanges nothing."""

    info: RankInfo = field(default_factory=RankInfo)

    @property
    def world_size(self) -> int:
        """Number of processes."""
        return self.info.world_size

    @property
    def rank(self) -> int:
        """Rank of this process, from 0."""
        return self.info.rank

    @property
    def is_rank_0(self) -> bool:
        """Rank 0 alone writes files and events and decides for all."""
        return self.info.is_rank_0

    def wrap_loss(self, model: LanguageModel) -> nn.Module:
        """The model's loss as a module whose gradients become the mean over the ranks.

        Collective: all ranks get the weights of rank 0. Source: Li et al. 2020, "PyTorch
        Distributed: Experiences on Accelerating Data Parallel Training".
        """
        loss = LossModule(model)
        if self.world_size == 1:
            return loss
        with warnings.catch_warnings():
            # `broadcast_buffers` has a new name that older versions of PyTorch do not know.
            warnings.simplefilter("ignore", FutureWarning)
            return DistributedDataParallel(
                loss, broadcast_buffers=False, gradient_as_bucket_view=True
            )

    def no_sync(self, loss: nn.Module) -> contextlib.AbstractContextManager[Any]:
        """Within the context gradients accumulate on this rank and are not averaged."""
        if isinstance(loss, DistributedDataParallel):
            return loss.no_sync()
        return contextlib.nullcontext()

    def all_reduce_sum(self, tensor: Tensor) -> Tensor:
        """Sum the tensor over the ranks, in place and on its device. Collective."""
        if self.world_size > 1:
            dist.all_reduce(tensor)
        return tensor

    def all_reduce_min(self, number: int) -> int:
        """The smallest number of all ranks. Collective."""
        if self.world_size == 1:
            return number
        tensor = torch.tensor(number)
        dist.all_reduce(tensor, op=dist.ReduceOp.MIN)
        return int(tensor)

    def broadcast(self, message: JsonObject | None = None) -> JsonObject | None:
        """The message of rank 0, on every rank; the argument of other ranks is ignored.

        Collective.
        """
        if self.world_size == 1:
            return message
        text = json.dumps(message).encode() if self.is_rank_0 and message is not None else b""
        length = torch.tensor(len(text))
        dist.broadcast(length, 0)
        if not int(length):
            return None
        data = torch.empty(int(length), dtype=torch.uint8)
        if self.is_rank_0:
            data.copy_(torch.frombuffer(bytearray(text), dtype=torch.uint8))
        dist.broadcast(data, 0)
        received: JsonObject = json.loads(data.numpy().tobytes())
        return received

    def broadcast_required(self, message: JsonObject | None = None) -> JsonObject:
        """`broadcast` where rank 0 must send a message. Collective.

        Raises:
            Cancelled: rank 0 called `broadcast_abort`, or sent nothing.
        """
        received = self.broadcast(message)
        if received is None or ABORT_KEY in received:
            raise Cancelled
        return received

    def broadcast_abort(self) -> None:
        """End the ranks that wait in `broadcast_required`. Collective; called by rank 0."""
        self.broadcast({ABORT_KEY: True})

    def local_device(self, device: str) -> str:
        """The device of this rank, where rank 0 trains on `device`."""
        is_cuda = device.partition(":")[0] == "cuda"
        return f"cuda:{self.info.local_rank}" if is_cuda and self.world_size > 1 else device


SINGLE_PROCESS = ProcessGroup()


def join_process_group(info: RankInfo) -> ProcessGroup:
    """Join the other processes; `leave_process_group` is the inverse. Collective.

    Messages between the hosts use gloo, also where gradients use NCCL.
    """
    if info.world_size > 1:
        for name, value in rendezvous_endpoint(os.environ).items():
            os.environ[name] = value
        backend = "gloo"
        if torch.cuda.is_available():
            torch.cuda.set_device(info.local_rank % torch.cuda.device_count())
            backend = "cpu:gloo,cuda:nccl"
        dist.init_process_group(
            backend, rank=info.rank, world_size=info.world_size, timeout=PROCESS_GROUP_TIMEOUT
        )
    return ProcessGroup(info)


def leave_process_group() -> None:
    """Leave the other processes, if there are any. Collective."""
    if dist.is_initialized():
        dist.destroy_process_group()


def find_rank_device(group: ProcessGroup, device: DeviceFacts | None) -> DeviceFacts:
    """The device of this rank and its share of the machine's threads and memory. Collective.

    Args:
        device: what rank 0 trains on; None on other ranks.

    Raises:
        Cancelled: rank 0 aborted.
    """
    if group.world_size == 1:
        assert device
        return device
    received = group.broadcast_required({"device": device.device} if device else None)
    facts = probe.device_facts(group.local_device(received["device"]))
    processes = group.info.local_world_size
    on_gpu = facts.device.startswith("cuda")
    return dataclasses.replace(
        facts,
        free_memory=group.all_reduce_min(
            facts.free_memory if on_gpu else facts.free_memory // processes
        ),
        threads=max(1, facts.threads // processes),
    )

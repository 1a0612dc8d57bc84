"""The processes of one training and what they tell each other.

Each holds the whole model and works on its slice of every batch; gradients are summed, weighted
by targets, so that the update is the one that a single process makes, up to rounding.

What one of several processes may use: a GPU of its own, or its part of the machine.
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
from core.model.decoder import Decoder
from core.system.rank_env import RankInfo, rendezvous_endpoint

# The first may make tokens of a large text, or save, while the others wait; who is gone is noticed
# by its connection or by torchrun, not by this.
PROCESS_GROUP_TIMEOUT = timedelta(days=7)

ABORT_KEY = "over"

Json = dict[str, Any]


class LossModule(nn.Module):
    """A decoder's loss as a module's call, which is what DistributedDataParallel wraps."""

    def __init__(self, model: Decoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """See `Decoder.loss`."""
        return self.model.loss(tokens, targets)


@dataclass(frozen=True)
class ProcessGroup:
    """This process among those that train together; alone, nothing is sent anywhere."""

    place: RankInfo = field(default_factory=RankInfo)

    @property
    def world(self) -> int:
        """How many processes train together."""
        return self.place.world_size

    @property
    def rank(self) -> int:
        """The number of this one."""
        return self.place.rank

    @property
    def first(self) -> bool:
        """Whether this is the one that writes, says and decides."""
        return self.place.is_rank_0

    def loss_of(self, model: Decoder) -> nn.Module:
        """The model's loss; its gradients become the mean over the ranks.

        All ranks get the first one's weights. Source: Li et al. 2020, "PyTorch Distributed:
        Experiences on Accelerating Data Parallel Training".
        """
        loss = LossModule(model)
        if self.world == 1:
            return loss
        with warnings.catch_warnings():
            # The option has a new name that older versions do not know.
            warnings.simplefilter("ignore", FutureWarning)
            return DistributedDataParallel(
                loss, broadcast_buffers=False, gradient_as_bucket_view=True
            )

    def apart(self, loss: nn.Module) -> contextlib.AbstractContextManager[Any]:
        """Within it gradients are only added up here, and not sent."""
        if isinstance(loss, DistributedDataParallel):
            return loss.no_sync()
        return contextlib.nullcontext()

    def sum(self, tensor: Tensor) -> Tensor:
        """The tensor added up over the ranks, in place; it stays on its device."""
        if self.world > 1:
            dist.all_reduce(tensor)
        return tensor

    def least(self, number: int) -> int:
        """The smallest of the ranks' numbers."""
        if self.world == 1:
            return number
        found = torch.tensor(number)
        dist.all_reduce(found, op=dist.ReduceOp.MIN)
        return int(found)

    def tell(self, message: Json | None = None) -> Json | None:
        """What the first rank says, on all of them; the others' argument is not looked at."""
        if self.world == 1:
            return message
        text = json.dumps(message).encode() if self.first and message is not None else b""
        length = torch.tensor(len(text))
        dist.broadcast(length, 0)
        if not int(length):
            return None
        data = torch.empty(int(length), dtype=torch.uint8)
        if self.first:
            data.copy_(torch.frombuffer(bytearray(text), dtype=torch.uint8))
        dist.broadcast(data, 0)
        told: Json = json.loads(data.numpy().tobytes())
        return told

    def hear(self, message: Json | None = None) -> Json:
        """As `tell`, where something must be said.

        Raises:
            Cancelled: the first one has sent all away, or said nothing.
        """
        told = self.tell(message)
        if told is None or ABORT_KEY in told:
            raise Cancelled
        return told

    def send_away(self) -> None:
        """Has the others, who wait to hear of their work, end."""
        self.tell({ABORT_KEY: True})

    def own_device(self, device: str) -> str:
        """The device of this rank, where the first rank's is `device`."""
        kind = device.partition(":")[0]
        return f"cuda:{self.place.local_rank}" if kind == "cuda" and self.world > 1 else device


def join_process_group(place: RankInfo) -> ProcessGroup:
    """Join the other processes. Collective."""
    if place.world_size > 1:
        for name, value in rendezvous_endpoint(os.environ).items():
            os.environ[name] = value
        backend = "gloo"
        if torch.cuda.is_available():
            torch.cuda.set_device(place.local_rank % torch.cuda.device_count())
            backend = "cpu:gloo,cuda:nccl"
        dist.init_process_group(
            backend, rank=place.rank, world_size=place.world_size, timeout=PROCESS_GROUP_TIMEOUT
        )
    return ProcessGroup(place)


def leave_process_group() -> None:
    """Parts from the other processes, if there are any."""
    if dist.is_initialized():
        dist.destroy_process_group()


def find_rank_device(ranks: ProcessGroup, device: DeviceFacts | None) -> DeviceFacts:
    """What this rank may use; all of them ask together.

    Args:
        device: what the first rank trains on; nobody else says one.

    Raises:
        Cancelled: the first one has ended meanwhile.
    """
    if ranks.world == 1:
        assert device
        return device
    told = ranks.hear({"device": device.device} if device else None)
    facts = probe.device_facts(ranks.own_device(told["device"]))
    beside = ranks.place.local_world_size
    free = facts.free_memory if facts.device.startswith("cuda") else facts.free_memory // beside
    threads = max(1, facts.threads // beside)
    return dataclasses.replace(facts, free_memory=ranks.least(free), threads=threads)

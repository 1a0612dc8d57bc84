"""What one of several processes may use: a GPU of its own, or its part of the machine."""

from __future__ import annotations

import dataclasses

from core.model import device as probe
from core.train.distributed import Ranks
from core.config.plan_inputs import DeviceFacts


def part_of(ranks: Ranks, device: DeviceFacts | None) -> DeviceFacts:
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
    beside = ranks.place.beside
    free = facts.free_memory if facts.device.startswith("cuda") else facts.free_memory // beside
    threads = max(1, facts.threads // beside)
    return dataclasses.replace(facts, free_memory=ranks.least(free), threads=threads)

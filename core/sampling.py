"""From logits to a token: named stages in a fixed order, then one draw.

Every stage is a pure function of logits (…, V) and gives logits (…, V) in which what it removed is
-inf. The order is that of `STAGES`: penalty, temperature, top k, top p, min p.

Shapes: V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.config import SamplingConfig
from core.tokenizer import PAD, SOS

REMOVED = float("-inf")
NEVER = (PAD, SOS)  # <pad> fills batches and <sos> begins a line: no text goes on with them


@dataclass(frozen=True)
class Stage:
    """One step from the model's logits to the final ones.

    Attributes:
        name: the setting it belongs to.
        apply: logits (…, V) to logits (…, V).
    """

    name: str
    apply: Callable[[Tensor], Tensor]


def allowed(logits: Tensor) -> Tensor:
    """The model's own logits without the ids that no text goes on with."""
    kept = logits.clone()
    kept[..., list(NEVER)] = REMOVED
    return kept


def repetition_penalty(logits: Tensor, penalty: float, previous: Sequence[int]) -> Tensor:
    """Makes the ids that were there less likely (Keskar et al., 2019, CTRL).

    A positive logit is divided by the penalty, a negative one multiplied with it.
    """
    ids = torch.tensor(sorted(set(previous)), dtype=torch.long)
    found = logits[..., ids]
    weaker = torch.where(found > 0, found / penalty, found * penalty)
    return logits.index_copy(-1, ids, weaker)


def temperature(logits: Tensor, value: float) -> Tensor:
    """Divides by the temperature: above 1 flatter, below 1 sharper."""
    return logits / value


def top_k(logits: Tensor, k: int) -> Tensor:
    """Keeps the k highest logits, of equals those with the lower id (Fan et al., 2018)."""
    if k >= logits.shape[-1]:
        return logits
    order = logits.sort(dim=-1, descending=True, stable=True).indices
    return logits.scatter(-1, order[..., k:], REMOVED)


def top_p(logits: Tensor, p: float) -> Tensor:
    """Keeps the fewest likeliest that together reach p (Holtzman et al., 2020, nucleus)."""
    values, order = logits.sort(dim=-1, descending=True, stable=True)
    chances = values.double().softmax(-1)
    before = chances.cumsum(-1) - chances
    surplus = before >= p
    surplus[..., 0] = False
    return logits.masked_fill(torch.zeros_like(surplus).scatter(-1, order, surplus), REMOVED)


def min_p(logits: Tensor, p: float) -> Tensor:
    """Drops what is less likely than p times the likeliest (Nguyen et al., 2024)."""
    best = logits.amax(-1, keepdim=True)
    return logits.masked_fill((logits - best).exp() < p, REMOVED)


def stages(config: SamplingConfig, previous: Sequence[int]) -> list[Stage]:
    """The stages that do something, in order; none at all for plain greedy choice."""
    found = []
    if config.repetition_penalty != 1.0 and previous:
        penalty = config.repetition_penalty
        found.append(
            Stage("repetition_penalty", lambda x: repetition_penalty(x, penalty, previous))
        )
    if config.temperature not in (0.0, 1.0):
        found.append(Stage("temperature", lambda x: temperature(x, config.temperature)))
    if config.top_k:
        found.append(Stage("top_k", lambda x: top_k(x, config.top_k)))
    if config.top_p < 1.0:
        found.append(Stage("top_p", lambda x: top_p(x, config.top_p)))
    if config.min_p > 0.0:
        found.append(Stage("min_p", lambda x: min_p(x, config.min_p)))
    return found


def staged(logits: Tensor, found: Sequence[Stage]) -> list[tuple[str, Tensor]]:
    """The logits after each stage, so that a token's disappearance can be put down to one."""
    after = []
    for stage in found:
        logits = stage.apply(logits)
        after.append((stage.name, logits))
    return after


class Chooser:
    """Chooses ids as the settings say; the same seed makes the same choices on every device.

    Args:
        config: the settings; temperature 0 takes the likeliest, of equals the lowest id.
    """

    def __init__(self, config: SamplingConfig) -> None:
        self.config = config
        self._generator = torch.Generator().manual_seed(config.seed)

    def choose(self, logits: Tensor, previous: Sequence[int]) -> tuple[int, Tensor]:
        """An id for logits (V,), and the final logits (V,) it was chosen from."""
        final = allowed(logits)
        for stage in stages(self.config, previous):
            final = stage.apply(final)
        if self.config.temperature == 0.0:
            return int(final.argmax()), final
        return self.draw(final), final

    def draw(self, logits: Tensor) -> int:
        """One id by the inverse of the distribution's sum at one uniform number."""
        sums = logits.double().softmax(-1).cumsum(-1)  # (V,)
        point = torch.rand((), dtype=torch.float64, generator=self._generator) * sums[-1]
        # The last id with any chance, should rounding put the point at the very end.
        last = int((sums < sums[-1]).sum())
        return min(int(torch.searchsorted(sums, point, right=True)), last)

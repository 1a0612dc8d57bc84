"""From logits to a token: named stages in a fixed order, then one draw.

Every stage is a pure function of logits (…, V) and gives logits (…, V) in which what it removed is
-inf. `special` aside, none removes the likeliest id. Nothing here knows a model or text.

Shapes: V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.config.configs import SamplingConfig
from core.errors import RunFailedError
from core.tokenizer.special_tokens import PAD, SOS

REMOVED = float("-inf")
TEMPERATURE = "temperature"
NEVER = (PAD, SOS)  # <pad> fills batches and <sos> begins a line: no text goes on with them


@dataclass(frozen=True)
class Stage:
    """One step from the model's logits to the final ones.

    Attributes:
        name: the setting it belongs to; "special" for the one that is always there.
        apply: logits (…, V), and which ids were there before (…, V), to logits (…, V).
    """

    name: str
    apply: Callable[[Tensor, Tensor], Tensor]


def special(logits: Tensor) -> Tensor:
    """Removes the ids that no text goes on with."""
    kept = logits.clone()
    for id in NEVER:
        kept.select(-1, id).fill_(REMOVED)
    return kept


def repetition_penalty(logits: Tensor, penalty: float, before: Tensor) -> Tensor:
    """Makes the ids that were there less likely (Keskar et al. 2019, CTRL).

    A positive logit is divided by the penalty, a negative one multiplied with it.

    Args:
        before: (…, V) boolean, see `seen`.
    """
    weaker = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(before, weaker, logits)


def temperature(logits: Tensor, value: float) -> Tensor:
    """Divides by the temperature, above 1 flatter, below 1 sharper; 0 leaves only the likeliest.

    The likeliest becomes 0, so that the smallest temperature does not overflow. Of equals the
    temperature 0 leaves the one with the lowest id.
    """
    if value == 0.0:
        return _best(logits, logits.topk(1).values)
    below = logits - logits.amax(-1, keepdim=True)
    return below / max(value, torch.finfo(logits.dtype).tiny)


def top_k(logits: Tensor, k: int) -> Tensor:
    """Keeps the k highest logits (Fan et al. 2018), of equals those with the lower ids."""
    return logits if k >= logits.shape[-1] else _best(logits, logits.topk(k).values)


def top_p(logits: Tensor, p: float) -> Tensor:
    """Keeps the fewest likeliest that together reach p (Holtzman et al. 2020, nucleus).

    The likeliest always stays; of equals those with the lower ids.
    """
    chances = logits.double().softmax(-1)
    # Ids rarer than this reach less than 1 - p together: sorting them would be a waste.
    rare = (1.0 - p) / logits.shape[-1] / 2
    candidates = int((chances > rare).sum(-1).max())
    values, ids = logits.topk(candidates)  # (…, N), falling
    highest = chances.gather(-1, ids)
    needed = (highest.cumsum(-1) - highest < p).sum(-1, keepdim=True).clamp(min=1)  # (…, 1)
    return _best(logits, values, needed)


def min_p(logits: Tensor, p: float) -> Tensor:
    """Drops what is less likely than p times the likeliest (Nguyen et al. 2024)."""
    best = logits.amax(-1, keepdim=True)
    return logits.masked_fill((logits - best).exp() < p, REMOVED)


def _best(logits: Tensor, highest: Tensor, counts: Tensor | None = None) -> Tensor:
    """Only the highest logits, of equals those with the lower ids.

    Args:
        highest: (…, N) the highest logits, falling.
        counts: (…, 1) how many of the N to keep; all of them by default.
    """
    count = highest.shape[-1] if counts is None else counts
    lowest = highest[..., -1:] if counts is None else highest.gather(-1, counts - 1)  # (…, 1)
    kept = logits >= lowest
    if bool((kept.sum(-1, keepdim=True) > count).any()):
        above, equal = logits > lowest, logits == lowest
        kept = above | (equal & (equal.cumsum(-1) <= count - above.sum(-1, keepdim=True)))
    return logits.masked_fill(~kept, REMOVED)


def stages(config: SamplingConfig) -> list[Stage]:
    """The stages that do something, in order; for greedy choice the last is the temperature."""
    found = [Stage("special", lambda x, _: special(x))]
    if config.repetition_penalty != 1.0:
        penalty = config.repetition_penalty
        found.append(Stage("repetition_penalty", lambda x, b: repetition_penalty(x, penalty, b)))
    if config.temperature != 1.0:
        found.append(Stage(TEMPERATURE, lambda x, _: temperature(x, config.temperature)))
    if config.temperature == 0.0:
        return found
    if config.top_k:
        found.append(Stage("top_k", lambda x, _: top_k(x, config.top_k)))
    if config.top_p < 1.0:
        found.append(Stage("top_p", lambda x, _: top_p(x, config.top_p)))
    if config.min_p > 0.0:
        found.append(Stage("min_p", lambda x, _: min_p(x, config.min_p)))
    return found


def staged(
    logits: Tensor, config: SamplingConfig, previous: Iterable[int]
) -> list[tuple[str, Tensor]]:
    """The logits (…, V) after each stage by name, the last being the final ones.

    Args:
        previous: the ids that were there, which a repetition penalty weakens.
    """
    before, after = seen(previous, logits.shape[-1]), []
    for stage in stages(config):
        logits = stage.apply(logits, before)
        after.append((stage.name, logits))
    return after


def removed_by(after: Sequence[tuple[str, Tensor]], ids: Sequence[int]) -> list[str | None]:
    """The stage that removed each id, of what `staged` gave for one row; None if it is there.

    A choice that is as good as certain may round an id's chance to nothing: that counts.
    """
    gone = [(name, (logits[list(ids)] == REMOVED).tolist()) for name, logits in after]
    return [next((name for name, row in gone if row[place]), None) for place in range(len(ids))]


def probabilities(logits: Tensor, config: SamplingConfig, previous: Iterable[int]) -> Tensor:
    """The distribution (…, V) that `TokenSampler` draws from; see `staged`."""
    return staged(logits, config, previous)[-1][1].softmax(-1)


def seen(previous: Iterable[int], vocab_size: int) -> Tensor:
    """(V,) boolean, true for the ids among `previous`."""
    before = torch.zeros(vocab_size, dtype=torch.bool)
    before[list(set(previous))] = True
    return before


def pick(logits: Tensor, generator: torch.Generator) -> int:
    """One id from final logits (V,) by one uniform number, on the host.

    The inverse of the distribution function: the first id whose sum of chances exceeds the number.
    """
    sums = logits.double().softmax(-1).cumsum(-1)  # (V,)
    point = torch.rand((), dtype=torch.float64, generator=generator) * sums[-1]
    found = int(torch.searchsorted(sums, point, right=True))
    # Rounding may put the point at the very end: the last id with any chance has it.
    return min(found, int(torch.searchsorted(sums, sums[-1])))


class TokenSampler:
    """Chooses one id after another; the same seed makes the same choices on every device.

    Args:
        config: the settings; temperature 0 takes the likeliest, of equals the lowest id.
        previous: the ids that stand before the first choice.
        vocab_size: V.
        drawn: choices that were made before with this seed.
        seed: another than the settings'.
    """

    def __init__(
        self,
        config: SamplingConfig,
        previous: Iterable[int],
        vocab_size: int,
        *,
        drawn: int = 0,
        seed: int | None = None,
    ) -> None:
        self._greedy = config.temperature == 0.0
        # The likeliest is what the temperature 0 would leave.
        self._stages = [
            one for one in stages(config) if not self._greedy or one.name != TEMPERATURE
        ]
        self._before = seen(previous, vocab_size)
        self._generator = torch.Generator().manual_seed(config.seed if seed is None else seed)
        for _ in range(drawn):
            torch.rand((), dtype=torch.float64, generator=self._generator)

    def choose(self, logits: Tensor) -> int:
        """An id for logits (V,).

        Raises:
            RunFailedError: the model's numbers are not finite.
        """
        if not math.isfinite(logits.amax()):
            raise RunFailedError(
                "The model's predictions are not numbers any more: its training went astray.",
                "Take an earlier snapshot, or train again with a lower learning rate.",
            )
        for stage in self._stages:
            logits = stage.apply(logits, self._before)
        id = int(logits.argmax()) if self._greedy else pick(logits, self._generator)
        self.note(id)
        return id

    def note(self, id: int) -> None:
        """Takes note of an id that was chosen by somebody else."""
        self._before[id] = True

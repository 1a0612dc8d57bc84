"""Names for what an attention head mostly attends to, by a rule on its weights.

Shapes: H heads, R rows (the tokens that attend), T tokens in the window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

PREVIOUS, NEXT, FIRST, SELF = "prev", "next", "first", "self"
REPEAT, SAME = "repeat", "same"
EVEN, NEAR, MIXED, SHORT = "even", "near", "mixed", "short"
MIN_INDEX = 2  # before it, the previous token is also the first
MIN_ROWS = 3
MIN_SHARE = 0.5
MIN_EVENNESS = 0.9
MAX_REPEATED_FRACTION = 0.25
NEAR_TOKENS = 4
MIN_NEAR_SHARE = 0.7


@torch.inference_mode()
def name_patterns(weights: Tensor, ids: Sequence[int], start: int) -> list[str]:
    """Name what each head attends to.

    Only rows from the third token of the window on count. The first rule that holds names the head:

    1. "repeat" or "same", whichever share is larger, if it is at least 0.5. "repeat" is the weight
       on the tokens that follow an earlier occurrence of the row's own token (an induction head,
       Olsson et al. 2022), "same" the weight on those occurrences. The first token, the previous
       token and the row's own do not count as such. Only rows with such tokens count, and where
       these are at most a quarter of what the row attends to; at least 3 of them.
    2. "prev", "self" or "first", whichever share is largest, if it is at least 0.5: the mean weight
       on the previous token, on the row's own token, or on the first token of the window.
    3. "even" if the entropy of the weights is on average at least 0.9 of that of equal weights.
    4. "near" if at least 0.7 of the weight is on the row's own token and the three before it. Only
       rows that attend to at least twice as many tokens count; at least 3 of them.
    5. "mixed".

    With fewer than 3 rows that count, all heads are "short": the text is too short to tell.

    Args:
        weights: (H, R, T), each row sums to 1, none on later tokens.
        ids: T ids of the window.
        start: index in the window of the first row.
    """
    index = torch.arange(start, start + weights.shape[1])
    weights = weights.float().cpu()[:, index >= MIN_INDEX]
    index = index[index >= MIN_INDEX]
    if len(index) < MIN_ROWS:
        return [SHORT] * len(weights)
    repeats = _repeat_shares(weights, torch.tensor(ids), index)
    places = {
        PREVIOUS: index - 1,
        SELF: index,
        FIRST: torch.zeros_like(index),
    }
    rows = torch.arange(len(index))
    shares = {name: weights[:, rows, place].mean(-1).tolist() for name, place in places.items()}
    entropy = torch.special.entr(weights).sum(-1)  # (H, R)
    evenness = (entropy / (index + 1).log()).mean(-1).tolist()
    near = _near_share(weights, index)
    return [
        _largest(repeats, head)
        or _largest(shares, head)
        or (EVEN if evenness[head] >= MIN_EVENNESS else None)
        or (NEAR if near[head] >= MIN_NEAR_SHARE else MIXED)
        for head in range(len(weights))
    ]


@torch.inference_mode()
def name_patterns_both_ways(weights: Tensor, start: int) -> list[str]:
    """Name what each head of an encoder attends to, whose tokens see all of the text.

    The first rule that holds names the head: "prev", "next", "self" or "first", whichever share is
    largest, if it is at least 0.5; "even" and "near" as for `name_patterns`, where "near" are the
    tokens up to three places away; "mixed". A share is the mean over the rows that have such a
    token. With fewer than 3 rows, all heads are "short".

    Args:
        weights: (H, R, T), each row sums to 1.
        start: index of the first row in the text.
    """
    weights = weights.float().cpu()
    heads, count, tokens = weights.shape
    if count < MIN_ROWS:
        return [SHORT] * heads
    index = torch.arange(start, start + count)
    distance = torch.arange(tokens) - index[:, None]  # (R, T)
    places = {PREVIOUS: distance == -1, NEXT: distance == 1, SELF: distance == 0}
    shares = {}
    for name, place in places.items():
        has_place = place.any(-1)
        shares[name] = (weights * place).sum(-1)[:, has_place].mean(-1).tolist()
    shares[FIRST] = weights[..., 0].mean(-1).tolist()
    entropy = torch.special.entr(weights).sum(-1)  # (H, R)
    evenness = (entropy / math.log(tokens)).mean(-1).tolist()
    nearby = distance.abs() < NEAR_TOKENS
    near = (weights * nearby).sum(-1).mean(-1).tolist()
    is_long = tokens >= 2 * (2 * NEAR_TOKENS - 1)
    return [
        _largest(shares, head)
        or (EVEN if evenness[head] >= MIN_EVENNESS else None)
        or (NEAR if is_long and near[head] >= MIN_NEAR_SHARE else MIXED)
        for head in range(heads)
    ]


def _largest(shares: dict[str, list[float]], head: int) -> str | None:
    """The name with the largest share, unless that is too small."""
    name = max(shares, key=lambda name: shares[name][head])
    return name if shares[name][head] >= MIN_SHARE else None


def _near_share(weights: Tensor, index: Tensor) -> list[float]:
    """Per head the mean weight on the row's own token and those just before; 0 with few rows."""
    counted = index + 1 >= 2 * NEAR_TOKENS
    if int(counted.sum()) < MIN_ROWS:
        return [0.0] * len(weights)
    distance = index[:, None] - torch.arange(weights.shape[-1])  # (R, T)
    near = (distance >= 0) & (distance < NEAR_TOKENS)
    shares: list[float] = (weights * near).sum(-1)[:, counted].mean(-1).tolist()
    return shares


def _repeat_shares(weights: Tensor, ids: Tensor, index: Tensor) -> dict[str, list[float]]:
    """Per head the mean weight after earlier occurrences, and on them; 0 with too few rows."""
    column = torch.arange(len(ids))
    equal = ids[index][:, None] == ids  # (R, T)
    after = torch.zeros_like(equal)
    after[:, 1:] = equal[:, :-1]
    others = (column >= 1) & (column < index[:, None] - 1)
    shares = {}
    for name, chosen in ((REPEAT, after & others), (SAME, equal & others)):
        number = chosen.sum(-1)
        counted = (number > 0) & (number <= MAX_REPEATED_FRACTION * (index + 1))
        on_chosen = (weights * chosen).sum(-1)[:, counted]  # (H, rows that count)
        enough = int(counted.sum()) >= MIN_ROWS
        shares[name] = on_chosen.mean(-1).tolist() if enough else [0.0] * len(weights)
    return shares

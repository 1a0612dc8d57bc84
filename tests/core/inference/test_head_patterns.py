"""Names of what heads attend to, on attention matrices made for each rule."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.inference.head_patterns import name_patterns, name_patterns_both_ways

TOKENS = 16
DISTINCT = list(range(TOKENS))
REPEATED = [0, *([1, 2, 3, 4, 5, 6, 7] * 3)][:TOKENS]  # each token again after seven others


def _mostly(columns: Tensor, share: float = 0.8) -> Tensor:
    """(T, T): a share on one column of each row, the rest spread evenly over what is visible."""
    count = len(columns)
    visible = torch.ones(count, count).tril()
    weights = visible * (1 - share) / visible.sum(-1, keepdim=True)
    weights[torch.arange(count), columns] += share
    return weights


def _name(weights: Tensor, ids: list[int] = DISTINCT, start: int = 0) -> str:
    (name,) = name_patterns(weights[None, start:], ids, start)
    return name


PLACES = torch.arange(TOKENS)
MASK = torch.ones(TOKENS, TOKENS).tril()


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ((PLACES - 1).clamp(min=0), "prev"),
        (PLACES, "self"),
        (torch.zeros(TOKENS, dtype=torch.long), "first"),
    ],
    ids=["prev", "self", "first"],
)
@pytest.mark.parametrize("start", [0, 5])
def test_a_place_with_half_of_the_weight_names_the_head(
    columns: Tensor, name: str, start: int
) -> None:
    """Also if only later rows are given; just below half there is no such name."""
    for share, expected in ((0.95, name), (0.55, name), (0.38, "mixed")):
        assert _name(_mostly(columns, share), start=start) == expected


def test_after_an_earlier_occurrence_is_repeat_and_on_it_is_same() -> None:
    """Both against a first token that has the weight of all other rows."""
    for shift, name in ((1, "repeat"), (0, "same")):
        columns = (PLACES - 7 + shift).where(PLACES >= 8, torch.zeros_like(PLACES))
        assert _name(_mostly(columns, 0.9), REPEATED) == name
        assert _name(_mostly(columns, 0.9), DISTINCT) == "mixed", "nothing is repeated"


def test_a_few_repetitions_or_too_many_say_nothing() -> None:
    """In a text of one token every place is an earlier occurrence."""
    ids = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 1, 2]
    columns = torch.zeros(TOKENS, dtype=torch.long)
    columns[14:] = torch.tensor([2, 3])
    assert _name(_mostly(columns, 0.9), ids) == "first"
    even = MASK / MASK.sum(-1, keepdim=True)
    assert _name(even, [0] + [1] * (TOKENS - 1)) == "even"


def test_equal_weights_are_even_and_those_of_the_last_four_near() -> None:
    even = MASK / MASK.sum(-1, keepdim=True)
    assert _name(even) == "even"
    band = MASK - MASK.tril(-4)
    assert _name(band / band.sum(-1, keepdim=True)) == "near"
    band = MASK - MASK.tril(-6)
    assert _name(band / band.sum(-1, keepdim=True)) == "mixed"


@pytest.mark.parametrize(("tokens", "name"), [(1, "short"), (4, "short"), (5, "self")])
def test_a_short_text_has_no_patterns(tokens: int, name: str) -> None:
    """The first two tokens cannot tell the previous from the first."""
    weights = torch.eye(tokens)[None].repeat(3, 1, 1)
    assert name_patterns(weights, list(range(tokens)), 0) == [name] * 3


def test_heads_are_named_in_their_order() -> None:
    heads = torch.stack([torch.eye(TOKENS), _mostly((PLACES - 1).clamp(min=0))])
    assert name_patterns(heads, DISTINCT, 0) == ["self", "prev"]


def test_an_encoders_heads_look_both_ways() -> None:
    places = torch.arange(TOKENS)
    distance = (places - places[:, None]).abs()
    even = torch.full((TOKENS, TOKENS), 1 / TOKENS)
    near = (distance <= 3).float()
    heads = {
        "next": _mostly((places + 1).clamp(max=TOKENS - 1)),
        "prev": _mostly((places - 1).clamp(min=0)),
        "self": torch.eye(TOKENS),
        "first": _mostly(torch.zeros_like(places)),
        "even": even,
        "near": near / near.sum(-1, keepdim=True),
        "mixed": (near + even) / (near + even).sum(-1, keepdim=True) * 0.5
        + 0.5 * torch.nn.functional.one_hot(torch.full((TOKENS,), TOKENS - 1), TOKENS),
    }
    assert name_patterns_both_ways(torch.stack(list(heads.values())), 0) == list(heads)
    assert name_patterns_both_ways(torch.eye(2)[None], 0) == ["short"]
    part = torch.stack(list(heads.values()))[:, 5:9]
    assert name_patterns_both_ways(part, 5)[:3] == ["next", "prev", "self"]

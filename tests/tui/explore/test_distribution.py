"""Figures of a distribution."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.configs import SamplingConfig
from core.server.tokens import SessionToken
from tests.support.fake_server import FakeServer
from tui.explore.distribution import columns, describe_distribution, surprise, surprises
from tui.explore.step_session import StepSession


def test_the_figures_are_those_of_the_prediction() -> None:
    """Detects nats shown as bits, a share of other tokens, or a setting without its value."""
    settings = SamplingConfig(temperature=1.0, top_k=3)

    async def distribution() -> None:
        session = StepSession(FakeServer(), "lang", "last", "Python")
        await session.append(settings, 8)
        assert session.view is not None
        path = surprises(session.path)
        figures = describe_distribution(session.view, settings, path, rows=6)
        assert figures.entropy == pytest.approx(2.0)
        assert figures.entropy_as_set == pytest.approx(1.0)
        assert [count for count, _ in figures.tops] == [1, 4, 6]
        assert figures.tops[1][1] == pytest.approx(0.5 + 0.25 + 0.12 + 0.06)
        assert [label for label, *_ in figures.effects] == ["top k 3"]
        assert len(path) == 2, "the first token has no probability"
        assert path[-1] == pytest.approx(surprise(session.taken[-1].probability or 0))
        assert figures.perplexity == f"{2 ** (sum(path) / 2):.3g}"

    asyncio.run(distribution())


def test_a_token_without_a_probability_has_no_surprise() -> None:
    assert surprises([SessionToken(1, "a"), SessionToken(2, "b", 0.25, 1)]) == [2.0]
    assert surprise(1.0) == 0.0


@given(st.lists(st.floats(0, 40), max_size=30), st.integers(1, 4), st.booleans())
def test_columns_grow_with_their_values(values: list[float], rows: int, is_ascii: bool) -> None:
    """Detects a column that is higher than that of a larger value, or one that is missing."""
    lines = columns(values, rows, is_ascii=is_ascii)
    assert [len(line) for line in lines] == [len(values)] * rows
    levels = " _.-=^" if is_ascii else " ▁▂▃▄▅▆▇█"
    heights = [sum(levels.index(line[place]) for line in lines) for place in range(len(values))]
    assert all(heights)
    ordered = [height for _, height in sorted(zip(values, heights, strict=True))]
    assert ordered == sorted(ordered)
    if max(values, default=0.0) > 0:
        assert max(heights) == rows * (len(levels) - 1)

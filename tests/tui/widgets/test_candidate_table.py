"""The table of candidate tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.configs import SamplingConfig
from core.server.tokens import CandidateToken, CorpusCount
from tui.widgets.candidate_table import candidate_row, fit_columns, header_row, remaining_line


def _token(**fields: object) -> CandidateToken:
    values: dict[str, object] = {
        "id": 3, "text": " grandmother’s", "rank": 1234, "probability": 0.382, "chance": 0.56,
        "removed": None, "corpus": CorpusCount(2139, 489_412, 3),
    }  # fmt: skip
    return CandidateToken(**(values | fields))  # type: ignore[arg-type]


@given(st.integers(58, 200), st.booleans(), st.booleans(), st.booleans())
def test_rows_fill_the_width_and_columns_stay_below_their_names(
    width: int, pinned: bool, corpus: bool, removed: bool
) -> None:
    """Detects a number that is cut, or not below its heading."""
    columns = fit_columns(width, pinned=pinned, corpus=corpus)
    settings = SamplingConfig(min_p=0.05)
    token = _token(removed="min_p" if removed else None, chance=0.0 if removed else 0.56)
    row = candidate_row(token, columns, mark="›", plain=False, settings=settings, pinned=0.5)
    header = header_row(columns)
    assert row.cell_length == header.cell_length <= width
    end = header.plain.index("as set") + len("as set")
    assert row.plain[:end].endswith("min p 0.05" if removed else "56.0%")
    assert "38.2%" in row.plain
    assert "1,234" in row.plain
    assert ("2.1k/489k·3" in row.plain or "2,139/489,412 ·3" in row.plain) == bool(columns.corpus)


@pytest.mark.parametrize(
    ("removed", "settings", "words"),
    [
        ("top_k", SamplingConfig(top_k=12), "top k 12"),
        ("min_p", SamplingConfig(min_p=0.1), "min p 0.1"),
        ("temperature", SamplingConfig(), "greedy"),
        ("special", SamplingConfig(), "special"),
    ],
)
def test_a_removed_token_names_the_setting_with_its_value(
    removed: str, settings: SamplingConfig, words: str
) -> None:
    token = _token(removed=removed, chance=0.0)
    row = candidate_row(token, fit_columns(90), mark="", plain=False, settings=settings)
    assert words in row.plain


def test_the_last_line_counts_the_tokens_below() -> None:
    rows = [_token(probability=0.5), _token(probability=0.25), _token(probability=0.2)]
    assert remaining_line(rows, 2, 4096, " · x").plain == "  … 4,094 more tokens share 25.0% · x"
    assert remaining_line(rows, 3, 3, "").plain == ""

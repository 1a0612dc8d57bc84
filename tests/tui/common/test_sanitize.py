from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.common.sanitize import clean, json_line, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x9b31m", "�31m"),
        ("a\r\nb\rc", "a\nb␍c"),
        ("del\x7f", "del␡"),
        ("right\u202eleft", "right�left"),
        ("汉字 é 🎉", "汉字 é 🎉"),
        ("lone \ud800", "lone �"),
    ],
)
def test_clean_shows_control_codes_instead_of_sending_them(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text())
def test_nothing_unsafe_survives(text: str) -> None:
    kept = {"\n", "\t"}
    assert not [c for c in clean(text) if unicodedata.category(c) in ("Cc", "Cs") and c not in kept]
    assert "\n" not in one_line(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_json_line_is_one_safe_line_of_the_same_value(text: str) -> None:
    line = json_line({"text": text})
    assert json.loads(line) == {"text": text}
    assert not [c for c in line if unicodedata.category(c) == "Cc"]

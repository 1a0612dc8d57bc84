from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.common.sanitize import StreamCleaner, clean, json_line, one_line


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
        ("tags \U000e0041\U000e007f", "tags ��"),
        ("soft\u00adhyphen, \u3164filler, \u180eseparator", "soft�hyphen, �filler, �separator"),
        ("joined\u200dletters", "joined�letters"),
        ("selected\ufe0fletter \U000e0101", "selected�letter �"),
        ("👨\u200d👩\u200d👧\u200d👦 👩🏽\u200d🚀", "👨\u200d👩\u200d👧\u200d👦 👩🏽\u200d🚀"),
        ("☀\ufe0f ❤\ufe0e 1\ufe0f\u20e3 🇩🇪", "☀\ufe0f ❤\ufe0e 1\ufe0f\u20e3 🇩🇪"),
        ("☀\ufe0f\ufe0f 👩\u200d", "☀\ufe0f� 👩�"),
        ("می\u200cخواهم ශ්\u200dරී", "می\u200cخواهم ශ්\u200dරී"),
    ],
)
def test_clean_shows_control_codes_instead_of_sending_them(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text())
def test_nothing_unsafe_survives(text: str) -> None:
    kept = {"\n", "\t"}
    assert not [c for c in clean(text) if unicodedata.category(c) in ("Cc", "Cs") and c not in kept]
    assert "\n" not in one_line(text)


DEFAULT_IGNORABLE = [
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810)),
    *(*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x3164),
    *(*range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0, *range(0xFFF0, 0xFFF9), *range(0x1BCA0, 0x1BCA4)),
    *(*range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000)),
]


@pytest.mark.parametrize("beside", ["", "a", " "])
def test_every_default_ignorable_code_point_is_shown_as_a_mark(beside: str) -> None:
    for code in DEFAULT_IGNORABLE:
        assert clean(f"{beside}{chr(code)}b") == f"{beside}�b", hex(code)
        assert json_line(chr(code)).isascii(), hex(code)
        assert json.loads(json_line(chr(code))) == chr(code)


@pytest.mark.parametrize(
    "text",
    ["👨\u200d👩\u200d👧\u200d👦!", "a☀\ufe0f b", "می\u200cخواهم", "x👍🏽\u200d", "👩👩\ufe0f"],
)
def test_text_is_cleaned_the_same_however_it_is_cut(text: str) -> None:
    for first in range(len(text) + 1):
        for second in range(first, len(text) + 1):
            cleaner = StreamCleaner()
            parts = [text[:first], text[first:second], text[second:]]
            assert "".join(map(cleaner.add, parts)) + cleaner.finish() == clean(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_json_line_is_one_safe_line_of_the_same_value(text: str) -> None:
    line = json_line({"text": text})
    assert json.loads(line) == {"text": text}
    assert not [c for c in line if unicodedata.category(c) == "Cc"]

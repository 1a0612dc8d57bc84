"""Stop texts are not shown, everything else is, in any division of the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.configs import SamplingConfig
from core.errors import SettingsError
from core.inference.generate import StopFilter


def _shown(pieces: list[str], stops: list[str]) -> tuple[str, bool]:
    result, shown = StopFilter(stops), ""
    for piece in pieces:
        shown += result.push(piece)
        if result.hit:
            return shown, True
    return shown + result.flush(), False


@pytest.mark.parametrize(
    ("pieces", "stops", "shown", "hit"),
    [
        (["1", "1", "2"], ["12"], "1", True),
        (["112"], ["12"], "1", True),
        (["a", "b"], ["b2"], "ab", False),
        (["ab", "cab", "cd"], ["abcd"], "abc", True),
        (["aab", "b"], ["ab", "aab"], "", True),
        (["ab", "cd"], ["bc"], "a", True),
        (["abcd"], ["abcd", "bc"], "a", True),
        (["x\n", "\n\ny"], ["\n\n"], "x", True),
        ([], ["a"], "", False),
        (["abc"], [], "abc", False),
    ],
)
def test_the_shown_text_ends_before_the_stop_text(
    pieces: list[str], stops: list[str], shown: str, hit: bool
) -> None:
    assert _shown(pieces, stops) == (shown, hit)


_texts = st.lists(st.text("ab", max_size=5), max_size=8)


@given(_texts, st.lists(st.text("ab", min_size=1, max_size=4), max_size=3))
def test_the_shown_text_does_not_depend_on_the_pieces(pieces: list[str], stops: list[str]) -> None:
    text = "".join(pieces)
    ends = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
    expected = (text[: min(ends)[1]], True) if ends else (text, False)
    assert _shown(pieces, stops) == expected
    assert _shown(list(text), stops) == expected


@given(_texts, st.lists(st.text("ab", min_size=1, max_size=4), max_size=3))
def test_only_a_possible_stop_text_is_held_back(pieces: list[str], stops: list[str]) -> None:
    result, shown, read = StopFilter(stops), "", ""
    for piece in pieces:
        shown += result.push(piece)
        read += piece
        if result.hit:
            return
        held = read.removeprefix(shown)
        assert not held or any(stop.startswith(held) for stop in stops)


@pytest.mark.parametrize("stop", [("",), ("a", ""), (3,)])
def test_an_empty_stop_text_is_refused(stop: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError) as caught:
        SamplingConfig(stop=stop)
    assert list(caught.value.problems) == ["stop"]

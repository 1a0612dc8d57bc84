"""Stop texts: nothing of one is shown, everything else is, however the text is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.configs import SamplingConfig
from core.errors import SettingsError
from core.inference.generate import StopFilter


def _shown(pieces: list[str], stops: list[str]) -> tuple[str, bool]:
    found, shown = StopFilter(stops), ""
    for piece in pieces:
        shown += found.push(piece)
        if found.hit:
            return shown, True
    return shown + found.flush(), False


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
def test_what_is_shown(pieces: list[str], stops: list[str], shown: str, hit: bool) -> None:
    assert _shown(pieces, stops) == (shown, hit)


_texts = st.lists(st.text("ab", max_size=5), max_size=8)


@given(_texts, st.lists(st.text("ab", min_size=1, max_size=4), max_size=3))
def test_it_shows_what_stands_before_the_first_stop_however_the_text_is_cut(
    pieces: list[str], stops: list[str]
) -> None:
    """A stop text that is missed in one cutting, or shown in part in another."""
    text = "".join(pieces)
    ends = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
    expected = (text[: min(ends)[1]], True) if ends else (text, False)
    assert _shown(pieces, stops) == expected
    assert _shown(list(text), stops) == expected


@given(_texts, st.lists(st.text("ab", min_size=1, max_size=4), max_size=3))
def test_only_what_may_become_a_stop_text_is_held_back(pieces: list[str], stops: list[str]) -> None:
    """Text that is shown late, or not before the end."""
    found, shown, read = StopFilter(stops), "", ""
    for piece in pieces:
        shown += found.push(piece)
        read += piece
        if found.hit:
            return
        held = read.removeprefix(shown)
        assert not held or any(stop.startswith(held) for stop in stops)


@pytest.mark.parametrize("stop", [("",), ("a", ""), (3,)])
def test_a_stop_text_that_stands_everywhere_is_refused(stop: tuple[str, ...]) -> None:
    """An option that is taken and ignored."""
    with pytest.raises(SettingsError) as caught:
        SamplingConfig(stop=stop)
    assert list(caught.value.problems) == ["stop"]

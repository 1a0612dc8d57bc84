"""A text whose words are masked, restored and replaced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.blanks import MASK, blank_text
from tui.explore.blank_text import NO_WORD, Choice

FOX = Choice(7, " fox")


def test_a_word_is_masked_and_restored() -> None:
    text = blank_text("The", "quick", "fox")
    text.go_to(1)
    assert text.toggle() == ""
    assert text.shown_words() == ["The", " ____", " fox"]
    assert text.asked_places == [2]
    assert text.text() == "The [] fox"
    assert text.toggle() == ""
    assert text.shown_words() == ["The", " quick", " fox"]
    assert not text.is_changed


def test_a_word_that_is_not_masked_is_asked_for_as_if_it_were() -> None:
    text = blank_text("The", "quick", "fox")
    text.mask([2])
    assert text.asked_places == [1, 3]
    assert text.place == 1
    text.go_to(2)
    assert text.asked_places == [3]


def test_a_choice_takes_the_place_of_a_word_until_it_is_restored() -> None:
    text = blank_text("The", "quick", "dog")
    text.go_to(2)
    text.put(FOX)
    assert text.text() == "The quick fox"
    assert text.fill == [], "the word at the cursor is asked for"
    text.go_to(0)
    assert text.fill == [[3, 7]]
    assert text.asked_places == [1]
    text.go_to(2)
    assert text.toggle() == ""
    assert text.text() == "The quick dog"


def test_a_typed_blank_has_no_word_to_restore() -> None:
    text = blank_text("The", "[]", "fox")
    assert text.ids[2] == MASK
    assert text.masked_words == [1]
    text.go_to(1)
    assert text.toggle() == NO_WORD
    assert text.masked_words == [1]
    text.put(FOX)
    assert text.text() == "The fox fox"
    assert text.is_changed
    assert text.toggle() == ""
    assert text.text() == "The [] fox"
    assert not text.is_changed


def test_a_word_of_several_pieces_is_masked_whole_and_filled_piece_by_piece() -> None:
    text = blank_text("The", ("ele", "ph", "ant"), "ran")
    text.go_to(1)
    text.toggle()
    assert text.asked_places == [2, 3, 4]
    assert text.shown_words()[1] == " ____+____+____"
    text.put(Choice(5, " el"))
    assert text.place == 3
    assert text.fill == [[2, 5]]
    assert text.shown_words()[1] == " el+____+____"
    text.put(Choice(6, "f"))
    text.put(Choice(7, "in"))
    assert text.text() == "The elfin ran"
    assert not text.is_masked
    text.put(Choice(8, " ox"))
    assert text.text() == "The ox[][] ran", "a choice for a whole word begins it anew"


def test_the_letters_of_a_word_are_blanks_of_one_cell() -> None:
    text = blank_text(("f", "o", "x"))
    text.toggle()
    assert text.shown_words() == ["___"]
    assert blank_text(("f", "[]", "x")).shown_words() == ["f_x"]


def test_the_cursor_passes_over_blanks_between_words() -> None:
    text = blank_text("a", "", "b")  # the token between is one blank
    assert text.move(1)
    assert text.at == 2
    assert not text.move(1)
    assert text.move(-1)
    assert text.at == 0
    assert not text.move(-1)


def test_special_tokens_are_no_words() -> None:
    text = blank_text("The", "fox")
    assert [list(word) for word in text.words] == [[1], [2]]
    empty = blank_text()
    assert (empty.place, empty.asked_places, empty.text(), empty.toggle()) == (None, [], "", "")
    empty.put(FOX)
    assert empty.choices == {}


@pytest.mark.parametrize(
    ("at", "by", "expected"), [(0, 1, 1), (1, 1, 3), (3, 1, 1), (0, -1, 3), (3, -1, 1), (2, -1, 1)]
)
def test_the_next_blank_is_found_around_the_ends(at: int, by: int, expected: int) -> None:
    text = blank_text("a", "b", "c", "d")
    assert text.next_blank(by) is None
    text.mask([1, 3])
    text.go_to(at)
    assert text.next_blank(by) == expected


@given(st.lists(st.sampled_from(["move", "back", "toggle", "put"]), max_size=20))
def test_what_is_asked_is_never_put_in_and_all_can_be_restored(actions: list[str]) -> None:
    text = blank_text("a", ("b", "c"), "[]", "d")
    before = text.text()
    for action in actions:
        if action in ("move", "back"):
            text.move(1 if action == "move" else -1)
        elif action == "toggle":
            text.toggle()
        else:
            text.put(FOX)
        asked = set(text.asked_places)
        assert asked.isdisjoint(place for place, _ in text.fill)
        assert text.place in asked
        assert text.blanks <= asked
        assert text.blanks.isdisjoint(text.choices)
        assert text.text().count("[]") == len(text.blanks)
    text.restore()
    assert text.text() == before

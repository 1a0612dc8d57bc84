"""The game: rounds, guesses, the score."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.blanks import blank_text, fill_place
from tui.explore.blank_game import (
    Player,
    Round,
    Score,
    choose_words,
    is_same_word,
    round_words,
    start_round,
)
from tui.explore.blank_text import BlankText

YOU, ENCODER, DECODER = Player.YOU, Player.ENCODER, Player.DECODER


@pytest.fixture
def text() -> BlankText:
    text = blank_text("The", "quick", "fox", "ran")
    text.mask([1, 3])
    return text


@pytest.mark.parametrize(
    ("guess", "word", "same"),
    [
        (" Fox", "fox ", True),
        ("fox.", "fox", False),
        ("", "fox", False),
        ("straße", "STRASSE", True),
    ],
)
def test_words_are_compared_without_case_and_blanks(guess: str, word: str, same: bool) -> None:
    assert is_same_word(guess, word) == same


def test_a_round_counts_for_every_player(text: BlankText) -> None:
    places = [
        fill_place(text, 2, ["quick", "slow"], ["slow", "quick"]),
        fill_place(text, 4, ["sat", "ran"], ["ran"]),
    ]
    round_ = start_round(text, places)
    assert round_.truth == {1: "quick", 3: "ran"}
    assert round_.players == [YOU, ENCODER, DECODER]
    assert round_.next_word(0) == 1
    round_.answers[1] = "Quick"
    assert round_.next_word(1) == 3
    assert round_words(round_) == {1: "•Quick"}, "not judged before the round is over"
    assert not round_.is_over
    round_.answers[3] = "ate"
    assert round_.is_over
    assert round_.next_word(3) is None
    assert round_words(round_) == {1: "quick✓", 3: "ate✗→ran"}
    score = Score()
    assert str(score) == ""
    score.add(round_)
    assert str(score) == "You 1 of 2, model 1 of 2, decoder 1 of 2"
    score.add(round_)
    assert score.brief == "You 2 of 4, model 2 of 4"
    assert score.rounds == 2


def test_without_a_decoder_there_are_two_players(text: BlankText) -> None:
    places = [fill_place(text, place, ["x"]) for place in (2, 4)]
    assert start_round(text, places).players == [YOU, ENCODER]


def test_typed_blanks_are_not_guessed() -> None:
    text = blank_text("The", "[]", "fox")
    text.mask([2])
    places = [fill_place(text, place, ["x"]) for place in (2, 3)]
    assert start_round(text, places).words == [2]


def test_a_word_of_several_pieces_is_guessed_whole() -> None:
    text = blank_text("The", ("ele", "phant"))
    text.mask([1])
    places = [fill_place(text, 2, ["ele"]), fill_place(text, 3, ["phant"])]
    places[1].candidates[0] = places[1].candidates[0]._replace(text="phant")
    round_ = start_round(text, places)
    assert round_.truth == {1: "elephant"}
    assert round_.options[1] == []
    assert round_.guess(ENCODER, 1) == "elephant"


@given(st.sets(st.integers(0, 9)), st.integers(0, 99))
def test_about_as_many_tokens_are_masked_as_were_chosen(places: set[int], seed: int) -> None:
    """Detects a text of letters of which nearly every word is masked."""
    text = blank_text("a", ("b", "c"), ("d", "[]"), ("e", "f", "g"), "h")
    words = choose_words(text, sorted(places), Random(seed))
    assert words == sorted(set(words))
    assert 2 not in words, "a word with a typed blank is not guessed whole"
    assert all(places & set(text.words[word]) for word in words)
    masked = sum(len(text.words[word]) for word in words)
    most = max((len(text.words[word]) for word in words), default=0)
    assert masked < len(places) + most or not words
    eligible = [1, 2, 3, 6, 7, 8, 9]
    assert bool(words) == bool(places & set(eligible))


def test_options_hide_what_the_model_prefers(text: BlankText) -> None:
    """Detects options in the order of their probability, or without the word itself."""
    guesses = [f"w{number:02}" for number in reversed(range(20))]
    ids = iter(range(2000, 3000))
    place = fill_place(text, 2, ["", *guesses])  # the first is a blank, which cannot be typed
    place.candidates[:] = [token._replace(id=next(ids)) for token in place.candidates]
    options = start_round(text, [place, fill_place(text, 4, ["ran"])]).options[1]
    texts = [option.text.strip() for option in options]
    assert len(options) == 10
    assert texts == sorted(texts)
    assert "quick" in texts
    assert {"w19", "w11"} <= set(texts)


def test_a_pasted_page_as_an_answer_leaves_the_text_in_view() -> None:
    round_ = Round({0: "cat", 1: "dog"}, {}, answers={0: "x" * 100_000})
    assert len(round_words(round_)[0]) < 50
    round_.answers[1] = "dog"
    assert round_words(round_)[0].endswith("…✗→cat")

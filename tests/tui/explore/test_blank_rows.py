"""Rows and lines about a blank."""

from __future__ import annotations

from dataclasses import replace

from tests.support.blanks import blank_text, fill_place
from tui.explore.blank_rows import blank_rows, corpus_line, share_text, word_line
from tui.explore.blank_text import BlankText, Choice


def _text() -> BlankText:
    text = blank_text("The", "quick", "fox", "ran")
    text.go_to(1)
    return text


def test_rows_are_in_the_order_of_the_encoder_then_of_the_decoder() -> None:
    place = fill_place(_text(), 2, ["fox", "ran"], ["The", "fox"], {"The": 3, "ran": 1})
    rows = blank_rows(place)
    assert [row.text.strip() for row in rows] == ["fox", "ran", "quick", "The"]
    fox, ran, quick, the = rows
    assert (fox.encoder, fox.decoder, fox.count) == (0.5, 0.25, 0)
    assert (ran.encoder, ran.decoder, ran.count) == (0.25, None, 1)
    assert (the.encoder, the.decoder, the.count) == (None, 0.5, 3)
    assert [row.is_original for row in rows] == [False, False, True, False]
    assert quick.encoder == quick.decoder == 0.001


def test_counts_that_are_not_listed_are_unknown() -> None:
    """Detects a count of 0 for a token that is only not among the most frequent."""
    place = fill_place(_text(), 2, ["fox", "ran"], counts={"fox": 3}, total=5)
    assert [row.count for row in blank_rows(place)] == [3, None, None]
    assert [row.count for row in blank_rows(replace(place, counts=None))] == [None] * 3
    assert share_text(None) == "–"
    assert share_text(0.25) == "25.0%"


def test_the_line_about_the_word_says_whether_it_is_masked_or_replaced() -> None:
    text = _text()
    place = fill_place(text, 2, ["fox"], ["fox"])
    ranks = "encoder 0.10%, rank 9"
    assert word_line(text, place, None) == f"here is “quick” · {ranks}"
    assert word_line(text, place, "other") == f"here is “quick” · {ranks} · decoder 0.10%, rank 9"
    text.toggle()
    assert word_line(text, place, None) == f"masked: “quick” · {ranks}"
    text.put(Choice(3, " slow"))
    assert word_line(text, place, None) == f"instead of “quick” · {ranks}"
    assert word_line(text, None, None) == ""


def test_the_line_about_a_piece_names_it() -> None:
    text = blank_text(("ele", "phant"))
    assert word_line(text, fill_place(text, 1, ["x"]), None).startswith(
        "piece 1 of 2 · here is “ele”"
    )
    typed = blank_text("a", "[]")
    typed.go_to(1)
    assert "no word to compare with" in word_line(typed, fill_place(typed, 2, ["x"]), None)


def test_the_line_about_the_corpus_names_both_neighbours() -> None:
    text = _text()
    once = fill_place(text, 2, [], counts={"quick": 1})
    assert corpus_line(text, once) == "corpus: 1 token between “The” and “fox”"
    many = replace(once, total=1234, at_least=True)
    words = "at least 1,234 tokens between “The” and “fox”"
    assert corpus_line(text, many) == f"corpus: {words}"
    start = replace(once, place=1)
    assert "between the start and “quick”" in corpus_line(text, start)
    assert "between “fox” and the end" in corpus_line(text, replace(once, place=4))
    assert "not counted" in corpus_line(text, replace(once, counts=None))
    assert corpus_line(text, None) == ""


def test_the_line_about_the_corpus_names_the_token_that_was_put_in_beside_a_blank() -> None:
    """Detects the token of the text, or its blank, instead of the choice that is counted."""
    text = blank_text("The", "[]", "fox", "ran")
    text.go_to(1)
    text.put(Choice(3, " slow"))
    place = fill_place(text, 3, [], counts={"fox": 2})
    assert corpus_line(text, place) == "corpus: 2 tokens between “slow” and “ran”"

"""The text of Step by its tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.server.tokens import SessionToken
from tui.explore.taken_path import NOTHING_TAKEN, breadcrumb, path_text, split_taken, token_facts

TOKENS = [
    SessionToken(5, " fox", 0.62, 1),
    SessionToken(6, " Pip", 0.08, 3),
    SessionToken(7, ".", 0.88, 1),
]


@given(st.lists(st.text("ab é\n", min_size=1, max_size=4), max_size=12), st.booleans())
def test_no_character_is_lost_by_cutting(texts: list[str], blanks: bool) -> None:
    """Detects text that vanishes or appears twice between its tokens."""
    text = (" " if blanks else "").join(texts)
    tokens = [SessionToken(3, one, 0.5, 1) for one in texts]
    pieces = split_taken(text, tokens)
    assert "".join(piece for piece, _ in pieces) == text
    indices = [index for _, index in pieces if index is not None]
    assert indices == sorted(set(indices))


def test_each_piece_belongs_to_its_token() -> None:
    pieces = split_taken(" fox Pip.", TOKENS)
    assert [piece for piece in pieces if piece[1] is not None] == [
        ("fox", 0),
        ("Pip", 1),
        (".", 2),
    ]


def test_half_a_character_does_not_shift_the_tokens_after_it() -> None:
    tokens = [SessionToken(3, "\ufffd", 0.5, 1), SessionToken(4, "\ufffd", 0.5, 2), TOKENS[0]]
    assert split_taken("é fox", tokens)[-1] == ("fox", 2)


def test_the_rank_is_named_only_where_it_was_not_the_likeliest() -> None:
    assert breadcrumb(TOKENS, 80).plain == "fox 62% › Pip 8% #3 › . 88% › ?"
    assert breadcrumb((), 80).plain == NOTHING_TAKEN
    assert token_facts(TOKENS[1]) == "“Pip” 8.0%, rank 3 · 3.6 bits"


@given(st.integers(10, 60))
def test_the_path_fits_and_keeps_its_end(width: int) -> None:
    """Detects a path without its last tokens."""
    shown = breadcrumb(TOKENS * 9, width)
    assert shown.cell_length <= width
    assert shown.plain.endswith("?")


def test_unlikely_tokens_are_underlined_and_the_next_one_follows() -> None:
    content = path_text("Once a", " fox Pip.", TOKENS, " ran")
    assert content.plain == "Once a fox Pip.  ran "
    underlined = [
        content.plain[span.start : span.end] for span in content.spans if "underline" in str(span)
    ]
    assert underlined == ["Pip"]

"""The text of Step by its tokens: which were unlikely, and the path of those taken."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.style import Style

from core.server.tokens import SessionToken
from tui.common.sanitize import clean, one_line
from tui.explore.candidates import percent
from tui.explore.distribution import surprise

INDEX = "index"  # in the meta data of a style: the index of a taken token
MAX_SHOWN_CHARACTERS = 1000  # of a text, from its end: more than is visible
MAX_TOKEN_CELLS = 20
NOTHING_TAKEN = "nothing taken yet"
NEXT_MARK = "?"
GAP_CHARACTERS = 4  # between two tokens in a text, where the tokenizer adds blanks


def split_taken(text: str, tokens: Sequence[SessionToken]) -> list[tuple[str, int | None]]:
    """Cut the text of the taken tokens into pieces, each with the index of its token.

    Blanks that the tokenizer puts between tokens, and halves of characters, have no index.
    """
    pieces: list[tuple[str, int | None]] = []
    at = passed = 0  # the end of the pieces, and of the tokens that were not found after it
    for index, token in enumerate(tokens):
        shown = token.text.strip()
        end = at + passed + len(shown) + GAP_CHARACTERS
        start = text.find(shown, at, end) if shown else -1
        if start < 0:
            passed += len(token.text)
            continue
        if start > at:
            pieces.append((text[at:start], None))
        at, passed = start + len(shown), 0
        pieces.append((text[start:at], index))
    if at < len(text):
        pieces.append((text[at:], None))
    return pieces


def path_text(prompt: str, text: str, tokens: Sequence[SessionToken], upcoming: str) -> Content:
    """Render the prompt in bold, the taken tokens, and the one that Enter takes.

    Tokens that were not the likeliest are underlined.

    Args:
        text: of the taken tokens.
        upcoming: the text of the token at the table's cursor; empty for none.
    """
    parts: list[Content | tuple[str, str]] = [
        (clean(prompt[-MAX_SHOWN_CHARACTERS:]).replace("\t", " "), "bold $ink")
    ]
    for piece, index in _last_pieces(split_taken(text, tokens)):
        rank = None if index is None else tokens[index].rank
        style = "underline $accent" if rank and rank > 1 else "$ink"
        content = Content.styled(clean(piece).replace("\t", " "), style)
        parts.append(content if index is None else _marked(content, index))
    if upcoming:
        blank = "" if (prompt + text).endswith((" ", "\n")) or not prompt + text else " "
        shown = one_line(upcoming).strip() or one_line(upcoming)
        parts.append(Content.assemble(blank, (f" {shown} ", "bold $primary on $cursor")))
    return Content.assemble(*parts)


def _last_pieces(pieces: list[tuple[str, int | None]]) -> list[tuple[str, int | None]]:
    """The pieces at the end of a text that can be visible."""
    characters = 0
    for place in reversed(range(len(pieces))):
        characters += len(pieces[place][0])
        if characters > MAX_SHOWN_CHARACTERS:
            return pieces[place:]
    return pieces


def breadcrumb(tokens: Sequence[SessionToken], width: int, *, is_ascii: bool = False) -> Content:
    """Render the last tokens taken, each with its probability, and its rank if not the first."""
    if not tokens:
        return Content.styled(NOTHING_TAKEN, "$faint")
    arrow = Content.styled(" › ", "$faint")
    parts: list[Content] = [Content.styled(NEXT_MARK, "bold $primary")]
    used = len(NEXT_MARK)
    for index in reversed(range(len(tokens))):
        step = _marked(_step(tokens[index], is_ascii=is_ascii), index)
        if used + step.cell_length + arrow.cell_length > width:
            break
        parts[:0] = [step, arrow]
        used += step.cell_length + arrow.cell_length
    return Content.assemble(*parts)


def _step(token: SessionToken, *, is_ascii: bool) -> Content:
    text = one_line(token.text).strip() or one_line(token.text)
    if cell_len(text) > MAX_TOKEN_CELLS:
        text = text[: MAX_TOKEN_CELLS - 1] + ("~" if is_ascii else "…")
    parts: list[tuple[str, str]] = [(text, "$ink")]
    if token.probability is not None:
        share = token.probability
        parts.append((f" {share:.0%}" if share >= 0.01 else f" {percent(share)}", "$muted"))
    if token.rank is not None and token.rank > 1:
        parts.append((f" #{token.rank:,}", "$accent"))
    return Content.assemble(*parts)


def token_facts(token: SessionToken) -> str:
    """Describe a taken token."""
    shown = one_line(token.text).strip() or one_line(token.text)
    if token.probability is None:
        return f"“{shown}”"
    bits = surprise(token.probability)
    return f"“{shown}” {percent(token.probability)}, rank {token.rank:,} · {bits:.1f} bits"


def _marked(content: Content, index: int) -> Content:
    return content.stylize(Style.from_meta({INDEX: index}))

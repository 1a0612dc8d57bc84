"""Text about the cursor: its token, the branches at the nearest fork."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.style import Style

from core.config.configs import SamplingConfig
from core.server.replies import ScoreAtReply
from tui.common.format import PLAIN_SPACE, SPACE, mark_spaces
from tui.common.sanitize import one_line
from tui.explore.branches import BranchToken, nearest_fork
from tui.explore.candidates import GREEDY, chance_text, percent, perplexity
from tui.explore.cursor import Cursor

MAX_TOKEN_CHARACTERS = 24
BRANCH_LABEL_CELLS = 6
BRANCH = "branch"  # in the meta data of a style: how many branches further this one is
END_OF_TEXT = "<eos>"
DIGITS_LEGEND = "tenths, ! <1%"
GREEDY_REMOVED = "greedy takes another"
END_POSITION = "end of the text: what could come next"


def token_line(
    cursor: Cursor, view: ScoreAtReply, settings: SamplingConfig, *, plain: bool = False
) -> str:
    """Describe the token at the cursor and its probability."""
    actual = view.actual
    if actual is None:
        return END_POSITION if cursor.at == len(cursor.path) else ""
    token = mark_spaces(actual.text, PLAIN_SPACE if plain else SPACE)
    if len(token) > MAX_TOKEN_CHARACTERS:
        token = token[: MAX_TOKEN_CHARACTERS - 1] + ("~" if plain else "…")
    chance = chance_text(actual, settings)
    verb = "removed by" if actual.removed else "as set"
    as_set = GREEDY_REMOVED if chance == GREEDY else f"{verb} {chance}"
    return f"“{token}” {percent(actual.probability)}, rank {actual.rank:,} · {as_set}"


def branch_line(cursor: Cursor, *, legend: bool = False) -> str:
    """Describe where the cursor is, which branch this is, and the perplexity of the text."""
    first = _unnumbered_tokens(cursor)
    words = [
        f"token {cursor.at + 1 - first:,} of {len(cursor.path) - first:,}",
        branch_position(cursor),
        f"text perplexity {perplexity(mean_loss(cursor.chances))}",
        DIGITS_LEGEND,
    ]
    if cursor.at == len(cursor.path):
        del words[0]
    return " · ".join(words if legend else words[:-1])


def branch_position(cursor: Cursor) -> str:
    """Describe which of the branches at the nearest fork this is."""
    position = nearest_fork(cursor.forks, cursor.at)
    if position is None:
        return "no branches yet"
    fork = cursor.tree.fork(cursor.branch, position)
    branches = cursor.tree.branches_at(fork)
    taken = cursor.tree.branch_taken(cursor.branch, fork)
    number = position + 1 - _unnumbered_tokens(cursor)
    where = "here" if position == cursor.at else f"at token {number:,}"
    if taken is None:
        return f"{len(branches)} branch{'es' * (len(branches) != 1)} {where}"
    return f"branch {branches.index(taken) + 1} of {len(branches)} {where}"


def _unnumbered_tokens(cursor: Cursor) -> int:
    """Return 1 if the path begins with a token without text, which is not counted; else 0."""
    return int(not cursor.path[0].text)


def branch_rows(cursor: Cursor, width: int, max_rows: int, mark: str) -> list[Content]:
    """Render the branches at the nearest fork, one per row, around the one taken.

    Args:
        width: cells of a row.
        max_rows: further branches are left out.
        mark: shown before the branch taken.
    """
    branches, taken = _branches_shown(cursor)
    first = max(0, min(taken - max_rows // 2, len(branches) - max_rows))
    rows = []
    for number, tokens in enumerate(branches[first : first + max(0, max_rows)], first + 1):
        text = one_line("".join(token.text for token in tokens).strip(" ")) or END_OF_TEXT
        sign, style = (mark, "bold") if number - 1 == taken else ("", "")
        available = max(1, width - BRANCH_LABEL_CELLS)
        if cell_len(text) > available:
            text = set_cell_size(text, available)
        row = Content.assemble(
            (f"{sign:<2}", "bold $primary"),
            (f"{number:>{BRANCH_LABEL_CELLS - 3}} ", "$faint"),
            (text, style),
        )
        # Without one taken, the first is the next.
        by = number if taken < 0 else number - 1 - taken
        rows.append(row.stylize(Style.from_meta({BRANCH: by})))
    return rows


def _branches_shown(cursor: Cursor) -> tuple[Sequence[Sequence[BranchToken]], int]:
    """Return the branches being generated or at the nearest fork, and the index of the one taken.

    The index is -1 if none is taken.
    """
    if cursor.growing:
        return (cursor.growing, 0) if len(cursor.growing) > 1 else ((), -1)
    position = nearest_fork(cursor.forks, cursor.at)
    if position is None:
        return (), -1
    fork = cursor.tree.fork(cursor.branch, position)
    branches = cursor.tree.branches_at(fork)
    taken = cursor.tree.branch_taken(cursor.branch, fork)
    tokens = [cursor.tree.branch_tokens(id, fork) for id in branches]
    return tokens, branches.index(taken) if taken else -1


def branches_added(count: int, *, greedy: bool) -> str:
    """Describe the result of generating branches."""
    if not count:
        return "No new branches; a higher temperature gives others."
    how = " (likeliest tokens)" if greedy else ""
    return f"{count} branch{'es' * (count != 1)} added{how}; ] shows the next."


def mean_loss(chances: Sequence[float | None]) -> float | None:
    """Return the loss in nats per token, over the tokens whose probability is known."""
    known = [chance for chance in chances if chance is not None]
    if not known:
        return None
    return -sum(math.log(max(chance, 1e-300)) for chance in known) / len(known)

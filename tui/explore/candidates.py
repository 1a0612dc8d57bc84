"""Text about candidate tokens: probabilities, counts in the corpus, perplexity."""

from __future__ import annotations

import math
from collections.abc import Container

from core.config.configs import SamplingConfig
from core.server.replies import NextTokensReply
from core.server.tokens import CandidateToken
from tui.common.format import format_short_count
from tui.common.sampling_settings import CONTROLS_BY_NAME
from tui.common.sanitize import one_line

SPECIAL = "special"  # the reason for the removal of tokens that are never generated
GREEDY = "greedy"
MIN_PERCENT_SHARE = 0.00005  # below, a share is shown as "<.01%"
MAX_PERPLEXITY = 1e6
NO_INDEX = "corpus: no index yet, k builds it"


def percent(share: float) -> str:
    """Format a share in at most six cells: 62.1%, 0.42%, <.01%."""
    if 0.0 < share < MIN_PERCENT_SHARE:
        return "<.01%"
    return f"{share:.0%}" if share in (0.0, 1.0) else f"{share:.{1 if share >= 0.01 else 2}%}"


def chance_text(token: CandidateToken, settings: SamplingConfig | None = None) -> str:
    """Format the probability after the settings, or what removed the token."""
    return removed_by(token.removed, settings) if token.removed else percent(token.chance)


def removed_by(setting: str, settings: SamplingConfig | None = None) -> str:
    """Name the setting that removed a token, with its value if the settings are given."""
    if setting not in CONTROLS_BY_NAME:
        return one_line(setting)  # "special"
    name = CONTROLS_BY_NAME[setting].short
    if settings is None:
        return name
    value = getattr(settings, setting)
    return GREEDY if setting == "temperature" and value == 0 else f"{name} {value:g}"


def corpus_count(token: CandidateToken, width: int | None = None) -> str:
    """Format how often the token follows in the corpus: "12 of 14 after 3"; a dash if unknown.

    Args:
        width: in cells, at least nine; numbers are shortened, not cut: "12/14 ·3", "2.1k/489k·3".
    """
    if token.corpus is None:
        return "–"
    following, total, length = token.corpus
    context = f"after {length}" if length else "overall"
    forms = [f"{following:,} of {total:,} {context}"]
    for pair in (
        f"{following:,}/{total:,}",
        f"{format_short_count(following)}/{format_short_count(total)}",
    ):
        forms += [f"{pair} ·{length}", f"{pair}·{length}"] if length else [pair]
    fallback = f"{format_short_count(following)}/{format_short_count(total)}"
    return next((form for form in forms if width is None or len(form) <= width), fallback)


def perplexity(loss: float | None) -> str:
    """Format the perplexity of a loss in nats per token; a dash if unknown."""
    if loss is None:
        return "–"
    if loss > math.log(MAX_PERPLEXITY):
        return "over a million"
    return f"{math.exp(loss):,.3g}" if loss < math.log(1000) else f"{math.exp(loss):,.0f}"


def corpus_facts(view: NextTokensReply) -> str:
    """Describe how much of the end of the text occurs in the corpus."""
    if view.corpus is None:
        return NO_INDEX
    length, count = view.corpus.length, view.corpus.count
    if not length:
        return "corpus: the last token does not occur"
    tokens = f"the last {length} tokens occur" if length > 1 else "the last token occurs"
    return f"corpus: {tokens} {'once' if count == 1 else f'{count:,} times'}"


def match_count(count: int, text: str) -> str:
    """Describe how many tokens contain a text."""
    return f"{count:,} token{'s contain' if count != 1 else ' contains'} “{one_line(text)}”"


def likeliest_ids(view: NextTokensReply, count: int, excluded: Container[int] = ()) -> list[int]:
    """Return the ids of the likeliest tokens that can be generated."""
    ids = [token.id for token in view.top if token.removed != SPECIAL]
    return [id for id in ids if id not in excluded][:count]

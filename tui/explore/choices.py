"""What could come next, as the sampler says it and as it is written. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tui.common.sampling_settings import BY_NAME
from tui.common.sanitize import one_line

SPECIAL = "special"
LEAST = 0.00005  # what is less is written as less
LARGEST = 1e6  # so is a perplexity that is more


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A token that could come.

    Attributes:
        id, text: of the token.
        rank: how many are likelier, and one.
        probability: the model's own.
        chance: after the settings.
        removed: the setting that removed it; empty if none did.
        corpus: how often it followed in the corpus, of how many, after how many of the last
            tokens; None where that is not known.
    """

    id: int
    text: str
    rank: int
    probability: float
    chance: float
    removed: str
    corpus: tuple[int, int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class NextTokens:
    """What could come after a text.

    Attributes:
        length, begun: tokens so far, and those before the first choice.
        used, context: tokens that the model sees, and how many it can see.
        entropy: nats.
        loss: nats a token of the text so far; None where there is nothing to tell.
        top: the likeliest, falling.
        choice: the one that the settings choose.
        picked: the one that came last, if this answers a pick.
        ended: whether the text has come to its end.
        text: what was chosen.
        copied: how many of the last tokens stand in the corpus, and how often; None if unknown.
    """

    length: int
    begun: int
    used: int
    context: int
    entropy: float
    loss: float | None
    top: tuple[Choice, ...]
    choice: Choice
    picked: Choice | None
    ended: bool
    text: str
    copied: tuple[int, int] | None


def choice_of(said: Mapping[str, Any]) -> Choice:
    """One of the sampler's tokens."""
    corpus = said.get("corpus")
    return Choice(
        id=said["id"],
        text=said["text"],
        rank=said["rank"],
        probability=said["probability"],
        chance=said["chance"],
        removed=said["removed"] or "",
        corpus=tuple(corpus) if corpus else None,
    )


def next_tokens_of(said: Mapping[str, Any]) -> NextTokens:
    """The sampler's view."""
    corpus, picked = said.get("corpus"), said.get("picked")
    return NextTokens(
        length=said["length"],
        begun=said["begun"],
        used=said["used"],
        context=said["context"],
        entropy=said["entropy"],
        loss=said["loss"],
        top=tuple(map(choice_of, said["top"])),
        choice=choice_of(said["choice"]),
        picked=choice_of(picked) if picked else None,
        ended=said["ended"],
        text=said["text"],
        copied=(corpus["length"], corpus["count"]) if corpus else None,
    )


def percent(share: float) -> str:
    """At most six cells: 62.1%, 0.42%, <.01%."""
    if not 0.0 < share < LEAST:
        return f"{share:.0%}" if share in (0.0, 1.0) else f"{share:.{1 if share >= 0.01 else 2}%}"
    return "<.01%"


def after(choice: Choice) -> str:
    """Its chance after the settings, or what removed it."""
    if choice.removed:
        return removed_by(choice.removed)
    return percent(choice.chance)


def removed_by(setting: str) -> str:
    """The name of a setting that removed a token."""
    if setting == SPECIAL:
        return "never said"
    return BY_NAME[setting].short if setting in BY_NAME else one_line(setting)


def corpus_words(choice: Choice, *, short: bool = False) -> str:
    """How often it followed in the corpus: "12 of 14 after 3"; a dash where nobody knows."""
    if choice.corpus is None:
        return "–"
    following, of, length = choice.corpus
    return f"{following:,}/{of:,} ·{length}" if short else f"{following:,} of {of:,} after {length}"


def perplexity(loss: float | None) -> str:
    """Of a text by its loss in nats; a dash where there is nothing to tell."""
    if loss is None:
        return "–"
    if loss > math.log(LARGEST):
        return "over a million"
    return f"{math.exp(loss):,.3g}" if loss < math.log(1000) else f"{math.exp(loss):,.0f}"


def facts(view: NextTokens) -> str:
    """What there is to say of the place: how open it is, how surprising the text was."""
    bits = view.entropy / math.log(2)
    return (
        f"entropy {bits:.2f} bits · perplexity so far {perplexity(view.loss)} · "
        f"{view.used:,} of {view.context:,} tokens seen"
    )


def corpus_facts(view: NextTokens) -> str:
    """How much of the end of the text stands in the corpus."""
    if view.copied is None:
        return "corpus: no index yet · press i to build"
    length, count = view.copied
    if not length:
        return "corpus: the last token does not stand there"
    tokens = f"the last {length} tokens stand" if length > 1 else "the last token stands"
    return f"corpus: {tokens} there {count:,} time{'s' * (count != 1)}"


def matching(count: int, text: str) -> str:
    """How many tokens hold a text."""
    return f"{count:,} token{'s hold' if count != 1 else ' holds'} “{one_line(text)}”"


def likeliest(view: NextTokens, count: int, besides: Sequence[int] = ()) -> list[int]:
    """The ids of the likeliest tokens that may be said, but for some."""
    ids = [one.id for one in view.top if one.removed != SPECIAL]
    return [id for id in ids if id not in besides][:count]

"""One prompt continued by several runs, and where each text parts from the first run's."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from core.config.configs import SamplingConfig
from core.errors import MiniGPTError, StateError
from core.paths import Home
from core.run.directory import Run
from core.system.machine import free_memory
from core.tokenizer.special_tokens import EOS
from tui.common.format import find_first_difference, format_size
from tui.common.sanitize import one_line

if TYPE_CHECKING:
    from tui.common.client import ModelClient

REPLY_TOKENS = 60
SETTINGS = SamplingConfig(max_tokens=REPLY_TOKENS)  # greedy
MAX_WORD_CHARACTERS = 24  # of what parts; longer words are those of scripts without spaces
MIN_PROBABILITY = 1e-12  # as sent, the smallest may be rounded to 0
WAITING, LOADING, RUNNING, DONE, FAILED = "waiting", "loading", "running", "done", "failed"


class Parting(NamedTuple):
    """Where a text parts from another: the characters of the first word that differs.

    The range is empty at the end of a text that only ends earlier.
    """

    start: int
    end: int


def find_parting(first: str, other: str) -> Parting | None:
    """Where `other` parts from `first`; None if they are equal."""
    index = find_first_difference(first, other)
    if index is None:
        return None
    if index == len(other):
        return Parting(index, index)
    start = index
    is_same_word = _ends_word(first, index) and _ends_word(other, index)
    while start > 0 and not is_same_word and not other[start - 1].isspace():
        start -= 1
    if index - start > MAX_WORD_CHARACTERS:
        start = index
    while start == index and start < len(other) and other[start].isspace():
        start = index = start + 1
    end = index
    while end < len(other) and not other[end].isspace() and end - index < MAX_WORD_CHARACTERS:
        end += 1
    return Parting(start, end)


def _ends_word(text: str, index: int) -> bool:
    return index >= len(text) or text[index].isspace()


@dataclass
class PromptReply:
    """What one run makes of the prompt.

    Attributes:
        run: its name.
        state: waiting, loading, running, done or failed.
        problem: why there is no (more) text.
        hint: what to do about it.
        pieces, ids: its text and token ids so far.
        nats: minus the sum of the log-probabilities of its tokens.
        speed: tokens per second, after the prompt was read.
        step: training step of the weights; None until known.
        ended: why it ended, as in `GenerateReply`; empty before.
        end_ids: those that end a text of its model.
    """

    run: str
    state: str = WAITING
    problem: str = ""
    hint: str = ""
    pieces: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    nats: float = 0.0
    speed: float | None = None
    step: int | None = None
    ended: str = ""
    end_ids: frozenset[int] = frozenset((EOS,))

    @property
    def text(self) -> str:
        """Its text so far."""
        return "".join(self.pieces)

    @property
    def perplexity(self) -> float | None:
        """Per token of the reply, under the model itself; None without tokens."""
        return math.exp(self.nats / len(self.ids)) if self.ids else None

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come."""
        return self.state in (DONE, FAILED)

    def fail(self, error: MiniGPTError) -> None:
        """End it with a reason."""
        self.state, self.problem, self.hint = FAILED, error.message, error.hint

    def stop(self) -> None:
        """End it with the text so far."""
        if not self.is_over:
            self.state, self.problem = FAILED, "Stopped."

    def parting(self, first: PromptReply | None) -> Parting | None:
        """Where it parts from the first reply, as far as both are known."""
        if first is None or first is self or not self.ids:
            return None
        theirs, ours = first.text, self.text
        if not first.is_over:
            ours = ours[: len(theirs)]
        if not self.is_over:
            theirs = theirs[: len(ours)]
        parting = find_parting(theirs, ours)
        if parting and self.is_over and first.is_over:
            return parting
        # The rest of a word may still come.
        return parting if parting and parting.end < len(ours) else None

    def ids_before(self, parting: Parting | None) -> list[int]:
        """The tokens that end before it parts; without a parting all of them, but for <eos>."""
        length, ids = 0, []
        for piece, id in zip(self.pieces, self.ids, strict=True):
            length += len(piece)
            if id in self.end_ids or (parting is not None and length > parting.start):
                break
            ids.append(id)
        return ids


def first_reply(replies: Sequence[PromptReply]) -> PromptReply | None:
    """The reply that the others are compared with: the first that has a text."""
    return next((reply for reply in replies if reply.ids), None)


async def continue_prompt(
    client: ModelClient,
    home: Home,
    prompt: str,
    reply: PromptReply,
    show: Callable[[PromptReply], object] = lambda _: None,
) -> None:
    """Have the run of `reply` continue a prompt greedily; an error becomes its problem.

    Args:
        show: called after each change of the reply.
    """
    from core.server.protocol import GenerateRequest  # not before the first request
    from core.server.replies import GenerateReply

    reply.state = LOADING
    show(reply)
    try:
        await asyncio.to_thread(check_memory, Run(home.runs / reply.run))
        request = GenerateRequest(run=reply.run, prompt=prompt, settings=SETTINGS)
        messages = client.stream(request)
        async with aclosing(messages):
            async for message in messages:
                reply.step = message.step
                if isinstance(message, GenerateReply):
                    reply.ended, reply.speed = message.reason, message.tokens_per_second
                    reply.state = DONE
                else:
                    reply.state = RUNNING
                    for token in message.tokens:
                        reply.pieces.append(token.text)
                        reply.ids.append(token.id)
                        reply.nats -= math.log(max(token.probability, MIN_PROBABILITY))
                show(reply)
    except MiniGPTError as error:
        reply.fail(error)
        show(reply)


def check_memory(run: Run) -> None:
    """Refuse weights that are larger than the free memory, before anything is loaded.

    Raises:
        StateError: they are.
    """
    try:
        needed = run.weights.stat().st_size
    except OSError:
        return  # the model server reports the problem
    free = free_memory()
    if needed > free:
        raise StateError(
            f"The weights need {format_size(needed)} of memory, {format_size(free)} are free.",
            "Close other programs, then run the prompt again.",
        )


def reply_facts(reply: PromptReply, first: PromptReply | None, first_sign: str = "") -> str:
    """Speed and perplexity of a reply, and where it parts from the first.

    Args:
        first_sign: the sign of the first run.
    """
    if reply.state != DONE:
        return {WAITING: "waiting", LOADING: "loading weights…", RUNNING: "running…"}.get(
            reply.state, ""
        )
    facts = []
    if len(reply.ids) < REPLY_TOKENS:
        facts.append(f"ends after {len(reply.ids)} token{'s' * (len(reply.ids) != 1)}")
    if reply.speed and len(reply.ids) > 1:
        facts.append(f"{reply.speed:,.0f}/s")
    if reply.perplexity is not None:
        facts.append(f"perplexity {perplexity_text(reply.perplexity)}")
    if first is not None and first is not reply and reply.ids:
        facts.append(parting_text(reply, first, first_sign))
    return " · ".join(facts)


def parting_text(reply: PromptReply, first: PromptReply, first_sign: str = "") -> str:
    """Where a reply parts from the first, in words."""
    name = first_sign or first.run
    parting = reply.parting(first)
    if parting is None:
        return f"same as {name}"
    word = one_line(reply.text[parting.start : parting.end])
    return f"parts at “{word}”" if word else f"ends before {name}"


def perplexity_text(value: float) -> str:
    """A perplexity with two digits that mean something: 1.04, 2.1, 35."""
    return f"{value:.2f}" if value < 2 else f"{value:.1f}" if value < 20 else f"{value:,.0f}"

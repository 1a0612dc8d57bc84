"""The requests of step mode, and the candidates at any position of a text.

The n-th pick with a seed is the n-th draw of `generate` with it, also after going back.

Each model keeps one session for `score_at`, so that moving by a token reads at most one token,
unless the window slides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from core.attribution.ngram_index import NextTokenCounts
from core.config.configs import SamplingConfig
from core.errors import InputError
from core.inference.sampling import (
    REMOVED_LOGIT,
    TokenSampler,
    apply_stages,
    removing_stages,
)
from core.inference.score import score_ids
from core.server.model_cache import CachedModel, ModelCache, OpenSession, visible_window_start
from core.server.prompt import prompt_tokens
from core.server.protocol import (
    MAX_TOP,
    SAMPLED,
    CutRequest,
    FindRequest,
    ScoreAtRequest,
    StepRequest,
    check_range,
)
from core.server.replies import FindReply, NextTokensReply, ScoreAtReply, StepReply
from core.server.tokens import (
    CandidateToken,
    CorpusCount,
    CorpusMatch,
    ScoredToken,
    SessionToken,
    SettingEffect,
)

MAX_TEXT_TOKENS = 65_536


def step(cache: ModelCache, request: StepRequest) -> StepReply:
    """Open or continue a session, add a token if requested, and return what could come next."""
    check_range(request.top, 0, MAX_TOP, "top")
    if isinstance(request.pick, str) and request.pick != SAMPLED:
        raise InputError(f"pick cannot be {request.pick!r}.", f"Pass an id or {SAMPLED!r}.")
    name = request.session or _open_session(cache, request)
    text = cache.get_session(name)
    text.model.set_process_threads()
    candidates = _candidates(cache, text, request.settings, request.top)
    picked = None
    if request.pick is not None:
        is_sampled = isinstance(request.pick, str)
        id = candidates.choice if is_sampled else check_id(text, int(request.pick))
        picked = candidates.describe(id)
        text.session.extend([id])
        text.scores.append(candidates.score(id))
        text.ranks.append(picked.rank)
        candidates = _candidates(cache, text, request.settings, request.top)
    tokens = None
    if request.session is None:
        tokens = _session_tokens(text)
    return StepReply(session=name, picked=picked, tokens=tokens, **vars(candidates.reply()))


def _session_tokens(text: OpenSession) -> list[SessionToken]:
    token_text = text.model.loaded.tokenizer.token_text
    first, *rest = text.session.ids
    tokens = [SessionToken(first, token_text(first))]
    for id, score, rank in zip(rest, text.scores, text.ranks, strict=True):
        tokens.append(SessionToken(id, token_text(id), math.exp(score), rank))
    return tokens


def cut(cache: ModelCache, request: CutRequest) -> StepReply:
    """Truncate a session, and return what could come next."""
    check_range(request.top, 0, MAX_TOP, "top")
    text = cache.get_session(request.session)
    text.model.set_process_threads()
    text.session.truncate(check_range(request.length, 1, text.session.length, "length"))
    del text.scores[request.length - 1 :], text.ranks[request.length - 1 :]
    candidates = _candidates(cache, text, request.settings, request.top)
    return StepReply(session=request.session, **vars(candidates.reply()))


def find(cache: ModelCache, request: FindRequest) -> FindReply:
    """Find the tokens that contain a text: exact matches first, then by probability."""
    check_range(request.top, 1, MAX_TOP, "top")
    text = cache.get_session(request.session)
    text.model.set_process_threads()
    candidates = Candidates(text, request.settings)
    bare = request.text.strip().casefold()

    def distance(name: str) -> int:
        return 0 if name == request.text else 1 if name.strip().casefold() == bare else 2

    matches = sorted(
        (distance(name), -candidates.score(id), id)
        for id, name in enumerate(text.model.loaded.tokenizer.names)
        if (bare or request.text) in name.casefold()
    )
    tokens = [candidates.describe(id) for *_, id in matches[: request.top]]
    return FindReply(
        session=request.session, matches=len(matches), tokens=tokens, step=text.model.facts.step
    )


def score_at(cache: ModelCache, request: ScoreAtRequest) -> ScoreAtReply:
    """Return the candidates at a position of a text, and the scores of its tokens if requested."""
    check_range(request.top, 0, MAX_TOP, "top")
    if request.ids is not None and (request.prompt or request.chosen or request.messages):
        raise InputError("look needs one of prompt and ids, not both.", "Pass one of the two.")
    model, _ = cache.get_model(request)
    if request.ids is None:
        ids = [*prompt_tokens(model.loaded, request).ids, *(request.chosen or [])]
    else:
        ids = request.ids
    ids = check_ids(model, ids)
    at = check_range(len(ids) if request.at is None else request.at, 1, len(ids), "at")
    model.set_process_threads()
    tokens = _score_text(cache, model, ids) if request.with_scores else None
    text = session_of_text(model, ids[:at])
    candidates = _candidates(cache, text, request.settings, request.top)
    actual = candidates.describe(ids[at]) if at < len(ids) else None
    return ScoreAtReply(actual=actual, tokens=tokens, **vars(candidates.reply()))


def _open_session(cache: ModelCache, request: StepRequest) -> str:
    if request.continue_from is not None:
        if request.run is not None or request.prompt or request.messages or request.chosen:
            raise InputError(
                "continue_from cannot be combined with run, prompt or chosen.", "Leave them out."
            )
        reply = cache.get_reply(request.continue_from)
        return cache.open_session(reply.model, reply.session.ids, reply.prompt_length)
    model, _ = cache.get_model(request)
    has_prompt = request.prompt is not None or request.messages is not None
    prompt = prompt_tokens(model.loaded, request).ids if has_prompt else []
    ids = check_ids(model, [*prompt, *(request.chosen or [])])
    model.set_process_threads()
    return cache.open_session(model, ids, len(prompt), request.prompt or "")


def check_id(text: OpenSession, id: int) -> int:
    """Return the id if it is in the vocabulary, else raise InputError."""
    return check_range(id, 0, text.session.model.config.vocab_size - 1, "An id")


def check_ids(model: CachedModel, ids: Sequence[int]) -> list[int]:
    """Return the ids of a text that the model can read.

    Raises:
        InputError: too many or none, or not in the vocabulary.
    """
    check_range(len(ids), 1, MAX_TEXT_TOKENS, "The number of tokens")
    vocab_size = model.loaded.model.config.vocab_size
    return [check_range(id, 0, vocab_size - 1, "An id") for id in ids]


def session_of_text(model: CachedModel, ids: Sequence[int]) -> OpenSession:
    """The model's session for texts that no session was opened for, with these ids."""
    session = model.text_session = model.text_session or model.new_session()
    pairs = zip(session.ids, ids, strict=False)
    common = next((at for at, (old, new) in enumerate(pairs) if old != new), None)
    session.truncate(min(session.length, len(ids)) if common is None else common)
    session.extend(ids[session.length :])
    return OpenSession(model, session, len(ids))


def _score_text(cache: ModelCache, model: CachedModel, ids: Sequence[int]) -> list[ScoredToken]:
    """Score every token, in a session that is kept for the requests that follow."""
    session, stream = model.new_session(), model.loaded.tokenizer.stream()
    scores = [None, *score_ids(session, ids, cache.watch.cancelled)]
    model.text_session = session
    pairs = zip(ids, scores, strict=True)
    return [ScoredToken(id, stream.push(id), score) for id, score in pairs]


def _candidates(
    cache: ModelCache, text: OpenSession, settings: SamplingConfig, top: int
) -> Candidates:
    """The candidates with their counts in the corpus, if it has an index."""
    counts = cache.indexes.next_token_counts(text.model.facts.name, text.session.ids)
    return Candidates(text, settings, top, counts)


def _entropy(probabilities: Tensor) -> float:
    """The entropy of a distribution (V,), in nats."""
    return float(torch.special.entr(probabilities).sum())


class Candidates:
    """The tokens that could come next in a session.

    Args:
        settings: for the choice and the probabilities after sampling settings.
        top: number of the most likely tokens to list.
        counts: of the training text.
    """

    def __init__(
        self,
        text: OpenSession,
        settings: SamplingConfig,
        top: int = 0,
        counts: NextTokenCounts | None = None,
    ) -> None:
        self._text, self._top, self._counts = text, top, counts
        session = text.session
        logits = session.next_logits()[0]  # (V,)
        drawn = max(0, session.length - text.prompt_length)
        never_generated = text.model.loaded.tokenizer.never_generated
        sampler = TokenSampler(
            settings, session.ids, len(logits), drawn=drawn, never_generated=never_generated
        )
        self.choice = sampler.choose(logits)
        self._stages = apply_stages(logits, settings, session.ids, never_generated)
        self._scores = logits.log_softmax(-1)
        self._chances = self._stages[-1][1].softmax(-1)

    def score(self, id: int) -> float:
        """The log-probability of a token under the model, in nats."""
        return float(self._scores[id])

    def describe(self, id: int) -> CandidateToken:
        return self._describe_all([id], [1 + int((self._scores > self._scores[id]).sum())])[0]

    def _most_likely(self) -> list[CandidateToken]:
        top = self._scores.topk(min(self._top, len(self._scores)))
        values, ids = top.values.tolist(), top.indices.tolist()
        ranks: list[int] = []
        for place, value in enumerate(values):  # Equal values share a rank.
            ranks.append(ranks[-1] if place and value == values[place - 1] else place + 1)
        return self._describe_all(ids, ranks)

    def _describe_all(self, ids: list[int], ranks: list[int]) -> list[CandidateToken]:
        """Describe tokens with their ranks, indexing each tensor once: that is what takes time."""
        probabilities, chances = self._scores[ids].exp().tolist(), self._chances[ids].tolist()
        removed = removing_stages(self._stages, ids)
        token_text, counts = self._text.model.loaded.tokenizer.token_text, self._counts
        return [
            CandidateToken(
                id=id,
                text=token_text(id),
                rank=ranks[place],
                probability=probabilities[place],
                chance=chances[place],
                removed=removed[place],
                corpus=CorpusCount(*counts.count(id)) if counts else None,
            )
            for place, id in enumerate(ids)
        ]

    def reply(self) -> NextTokensReply:
        session, scores, counts = self._text.session, self._text.scores, self._counts
        prompt_length, tokenizer = self._text.prompt_length, self._text.model.loaded.tokenizer
        longest = counts.longest_context if counts else None
        return NextTokensReply(
            length=session.length,
            begun=prompt_length,
            window_start=visible_window_start(session, session.window_start),
            used=len(session.window()),
            context=session.model.config.context,
            entropy=_entropy(self._scores.exp()),
            loss=-sum(scores) / len(scores) if scores else None,
            corpus=CorpusMatch(length=longest.length, count=longest.count) if longest else None,
            choice=self.describe(self.choice),
            top=self._most_likely(),
            ended=session.length > prompt_length and session.ids[-1] in tokenizer.end_ids,
            text=self._chosen_text(),
            step=self._text.model.facts.step,
            vocab_size=len(self._scores),
            entropy_as_set=_entropy(self._chances),
            effects=self._effects(),
        )

    def _effects(self) -> list[SettingEffect]:
        """What each setting that removes tokens leaves."""
        probabilities, before = self._scores.exp(), len(self._scores)
        effects = []
        for name, logits in self._stages:
            left = logits != REMOVED_LOGIT
            if (kept := int(left.sum())) < before:
                effects.append(SettingEffect(name, kept, float(probabilities[left].sum())))
            before = kept
        return effects

    def _chosen_text(self) -> str:
        """The text of the chosen tokens, with the blank that belongs before it."""
        ids, start = self._text.session.ids, self._text.prompt_length
        stream = self._text.model.loaded.tokenizer.stream(ids[:start], self._text.prompt)
        return "".join(stream.push(id) for id in ids[start:])

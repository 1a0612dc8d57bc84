"""Token by token through a session: look at what could come, pick one, go back.

The n-th pick with a seed is the n-th draw of `generate` with it, wherever one cut in between.

What could stand at any place of a text, without forgetting what comes after it.

Each model keeps one session for this: going a token to either side reads at most one token, unless
the window slides there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, takewhile

from core.attribution.ngram_index import NextTokenCounts
from core.config.configs import SamplingConfig
from core.errors import InputError
from core.inference.sampling import TokenSampler, removed_by, staged
from core.inference.session import Session
from core.server.model_cache import CachedModel, ModelCache, OpenSession, forgotten
from core.server.protocol import (
    MAX_TOP,
    CutRequest,
    FindRequest,
    ScoreAtRequest,
    StepRequest,
    check_range,
)
from core.server.replies import FindReply, NextTokensReply, ScoreAtReply, StepReply
from core.server.tokens import CandidateToken, CorpusCount, CorpusMatch, ScoredToken, SessionToken
from core.tokenizer.special_tokens import EOS
from core.tokenizer.tokenizer import Tokenizer

SAMPLER = "sampler"
MOST_OPENED = 65_536


def step(shelf: ModelCache, ask: StepRequest) -> StepReply:
    """Opens a session or goes on with one, and looks at what comes next."""
    config = ask.settings
    check_range(ask.top, 0, MAX_TOP, "top")
    if isinstance(ask.pick, str) and ask.pick != SAMPLER:
        raise InputError(f"{ask.pick!r} cannot be picked.", f"An id, or {SAMPLER!r}.")
    name = ask.session or _open(shelf, ask)
    kept = shelf.session(name)
    kept.held.use()
    view = view_of(shelf, kept, config, ask.top)
    picked = None
    if ask.pick is not None:
        id = view.choice if isinstance(ask.pick, str) else known(kept, ask.pick)
        picked = view.token(id)
        kept.session.extend([id])
        kept.scores.append(view.score(id))
        view = view_of(shelf, kept, config, ask.top)
    tokens = None if ask.session else _tokens(kept)
    return StepReply(session=name, picked=picked, tokens=tokens, **vars(view.reply()))


def cut(shelf: ModelCache, ask: CutRequest) -> StepReply:
    """Goes back to a length, and looks at what comes next there."""
    config = ask.settings
    check_range(ask.top, 0, MAX_TOP, "top")
    kept = shelf.session(ask.session)
    kept.held.use()
    kept.session.cut(check_range(ask.length, 1, kept.session.length, "length"))
    del kept.scores[ask.length - 1 :]
    view = view_of(shelf, kept, config, ask.top)
    return StepReply(session=ask.session, **vars(view.reply()))


def view_of(shelf: ModelCache, kept: OpenSession, config: SamplingConfig, top: int) -> StepView:
    """What comes next in a session, to the corpus too where it has an index."""
    beliefs = shelf.texts.beliefs(kept.held.facts.name, kept.session.ids)
    return StepView(kept, config, top, beliefs)


def find(shelf: ModelCache, ask: FindRequest) -> FindReply:
    """The tokens that are, begin with or hold a text, each kind by how likely they come next.

    Blanks around the text and its case matter only for what comes first.
    """
    config = ask.settings
    check_range(ask.top, 1, MAX_TOP, "top")
    kept = shelf.session(ask.session)
    kept.held.use()
    view, plain = StepView(kept, config, 0), ask.text.strip().casefold()
    near = [
        (_distance(name, ask.text, plain), -view.score(id), id)
        for id, name in enumerate(kept.held.loaded.tokenizer.names)
        if (plain or ask.text) in name.casefold()
    ]
    tokens = [view.token(id) for *_, id in sorted(near)[: ask.top]]
    return FindReply(session=ask.session, matches=len(near), tokens=tokens)


def _distance(name: str, text: str, plain: str) -> int:
    """How far a token that holds a text is from being it."""
    bare = name.strip().casefold()
    return next(far for far, is_so in enumerate((name == text, bare == plain, True)) if is_so)


def _open(shelf: ModelCache, ask: StepRequest) -> str:
    if ask.continue_from is not None:
        if ask.run is not None or ask.prompt or ask.chosen:
            raise InputError(
                "A reply is looked at as it is.", "Leave `run`, `prompt` and `chosen` out."
            )
        reply = shelf.reply(ask.continue_from)
        return shelf.open(reply.held, reply.session.ids, reply.begun)
    held, _ = shelf.model(ask)
    ids = [] if ask.prompt is None else held.loaded.encode(ask.prompt)
    chosen = ask.chosen or []
    check_range(len(ids) + len(chosen), 1, MOST_OPENED, "The number of tokens")
    held.use()
    vocab_size = held.loaded.tokenizer.vocab_size
    ids_chosen = [check_range(id, 0, vocab_size - 1, "An id") for id in chosen]
    return shelf.open(held, ids + ids_chosen, len(ids))


def known(kept: OpenSession, id: int) -> int:
    """The id if the model's vocabulary has it; else InputError."""
    return check_range(id, 0, kept.session.model.config.vocab_size - 1, "An id")


def _tokens(kept: OpenSession) -> list[SessionToken]:
    text = kept.held.loaded.tokenizer.token_text
    return [SessionToken(id, text(id)) for id in kept.session.ids]


class StepView:
    """What comes next in a session, from its kept logits.

    Args:
        config: what the chances after the settings are computed with.
        top: how many of the likeliest are named.
        beliefs: what the corpus itself says here, where it has an index.
    """

    def __init__(
        self,
        kept: OpenSession,
        config: SamplingConfig,
        top: int,
        beliefs: NextTokenCounts | None = None,
    ) -> None:
        self._kept, self._top, self._beliefs = kept, top, beliefs
        session = kept.session
        logits = session.logits[0]  # (V,)
        drawn = max(0, session.length - kept.begun)
        chooser = TokenSampler(config, session.ids, len(logits), drawn=drawn)
        self.choice = chooser.choose(logits)
        self._after = [(name, row) for name, row in staged(logits, config, session.ids)]
        self._logs = logits.log_softmax(-1)
        self._chances = self._after[-1][1].softmax(-1)

    def score(self, id: int) -> float:
        """The model's log-probability of a token, in nats."""
        return float(self._logs[id])

    def token(self, id: int) -> CandidateToken:
        """One possible token: how likely to the model and after the settings; what removed it."""
        return self._told([id], [1 + int((self._logs > self._logs[id]).sum())])[0]

    def likeliest(self) -> list[CandidateToken]:
        """As many as are named, falling."""
        found = self._logs.topk(min(self._top, len(self._logs)))
        values, ids = found.values.tolist(), found.indices.tolist()
        ranks: list[int] = []
        for place, value in enumerate(values):  # equals have one rank
            ranks.append(ranks[-1] if place and value == values[place - 1] else place + 1)
        return self._told(ids, ranks)

    def _told(self, ids: list[int], ranks: list[int]) -> list[CandidateToken]:
        """Tokens with their ranks; looked up all at once, which one by one takes milliseconds."""
        own, chances = self._logs[ids].exp().tolist(), self._chances[ids].tolist()
        gone = removed_by(self._after, ids)
        text, beliefs = self._tokenizer.token_text, self._beliefs
        return [
            CandidateToken(
                id=id,
                text=text(id),
                rank=rank,
                probability=probability,
                chance=chance,
                removed=removed,
                corpus=CorpusCount(*beliefs.count(id)) if beliefs else None,
            )
            for id, rank, probability, chance, removed in zip(
                ids, ranks, own, chances, gone, strict=True
            )
        ]

    def reply(self) -> NextTokensReply:
        """The view as a reply."""
        session, begun, scores = self._kept.session, self._kept.begun, self._kept.scores
        return NextTokensReply(
            length=session.length,
            begun=begun,
            window_start=forgotten(session, session.window_start),
            used=len(session.window()),
            context=session.model.config.context,
            entropy=float(-(self._logs.exp() * self._logs).nan_to_num().sum()),
            loss=-sum(scores) / len(scores) if scores else None,
            corpus=_corpus(self._beliefs),
            choice=self.token(self.choice),
            top=self.likeliest(),
            ended=session.ids[-1] == EOS and session.length > begun,
            text=_text(self._tokenizer, session, min(begun, session.length)),
        )

    @property
    def _tokenizer(self) -> Tokenizer:
        return self._kept.held.loaded.tokenizer


def _corpus(beliefs: NextTokenCounts | None) -> CorpusMatch | None:
    """The longest end of the tokens that stands in the corpus."""
    if beliefs is None:
        return None
    return CorpusMatch(length=beliefs.longest_context.length, count=beliefs.longest_context.count)


def _text(tokenizer: Tokenizer, session: Session, begun: int) -> str:
    """What was added since the beginning, with the blank that belongs before it."""
    stream = tokenizer.stream(session.ids[:begun])
    return "".join(stream.push(id) for id in session.ids[begun:])


READ = "look"
SCORED_AT_ONCE = 512


def look(shelf: ModelCache, ask: ScoreAtRequest) -> ScoreAtReply:
    """What could come at a place, what stands there, and, if asked, how likely every token was."""
    config = ask.settings
    check_range(ask.top, 0, MAX_TOP, "top")
    held, _ = shelf.model(ask)
    if ask.ids is not None and ask.prompt:
        raise InputError("It must be clear what is looked at.", "A prompt, or ids.")
    ids = held.loaded.encode(ask.prompt) if ask.ids is None else ask.ids
    ids = checked(held, ids)
    at = check_range(len(ids) if ask.at is None else ask.at, 1, len(ids), "at")
    held.use()
    tokens = _scored(shelf, held, ids) if ask.with_scores else None
    view = view_of(shelf, reading(held, ids[:at]), config, ask.top)
    actual = view.token(ids[at]) if at < len(ids) else None
    return ScoreAtReply(actual=actual, tokens=tokens, **vars(view.reply()))


def checked(held: CachedModel, ids: Sequence[int]) -> list[int]:
    """Ids that the model can read.

    Raises:
        InputError: too many or too few, or not in its vocabulary.
    """
    check_range(len(ids), 1, MOST_OPENED, "The number of tokens")
    vocab_size = held.loaded.model.config.vocab_size
    return [check_range(id, 0, vocab_size - 1, "An id") for id in ids]


def reading(held: CachedModel, ids: Sequence[int]) -> OpenSession:
    """The session of this model that is kept for looking, brought to these ids."""
    session = held.read.setdefault(READ, held.session())
    pairs = zip(count(1), session.ids, ids, strict=False)
    same = max(
        (place for place, *_ in takewhile(lambda pair: pair[1] == pair[2], pairs)), default=0
    )
    session.cut(same)
    session.extend(ids[same:])
    return OpenSession(held, session, len(ids))


def _scored(shelf: ModelCache, held: CachedModel, ids: Sequence[int]) -> list[ScoredToken]:
    """Every token: its id, its text, its log-probability, of the first None."""
    session = held.session()
    scores: list[float | None] = [None]
    for place in range(0, len(ids), SCORED_AT_ONCE):
        shelf.watch.check()
        scores += session.score(ids[place : place + SCORED_AT_ONCE]).tolist()
    held.read[READ] = session
    stream = held.loaded.tokenizer.stream()
    pairs = zip(ids, scores, strict=True)
    return [ScoredToken(id, stream.push(id), score) for id, score in pairs]

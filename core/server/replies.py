"""The replies of the model server; `core.server.protocol` has the requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from core.config.configs import ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts, TokenFacts
from core.server.tokens import (
    CandidateToken,
    CorpusMatch,
    FillToken,
    HeadAblation,
    RankedToken,
    ReplyToken,
    ScoredToken,
    SessionToken,
    SettingEffect,
    TokenCount,
    TokenProbability,
    TracedEnd,
    TracedToken,
    WindowToken,
)
from core.text.task_report import TaskReport

Id = int | str
FinishReason = Literal["end", "stop", "length", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class LoadReply:
    """Facts about the loaded model.

    Attributes:
        name: of the run.
        weights: as requested.
        step: training step of the weights; null if unknown.
        device: the device the model is on.
        device_name: the device's own name.
        parameters: number of weights.
        context: longest input in tokens.
        vocab_size: number of tokens.
        layers: number of blocks.
        heads: attention heads per block.
        architecture: one of `core.config.configs.ARCHITECTURES`.
        tokenizer: "word", "char" or "bpe".
        reading: "lines", "text", "pairs" or "conversations".
        task: "continue", "answer", "translate", "classify" or "converse".
        labels: of a task "classify", the most frequent in training first.
        seconds: the time loading took.
        how: "kept" (already in memory), "loaded", or "reloaded" because its file has changed.
    """

    name: str
    weights: str
    step: int | None
    device: str
    device_name: str
    parameters: int
    context: int
    vocab_size: int
    layers: int
    heads: int
    architecture: str
    tokenizer: str
    reading: str
    seconds: float
    how: str
    task: str = "continue"
    labels: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class GenerateBatch:
    """The tokens since the batch before; sent every 15 ms or 32 tokens, the first at once.

    Attributes:
        tokens: the new tokens.
        window_start: index of the oldest token in the context, not counting a kept <sos>; 0 until
            the context slides.
        count: tokens so far.
        seconds: since the request was taken up.
        step: training step of the weights; null if unknown.
    """

    tokens: list[ReplyToken]
    window_start: int
    count: int
    seconds: float
    step: int | None = None


@dataclass(frozen=True, kw_only=True)
class GenerateReply:
    """The end of a generated text.

    Attributes:
        reason: "end" (of the text), "stop" (text), "length" or "cancelled".
        tokens: number of generated tokens.
        seconds: since the request was taken up.
        tokens_per_second: after the prompt was read.
        used: tokens in the context.
        context: longest input in tokens.
        text: all of it; null beyond a million characters.
        step: training step of the weights; null if unknown.
        dropped: exchanges of the conversation that did not fit into the context.
    """

    reason: FinishReason
    tokens: int = 0
    seconds: float = 0.0
    tokens_per_second: float = 0.0
    used: int = 0
    context: int = 0
    text: str | None = ""
    step: int | None = None
    dropped: int = 0


@dataclass(frozen=True, kw_only=True)
class NextTokensReply:
    """What could come next.

    Attributes:
        length: tokens so far.
        begun: tokens the session was opened with.
        window_start: as in `GenerateBatch`.
        used: tokens in the context.
        context: longest input in tokens.
        entropy: of the model's distribution, in nats.
        loss: mean over the tokens so far, in nats per token; null if unknown.
        corpus: the longest suffix in the training text; null without a corpus index.
        choice: the token that the settings choose, the next draw of the seed.
        top: the most likely tokens, in falling order.
        ended: whether the last token ended the text.
        text: chosen since the session was opened.
        step: training step of the weights; null if unknown.
        vocab_size: number of tokens in the vocabulary.
        entropy_as_set: of the distribution after the sampling settings, in nats.
        effects: of the settings that removed tokens, in the order in which they apply.
    """

    length: int
    begun: int
    window_start: int
    used: int
    context: int
    entropy: float
    loss: float | None
    corpus: CorpusMatch | None
    choice: CandidateToken
    top: list[CandidateToken]
    ended: bool
    text: str
    step: int | None = None
    vocab_size: int = 0
    entropy_as_set: float = 0.0
    effects: list[SettingEffect] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class StepReply(NextTokensReply):
    """What could come next in a session.

    Attributes:
        session: name of the session. Eight stay open; each keeps its model.
        picked: the token that was added; null if none was.
        tokens: all tokens so far, if the request opened the session.
    """

    session: str
    picked: CandidateToken | None = None
    tokens: list[SessionToken] | None = None


@dataclass(frozen=True, kw_only=True)
class FindReply:
    """Tokens of the vocabulary that contain a text.

    Attributes:
        session: as requested.
        matches: how many there are.
        tokens: the first of them: exact matches, then those equal but for case and blanks, then
            the others, each by probability.
        step: training step of the weights; null if unknown.
    """

    session: str
    matches: int
    tokens: list[CandidateToken]
    step: int | None = None


@dataclass(frozen=True, kw_only=True)
class ScoreAtReply(NextTokensReply):
    """What could be at a position of a text.

    Attributes:
        actual: the token that is there; null after the last.
        tokens: every token with its score, if requested; their texts make up the text.
    """

    actual: CandidateToken | None = None
    tokens: list[ScoredToken] | None = None


@dataclass(frozen=True, kw_only=True)
class ForkBatch:
    """New tokens of each row since the batch before.

    Attributes:
        rows: the tokens of each row.
    """

    rows: list[list[TokenProbability]]


@dataclass(frozen=True, kw_only=True)
class ForkBranch:
    """One continuation.

    Attributes:
        tokens: all of them.
        text: of the tokens.
        reason: as in `GenerateReply`.
    """

    tokens: list[TokenProbability]
    text: str
    reason: FinishReason


@dataclass(frozen=True, kw_only=True)
class ForkReply:
    """All rows; after a cancellation as far as they got.

    Attributes:
        session: as requested.
        rows: one per continuation.
        step: training step of the weights; null if unknown.
    """

    session: str | None
    rows: list[ForkBranch]
    step: int | None = None


@dataclass(frozen=True, kw_only=True)
class ScoreReply:
    """Log-probabilities of a text.

    Attributes:
        tokens: every token with its score.
        total: sum of the scores, in nats.
        loss: nats per token; null for a single token.
        step: training step of the weights; null if unknown.
    """

    tokens: list[ScoredToken]
    total: float
    loss: float | None
    step: int | None = None


@dataclass(frozen=True, kw_only=True)
class TraceReply:
    """The predictions of every layer for a text.

    Attributes:
        tokens: of the text.
        next: after the last of them.
        step: training step of the weights; null if unknown.
    """

    tokens: list[TracedToken]
    next: TracedEnd
    step: int | None = None


@dataclass(frozen=True, kw_only=True)
class InsideReply:
    """Predictions of the layers, and attention weights.

    Attributes:
        session: as requested.
        layers: number of layers.
        heads: heads per layer.
        window: the tokens in the context.
        positions: indices of the rows, rising without gaps.
        lens: per row, as in `TracedToken`.
        predictions: per row, the eight most likely next tokens without the disabled heads; of an
            encoder, those that belong in the row's place.
        ablations: per row, the effect of the heads that are switched off.
        attention: per layer and head, the rows' weights: the sum over all tokens without a row,
            then the weight of the token of each row, then those of `pads` padding tokens; base64 of
            little-endian 16-bit numbers, of which 65535 is all of the attention.
        patterns: per layer and head, what it attends to in these rows, see
            `core.inference.head_patterns`.
        step: training step of the weights; null if unknown.
        both_ways: whether tokens attend to later ones too, as an encoder's do.
        pads: padding tokens after the text, as in a batch of training.
    """

    session: str | None
    layers: int
    heads: int
    window: list[WindowToken]
    positions: list[int]
    lens: list[list[TokenProbability]]
    predictions: list[list[TokenProbability]]
    ablations: list[HeadAblation]
    attention: list[list[str]]
    patterns: list[list[str]]
    step: int | None = None
    both_ways: bool = False
    pads: int = 0


@dataclass(frozen=True, kw_only=True)
class TrainingForecast:
    """What a training run needs.

    Attributes:
        preset: the size that was chosen.
        model: every field of its ModelConfig.
        train: every field of its TrainConfig.
        reasons: why the settings left open are as they are.
        tokens: the facts about the tokens that the plan is based on.
        parameters: number of weights.
        memory_bytes: memory for training.
        free_memory: bytes free on the device.
        disk_bytes: size of the run directory.
        free_disk: bytes free on disk.
        seconds_per_step: timed; null before.
        steps: updates; null while only minutes are known.
        seconds: the time training takes; null before steps were timed.
    """

    preset: str
    model: ModelConfig
    train: TrainConfig
    reasons: list[str]
    tokens: TokenFacts
    parameters: int
    memory_bytes: int
    free_memory: int
    disk_bytes: int
    free_disk: int
    seconds_per_step: float | None
    steps: int | None
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class ProbeReply:
    """The devices of this machine, and the forecast of a training run.

    With `timed` the same is sent first without timed steps, as a batch.

    Attributes:
        devices: all usable ones.
        forecast: null if the request has no `train`.
    """

    devices: list[DeviceFacts]
    forecast: TrainingForecast | None = None


@dataclass(frozen=True, kw_only=True)
class IndexProgress:
    """Progress of an index being built, a few times per second.

    Attributes:
        phase: in words.
        finished: units done.
        total: units in this phase.
    """

    phase: str
    finished: int
    total: int


@dataclass(frozen=True, kw_only=True)
class IndexReply:
    """The index of a run's training text.

    Attributes:
        how: "kept" (already there), "made", or "remade" because it was damaged.
        tokens: in the training part.
        bytes: on disk.
        depth: tokens by which the suffixes are sorted.
        seconds: the time it took.
        notes: for the user.
    """

    how: str
    tokens: int
    bytes: int
    depth: int
    seconds: float
    notes: list[str]


@dataclass(frozen=True, kw_only=True)
class OriginPlace:
    """An occurrence of a copied passage in the corpus.

    Attributes:
        file: path.
        line: from 1.
        offset: byte in the (decompressed) file.
        before: text before it.
        text: the passage.
        after: text after it.
    """

    file: str
    line: int
    offset: int
    before: str
    text: str
    after: str


@dataclass(frozen=True, kw_only=True)
class OriginSpan:
    """A maximal part of a text that occurs in the training part; two may overlap.

    Attributes:
        begin: index of its first token.
        end: index after its last token.
        from_: index of its first character.
        to: index after its last character.
        count: number of occurrences.
        at_least: whether there may be more.
        places: the first occurrences.
    """

    begin: int
    end: int
    from_: int
    to: int
    count: int
    at_least: bool
    places: list[OriginPlace]


@dataclass(frozen=True, kw_only=True)
class OriginReply:
    """Which parts of a text are copied from the training part.

    Special tokens and unknown words are in no span.

    Attributes:
        text: what was compared.
        tokens: number of tokens.
        copied: tokens within spans.
        share: copied / tokens.
        longest: tokens of the longest copy, however short.
        bigrams: pairs of neighbouring tokens.
        new_bigrams: those that do not occur in the training part.
        spans: in order.
        encoding: of the corpus files.
        errors: how their decoding errors are handled.
        notes: for the user.
    """

    text: str
    tokens: int
    copied: int
    share: float
    longest: int
    bigrams: int
    new_bigrams: int
    spans: list[OriginSpan]
    encoding: str
    errors: str
    notes: list[str]


@dataclass(frozen=True, kw_only=True)
class WordEffect:
    """A word of a classified text, and what the labels get without it.

    Attributes:
        begin: index of its first character.
        end: index after its last character.
        text: the word.
        probabilities: of each label if the word is left out, in the order of the labels.
    """

    begin: int
    end: int
    text: str
    probabilities: list[float]


@dataclass(frozen=True, kw_only=True)
class ClassifyReply:
    """What a text is classified as.

    Attributes:
        label: the most likely one.
        labels: all labels of the model, the most frequent in training first.
        probabilities: of each label as the whole reply, its end included; not normalised.
        words: those of the text, if the request has `explain`.
        unknown: words outside the vocabulary, read as <unk>.
        seconds: duration.
        step: training step of the weights; null if unknown.
    """

    label: str
    labels: list[str]
    probabilities: list[float]
    words: list[WordEffect]
    unknown: list[str]
    seconds: float
    step: int | None


@dataclass(frozen=True, kw_only=True)
class AccuracyProgress:
    """How far a test is.

    Attributes:
        finished: items judged.
        total: items to judge.
        right: those with the right reply.
    """

    finished: int
    total: int
    right: int


@dataclass(frozen=True, kw_only=True)
class AccuracyReply:
    """The result of a test.

    Attributes:
        report: see `TaskReport`.
        weights: as requested.
        step: training step of the weights; null if unknown.
    """

    report: TaskReport
    weights: str
    step: int | None


@dataclass(frozen=True, kw_only=True)
class FillPlace:
    """A masked place of a text, and what belongs there.

    Attributes:
        place: index of the token.
        candidates: the most likely tokens by the encoder, in falling order; no special tokens.
        original: the token that was masked; null for a blank.
        decoder: the most likely tokens by the decoder, which reads what is on the left only, with
            its own choices in the places masked there; null without one.
        decoder_original: as `original`, by the decoder.
        counts: tokens between the same two neighbours in the training part, the most frequent
            first, as many as `top`; null if a neighbour is masked or missing, or if the tokens of
            the corpus are not stored.
        total: number of times that any token was between them.
        at_least: whether there may be more, as only a part of the corpus was searched.
    """

    place: int
    candidates: list[TokenProbability]
    original: RankedToken | None = None
    decoder: list[TokenProbability] | None = None
    decoder_original: RankedToken | None = None
    counts: list[TokenCount] | None = None
    total: int = 0
    at_least: bool = False


@dataclass(frozen=True, kw_only=True)
class FillReply:
    """A text with masked places, and what belongs there.

    Attributes:
        tokens: all tokens, the original ones of places that were masked by their index; their texts
            make up the text, with `[]` for blanks.
        places: the masked ones, in the order of the text.
        context: longest input of the encoder in tokens.
        unknown: words outside the vocabulary, read as <unk>.
        seconds: duration.
        step: training step of the weights; null if unknown.
    """

    tokens: list[FillToken]
    places: list[FillPlace]
    context: int
    unknown: list[str]
    seconds: float
    step: int | None


@dataclass(frozen=True, kw_only=True)
class CancelReply:
    """Whether a request was cancelled.

    Attributes:
        target: as requested.
        active: whether there was such a request; its own last reply follows.
    """

    target: Id
    active: bool

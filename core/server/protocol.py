"""The requests of the model server, used at both ends of its pipe.

A message is one line of JSON, see `core.server.codec`. A request carries `id` and `op` besides its
own fields, a reply the `id` of its request; the last reply to a request has `"done": true`.
docs/server_protocol.md is made from this module and `core.server.replies`. Neither imports torch:
the client needs them, and malformed requests are refused while torch is still being imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, Never, TypeVar, cast, get_args, get_type_hints

from core.config import schema
from core.config.configs import ModelConfig, SamplingConfig, TrainConfig
from core.config.plan_inputs import TokenFacts
from core.errors import InputError, MiniGPTError, SettingsError
from core.run.weights_ref import LAST
from core.server import codec
from core.server.replies import (
    AccuracyProgress,
    AccuracyReply,
    CancelReply,
    ClassifyReply,
    FillReply,
    FindReply,
    ForkBatch,
    ForkReply,
    GenerateBatch,
    GenerateReply,
    Id,
    IndexProgress,
    IndexReply,
    InsideReply,
    LoadReply,
    OriginReply,
    ProbeReply,
    ScoreAtReply,
    ScoreReply,
    StepReply,
    TraceReply,
)
from core.system.files import JsonObject
from core.tokenizer.unknown_words import UnknownWordError

MAX_TOP = 1000
SAMPLED = "sampler"  # as `StepRequest.pick`: the token that the settings choose

ReplyT = TypeVar("ReplyT")
BatchT = TypeVar("BatchT")


class Request(Generic[ReplyT, BatchT]):
    """A request whose last reply is a `ReplyT`, after any number of `BatchT`."""


@dataclass(frozen=True, kw_only=True)
class ModelRequest(Request[ReplyT, BatchT]):
    """A request to a model.

    Attributes:
        run: name of the run; null for the model used last.
        weights: "last", "best" or the step of a snapshot.
        device: as on the command line.
        reload: whether to load the weights again if they were saved anew since they were loaded.
    """

    run: str | None = None
    weights: str = LAST
    device: str = "auto"
    reload: bool = True


@dataclass(frozen=True, kw_only=True)
class LoadRequest(ModelRequest[LoadReply, Never]):
    """Load a model unless it is in memory."""


@dataclass(frozen=True, kw_only=True)
class GenerateRequest(ModelRequest[GenerateReply, GenerateBatch]):
    """Continue a prompt, or reply to messages.

    Attributes:
        prompt: the text to continue, or the only message of the user.
        messages: a conversation, each with `role` and `content`, instead of `prompt`. The last is
            the user's, or the beginning of the reply. The oldest exchanges are left out if it does
            not fit into the context.
        allow_unknown: whether to read words outside the vocabulary as <unk>.
        settings: sampling settings.
        top: number of alternatives to list per token.
        continue_from: id of one of the last three `generate` requests, whose text the prompt is
            appended to; then without `run`.
    """

    prompt: str = ""
    messages: list[dict[str, str]] | None = None
    allow_unknown: bool = False
    settings: SamplingConfig = field(default_factory=SamplingConfig)
    top: int = 0
    continue_from: Id | None = None


@dataclass(frozen=True, kw_only=True)
class StepRequest(ModelRequest[StepReply, Never]):
    """Open or continue a session, add a token if requested, and return what could come next.

    Attributes:
        session: an open one; null opens one from `prompt` or `continue_from`.
        prompt: the text before; null for none, not even its <sos>.
        messages: as in `generate`.
        allow_unknown: as in `generate`.
        continue_from: id of a `generate` request; its tokens are taken as they are.
        chosen: ids after the prompt, as if they had been picked; on opening only.
        pick: id of the token to add, or "sampler" for the one the settings choose.
        settings: sampling settings.
        top: number of the most likely tokens to list.
    """

    session: str | None = None
    prompt: str | None = ""
    messages: list[dict[str, str]] | None = None
    allow_unknown: bool = False
    continue_from: Id | None = None
    chosen: list[int] | None = None
    pick: Id | None = None
    settings: SamplingConfig = field(default_factory=SamplingConfig)
    top: int = 10


@dataclass(frozen=True, kw_only=True)
class CutRequest(Request[StepReply, Never]):
    """Truncate a session, and return what could come next.

    Attributes:
        session: an open one.
        length: number of tokens to keep, from 1.
        settings: sampling settings.
        top: number of the most likely tokens to list.
    """

    session: str
    length: int
    settings: SamplingConfig = field(default_factory=SamplingConfig)
    top: int = 10


@dataclass(frozen=True, kw_only=True)
class FindRequest(Request[FindReply, Never]):
    """Find tokens by their text, with the probability of each coming next in a session.

    Attributes:
        session: an open one.
        text: part of a token's text; case and surrounding blanks only affect the order.
        settings: sampling settings.
        top: number of tokens to list.
    """

    session: str
    text: str
    settings: SamplingConfig = field(default_factory=SamplingConfig)
    top: int = 10


@dataclass(frozen=True, kw_only=True)
class ScoreAtRequest(ModelRequest[ScoreAtReply, Never]):
    """Return what could be at any position of a text; no session is opened or changed.

    Attributes:
        prompt: the text.
        messages: as in `generate`.
        allow_unknown: as in `generate`.
        chosen: ids after the prompt, as they were generated.
        ids: all tokens of the text, instead of `prompt` and `chosen`.
        at: index of the position, from 1; null for the one after the last token.
        with_scores: whether to return every token with its score.
        settings: sampling settings.
        top: number of the most likely tokens to list.
    """

    prompt: str = ""
    messages: list[dict[str, str]] | None = None
    allow_unknown: bool = False
    chosen: list[int] | None = None
    ids: list[int] | None = None
    at: int | None = None
    with_scores: bool = False
    settings: SamplingConfig = field(default_factory=SamplingConfig)
    top: int = 10


@dataclass(frozen=True, kw_only=True)
class ForkRequest(ModelRequest[ForkReply, ForkBatch]):
    """Continue a session or a list of tokens in several ways, in one batch.

    Attributes:
        session: an open one, which stays as it is; null continues `ids`.
        ids: all tokens before.
        count: number of rows, up to 64; row r is drawn with seed + r.
        tokens: length of each row, up to 1024.
        first_tokens: the first token of each row, instead of `count`.
        settings: sampling settings.
    """

    session: str | None = None
    ids: list[int] | None = None
    count: int = 1
    tokens: int = 16
    first_tokens: list[int] | None = None
    settings: SamplingConfig = field(default_factory=SamplingConfig)


@dataclass(frozen=True, kw_only=True)
class ScoreRequest(ModelRequest[ScoreReply, Never]):
    """Score each token of a text given those before it.

    Attributes:
        text: up to 16,384 tokens.
    """

    text: str


@dataclass(frozen=True, kw_only=True)
class TraceRequest(ModelRequest[TraceReply, Never]):
    """Return what each layer predicted before each token of a text.

    Attributes:
        text: up to 4,096 tokens.
    """

    text: str


@dataclass(frozen=True, kw_only=True)
class InsideRequest(ModelRequest[InsideReply, Never]):
    """Return what all layers predict and all heads attend to, at positions around one.

    Attributes:
        session: an open one; null reads `prompt`. An encoder has no sessions.
        prompt: the text; for an encoder with `[]` as blanks.
        tokens: for an encoder, the ids of its text instead of `prompt`.
        messages: as in `generate`.
        allow_unknown: as in `generate`.
        at: index of a position that is among the rows; null for the last token.
        rows: number of positions, up to 64.
        disabled_heads: heads that are switched off, each as layer and head.
    """

    session: str | None = None
    prompt: str = ""
    tokens: list[int] | None = None
    messages: list[dict[str, str]] | None = None
    allow_unknown: bool = False
    at: int | None = None
    rows: int = 64
    disabled_heads: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ProbeRequest(Request[ProbeReply, ProbeReply]):
    """List the devices, and forecast a training run.

    Attributes:
        train: training settings; null lists the devices only.
        model: fields of ModelConfig that were chosen.
        tokens: facts about the tokens; null for running text whose `vocab_size` is in `model`.
        parent: shape of the model whose weights the run starts from; then `model` is empty.
        timed: whether to time training steps.
    """

    train: TrainConfig | None = None
    model: JsonObject = field(default_factory=dict)
    tokens: TokenFacts | None = None
    parent: ModelConfig | None = None
    timed: bool = True


@dataclass(frozen=True, kw_only=True)
class IndexRequest(Request[IndexReply, IndexProgress]):
    """Build the index of a run's training text unless it exists, while other requests are answered.

    A cancelled one leaves nothing behind.

    Attributes:
        run: name of the run.
    """

    run: str


@dataclass(frozen=True, kw_only=True)
class OriginRequest(Request[OriginReply, Never]):
    """Find the parts of a reply, of a session's chosen tokens or of a text that occur in a corpus.

    Attributes:
        run: the run whose corpus is searched; with `text` only.
        reply: id of a `generate` request.
        session: an open one.
        text: any text.
        min_tokens: length of the shortest part.
        max_places: occurrences to list per part, up to 20.
    """

    run: str | None = None
    reply: Id | None = None
    session: str | None = None
    text: str | None = None
    min_tokens: int = 4
    max_places: int = 3


@dataclass(frozen=True, kw_only=True)
class ClassifyRequest(ModelRequest[ClassifyReply, Never]):
    """Return the probability of every label for a text; for models with the task "classify".

    Attributes:
        text: to be classified.
        allow_unknown: as in `generate`.
        explain: whether to leave out each word in turn, up to 256 words.
    """

    text: str
    allow_unknown: bool = False
    explain: bool = False


@dataclass(frozen=True, kw_only=True)
class AccuracyRequest(ModelRequest[AccuracyReply, AccuracyProgress]):
    """Test how often a model's replies are right; for models of pairs and conversations.

    The items are those of `path`, else of the held-out file of the run's bundled corpus, else the
    part of its own text that it was not trained on.

    Attributes:
        path: a file of the formats that can be trained on; its last replies are the right ones.
        limit: largest number of items to judge, spread over all; null for all.
    """

    path: str | None = None
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class FillRequest(ModelRequest[FillReply, Never]):
    """Return what belongs at the masked places of a text; for encoders.

    All places are masked at once. Without any, the reply has the tokens alone.

    Attributes:
        text: `[]` in it is a blank, which stands for one token.
        tokens: ids of all tokens instead of `text`, as an earlier reply lists them.
        masked: indices of tokens to mask besides the blanks.
        fill: tokens put in, each as index and id; they are not masked.
        mask_random: a seed: masks 15 % of the tokens besides.
        allow_unknown: as in `generate`.
        top: number of candidates to list per place.
        decoder: name of a run whose decoder, with its newest weights, is asked too. It must have
            the same vocabulary but for `<mask>`.
    """

    text: str = ""
    tokens: list[int] | None = None
    masked: list[int] = field(default_factory=list)
    fill: list[list[int]] = field(default_factory=list)
    mask_random: int | None = None
    allow_unknown: bool = True
    top: int = 10
    decoder: str | None = None


@dataclass(frozen=True, kw_only=True)
class CancelRequest(Request[CancelReply, Never]):
    """Cancel another request.

    Attributes:
        target: its id.
    """

    target: Id


OPERATIONS: Mapping[str, type[Request[Any, Any]]] = {
    "load": LoadRequest,
    "generate": GenerateRequest,
    "step": StepRequest,
    "cut": CutRequest,
    "find": FindRequest,
    "look": ScoreAtRequest,
    "fork": ForkRequest,
    "score": ScoreRequest,
    "trace": TraceRequest,
    "inside": InsideRequest,
    "probe": ProbeRequest,
    "index": IndexRequest,
    "origin": OriginRequest,
    "classify": ClassifyRequest,
    "test": AccuracyRequest,
    "fill": FillRequest,
    "cancel": CancelRequest,
}


@cache
def reply_types(request: Any) -> tuple[Any, Any]:
    """The classes of the last reply and of the batches before it (`Never` if there are none)."""
    (base,) = vars(request)["__orig_bases__"]
    reply, batch = get_args(base)
    return reply, batch


def parse_request(op: Any, values: Mapping[str, Any]) -> Request[Any, Any]:
    """The request of an operation from its JSON fields.

    Raises:
        InputError: no such operation, or unknown, missing or mistyped fields.
        SettingsError: settings out of their limits.
    """
    kind = OPERATIONS.get(op) if isinstance(op, str) else None
    if kind is None:
        raise InputError(f"There is no operation {op!r}.", f"There are {', '.join(OPERATIONS)}.")
    parsed = dict(values)
    for name, config in _config_fields(cast(Any, kind)).items():
        if isinstance(parsed.get(name), dict):
            parsed[name] = _parse_config(config, parsed[name])
    return schema.from_json_checked(kind, parsed, f"the operation {op}")


@cache
def _config_fields(request: Any) -> Mapping[str, type[Any]]:
    """The fields of a request that are dataclasses themselves."""
    configs = (SamplingConfig, TrainConfig, ModelConfig, TokenFacts)
    return {
        name: config
        for name, hint in get_type_hints(request).items()
        for config in configs
        if config is hint or config in get_args(hint)
    }


def _parse_config(config: type[Any], values: Mapping[str, Any]) -> Any:
    if config is TokenFacts:
        return schema.from_json_checked(config, values, "tokens")
    if not isinstance(values.get("stop", []), list):
        raise SettingsError({"stop": "must be a list of texts"})
    return schema.from_json(config, values)


def request_to_json(request: Request[Any, Any]) -> JsonObject:
    """A request with its operation; an `id` is added by the sender."""
    op = next(op for op, kind in OPERATIONS.items() if kind is type(request))
    return {"op": op, **codec.to_json(request)}


def reply_from_json(request: Request[ReplyT, BatchT], values: Mapping[str, Any]) -> ReplyT | BatchT:
    """A batch or, with `done`, the last reply.

    Raises:
        LookupError, TypeError, ValueError: the values are not such a message.
    """
    reply, batch = reply_types(cast(Any, type(request)))
    message: ReplyT | BatchT = codec.from_json(reply if values.get("done") else batch, values)
    return message


def check_range(value: int, lowest: int, highest: int, name: str) -> int:
    """Return the value if it is within its limits.

    Raises:
        InputError: it is not.
    """
    if not lowest <= value <= highest:
        raise InputError(f"{name} must be from {lowest} to {highest}, is {value}.")
    return value


def error_to_json(error: MiniGPTError) -> JsonObject:
    """An error as a reply reports it, with the words or the settings that caused it."""
    fields: JsonObject = {"title": error.title, "message": error.message, "hint": error.hint}
    fields["code"] = error.exit_code
    if isinstance(error, UnknownWordError):
        fields |= {"unknown": list(error.near), "nearest": error.near}
    if isinstance(error, SettingsError):
        fields["problems"] = error.problems
    return fields

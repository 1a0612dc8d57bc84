"""What the sampler can be asked: the operations, their fields, and errors as JSON.

One line of JSON is one question; this is the only module that knows how questions are written.
It needs no torch, so a question that cannot be understood is answered before torch is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.config.configs import SamplingConfig
from core.config.schema import from_json, from_json_checked
from core.errors import InputError, MiniGPTError, SettingsError
from core.run.weights_ref import LAST
from core.tokenizer.unknown_words import UnknownWordError

Id = int | str
Json = dict[str, Any]

CANCEL = "cancel"
INDEX = "index"
MOST_TOP = 1000


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """What asks something of a model.

    Attributes:
        run: the run it belongs to; None is the model used last.
        which: "last", "best" or the step of a snapshot.
        device: as on the command line.
    """

    run: str | None = None
    which: str = LAST
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class LoadRequest(ModelRequest):
    """Have a model ready."""


@dataclass(frozen=True, kw_only=True)
class GenerateRequest(ModelRequest):
    """Continue a prompt, in batches.

    Attributes:
        settings: fields of SamplingConfig.
        top: how many of the likeliest tokens each token names.
        continue_from: the id of an earlier `generate`, whose text the prompt is added to.
    """

    prompt: str = ""
    settings: Json = field(default_factory=dict)
    top: int = 0
    continue_from: Id | None = None


@dataclass(frozen=True, kw_only=True)
class StepRequest(ModelRequest):
    """Look at what comes next, after one more token if asked.

    Attributes:
        session: an open one; None opens one from `prompt` or from the reply `continue_from`.
        prompt: None where `chosen` is all of it.
        chosen: ids that come after the prompt, as if they had been picked; on opening only.
        pick: the id to add, or "sampler" for the one the settings choose.
        top: how many of the likeliest tokens are named.
    """

    session: str | None = None
    prompt: str | None = ""
    continue_from: Id | None = None
    chosen: list[int] | None = None
    pick: Id | None = None
    settings: Json = field(default_factory=dict)
    top: int = 10


@dataclass(frozen=True, kw_only=True)
class CutRequest:
    """Forget all but the first tokens of a session, then look at what comes next."""

    session: str
    length: int
    settings: Json = field(default_factory=dict)
    top: int = 10


@dataclass(frozen=True, kw_only=True)
class FindRequest:
    """Look up tokens of the vocabulary by their text, as what comes next in a session."""

    session: str
    text: str
    settings: Json = field(default_factory=dict)
    top: int = 10


@dataclass(frozen=True, kw_only=True)
class ScoreAtRequest(ModelRequest):
    """Look at what could stand at a place of a text; nothing is opened, and nothing forgotten.

    Attributes:
        prompt: the text.
        ids: its tokens, all of them, instead of `prompt`.
        at: the index of the token that is looked at; None is the one after the last.
        scored: whether every token is told, with how likely it was.
    """

    prompt: str = ""
    ids: list[int] | None = None
    at: int | None = None
    scored: bool = False
    settings: Json = field(default_factory=dict)
    top: int = 10


@dataclass(frozen=True, kw_only=True)
class ForkRequest(ModelRequest):
    """Continue a session, or the tokens `ids`, in several ways at once; a session stays as it is.

    Attributes:
        session: an open one; None continues `ids`.
        count: how many ways; row r is drawn with the seed of the settings + r.
        tokens: how long each.
        firsts: the first token of each row, instead of `count`.
    """

    session: str | None = None
    ids: list[int] | None = None
    count: int = 1
    tokens: int = 16
    firsts: list[int] | None = None
    settings: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ScoreRequest(ModelRequest):
    """How likely each token of a text is."""

    text: str


@dataclass(frozen=True, kw_only=True)
class TraceRequest(ModelRequest):
    """What the layers foresaw before each token of a text, and how likely it was."""

    text: str


@dataclass(frozen=True, kw_only=True)
class InsideRequest(ModelRequest):
    """What the layers think at some places, and where a head looks.

    Attributes:
        session: an open one; None looks at `prompt`.
        layer: of the attention, from 0; negative ones count from the last.
        head: None is the mean over the heads.
        at: the index of the last place looked at; None is the last of all.
        rows: how many places, up to that.
        off: heads that are switched off, each as layer and head.
    """

    session: str | None = None
    prompt: str = ""
    layer: int = -1
    head: int | None = None
    at: int | None = None
    rows: int = 1
    off: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ProbeRequest:
    """What devices there are and, of a training, what it needs and how long it takes.

    Attributes:
        train: fields of TrainConfig; None asks for the devices only.
        model: fields of ModelConfig that were chosen.
        tokens: fields of `core.config.plan_inputs.TokenFacts`; without them `model` names a
        vocab_size, and
            running text is assumed.
        timed: whether to time steps; without, the reply is arithmetic.
    """

    train: Json | None = None
    model: Json = field(default_factory=dict)
    tokens: Json | None = None
    timed: bool = True


@dataclass(frozen=True, kw_only=True)
class IndexRequest:
    """Have the index of the text a run was trained on ready; other requests are answered meanwhile.

    Attributes:
        run: whose text.
    """

    run: str


@dataclass(frozen=True, kw_only=True)
class OriginRequest:
    """Which parts of a reply, of what was chosen in a session, or of a text stand in the corpus.

    Attributes:
        run: whose corpus; with `text` only.
        reply: the id of an earlier `generate`.
        session: an open one.
        text: any text.
        least: tokens of the shortest part.
        places: how many places of each part are named.
    """

    run: str | None = None
    reply: Id | None = None
    session: str | None = None
    text: str | None = None
    least: int = 4
    places: int = 3


@dataclass(frozen=True, kw_only=True)
class CancelRequest:
    """End another request; what came stays."""

    target: Id


OPERATIONS: Mapping[str, type[Any]] = {
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
    INDEX: IndexRequest,
    "origin": OriginRequest,
    CANCEL: CancelRequest,
}


def parse_request(op: Any, fields: Mapping[str, Any]) -> Any:
    """The question in an object of its class.

    Raises:
        InputError: there is no such operation, or its fields are not what they should be.
    """
    kind = OPERATIONS.get(op) if isinstance(op, str) else None
    if kind is None:
        raise InputError(f"There is no operation {op!r}.", f"There are {', '.join(OPERATIONS)}.")
    return from_json_checked(kind, fields, f"the operation {op}")


def sampling(values: Mapping[str, Any]) -> SamplingConfig:
    """The settings of a question.

    Raises:
        SettingsError: unknown ones, or out of their limits.
    """
    if not isinstance(values.get("stop", []), list):
        raise SettingsError({"stop": "must be a list of texts"})
    return from_json(SamplingConfig, values)


def check_range(value: int, least: int, most: int, what: str) -> int:
    """The value if it lies within its limits.

    Raises:
        InputError: it does not.
    """
    if not least <= value <= most:
        raise InputError(f"{what} must be from {least} to {most}, is {value}.")
    return value


def error_to_json(error: MiniGPTError) -> Json:
    """The error as it stands in a reply; unknown words are named one by one."""
    fields: Json = {"title": error.title, "message": error.message, "hint": error.hint}
    if isinstance(error, UnknownWordError):
        fields |= {"unknown": list(error.near), "nearest": error.near}
    if isinstance(error, SettingsError):
        fields["problems"] = error.problems
    return fields

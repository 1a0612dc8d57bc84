"""The models and sessions that the server keeps in memory, the most recently used ones.

A model whose file has changed is loaded again unless the request declines it (`reload`); an open
session keeps the model it started with. Only one model is kept unless there is memory for more.
"""

from __future__ import annotations

import gc
import os
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch

from core.config.budget import count_parameters
from core.errors import Cancelled, ClosedError, DamagedError, StateError
from core.inference.load import (
    LoadedClassifier,
    LoadedEncoder,
    LoadedModel,
    LoadedRun,
    load_classifier,
    load_encoder,
    load_model,
)
from core.inference.score import score_ids
from core.inference.session import Session
from core.model.attention import AttentionRecord
from core.model.device import device_facts
from core.model.language_model import LanguageModel
from core.paths import Home
from core.progress import CancelCheck, never_cancelled
from core.run import store
from core.run.directory import MAX_STEP_BYTES, Run
from core.run.event_log import events_backwards
from core.run.events import SAVED
from core.run.model_kind import ModelKind, check_kind, find_kind, wrong_kind_error
from core.run.weights_ref import BEST, LAST, weights_file
from core.server.origin import IndexCache
from core.server.protocol import ModelRequest
from core.server.replies import Id, LoadReply
from core.system.files import read_regular_file
from core.system.machine import usable_threads

MAX_MEMORY_SHARE = 0.3  # of the free memory: a trainer may need the rest
MAX_MODELS = 4
MAX_REPLIES = 3
MAX_SESSIONS = 8
MAX_EVENT_BYTES = 1 << 22  # read from the end of the event log to find the step of the weights
PARAMETERS_PER_THREAD = 10_000_000
LONG_PREFILL_FLOPS = 5e9  # some tenths of a second on a CPU

FileStamp = tuple[int, int, int]


@dataclass
class CancelWatch:
    """Whether the current request was cancelled."""

    cancelled: CancelCheck = never_cancelled

    def check(self) -> None:
        """Raise Cancelled if it was."""
        if self.cancelled():
            raise Cancelled

    def hook_into(self, model: LanguageModel) -> None:
        """Check before every layer of a model, so that a long prefill can be cancelled.

        A forward pass that is aborted between two layers leaves its session as it was.
        """

        def check_before_layer(module: Any, arguments: Any) -> None:
            self.check()

        for block in model.get_submodule("blocks").children():
            block.register_forward_pre_hook(check_before_layer)


@dataclass(eq=False, kw_only=True)
class CachedWeights:
    """What is known of a model in memory.

    Attributes:
        facts: the reply to `load`.
        stamp: of its file when it was read.
        size: bytes of its weights.
    """

    facts: LoadReply
    stamp: FileStamp
    size: int

    def set_process_threads(self) -> None:
        """Set the number of threads of the process: few for a small model."""
        threads = 1 + self.facts.parameters // PARAMETERS_PER_THREAD
        torch.set_num_threads(min(usable_threads(), threads))


@dataclass(eq=False, kw_only=True)
class CachedModel(CachedWeights):
    """A decoder in memory.

    Attributes:
        text_session: the session that holds the text of the last `score_at` or `fork` of ids.
    """

    loaded: LoadedModel
    text_session: Session | None = None

    def new_session(self) -> Session:
        return Session(self.loaded.model, keep_first=self.loaded.keep_first)


@dataclass(eq=False, kw_only=True)
class CachedEncoder(CachedWeights):
    """An encoder that fills in blanks, in memory."""

    loaded: LoadedEncoder


@dataclass(eq=False, kw_only=True)
class CachedClassifier(CachedWeights):
    """An encoder that labels texts, in memory."""

    loaded: LoadedClassifier


AnyCached = CachedModel | CachedEncoder | CachedClassifier
CachedT = TypeVar("CachedT", CachedModel, CachedEncoder, CachedClassifier)
KINDS: dict[type[AnyCached], ModelKind] = {
    CachedModel: ModelKind.DECODER,
    CachedEncoder: ModelKind.ENCODER,
    CachedClassifier: ModelKind.CLASSIFIER,
}


@dataclass(frozen=True, eq=False)
class OpenSession:
    """A session with its model.

    Attributes:
        prompt_length: number of ids it was opened with; those after them were chosen.
        prompt: their text as typed; empty if they were not typed.
        scores: the log-probability, in nats, of each id but the first.
        ranks: the rank by probability, from 1, of each id but the first.
        records: attention records of the last `inside` requests, see `core.server.inspect`.
    """

    model: CachedModel
    session: Session
    prompt_length: int
    scores: list[float] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    records: dict[Any, AttentionRecord] = field(default_factory=dict)
    prompt: str = ""


@dataclass
class ModelCache:
    """Models by their file and device, and the sessions of replies and of step mode."""

    home: Home
    watch: CancelWatch = field(default_factory=CancelWatch)
    models: OrderedDict[tuple[str, str], AnyCached] = field(default_factory=OrderedDict)
    replies: OrderedDict[Id, OpenSession] = field(default_factory=OrderedDict)
    sessions: OrderedDict[str, OpenSession] = field(default_factory=OrderedDict)
    indexes: IndexCache = field(init=False)
    _sessions_opened: int = 0

    def __post_init__(self) -> None:
        self.indexes = IndexCache(self.home)

    def get_model(self, request: ModelRequest[Any, Any]) -> tuple[CachedModel, str]:
        """The decoder of a request, and whether it was "kept", "loaded" or "reloaded".

        Raises:
            InputError: the run has no decoder.
            MiniGPTError: no such run, weights or device, or a file that cannot be read.
            Cancelled: the request was cancelled.
        """
        return self._get(request, CachedModel)

    def get_encoder(self, request: ModelRequest[Any, Any]) -> tuple[CachedEncoder, str]:
        """The encoder of a request, which fills in blanks; as `get_model`."""
        return self._get(request, CachedEncoder)

    def get_task_model(
        self, request: ModelRequest[Any, Any]
    ) -> tuple[CachedModel | CachedClassifier, str]:
        """The decoder of a request, or the encoder that labels texts; as `get_model`."""
        if self._find_kind(request) is ModelKind.CLASSIFIER:
            return self._get(request, CachedClassifier)
        return self.get_model(request)

    def names_encoder(self, request: ModelRequest[Any, Any]) -> bool:
        """Whether the run of a request, or the model used last, is an encoder.

        Raises:
            MiniGPTError: there is no such run, or its config.json cannot be read.
        """
        return self._find_kind(request) in (ModelKind.ENCODER, ModelKind.CLASSIFIER)

    def _find_kind(self, request: ModelRequest[Any, Any]) -> ModelKind | None:
        """What the run of a request, or the model used last, is; None if none is loaded."""
        if request.run is not None:
            return find_kind(store.find_run(self.home, request.run))
        last = next(reversed(self.models.values()), None)
        return None if last is None else KINDS[type(last)]

    def get_both(
        self, request: ModelRequest[Any, Any], other: ModelRequest[Any, Any]
    ) -> tuple[CachedEncoder, CachedModel]:
        """An encoder, and the decoder it is compared with; the encoder stays the model used last.

        Errors as of `get_model`.
        """
        encoder, _ = self.get_encoder(request)
        key = next(reversed(self.models))
        decoder, _ = self.get_model(other)
        self.models[key] = encoder  # even if there is memory for one only: both are in use
        self.models.move_to_end(key)
        return encoder, decoder

    def _get(self, request: ModelRequest[Any, Any], kind: type[CachedT]) -> tuple[CachedT, str]:
        if request.run is None:
            if not self.models:
                raise StateError("No model is loaded.", "Name a run.")
            last = next(reversed(self.models.values()))
            if isinstance(last, kind):
                return last, "kept"
            raise wrong_kind_error(last.facts.name, KINDS[type(last)], KINDS[kind])
        run = store.find_run(self.home, request.run)
        weights = request.weights or LAST
        file = weights_file(run, weights)
        key = str(file), request.device
        cached = self.models.get(key)
        if isinstance(cached, kind) and (not request.reload or cached.stamp == _stamp(file)):
            self.models.move_to_end(key)
            return cached, "kept"
        # Before others are dropped for it:
        check_kind(run, KINDS[kind])
        self.models.pop(key, None)
        self._evict_models(file.stat().st_size, request.device)
        model = self._load(run, weights, request.device, kind)
        self.models[key] = model
        return model, "reloaded" if cached else "loaded"

    def _load(self, run: Run, weights: str, device: str, kind: type[CachedT]) -> CachedT:
        """Load a model; again if its file was replaced meanwhile, as the step may be another's."""
        model = self._load_once(run, weights, device, kind)
        if model.stamp != _stamp(weights_file(run, weights)):
            del model  # the memory is needed
            model = self._load_once(run, weights, device, kind)
        return model

    def _load_once(self, run: Run, weights: str, device: str, kind: type[CachedT]) -> CachedT:
        start, stamp = time.perf_counter(), _stamp(weights_file(run, weights))
        loaded = _load_as(kind, run, weights, device, self.watch.cancelled)
        config = loaded.model.config
        if 2.0 * count_parameters(config) * config.context > LONG_PREFILL_FLOPS:
            self.watch.hook_into(loaded.model)
        facts = _facts(run, weights, loaded, round(time.perf_counter() - start, 3))
        size = sum(weight.nbytes for weight in loaded.model.parameters())
        return kind(facts=facts, stamp=stamp, size=size, loaded=loaded)

    def _evict_models(self, needed: int, device: str) -> None:
        """Drop the least recently used models until one more fits into its share of memory."""
        free = device_facts(device).free_memory
        while self.models:
            used = sum(model.size for model in self._models_in_use())
            fits = used + needed <= MAX_MEMORY_SHARE * (free + used)
            if fits and len(self.models) < MAX_MODELS:
                return
            self.models.popitem(last=False)
            self._drop_orphans()

    def _models_in_use(self) -> set[AnyCached]:
        """The models in the cache and those of open sessions."""
        sessions = [*self.replies.values(), *self.sessions.values()]
        return {*self.models.values(), *(session.model for session in sessions)}

    def _drop_orphans(self) -> None:
        """Close the sessions whose model was dropped, and release their memory."""
        tables: tuple[OrderedDict[Any, OpenSession], ...] = (self.replies, self.sessions)
        for table in tables:
            for name, session in list(table.items()):
                if session.model not in self.models.values():
                    del table[name]
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def keep_reply(self, id: Id, model: CachedModel, session: Session, prompt_length: int) -> None:
        """Keep the session of a reply, to be continued or inspected."""
        self.replies[id] = OpenSession(model, session, prompt_length)
        if len(self.replies) > MAX_REPLIES:
            self.replies.popitem(last=False)

    def get_reply(self, id: Id) -> OpenSession:
        """The session of a reply.

        Raises:
            StateError: it is not kept any more.
        """
        if id not in self.replies:
            raise StateError(f"The reply {id} is not kept any more.", "Send its text as a prompt.")
        return self.replies[id]

    def open_session(
        self, model: CachedModel, ids: Sequence[int], prompt_length: int, prompt: str = ""
    ) -> str:
        """Open a session that holds the ids; return its name.

        Args:
            prompt: the text of the first `prompt_length` ids, if it was typed.

        Raises:
            Cancelled: the request was cancelled.
        """
        session = model.new_session()
        ranks: list[int] = []
        scores = list(score_ids(session, ids, self.watch.cancelled, ranks))
        self._sessions_opened += 1
        # Unique across server processes: a client may still know a session of the one before.
        name = f"s{os.getpid()}.{self._sessions_opened}"
        self.sessions[name] = OpenSession(
            model, session, prompt_length, scores, ranks, prompt=prompt
        )
        if len(self.sessions) > MAX_SESSIONS:
            self.sessions.popitem(last=False)
        return name

    def get_session(self, name: str) -> OpenSession:
        """An open session.

        Raises:
            ClosedError: no session of this name is open.
        """
        if name not in self.sessions:
            raise ClosedError(f"The session {name!r} is not open any more.", "Open it again.")
        self.sessions.move_to_end(name)
        return self.sessions[name]


def visible_window_start(session: Session, window_start: int) -> int:
    """The window start as a reply reports it: 0 until the context slides."""
    return 0 if window_start == session.keep_first else window_start


def _load_as(kind: type[AnyCached], *arguments: Any) -> Any:
    """What a cached model of this kind holds."""
    if kind is CachedModel:
        return load_model(*arguments)
    return load_encoder(*arguments) if kind is CachedEncoder else load_classifier(*arguments)


def _stamp(file: Path) -> FileStamp:
    status = file.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _facts(run: Run, weights: str, loaded: LoadedRun, seconds: float) -> LoadReply:
    config, device = loaded.model.config, str(loaded.model.device)
    return LoadReply(
        name=run.name,
        weights=weights,
        step=_step_of_weights(run, weights),
        device=device,
        device_name=device_facts(device).name,
        parameters=count_parameters(config),
        context=config.context,
        vocab_size=config.vocab_size,
        layers=config.layers,
        heads=config.heads,
        architecture=config.architecture,
        tokenizer=loaded.tokenizer.kind,
        reading=loaded.reading,
        task=loaded.task,
        labels=list(loaded.labels),
        seconds=seconds,
        how="loaded",
    )


def _step_of_weights(run: Run, weights: str) -> int | None:
    """The training step at which weights were saved; None if unknown."""
    if weights not in (LAST, BEST):
        return int(weights)
    if weights == LAST and (step := _last_checkpoint_step(run)) is not None:
        return step
    kind = "best" if weights == BEST else "checkpoint"
    for event in events_backwards(run.events, MAX_EVENT_BYTES) if run.events.is_file() else ():
        if event.type == SAVED and event.text("kind") == kind:
            return event.step
    return None


def _last_checkpoint_step(run: Run) -> int | None:
    """The step of the last checkpoint if its weights are hard-linked to the run's."""
    try:
        name = read_regular_file(run.last_checkpoint, MAX_STEP_BYTES).decode().strip()
        is_linked = name.isdecimal() and run.checkpoint(name).weights.samefile(run.weights)
    except (OSError, ValueError, DamagedError):
        return None
    return int(name) if is_linked else None

"""The models and sessions that the sampler keeps, the ones used last.

A model whose file has changed since is read anew; a session goes on with the model it began with.
One model is on the device at a time unless there is room for more.
"""

from __future__ import annotations

import gc
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from core.config.budget import count_parameters
from core.errors import Cancelled, ClosedError, InputError
from core.inference.load import LoadedModel, load_model
from core.inference.session import Session
from core.model.attention import AttentionRecord
from core.model.decoder import Decoder
from core.model.device import device_facts
from core.paths import Home
from core.progress import CancelCheck, never_cancelled
from core.run import store
from core.run.directory import Run
from core.run.event_log import events_backwards
from core.run.events import SAVED
from core.run.weights_ref import BEST, LAST, weights_file
from core.server.origin import TextCache
from core.server.protocol import ModelRequest
from core.server.replies import Id, LoadReply
from core.system.machine import usable_threads

MEMORY_SHARE = 0.3  # of what is free: a trainer may need the rest
MOST_MODELS = 4
MOST_REPLIES = 3
MOST_SESSIONS = 8
SAVED_BYTES = 1 << 22  # of the events, from their end
PARAMETERS_A_THREAD = 10_000_000
LONG_READING = 5e9  # floating-point operations: some tenths of a second on a processor

Key = tuple[str, str]
Stamp = tuple[int, int, int]


@dataclass
class Watch:
    """Whether the request at hand was cancelled; models look at it layer by layer."""

    cancelled: CancelCheck = never_cancelled

    def check(self) -> None:
        """Raises Cancelled if it was."""
        if self.cancelled():
            raise Cancelled

    def over(self, model: Decoder) -> None:
        """Has a long reading of a model end between two layers; a session stays whole then."""
        for block in model.get_submodule("blocks").children():
            block.register_forward_pre_hook(_looking(self))


@dataclass(frozen=True, eq=False)
class CachedModel:
    """A model that is ready.

    Attributes:
        facts: what a reply says of it.
        stamp: of its file, as it was read.
        size: bytes of its weights.
        read: sessions with it that nobody opened, by who keeps them.
    """

    loaded: LoadedModel
    facts: LoadReply
    stamp: Stamp
    size: int
    read: dict[str, Session] = field(default_factory=dict)

    def session(self) -> Session:
        """A new session with it."""
        return Session(self.loaded.model, keep_first=self.loaded.keep_first)

    def use(self) -> None:
        """Sets the number of threads: few for a small model, whose work is not worth sharing."""
        wanted = 1 + self.facts.parameters // PARAMETERS_A_THREAD
        torch.set_num_threads(min(usable_threads(), wanted))


@dataclass(frozen=True, eq=False)
class OpenSession:
    """A session that can be gone on with.

    Attributes:
        begun: how many ids it was opened with; those after them were chosen.
        scores: the log-probability, in nats, of each id but the first.
        looked: what `core.server.inspect` saw in it last.
    """

    held: CachedModel
    session: Session
    begun: int
    scores: list[float] = field(default_factory=list)
    looked: dict[Any, AttentionRecord] = field(default_factory=dict)


@dataclass
class ModelCache:
    """Models by the file they come from, and the sessions of replies and of steps."""

    home: Home
    watch: Watch = field(default_factory=Watch)
    models: OrderedDict[Key, CachedModel] = field(default_factory=OrderedDict)
    replies: OrderedDict[Id, OpenSession] = field(default_factory=OrderedDict)
    sessions: OrderedDict[str, OpenSession] = field(default_factory=OrderedDict)
    texts: TextCache = field(init=False)
    _opened: int = 0

    def __post_init__(self) -> None:
        self.texts = TextCache(self.home)

    def model(self, ask: ModelRequest[Any, Any]) -> tuple[CachedModel, str]:
        """The model asked for, and whether it was "kept", "loaded" or "reloaded".

        Raises:
            MiniGPTError: no such run, weights or device, or a file that cannot be read.
            Cancelled: the request was.
        """
        if ask.run is None:
            return self._newest(), "kept"
        run = store.find_run(self.home, ask.run)
        weights = ask.weights or LAST
        file = weights_file(run, weights)
        key, stamp = (str(file), ask.device), _stamp(file)
        kept = self.models.get(key)
        if kept and kept.stamp == stamp:
            self.models.move_to_end(key)
            return kept, "kept"
        self.models.pop(key, None)
        self._make_room(file.stat().st_size, ask.device)
        self.models[key] = self._load(run, weights, ask.device, stamp)
        return self.models[key], "reloaded" if kept else "loaded"

    def _newest(self) -> CachedModel:
        if not self.models:
            raise InputError("No model is loaded.", "Name a run.")
        return next(reversed(self.models.values()))

    def _load(self, run: Run, weights: str, device: str, stamp: Stamp) -> CachedModel:
        began = time.perf_counter()
        loaded = load_model(run, weights, device, self.watch.cancelled)
        if _reads_long(loaded.model):
            self.watch.over(loaded.model)
        seconds = round(time.perf_counter() - began, 3)
        facts = _facts(run, weights, loaded, seconds)
        size = sum(weight.nbytes for weight in loaded.model.parameters())
        return CachedModel(loaded, facts, stamp, size)

    def _make_room(self, needed: int, device: str) -> None:
        """Puts models away, those used longest ago first, until one more has its share."""
        free = device_facts(device).free_memory
        while self.models:
            used = sum(held.size for held in self._alive())
            fits = used + needed <= MEMORY_SHARE * (free + used)
            if fits and len(self.models) < MOST_MODELS:
                return
            self.models.popitem(last=False)
            self._forget_orphans()

    def _alive(self) -> set[CachedModel]:
        kept = [*self.replies.values(), *self.sessions.values()]
        return {*self.models.values(), *(one.held for one in kept)}

    def _forget_orphans(self) -> None:
        """Closes the sessions whose model was put away, and gives the memory back."""
        tables: tuple[OrderedDict[Any, OpenSession], ...] = (self.replies, self.sessions)
        for table in tables:
            for name, one in list(table.items()):
                if one.held not in self.models.values():
                    del table[name]
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def keep_reply(self, id: Id, held: CachedModel, session: Session, begun: int) -> None:
        """Keeps a reply's session, to be gone on with or looked at."""
        self.replies[id] = OpenSession(held, session, begun)
        if len(self.replies) > MOST_REPLIES:
            self.replies.popitem(last=False)

    def reply(self, id: Id) -> OpenSession:
        """The session of an earlier reply.

        Raises:
            InputError: it is not kept any more.
        """
        if id not in self.replies:
            raise InputError(
                f"The reply {id} is not kept any more.", "Send its text again as a prompt."
            )
        return self.replies[id]

    def open(self, held: CachedModel, ids: Sequence[int], begun: int) -> str:
        """Reads ids in a new session, and keeps it under a new name."""
        session = held.session()
        scores = session.score(ids).tolist()
        self._opened += 1
        name = f"s{os.getpid()}.{self._opened}"  # none of a process before this one is taken for it
        self.sessions[name] = OpenSession(held, session, begun, scores)
        if len(self.sessions) > MOST_SESSIONS:
            self.sessions.popitem(last=False)
        return name

    def session(self, name: str) -> OpenSession:
        """An open session.

        Raises:
            ClosedError: there is none of this name, or none any more.
        """
        if name not in self.sessions:
            raise ClosedError(f"The session {name!r} is not open any more.", "Open it again.")
        self.sessions.move_to_end(name)
        return self.sessions[name]


def _looking(watch: Watch) -> Callable[[Any, Any], None]:
    def look(module: Any, arguments: Any) -> None:
        watch.check()

    return look


def _reads_long(model: Decoder) -> bool:
    """Whether reading a whole context takes so long that one would like to stop it."""
    return 2.0 * count_parameters(model.config) * model.config.context > LONG_READING


def forgotten(session: Session, window_start: int) -> int:
    """Where the window begins, as a reply says it: 0 while the model still sees everything."""
    return 0 if window_start == session.keep_first else window_start


def _stamp(file: Path) -> Stamp:
    facts = file.stat()
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


def _facts(run: Run, weights: str, loaded: LoadedModel, seconds: float) -> LoadReply:
    config, device = loaded.model.config, str(loaded.model.device)
    return LoadReply(
        name=run.name,
        weights=weights,
        step=_step(run, weights),
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
        seconds=seconds,
        how="loaded",
    )


def _step(run: Run, weights: str) -> int | None:
    """After how many updates the weights were saved, if the run says so."""
    if weights not in (LAST, BEST):
        return int(weights)
    if weights == LAST and (step := _checkpoint_step(run)) is not None:
        return step
    kind = "best" if weights == BEST else "checkpoint"
    for event in events_backwards(run.events, SAVED_BYTES) if run.events.is_file() else ():
        if event.type == SAVED and event.text("kind") == kind:
            return event.step
    return None


def _checkpoint_step(run: Run) -> int | None:
    """The newest checkpoint's, if its weights are the run's; where links are possible they are."""
    try:
        name = run.last_checkpoint.read_text().strip()
        same = name.isdecimal() and run.checkpoint(name).weights.samefile(run.weights)
    except (OSError, ValueError):
        return None
    return int(name) if same else None

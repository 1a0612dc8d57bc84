"""Training a run from its folder: prepares it, trains it, and says how it ended.

How a training fails: what a person can do something about is said, in words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

from core.config.budget import snapshot_limit, snapshot_steps
from core.config.configs import Extension, SamplingConfig
from core.errors import Cancelled, MiniGPTError, StorageError
from core.inference.generate import generate
from core.inference.load import prompt_ids
from core.inference.session import Session
from core.model.memory import is_out_of_memory
from core.paths import Home
from core.run import events
from core.run.control_file import RequestReader
from core.run.create import library_versions
from core.run.directory import Run
from core.run.event_log import EventEmitter, EventListener, EventLog, events_backwards
from core.run.record import read_record
from core.system import locks
from core.system.files import remove_temporary_files_below
from core.system.locks import Lock
from core.system.machine import count_oom_kills, free_disk, this_host
from core.system.process import keep_freed_memory
from core.train import checkpoint
from core.train.checkpoint import Checkpoint
from core.train.checkpoint_writer import BackgroundWriter, CheckpointWriter
from core.train.control import BroadcastControl, Control
from core.train.distributed import ProcessGroup
from core.train.prepare import JobBuilder, TrainingJob
from core.train.state import read_train_state
from core.train.trainer import Emit, Trainer
from core.train.worker import Whisper, invite, join_in


@contextmanager
def telling_failures(
    emit: Emit, run: Run, state: Callable[[], tuple[int, int | None]]
) -> Iterator[None]:
    """Errors that a person can do something about are said; a bug of ours is not hidden.

    Args:
        state: updates done, and the step of the last checkpoint.
    """
    try:
        yield
    except OSError as error:
        what = f"{error.filename or run.folder}: {error.strerror}."
        hint = "Make room, or mend the disk, and resume the run."
        _say_failed(emit, StorageError(what, hint), *state())
    except (MiniGPTError, MemoryError, RuntimeError) as error:
        if not isinstance(error, MiniGPTError) and not is_out_of_memory(error):
            raise
        _say_failed(emit, error, *state())


def _say_failed(emit: Emit, error: BaseException, step: int, saved: int | None) -> None:
    if isinstance(error, MiniGPTError):
        title, message, hint, code = error.title, error.message, error.hint, error.exit_code
    else:
        title = "The device has not enough memory"
        message, code = str(error).partition("\n")[0] or "No more memory could be had.", 1
        hint = (
            "Resume it once others use less of it, or train with a smaller batch "
            "(--set batch_size=N), more accumulation (--set accumulation=N), a shorter context "
            "(--set context=N) or a smaller preset."
        )
    said = {"title": title, "message": message, "hint": hint, "code": code}
    emit(events.FAILED, step, **said, saved_step=saved)


SAMPLE_TOKENS = 24
COPY_SAMPLES = 3
MAX_SAMPLE_CHARACTERS = 2_000  # a token may be a word of a megabyte, and every sample is kept
BYTES_PER_WEIGHT = 4
WRITER_LOCK_ATTEMPTS = 3_000  # half a minute
ALONE = ProcessGroup()


def train(
    home: Home,
    run: Run,
    lock: Lock | None,
    *,
    listeners: Sequence[EventListener] = (),
    on_control: Callable[[Callable[[str], None]], object] = lambda stop: None,
    more: Extension | None = None,
    ranks: ProcessGroup = ALONE,
    pid: int | None = None,
    refusal: MiniGPTError | None = None,
) -> None:
    """Trains a run to its end, its failure, or a stop; all of it is said as events.

    Goes on from the newest whole checkpoint if the run has one.

    Args:
        lock: the run's, held; released at the end. None if who started this process holds it.
        listeners: hear every event beside the file.
        on_control: is given the function that asks for a stop.
        more: how much longer than planned to train.
        ranks: who trains along, this process being the first; the others `train_as_other_rank`.
        pid: the process with which all of them end; this one if None.
        refusal: why it cannot be trained in the way that was asked for; said as its failure.

    Raises:
        StorageError: an event could not be kept, for instance on a full disk.
    """
    keep_freed_memory()
    since = lock.acquired_at if lock else locks.acquired_at(run.lock)
    try:
        with (
            lock or nullcontext(),
            _writing(run, ranks),
            closing(EventLog(run.events)) as log,
            EventEmitter(log, listeners) as voice,
        ):
            control = Control(RequestReader(run.requests, since), voice)
            on_control(control.stop)
            _train(_Life(home, run, voice, control, ranks, pid or os.getpid()), more, refusal)
    except OSError as error:
        raise StorageError(
            f"What the trainer had to say could not be kept in {run.events}: {error.strerror}.",
            "Make room and resume the run: the last checkpoint is whole.",
        ) from error


def train_as_other_rank(run: Run, ranks: ProcessGroup) -> dict[str, Any] | None:
    """Trains along with the first rank to the end; the fields of `failed` where this one failed."""
    keep_freed_memory()
    whisper = Whisper()
    with suppress(Cancelled), telling_failures(whisper, run, lambda: (whisper.step, None)):
        join_in(run, ranks, whisper).run()
    return whisper.failure


@contextmanager
def _writing(run: Run, ranks: ProcessGroup) -> Iterator[None]:
    """Holds the lock of who writes: where several train, one may outlive their agent a moment.

    Raises:
        StorageError: somebody goes on writing.
    """
    if ranks.world == 1 and not run.writer_lock.exists():
        yield
        return
    lock = locks.acquire(run.writer_lock, WRITER_LOCK_ATTEMPTS)
    if lock is None:
        raise StorageError(
            f"Another process still writes to {run.name}.", "End it, then resume the run."
        )
    with lock:
        yield


@dataclass(frozen=True)
class _Life:
    """A run from its start, or its resumption, to its next end."""

    home: Home
    run: Run
    voice: EventEmitter
    control: Control
    ranks: ProcessGroup
    pid: int


def _train(life: _Life, more: Extension | None, refusal: MiniGPTError | None) -> None:
    found: Checkpoint | None = None
    saved: int | None = None
    trainer: Trainer | None = None
    voice, control = life.voice, life.control
    try:
        with telling_failures(voice, life.run, lambda: (_step(trainer, voice), saved)):
            with _others_waiting(life.ranks):
                found = _begun(life)
                saved = found.step if found else None
                if refusal:
                    raise refusal
                job = _job(life, found, more)
            invite(life.ranks, job.config, job.tokens, saved, longer=bool(more))
            with BackgroundWriter() as saver:
                keeper = CheckpointWriter(life.run, saver, voice, _snapshots(life.home, job))
                keeper.saved_step = saved
                trainer = _trainer(job, keeper, life, found)
                voice("prepared", trainer.progress.step, **job.facts)
                if more:
                    trainer.go_on()
                try:
                    trainer.run()
                finally:
                    saved = keeper.last_words()
    except Cancelled:
        why = {"reason": control.stop_reason, "id": control.stop_request}
        voice("stopped", voice.step, **why, elapsed=_elapsed(found))


@contextmanager
def _others_waiting(ranks: ProcessGroup) -> Iterator[None]:
    """The others wait for an invitation; where none comes they are told."""
    try:
        yield
    except BaseException:
        ranks.send_away()
        raise


def _job(life: _Life, found: Checkpoint | None, more: Extension | None) -> TrainingJob:
    tell = _teller(life.voice, found.step if found else 0)
    preparation = JobBuilder(life.home, life.run, found, tell, life.control.cancelled, life.ranks)
    return preparation.job(more)


def _step(trainer: Trainer | None, voice: EventEmitter) -> int:
    return trainer.progress.step if trainer else voice.step


def _elapsed(found: Checkpoint | None) -> float:
    """Seconds of training behind a checkpoint."""
    return round(found.state["progress"]["elapsed"], 3) if found else 0.0


def _begun(life: _Life) -> Checkpoint | None:
    """The checkpoint to go on from; every life of a run begins with `started`, also a vain one."""
    run, voice = life.run, life.voice
    last = next(events_backwards(run.events), None)
    step, again = 0, {"resumed_from": 0} if last else {}
    try:
        remove_temporary_files_below(run.folder)
        found = checkpoint.load(run)
        if found:
            read_train_state(found)  # refused before anything is read or made for it
    except (MiniGPTError, OSError):
        _say_started(life, last.step if last else 0, {})  # what was said before still holds
        raise
    if found:
        step, again = found.step, {"resumed_from": found.step}
    _say_started(life, step, again)
    for problem in found.skipped if found else ():
        voice(events.PREPARE, step, phase=problem, done=0, total=None)
    return found


def _say_started(life: _Life, step: int, again: Mapping[str, int]) -> None:
    here = this_host()
    life.voice(
        events.STARTED,
        step,
        host=here.name,
        pid=life.pid,
        boot=here.boot,
        seed=read_record(life.run)["seed"],
        versions=library_versions(),
        out_of_memory_kills=count_oom_kills(),
        **again,
    )


def _teller(voice: EventEmitter, step: int) -> Callable[[int, int, str], None]:
    def tell(done: int, total: int, phase: str) -> None:
        voice(events.PREPARE, step, phase=phase, done=done, total=total)

    return tell


def _snapshots(home: Home, job: TrainingJob) -> frozenset[int]:
    if not job.config.snapshots:
        return frozenset()
    size = job.facts["parameters"] * BYTES_PER_WEIGHT
    assert job.config.steps is not None
    limit = snapshot_limit(size, free_disk(home.runs))
    return frozenset(snapshot_steps(job.config.steps, limit))


def _trainer(
    job: TrainingJob, keeper: CheckpointWriter, life: _Life, found: Checkpoint | None
) -> Trainer:
    trainer = Trainer(
        model=job.model,
        device=job.device,
        config=job.config,
        batches=job.batches,
        evaluation=job.evaluation,
        emit=life.voice,
        keeper=keeper,
        sample=_sampler(job),
        copied=_copier(job),
        requests=BroadcastControl(life.ranks, life.control),
        ranks=life.ranks,
    )
    if found:
        trainer.progress = read_train_state(found)
        trainer.updater.optimizer.load(found.optimizer, found.step)
    return trainer


def _sampler(job: TrainingJob) -> Callable[[], str]:
    """The model's greedy continuation of the sample prompt."""
    ids = prompt_ids(job.tokenizer, job.reading, job.config.sample_prompt or "")
    keep_first = 1 if job.reading == "lines" else 0
    config = SamplingConfig(max_tokens=SAMPLE_TOKENS)

    def sample() -> str:
        session = Session(job.model, keep_first=keep_first)
        said = "".join(step.text for step in generate(session, ids, job.tokenizer, config))
        return said[:MAX_SAMPLE_CHARACTERS]

    return sample


def _copier(job: TrainingJob) -> Callable[[], float | None]:
    """The share of a few sampled replies to the sample prompt that stands in the training part."""
    ids = prompt_ids(job.tokenizer, job.reading, job.config.sample_prompt or "")
    keep_first = 1 if job.reading == "lines" else 0

    def reply(seed: int) -> list[int]:
        config = SamplingConfig(max_tokens=SAMPLE_TOKENS, temperature=1.0, seed=seed)
        session = Session(job.model, keep_first=keep_first)
        return [step.id for step in generate(session, ids, job.tokenizer, config)]

    return lambda: job.copy_rate.measure([reply(seed) for seed in range(COPY_SAMPLES)])

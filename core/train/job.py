"""Train a run from its directory to its end, its failure or a stop, and report it as events."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass

from core.config.budget import snapshot_limit, snapshot_steps
from core.config.configs import SECONDS_PER_MINUTE, Extension, SamplingConfig
from core.errors import Cancelled, MiniGPTError, StorageError, find_resource_error
from core.inference.classification import label_scores, labelled_ids
from core.inference.fill import encode_blanks, fill_blanks, text_with_blanks
from core.inference.generate import generate
from core.inference.load import keep_first, prompt_ids
from core.inference.session import Session
from core.model.decoder import Decoder
from core.model.encoder import Encoder
from core.model.memory import is_out_of_memory
from core.paths import Home
from core.run import events
from core.run.control_file import RequestReader
from core.run.create import library_versions
from core.run.directory import Run
from core.run.event_log import EventEmitter, EventListener, EventLog, events_backwards
from core.run.record import read_record
from core.run.run_lock import LogLengths, read_lengths
from core.system import locks
from core.system.files import JsonObject, remove_temporary_files_below, storage_hint
from core.system.locks import Lock
from core.system.machine import count_oom_kills, free_disk, this_host
from core.system.process import keep_freed_memory
from core.system.signals import RegisterStop
from core.train import checkpoint as checkpoints
from core.train.checkpoint import Checkpoint
from core.train.checkpoint_writer import BackgroundWriter, CheckpointWriter
from core.train.control import BroadcastControl, Control
from core.train.distributed import SINGLE_PROCESS, ProcessGroup
from core.train.prepare import TrainingJob, build_job, resolve_settings
from core.train.state import read_train_state
from core.train.trainer import Outputs, Trainer
from core.train.worker import broadcast_job, receive_trainer

SAMPLE_TOKENS = 24
MAX_SAMPLE_CHARACTERS = 2_000  # a token may have a million, and every sample is kept
COPY_RATE_REPLIES = 3
BYTES_PER_WEIGHT = 4
WRITER_LOCK_ATTEMPTS = 3_000  # half a minute

EXPECTED_ERRORS = (OSError, MiniGPTError, MemoryError, RuntimeError)


def train(
    home: Home,
    run: Run,
    lock: Lock | None,
    *,
    listeners: Sequence[EventListener] = (),
    on_stop: RegisterStop = lambda stop: None,
    extension: Extension | None = None,
    group: ProcessGroup = SINGLE_PROCESS,
    pid: int | None = None,
    refusal: MiniGPTError | None = None,
) -> JsonObject | None:
    """Train a run to its end, its failure or a stop, as rank 0; events report all of it.

    Resumes from the newest whole checkpoint, if the run has one. Returns the fields of `failed`
    if training failed.

    Args:
        lock: the run's, held; released at the end. None if a parent process holds it.
        listeners: get every event that is written to the file.
        on_stop: registers the function that requests a stop.
        extension: train this much longer than planned.
        group: the ranks that train together; the others call `train_as_other_rank`.
        pid: the process that `started` names, with which all ranks end; this one if None.
        refusal: why the run cannot be trained as requested, to be reported as its failure.

    Raises:
        StorageError: an event could not be written, for instance on a full disk.
    """
    keep_freed_memory()
    lengths = read_lengths(run) or LogLengths()
    try:
        with (
            lock or nullcontext(),
            _writer_lock(run, group) as writer_lock,
            closing(EventLog(run.events)) as log,
            EventEmitter(log, listeners) as emit,
        ):
            owner = RunOwner(run, lock, writer_lock)
            control = Control(RequestReader(run.requests, lengths.requests), emit, owner.check)
            on_stop(control.stop)
            return _TrainingAttempt(
                home, run, emit, control, owner, group, pid or os.getpid(), extension
            ).run_to_end(refusal)
    except OSError as error:
        raise StorageError(
            f"The events of the training could not be written to {run.events}: {error.strerror}.",
            "Free disk space and resume the run: its last checkpoint is whole.",
        ) from error


def train_as_other_rank(run: Run, group: ProcessGroup) -> JsonObject | None:
    """Train as a rank other than 0; returns the fields of `failed` if this rank failed."""
    keep_freed_memory()
    try:
        receive_trainer(run, group).run()
    except Cancelled:
        return None
    except EXPECTED_ERRORS as error:
        failure = describe_failure(error, run)
        if failure is None:
            raise
        return failure
    return None


def describe_failure(error: BaseException, run: Run) -> JsonObject | None:
    """The fields of `failed` for an error the user can do something about; None for a bug."""
    if isinstance(error, OSError):
        error = find_resource_error(error) or StorageError(
            f"{error.filename or run.folder}: {error.strerror}.",
            storage_hint(error, "Free disk space, or repair the disk, and resume the run."),
        )
    if isinstance(error, MiniGPTError):
        return {
            "title": error.title,
            "message": error.message,
            "hint": error.hint,
            "code": error.exit_code,
        }
    if is_out_of_memory(error):
        return {
            "title": "Out of memory",
            "message": str(error).partition("\n")[0] or "No more memory is available.",
            "hint": "Resume the run once other programs use less memory, or train with a smaller "
            "batch (--set batch_size=N), more accumulation (--set accumulation=N), a shorter "
            "context (--set context=N) or a smaller preset.",
            "code": 1,
        }
    return None


@contextmanager
def _writer_lock(run: Run, group: ProcessGroup) -> Iterator[Lock | None]:
    """Hold the lock of the process that writes to the run.

    Where several ranks train, rank 0 may outlive the process that holds the run's lock.

    Raises:
        StorageError: another process still writes.
    """
    if group.world_size == 1 and not run.writer_lock.exists():
        yield None
        return
    lock = locks.acquire(run.writer_lock, WRITER_LOCK_ATTEMPTS)
    if lock is None:
        raise StorageError(
            f"Another process still writes to {run.name}.", "End it, then resume the run."
        )
    with lock:
        yield lock


@dataclass(frozen=True)
class RunOwner:
    """Tells whether a run is still this trainer's: it may be moved or deleted at any moment.

    Attributes:
        lock, writer_lock: those that this process holds.
    """

    run: Run
    lock: Lock | None
    writer_lock: Lock | None

    def check(self) -> None:
        """Raise StorageError unless the run's locks are still those that are held."""
        held = ((self.lock, self.run.lock), (self.writer_lock, self.run.writer_lock))
        if any(lock is not None and not lock.is_of(path) for lock, path in held):
            raise StorageError(
                f"{self.run.folder} was moved or deleted while it was being trained, so the "
                "training has ended.",
                "A run that was moved can be resumed under its new name, from its last checkpoint.",
            )


@dataclass
class _TrainingAttempt:
    """The training of a run on rank 0, from its start or resumption to its next end.

    Attributes:
        checkpoint: resumed from.
        saved_step: of the newest checkpoint.
    """

    home: Home
    run: Run
    emit: EventEmitter
    control: Control
    owner: RunOwner
    group: ProcessGroup
    pid: int
    extension: Extension | None
    checkpoint: Checkpoint | None = None
    trainer: Trainer | None = None
    saved_step: int | None = None

    def run_to_end(self, refusal: MiniGPTError | None) -> JsonObject | None:
        """Train; the last event is `finished`, `stopped` or `failed`, whose fields are returned."""
        try:
            job = self._prepare(refusal)
            broadcast_job(self.group, job, self.saved_step, is_extended=bool(self.extension))
            self._train(job)
        except Cancelled:
            reason = self.control.stop_reason
            assert reason is not None
            elapsed = read_train_state(self.checkpoint).elapsed if self.checkpoint else 0.0
            self.emit(
                events.STOPPED,
                self.emit.step,
                reason=reason.reason,
                id=reason.request,
                elapsed=round(elapsed, 3),
            )
        except EXPECTED_ERRORS as error:
            failure = describe_failure(error, self.run)
            if failure is None:
                raise
            step = self.trainer.state.step if self.trainer else self.emit.step
            failure["saved_step"] = self.saved_step
            self.emit(events.FAILED, step, **failure)
            return failure
        return None

    def _prepare(self, refusal: MiniGPTError | None) -> TrainingJob:
        """Find the checkpoint and build the job; on an error the other ranks end too."""
        try:
            self._start()
            if refusal:
                raise refusal
            settings = resolve_settings(
                self.home,
                self.run,
                self.checkpoint,
                progress=self._report_progress,
                cancelled=self.control.check_cancelled,
                group=self.group,
            )
            return build_job(self.run, settings, self.checkpoint, self.extension)
        except BaseException:
            self.group.broadcast_abort()
            raise

    def _start(self) -> None:
        """Load the checkpoint and emit `started`, also if it cannot be loaded."""
        last = next(events_backwards(self.run.events), None)
        try:
            remove_temporary_files_below(self.run.folder)
            self.checkpoint = checkpoints.load_checkpoint(self.run)
            if self.checkpoint:
                read_train_state(self.checkpoint)  # damage is reported before any work
        except (MiniGPTError, OSError):
            # Without `resumed_from`, the events of the run so far stay valid.
            self._emit_started(last.step if last else 0, {})
            raise
        if self.checkpoint:
            self.saved_step = self.checkpoint.step
        step = self.saved_step or 0
        self._emit_started(step, {"resumed_from": step} if last or self.checkpoint else {})
        for problem in self.checkpoint.skipped if self.checkpoint else ():
            self.emit(events.PREPARE, step, phase=problem, done=0, total=None)

    def _emit_started(self, step: int, resumed_from: Mapping[str, int]) -> None:
        host = this_host()
        self.emit(
            events.STARTED,
            step,
            host=host.name,
            pid=self.pid,
            boot=host.boot,
            seed=read_record(self.run)["seed"],
            versions=library_versions(),
            out_of_memory_kills=count_oom_kills(),
            **resumed_from,
        )

    def _report_progress(self, done: int, total: int, phase: str) -> None:
        self.emit(events.PREPARE, self.saved_step or 0, phase=phase, done=done, total=total)

    def _train(self, job: TrainingJob) -> None:
        with BackgroundWriter() as writer:
            steps = self._snapshot_steps(job)
            checkpoint_writer = CheckpointWriter(
                self.run, writer, self.emit, steps, self.saved_step, self.owner.check
            )
            self.trainer = trainer = Trainer(
                model=job.model,
                device=job.model.device,
                config=job.config,
                batches=job.batches,
                evaluation=job.evaluation,
                control=BroadcastControl(self.group, self.control),
                outputs=Outputs(
                    emit=self.emit,
                    checkpoints=checkpoint_writer,
                    sample=lambda: generate_sample(job),
                    copied=lambda: measure_copy_rate(job),
                ),
                group=self.group,
            )
            if self.checkpoint:
                trainer.state = read_train_state(self.checkpoint)
                trainer.updater.optimizer.load(self.checkpoint.optimizer, self.checkpoint.step)
            if job.minutes is not None:
                trainer.state.budget = trainer.state.spent + job.minutes * SECONDS_PER_MINUTE
            elif self.extension:
                trainer.state.budget = None
            self.emit(events.PREPARED, trainer.state.step, **job.prepared)
            if self.extension:
                trainer.start_extension()
            try:
                trainer.run()
            finally:
                self.saved_step = checkpoint_writer.finish()

    def _snapshot_steps(self, job: TrainingJob) -> frozenset[int]:
        if not job.config.snapshots:
            return frozenset()
        size = job.prepared["parameters"] * BYTES_PER_WEIGHT
        assert job.config.steps is not None
        limit = snapshot_limit(size, free_disk(self.home.runs))
        return frozenset(snapshot_steps(job.config.steps, limit))


def generate_sample(job: TrainingJob) -> str:
    """The model's greedy continuation of the sample prompt.

    An encoder fills in its blanks, or labels it.
    """
    if isinstance(job.model, Encoder):
        prompt = job.config.sample_prompt or ""
        if job.model.config.labels:
            ids = labelled_ids(job.tokenizer, prompt, job.model.config.context)
            scores = label_scores(job.model, [ids])[0]
            return job.labels[scores.index(max(scores))][:MAX_SAMPLE_CHARACTERS]
        ids = encode_blanks(job.tokenizer, job.tokens.reading, prompt, allow_unknown=True)
        ids = ids[: job.model.config.context]
        fills = fill_blanks(job.model, job.tokenizer, ids)
        return text_with_blanks(job.tokenizer, ids, fills)[:MAX_SAMPLE_CHARACTERS]
    config = SamplingConfig(max_tokens=SAMPLE_TOKENS)
    tokens = generate(_session(job), _sample_prompt(job), job.tokenizer, config)
    return "".join(token.text for token in tokens)[:MAX_SAMPLE_CHARACTERS]


def measure_copy_rate(job: TrainingJob) -> float | None:
    """The share of a few sampled replies to the sample prompt that is in the training part.

    None if it is unknown, and of an encoder, which does not reply.
    """
    if job.model.config.is_encoder:
        return None
    replies = []
    for seed in range(COPY_RATE_REPLIES):
        config = SamplingConfig(max_tokens=SAMPLE_TOKENS, temperature=1.0, seed=seed)
        tokens = generate(_session(job), _sample_prompt(job), job.tokenizer, config)
        replies.append([token.id for token in tokens])
    return job.copy_rate.measure(replies)


def _sample_prompt(job: TrainingJob) -> list[int]:
    return prompt_ids(job.tokenizer, job.tokens.reading, job.config.sample_prompt or "")


def _session(job: TrainingJob) -> Session:
    assert isinstance(job.model, Decoder)
    return Session(job.model, keep_first=keep_first(job.tokenizer, job.tokens.reading))

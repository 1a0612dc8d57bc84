"""Training a run from its folder: prepares it, trains it, and says how it ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

from core import checkpoint as checkpoints
from core import events
from core.allocator import keep_freed_memory
from core.checkpoint import Checkpoint
from core.config import SamplingConfig
from core.control import Control
from core.errors import Cancelled, MiniGPTError, StorageError
from core.eventlog import EventLog, events_backwards
from core.files import remove_all_leftovers
from core.generate import generate
from core.host import this_host
from core.keeper import RunKeeper
from core.loading import prompt_ids
from core.locks import Lock
from core.machine import free_disk, out_of_memory_kills
from core.more import More
from core.paths import Home
from core.prepare import Job, Preparation
from core.request import versions
from core.requests import RequestReader
from core.restored import read_progress
from core.run import Run
from core.runs import read_record
from core.saver import Saver
from core.session import Session
from core.shortage import lacks_memory
from core.snapshots import snapshot_limit, snapshot_steps
from core.trainer import Trainer
from core.voice import Listener, Voice

SAMPLE_TOKENS = 24
COPY_SAMPLES = 3
SAMPLE_CHARACTERS = 2_000  # a token may be a word of a megabyte, and every sample is kept
BYTES_PER_WEIGHT = 4


def train(
    home: Home,
    run: Run,
    lock: Lock,
    *,
    listeners: Sequence[Listener] = (),
    on_control: Callable[[Callable[[str], None]], object] = lambda stop: None,
    more: More | None = None,
) -> None:
    """Trains a run to its end, its failure, or a stop; all of it is said as events.

    Goes on from the newest whole checkpoint if the run has one.

    Args:
        lock: the run's, held; released at the end.
        listeners: hear every event beside the file.
        on_control: is given the function that asks for a stop.
        more: how much longer than planned to train.

    Raises:
        StorageError: an event could not be kept, for instance on a full disk.
    """
    keep_freed_memory()
    try:
        with lock, closing(EventLog(run.events)) as log, Voice(log, listeners) as voice:
            control = Control(RequestReader(run.requests, lock.taken), voice)
            on_control(control.stop)
            _train(home, run, voice, control, more)
    except OSError as error:
        raise StorageError(
            f"What the trainer had to say could not be kept in {run.events}: {error.strerror}.",
            "Make room and resume the run: the last checkpoint is whole.",
        ) from error


def _train(home: Home, run: Run, voice: Voice, control: Control, more: More | None) -> None:
    found: Checkpoint | None = None
    saved: int | None = None
    trainer: Trainer | None = None
    try:
        found = _begun(run, voice)
        saved = found.step if found else None
        preparation = Preparation(home, run, found, _teller(voice, saved or 0), control.cancelled)
        job = preparation.job(more)
        with Saver() as saver:
            keeper = RunKeeper(run, saver, voice, _snapshots(home, job))
            keeper.saved_step = saved
            trainer = _trainer(job, keeper, voice, control, found)
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
    except OSError as error:
        what = f"{error.filename or run.folder}: {error.strerror}."
        hint = "Make room, or mend the disk, and resume the run."
        _say_failed(voice, StorageError(what, hint), trainer, saved)
    except (MiniGPTError, MemoryError, RuntimeError) as error:
        if not isinstance(error, MiniGPTError) and not lacks_memory(error):
            raise
        _say_failed(voice, error, trainer, saved)


def _elapsed(found: Checkpoint | None) -> float:
    """Seconds of training behind a checkpoint."""
    return round(found.state["progress"]["elapsed"], 3) if found else 0.0


def _begun(run: Run, voice: Voice) -> Checkpoint | None:
    """The checkpoint to go on from; every life of a run begins with `started`, also a vain one."""
    last = next(events_backwards(run.events), None)
    step, again = 0, {"resumed_from": 0} if last else {}
    try:
        remove_all_leftovers(run.folder)
        found = checkpoints.load(run)
        if found:
            read_progress(found)  # refused before anything is read or made for it
    except (MiniGPTError, OSError):
        _say_started(run, voice, last.step if last else 0, {})  # what was said before still holds
        raise
    if found:
        step, again = found.step, {"resumed_from": found.step}
    _say_started(run, voice, step, again)
    for problem in found.skipped if found else ():
        voice(events.PREPARE, step, phase=problem, done=0, total=None)
    return found


def _say_started(run: Run, voice: Voice, step: int, again: Mapping[str, int]) -> None:
    here = this_host()
    voice(
        events.STARTED,
        step,
        host=here.name,
        pid=os.getpid(),
        boot=here.boot,
        seed=read_record(run)["seed"],
        versions=versions(),
        out_of_memory_kills=out_of_memory_kills(),
        **again,
    )


def _teller(voice: Voice, step: int) -> Callable[[int, int, str], None]:
    def tell(done: int, total: int, phase: str) -> None:
        voice(events.PREPARE, step, phase=phase, done=done, total=total)

    return tell


def _snapshots(home: Home, job: Job) -> frozenset[int]:
    if not job.config.snapshots:
        return frozenset()
    size = job.facts["parameters"] * BYTES_PER_WEIGHT
    assert job.config.steps is not None
    limit = snapshot_limit(size, free_disk(home.runs))
    return frozenset(snapshot_steps(job.config.steps, limit))


def _trainer(
    job: Job, keeper: RunKeeper, voice: Voice, control: Control, found: Checkpoint | None
) -> Trainer:
    trainer = Trainer(
        model=job.model,
        device=job.device,
        config=job.config,
        batches=job.batches,
        evaluation=job.evaluation,
        emit=voice,
        keeper=keeper,
        sample=_sampler(job),
        copied=_copier(job),
        requests=control,
    )
    if found:
        trainer.progress = read_progress(found)
        trainer.updater.optimizer.load(found.optimizer, found.step)
    return trainer


def _sampler(job: Job) -> Callable[[], str]:
    """The model's greedy continuation of the sample prompt."""
    ids = prompt_ids(job.tokenizer, job.reading, job.config.sample_prompt or "")
    keep_first = 1 if job.reading == "lines" else 0
    config = SamplingConfig(max_tokens=SAMPLE_TOKENS)

    def sample() -> str:
        session = Session(job.model, keep_first=keep_first)
        said = "".join(step.text for step in generate(session, ids, job.tokenizer, config))
        return said[:SAMPLE_CHARACTERS]

    return sample


def _copier(job: Job) -> Callable[[], float | None]:
    """The share of a few sampled replies to the sample prompt that stands in the training part."""
    ids = prompt_ids(job.tokenizer, job.reading, job.config.sample_prompt or "")
    keep_first = 1 if job.reading == "lines" else 0

    def copied() -> float | None:
        if job.four_grams is None:
            return None
        shares = []
        for seed in range(COPY_SAMPLES):
            config = SamplingConfig(max_tokens=SAMPLE_TOKENS, temperature=1.0, seed=seed)
            session = Session(job.model, keep_first=keep_first)
            said = [step.id for step in generate(session, ids, job.tokenizer, config)]
            shares.append(job.four_grams.share(said))
        known = [share for share in shares if share is not None]
        return sum(known) / len(known) if known else None

    return copied


def _say_failed(
    voice: Voice, error: BaseException, trainer: Trainer | None, saved: int | None
) -> None:
    step = trainer.progress.step if trainer else voice.step
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
    voice(events.FAILED, step, **said, saved_step=saved)

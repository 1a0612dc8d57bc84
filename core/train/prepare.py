"""From a run directory to everything training needs, in two steps.

`resolve_settings` makes the tokenizer and the tokens and chooses every open setting; `build_job`
builds the model and its batches. What the run already has (tokenizer, shape, checkpoint) is used
as it is. The result is a function of the run directory, the text and the device.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch

from core.attribution.overlap import CopyRate
from core.config.configs import Extension, ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts, TextFacts, TokenFacts
from core.config.planner import (
    choose_tokenizer,
    complete_schedule,
    describe_device,
    is_encoder,
    plan_run,
)
from core.dataset.conversations import cut_conversations
from core.dataset.token_store import TokenFile, build_tokens
from core.errors import Cancelled
from core.model import device as probe
from core.model import factory, state_dict
from core.model.language_model import LanguageModel
from core.model.safetensors_io import read_tensors, replace_tensors
from core.paths import Home
from core.progress import CancelCheck, ProgressCallback
from core.run.directory import Run
from core.run.model_files import check_vocabulary, generation_config, hf_config, read_model_config
from core.run.record import read_record, read_requested_config, task_of_record
from core.system.files import JsonObject, write_json
from core.text import catalog
from core.text.corpus import CHAT_READINGS, TEXT, Corpus
from core.text.stats import compute_stats
from core.tokenizer.special_tokens import ROLE_TOKENS
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.train import train_tokenizer
from core.train.batches import Batches
from core.train.checkpoint import Checkpoint
from core.train.distributed import ProcessGroup, find_rank_device
from core.train.evaluation import Evaluation
from core.train.objective import Objective, build_objective
from core.train.prepared_event import describe_training, describe_validation
from core.train.run_data import build_batches, build_evaluation
from core.train.sample_prompt import choose_sample_prompt
from core.train.state import read_settings
from core.train.task_evaluation import TaskTokens
from core.train.timing import time_step

UNKNOWN_SEARCH_TOKENS = 1_000_000
MIN_REPORTED_UNKNOWN_SHARE = 0.001

# Chosen to suit the devices, so chosen again when a run is resumed on others.
DEVICE_SETTINGS = ("precision", "threads", "accumulation", "recompute", "compile")


@dataclass(frozen=True)
class ResolvedSettings:
    """What a run is trained on, and with which settings.

    Attributes:
        facts: about the training part, as the plan is based on them.
        corpus_prompt: the sample prompt that the corpus proposes.
        config: nothing is open but the sample prompt, and the steps if minutes are given.
        parent: the record of the run whose weights training starts from.
        task: for judging replies, of pairs and conversations.
        labels: of a text that consists of texts with labels, the most frequent first.
        reasons: why each setting was chosen, one sentence each.
    """

    tokenizer: Tokenizer
    tokens: TokenFile
    facts: TokenFacts
    corpus_prompt: str | None
    shape: ModelConfig
    config: TrainConfig
    device: DeviceFacts
    parent: JsonObject | None
    task: TaskTokens
    labels: tuple[str, ...]
    reasons: list[str]


@dataclass(frozen=True)
class TrainingJob:
    """What is trained, on what, and how.

    Attributes:
        config: nothing is open.
        minutes: budget of wall time for the training from here on; None if steps were chosen.
        prepared: the fields of the event `prepared`.
        copy_rate: measures how much of a reply is copied from the training part.
        task: as in `ResolvedSettings`.
        objective: of an encoder; else None.
        labels: as in `ResolvedSettings`.
    """

    model: LanguageModel
    config: TrainConfig
    minutes: float | None
    batches: Batches
    evaluation: Evaluation | None
    tokenizer: Tokenizer
    tokens: TokenFile
    prepared: JsonObject
    copy_rate: CopyRate
    task: TaskTokens
    objective: Objective | None = None
    labels: tuple[str, ...] = ()


def resolve_settings(
    home: Home,
    run: Run,
    checkpoint: Checkpoint | None,
    *,
    progress: ProgressCallback,
    cancelled: CancelCheck,
    group: ProcessGroup,
) -> ResolvedSettings:
    """Make tokenizer and tokens, and choose every setting the user left open. Collective.

    Called on rank 0; the other ranks meanwhile call `find_rank_device`.

    Args:
        checkpoint: to resume from.

    Raises:
        Cancelled: a stop was requested.
        MiniGPTError: the text, a file of the run or the device cannot be used.
    """
    record = read_record(run)
    requested = read_requested_config(run, record)
    reading = record["corpus"]["reading"]
    found = catalog.find_by_hash(
        record["corpus"]["sha256"],
        home,
        record["corpus"]["name"],
        record["corpus"]["encoding"],
        record["corpus"]["errors"],
    )
    corpus = dataclasses.replace(found, reading=reading)  # a table may be read as lines
    has_weights = bool(record["parent"]) or checkpoint is not None
    own_shape = read_model_config(run.config) if has_weights else None
    _, labels = task_of_record(record["corpus"])

    if own_shape or run.tokenizer.is_file():
        tokenizer = Tokenizer.load(run.folder)
        if own_shape:  # weights are worthless with another vocabulary
            check_vocabulary(run, tokenizer, own_shape)
        tokenizer_reasons = [f"tokenizer {tokenizer.kind}: the run's own"]
    else:
        tokenizer, tokenizer_reasons = _train_tokenizer(
            corpus, reading, requested, progress, cancelled
        )
        for_encoder = is_encoder(requested.preset, record["model"])
        if for_encoder and not labels:
            tokenizer = tokenizer.with_mask()
        tokenizer.save(run.folder, reading, is_encoder=for_encoder)
    tokens = build_tokens(corpus, reading, tokenizer, home, progress=progress, cancelled=cancelled)
    if cancelled():
        raise Cancelled

    recorded = read_settings(checkpoint) if checkpoint else requested
    device = find_rank_device(group, probe.device_to_resume_on(recorded.device, requested.device))
    changes = _device_changes(recorded, device, group.world_size) if checkpoint else []
    reset = {name: getattr(requested, name) for name in DEVICE_SETTINGS} if changes else {}
    facts = dataclasses.replace(measure_tokens(tokens), labels=len(labels))
    plan = plan_run(
        dataclasses.replace(recorded, devices=group.world_size, **reset),
        {} if own_shape else record["model"],
        facts,
        device,
        own_shape,
    )
    reasons = [*tokenizer_reasons, *plan.reasons]
    if checkpoint:  # the reasons for the settings were given when the run began
        resumed = f"resumed after step {checkpoint.step} with the run's own settings"
        reasons = [resumed, *changes, describe_device(plan.train, device)]
    return ResolvedSettings(
        tokenizer=tokenizer,
        tokens=tokens,
        facts=facts,
        corpus_prompt=corpus.prompt,
        shape=plan.model,
        config=plan.train,
        device=device,
        parent=record["parent"],
        task=TaskTokens.encode(tokenizer, labels),
        labels=labels,
        reasons=[*reasons, *_token_warnings(tokens, tokenizer, plan.model.context)],
    )


def build_job(
    run: Run,
    settings: ResolvedSettings,
    checkpoint: Checkpoint | None,
    extension: Extension | None,
) -> TrainingJob:
    """Build the model with its weights and the batches, and settle the number of steps.

    Args:
        checkpoint: to resume from.
        extension: train this much longer, counted from the checkpoint.
    """
    tokens, tokenizer = settings.tokens, settings.tokenizer
    torch.set_num_threads(settings.config.threads or settings.device.threads)
    objective = build_objective(tokenizer, settings.shape, settings.config, settings.labels)
    no_target = tokenizer.no_target
    batches = build_batches(tokens, settings.shape, settings.config, objective, no_target)
    evaluation = build_evaluation(tokens, settings.shape, settings.config, settings.task, objective)
    model = _build_model(run, settings, checkpoint).to(settings.device.device)
    model.no_target = no_target
    config = resolve_steps(
        dataclasses.replace(
            settings.config,
            sample_prompt=choose_sample_prompt(
                settings.config.sample_prompt,
                settings.corpus_prompt,
                tokens,
                tokenizer,
                evaluation,
                objective,
            ),
        ),
        model,
        batches,
        checkpoint.step if checkpoint else 0,
        extension,
    )
    return TrainingJob(
        model=model,
        config=config,
        minutes=(extension or settings.config).minutes,
        batches=batches,
        evaluation=evaluation,
        tokenizer=tokenizer,
        tokens=tokens,
        prepared={
            **describe_training(
                settings.shape, settings.facts, config, batches, tokens, tokenizer.kind
            ),
            **describe_validation(tokens, settings.shape, config, evaluation, objective),
            "reasons": settings.reasons,
        },
        copy_rate=CopyRate(tokens, tokenizer.unk_id),
        task=settings.task,
        objective=objective,
        labels=settings.labels,
    )


def resolve_steps(
    config: TrainConfig,
    model: LanguageModel,
    batches: Batches,
    steps_done: int,
    extension: Extension | None,
) -> TrainConfig:
    """The settings with a number of steps; for minutes an estimate from timing real updates.

    Args:
        extension: train this much longer than `steps_done`; without it, as planned.
    """
    if not extension:
        if config.steps is not None:
            return config
        extension = Extension(minutes=config.minutes)
    seconds_per_step = None
    if extension.minutes is not None:
        trial = dataclasses.replace(config, minutes=None, epochs=None, steps=1, warmup_steps=0)
        # The share of one device; the time for exchanging gradients is not included.
        rows = -(-batches.batch_size // max(1, config.devices))
        share = dataclasses.replace(batches, batch_size=rows)
        seconds_per_step = time_step(model, share, trial, model.device)
    steps = steps_done + extension.steps_to_add(batches.steps_per_epoch, seconds_per_step)
    return complete_schedule(
        dataclasses.replace(config, minutes=None, epochs=None, steps=steps),
        batches.steps_per_epoch,
    )


def _train_tokenizer(
    corpus: Corpus,
    reading: str,
    requested: TrainConfig,
    progress: ProgressCallback,
    cancelled: CancelCheck,
) -> tuple[Tokenizer, list[str]]:
    """A tokenizer of the kind that suits the corpus, and why."""
    stats = compute_stats(corpus, progress, cancelled)
    facts = TextFacts(
        reading=reading,
        characters=stats.characters,
        spaces=stats.spaces,
    )
    choice = choose_tokenizer(
        requested, facts, corpus_kind=corpus.tokenizer, corpus_vocab_size=corpus.vocab_size
    )
    trained = train_tokenizer(
        corpus, reading, choice.kind, choice.vocab_size, progress=progress, cancelled=cancelled
    )
    notes = [trained.note] if trained.note else []
    return trained.tokenizer, [f"tokenizer {choice.reason}", *notes]


def _device_changes(recorded: TrainConfig, device: DeviceFacts, devices: int) -> list[str]:
    """How the devices differ from those of the checkpoint; settings for those may not suit."""
    changes = []
    if device.device != recorded.device:
        changes.append(f"{recorded.device}, used before, is not available")
    if devices != recorded.devices:
        changes.append(f"{devices} devices instead of {recorded.devices} before")
    return changes


def _build_model(
    run: Run, settings: ResolvedSettings, checkpoint: Checkpoint | None
) -> LanguageModel:
    """The model with the weights training starts from; writes its configuration files."""
    tokenizer, labels = settings.tokenizer, settings.labels if settings.shape.labels else ()
    config = hf_config(settings.shape, tokenizer.mask_id, labels, tokenizer.special_ids)
    write_json(run.config, config)
    if not settings.shape.is_encoder:
        special_ids = tokenizer.special_ids if tokenizer.is_imported else None
        write_json(
            run.generation_config,
            generation_config(
                settings.shape, settings.tokens.reading, tokenizer.never_generated, special_ids
            ),
        )
    if checkpoint:
        model = factory.build_model(settings.shape, seed=None)
        path = run.checkpoint(checkpoint.step).weights
        state_dict.load_stored(model, checkpoint.model, path)
    elif settings.parent:
        seed = settings.config.seed if settings.shape.labels else None  # of the new head
        model = factory.build_model(settings.shape, seed)
        _load_parent(run, model, settings)
    else:
        model = factory.build_model(settings.shape, seed=settings.config.seed)
    return model


def _load_parent(run: Run, model: LanguageModel, settings: ResolvedSettings) -> None:
    """Load the parent's weights; those of a tokenizer without roles get rows for them.

    A head of labels is new, also if the parent has one: its labels may be others.
    """
    assert settings.parent
    stored = tensors = read_tensors(run.weights)
    if settings.tokenizer.roles:
        seed = settings.config.seed
        tensors = state_dict.extend_vocabulary(model, stored, len(ROLE_TOKENS), seed)
    if settings.shape.labels:
        tensors = state_dict.with_own_head(model, tensors)
    state_dict.load_stored(model, tensors, f"The model of {settings.parent.get('run')}")
    if any(len(stored.get(name, ())) != len(tensor) for name, tensor in tensors.items()):
        # So that the run can be opened before its first checkpoint.
        replace_tensors(run.weights, state_dict.to_stored(model))


def measure_tokens(tokens: TokenFile) -> TokenFacts:
    """What the planner has to know about the training part."""
    numbers = tokens.train_samples
    values, counts = np.unique(
        tokens.starts[numbers + 1] - tokens.starts[numbers], return_counts=True
    )
    is_lines = tokens.reading != TEXT
    span = tokens.train_span
    return TokenFacts(
        reading=tokens.reading,
        vocab_size=tokens.vocab_size,
        train_tokens=int((values * counts).sum()) if is_lines else span[1] - span[0],
        train_samples=len(numbers),
        longest=tokens.longest,
        line_lengths=np.stack((values, counts), axis=1).tolist(),
    )


def _token_warnings(tokens: TokenFile, tokenizer: Tokenizer, context: int) -> list[str]:
    """What the user has to know: no validation part, conversations cut, or many unknown words."""
    warnings = [tokens.note] if tokens.note else []
    if tokens.reading in CHAT_READINGS:
        cut = cut_conversations(tokens, tokens.train_samples, context)
        if cut.divided:
            warnings.append(cut.describe(tokens.reading, context))
    if tokenizer.unk_id is not None:
        share = float((tokens.ids[:UNKNOWN_SEARCH_TOKENS] == tokenizer.unk_id).mean())
        if share > MIN_REPORTED_UNKNOWN_SHARE:
            warnings.append(f"{share:.1%} of the tokens are not in the tokenizer's vocabulary")
    return warnings

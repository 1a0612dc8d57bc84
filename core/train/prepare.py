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
from core.config.budget import count_parameters
from core.config.configs import REPLIES, Extension, ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts, TextFacts, TokenFacts
from core.config.planner import (
    choose_tokenizer,
    complete_schedule,
    describe_device,
    is_encoder,
    plan_run,
)
from core.config.schema import to_json
from core.dataset.conversations import cut_conversations
from core.dataset.spans import Spans
from core.dataset.token_store import TokenFile, build_tokens
from core.errors import Cancelled, DamagedError
from core.inference.fill import text_with_blanks
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
from core.text.encoding import normalize_text
from core.text.stats import compute_stats
from core.tokenizer.special_tokens import EOS, PAD, ROLE_TOKENS, SOS
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.train import train_tokenizer
from core.train.baselines import MAX_BASELINE_TARGETS, baseline_losses, masked_baselines
from core.train.batches import Batches, cut_evaluation_samples, cut_samples
from core.train.checkpoint import Checkpoint
from core.train.distributed import ProcessGroup, find_rank_device
from core.train.evaluation import Evaluation
from core.train.masking import Masking
from core.train.state import read_settings
from core.train.task_evaluation import TaskTokens, build_task_evaluation
from core.train.timing import time_step

SORTED_BATCHES = 8  # of conversations, whose lengths differ by more than those of lines
EVALUATION_TOKENS = 8192  # per forward pass
PROMPT_SEARCH_TOKENS = 1_000
MAX_BLANK_PROMPT_TOKENS = 24
MAX_PROMPT_CHARACTERS = 80  # a word may have a million
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
        masking: of an encoder; else None.
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
    masking: Masking | None = None


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

    if own_shape or run.tokenizer.is_file():
        tokenizer = Tokenizer.load(run.folder)
        if own_shape:  # weights are worthless with another vocabulary
            check_vocabulary(run, tokenizer, own_shape)
        tokenizer_reasons = [f"tokenizer {tokenizer.kind}: the run's own"]
    else:
        tokenizer, tokenizer_reasons = _train_tokenizer(
            corpus, reading, requested, progress, cancelled
        )
        if is_encoder(requested.preset, record["model"]):
            tokenizer = tokenizer.with_mask()
        tokenizer.save(run.folder, reading)
    tokens = build_tokens(corpus, reading, tokenizer, home, progress=progress, cancelled=cancelled)
    if cancelled():
        raise Cancelled

    recorded = read_settings(checkpoint) if checkpoint else requested
    device = find_rank_device(group, probe.device_to_resume_on(recorded.device, requested.device))
    changes = _device_changes(recorded, device, group.world_size) if checkpoint else []
    reset = {name: getattr(requested, name) for name in DEVICE_SETTINGS} if changes else {}
    facts = measure_tokens(tokens)
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
        task=TaskTokens.encode(tokenizer, task_of_record(record["corpus"])[1]),
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
    masking = build_masking(tokenizer, settings.shape, settings.config)
    batches = build_batches(tokens, settings.shape, settings.config, masking)
    evaluation = build_evaluation(tokens, settings.shape, settings.config, settings.task, masking)
    model = _build_model(run, settings, checkpoint).to(settings.device.device)
    config = resolve_steps(
        dataclasses.replace(
            settings.config,
            sample_prompt=_choose_sample_prompt(settings, evaluation, masking),
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
            **_describe(settings, config, batches),
            **_describe_validation(tokens, settings.shape, config, evaluation, masking),
            "reasons": settings.reasons,
        },
        copy_rate=CopyRate(tokens, tokenizer.unk_id),
        task=settings.task,
        masking=masking,
    )


def build_masking(tokenizer: Tokenizer, shape: ModelConfig, config: TrainConfig) -> Masking | None:
    """How the tokens of an encoder's samples are masked; None for a decoder.

    Raises:
        DamagedError: the tokenizer of an encoder has no `<mask>`.
    """
    if not shape.is_encoder:
        return None
    if tokenizer.mask_id is None:
        raise DamagedError(
            "The tokenizer of this run has no <mask>, which an encoder needs.", "Train it again."
        )
    assert config.mask_share is not None, "the planner chooses it"
    return Masking(tokenizer.mask_id, tokenizer.unit_ids, config.mask_share, config.seed)


def build_batches(
    tokens: TokenFile, shape: ModelConfig, config: TrainConfig, masking: Masking | None
) -> Batches:
    """The batches of the training part."""
    samples = cut_samples(
        tokens, "train", shape.targets_per_sample, only_replies=config.loss_on == REPLIES
    )
    assert config.batch_size is not None
    sorted_batches = SORTED_BATCHES if tokens.reading in CHAT_READINGS else 1
    return Batches(tokens.ids, samples, config.batch_size, config.seed, sorted_batches, masking)


def build_evaluation(
    tokens: TokenFile,
    shape: ModelConfig,
    config: TrainConfig,
    task: TaskTokens,
    masking: Masking | None,
) -> Evaluation | None:
    """The validation part; None if there is none."""
    if not tokens.has_validation:
        return None
    pieces = cut_evaluation_samples(
        tokens, "validation", shape.targets_per_sample, only_replies=config.loss_on == REPLIES
    )
    return Evaluation(
        tokens.ids,
        pieces,
        max(1, EVALUATION_TOKENS // shape.context),
        build_task_evaluation(tokens, shape.context, task),
        masking and masking.for_evaluation(),
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
    write_json(run.config, hf_config(settings.shape, settings.tokenizer.mask_id))
    if not settings.shape.is_encoder:
        never_generated = settings.tokenizer.never_generated
        write_json(
            run.generation_config,
            generation_config(settings.shape, settings.tokens.reading, never_generated),
        )
    if checkpoint:
        model = factory.build_model(settings.shape, seed=None)
        path = run.checkpoint(checkpoint.step).weights
        state_dict.load_stored(model, checkpoint.model, path)
    elif settings.parent:
        model = factory.build_model(settings.shape, seed=None)
        _load_parent(run, model, settings)
    else:
        model = factory.build_model(settings.shape, seed=settings.config.seed)
    return model


def _load_parent(run: Run, model: LanguageModel, settings: ResolvedSettings) -> None:
    """Load the parent's weights; those of a tokenizer without roles get rows for them."""
    assert settings.parent
    stored = tensors = read_tensors(run.weights)
    if settings.tokenizer.roles:
        seed = settings.config.seed
        tensors = state_dict.extend_vocabulary(model, stored, len(ROLE_TOKENS), seed)
    state_dict.load_stored(model, tensors, f"The model of {settings.parent.get('run')}")
    if any(len(tensors[name]) != len(stored[name]) for name in stored):
        # So that the run can be opened before its first checkpoint.
        replace_tensors(run.weights, state_dict.to_stored(model))


def _choose_sample_prompt(
    settings: ResolvedSettings, evaluation: Evaluation | None, masking: Masking | None
) -> str:
    """What the samples during training begin with, or for an encoder a text with blanks.

    The user's choice, else the corpus's proposal if all of its words are in the vocabulary, else
    the first words of the text. For an encoder, the first sample of the validation part.
    """
    tokenizer, proposal = settings.tokenizer, settings.corpus_prompt
    if settings.config.sample_prompt is not None:
        return normalize_text(settings.config.sample_prompt)
    if masking is not None:
        first = (
            evaluation.pieces.pieces[:1]
            if evaluation
            else Spans(np.zeros(1, np.int64), settings.tokens.starts[1:2])
        )
        return _mask_sample(settings.tokens, tokenizer, first, masking)
    if proposal and (
        tokenizer.unk_id is None or tokenizer.unk_id not in tokenizer.encode(proposal)
    ):
        return proposal
    if settings.tokens.reading in CHAT_READINGS:
        return _first_user_message(settings.tokens, tokenizer)
    return _first_words(settings.tokens, tokenizer)


def _mask_sample(tokens: TokenFile, tokenizer: Tokenizer, span: Spans, masking: Masking) -> str:
    """The first tokens of a sample, as many masked as in evaluations."""
    ends = np.minimum(span.ends, span.begins + MAX_BLANK_PROMPT_TOKENS)
    inputs, targets = masking.for_evaluation().batch(
        tokens.ids, Spans(span.begins, ends), np.zeros(1, np.int64)
    )
    ids = torch.where(targets.ne(PAD), masking.mask_id, inputs)[0].tolist()
    return text_with_blanks(tokenizer, ids)


def _first_user_message(tokens: TokenFile, tokenizer: Tokenizer) -> str:
    """What the user says first in the first conversation, of known words, cut if it is long."""
    assert tokenizer.roles
    ids = tokens.ids[:PROMPT_SEARCH_TOKENS].tolist()
    rest = ids[ids.index(tokenizer.roles.user) + 1 :] if tokenizer.roles.user in ids else []
    message = rest[: rest.index(EOS)] if EOS in rest else rest
    known = [id for id in message if id != tokenizer.unk_id][:MAX_PROMPT_CHARACTERS]
    while len(text := tokenizer.decode(known)) > MAX_PROMPT_CHARACTERS:
        known.pop()  # a whole token: part of a word may be unknown
    return text


def _first_words(tokens: TokenFile, tokenizer: Tokenizer) -> str:
    """The first few tokens of the text that can begin a line; empty if there are none."""
    count = 1 if tokenizer.kind == "word" else 6
    excluded = {SOS, EOS, tokenizer.unk_id, *(tokenizer.roles or ())}
    prompt: list[int] = []
    for id in tokens.ids[:PROMPT_SEARCH_TOKENS].tolist():
        if id not in excluded and len(tokenizer.decode([*prompt, id])) <= MAX_PROMPT_CHARACTERS:
            prompt.append(id)
        elif tokenizer.decode(prompt).strip():
            break
        else:
            prompt = []
        if len(prompt) == count:
            break
    return tokenizer.decode(prompt).strip()


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


def _describe(settings: ResolvedSettings, config: TrainConfig, batches: Batches) -> JsonObject:
    """Fields of the event `prepared` about the training part, the model and the settings."""
    tokens, shape = settings.tokens, settings.shape
    long_lines = tokens.starts[1:] - tokens.starts[:-1] > shape.context + 1
    return {
        "vocab_size": tokens.vocab_size,
        "train_tokens": settings.facts.train_tokens,
        "train_samples": len(tokens.train_samples),
        "val_samples": len(tokens.val_samples),
        "longest": tokens.longest,
        "long_lines": int(long_lines.sum()) if tokens.reading != TEXT else 0,
        "parameters": count_parameters(shape),
        "steps": config.steps,
        "steps_per_epoch": batches.steps_per_epoch,
        "tokenizer": settings.tokenizer.kind,
        "reading": tokens.reading,
        "model": to_json(shape),
        "train": to_json(config),
    }


def _describe_validation(
    tokens: TokenFile,
    shape: ModelConfig,
    config: TrainConfig,
    evaluation: Evaluation | None,
    masking: Masking | None,
) -> JsonObject:
    """Fields of the event `prepared` about the validation part, with the baselines."""
    train = cut_evaluation_samples(
        tokens,
        "train",
        shape.targets_per_sample,
        MAX_BASELINE_TARGETS,
        only_replies=config.loss_on == REPLIES,
    )
    judged = evaluation.pieces if evaluation else train
    if masking is None:
        losses = baseline_losses(tokens.ids, train, judged, tokens.vocab_size)
    else:
        losses = masked_baselines(
            tokens.ids, train, judged, masking.for_evaluation(), tokens.vocab_size
        )
    return {
        "val_tokens": judged.count_targets() if evaluation else 0,
        "reference": {
            "on": "validation" if evaluation else "train",
            **losses,
        },
    }

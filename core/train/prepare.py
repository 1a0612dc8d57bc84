"""From what was asked for to everything a trainer needs: tokenizer, tokens, settings, model.

What a run has already (its tokenizer, its shape, its checkpoint) is used as it is; what is
missing is made. All of it is a function of the run directory, the text and the device.

How many steps a run takes, where minutes or "that many more" were asked for.

What the samples of a training begin with, where nobody said it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from core.attribution.overlap import CopyRate
from core.config.budget import count_parameters
from core.config.configs import Extension, ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts, TextFacts, TokenFacts
from core.config.planner import choose_tokenizer, complete_schedule, plan_run
from core.config.schema import to_json
from core.dataset import token_store
from core.dataset.token_store import TokenFile
from core.errors import Cancelled
from core.model import device as probe
from core.model import factory, state_dict
from core.model.decoder import Decoder
from core.model.safetensors_io import read_tensors
from core.paths import Home
from core.progress import CancelCheck, ProgressCallback
from core.run.directory import Run
from core.run.model_files import check_vocabulary, generation_config, hf_config, read_model_config
from core.run.record import read_record, read_requested_config
from core.system.files import write_json
from core.text import catalog
from core.text.corpus import Corpus
from core.text.stats import compute_stats
from core.tokenizer.special_tokens import EOS, SOS
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.train import train_tokenizer
from core.train import timing
from core.train.batches import Batches, LineSamples, cut_evaluation_samples, cut_samples
from core.train.checkpoint import Checkpoint
from core.train.distributed import ProcessGroup, find_rank_device
from core.train.evaluation import MAX_BASELINE_TARGETS, Evaluation, baseline_losses
from core.train.state import read_settings


def with_steps(
    config: TrainConfig, model: Decoder, batches: Batches, done: int, more: Extension | None
) -> TrainConfig:
    """The settings with a number of steps; minutes become one by timing real ones.

    Args:
        done: steps behind us, from which `more` counts.
        more: how much longer to train than until there; None keeps to what was planned.
    """
    if not more:
        if config.steps is not None:
            return config
        more = Extension(minutes=config.minutes)
    timed = None if more.minutes is None else _seconds_per_step(config, model, batches)
    steps = done + more.steps_to_add(batches.steps_per_epoch, timed)
    planned = dataclasses.replace(config, minutes=None, epochs=None, steps=steps)
    return complete_schedule(planned, batches.steps_per_epoch)


def _seconds_per_step(config: TrainConfig, model: Decoder, batches: Batches) -> float:
    trial = dataclasses.replace(config, minutes=None, epochs=None, steps=1, warmup_steps=0)
    # Several devices share an update; what they send each other comes on top.
    rows = -(-batches.batch_size // max(1, config.devices))
    batches = dataclasses.replace(batches, batch_size=rows)
    return timing.time_step(model, batches, trial, model.device)


PROMPT_SEARCH_TOKENS = 1_000
MAX_PROMPT_CHARACTERS = 80  # characters; a word may be a megabyte


def choose_sample_prompt(proposed: str | None, stored: TokenFile, tokenizer: Tokenizer) -> str:
    """The corpus's own proposal if the tokenizer knows it, else the first words of the text."""
    if proposed and _known(tokenizer, proposed):
        return proposed
    return _first_words(stored, tokenizer)


def _known(tokenizer: Tokenizer, text: str) -> bool:
    """Whether a text can be a prompt: every word of it is in the vocabulary."""
    return tokenizer.unk_id is None or tokenizer.unk_id not in tokenizer.encode(text)


def _first_words(stored: TokenFile, tokenizer: Tokenizer) -> str:
    """The first few tokens of the text that can be a prompt of a line; empty if there are none."""
    most = 1 if tokenizer.kind == "word" else 6
    barred = {SOS, EOS, tokenizer.unk_id}
    run: list[int] = []
    for id in stored.ids[:PROMPT_SEARCH_TOKENS].tolist():
        if id not in barred and len(tokenizer.decode([*run, id])) <= MAX_PROMPT_CHARACTERS:
            run.append(id)
        elif tokenizer.decode(run).strip():
            break
        else:
            run = []
        if len(run) == most:
            break
    return tokenizer.decode(run).strip()


EVALUATION_TOKENS = 8192
UNKNOWN_SEARCH_TOKENS = 1_000_000
MIN_REPORTED_UNKNOWN_SHARE = 0.001
DEVICE_SETTINGS = ("precision", "threads", "accumulation", "recompute", "compile")


@dataclass(frozen=True)
class TrainingJob:
    """What is to be trained, on what, and how.

    Attributes:
        tokens: the folder of the corpus's tokens.
        facts: the fields of the event `prepared`.
    """

    model: Decoder
    device: torch.device
    config: TrainConfig
    batches: Batches
    evaluation: Evaluation | None
    tokenizer: Tokenizer
    reading: str
    tokens: Path
    facts: dict[str, Any]
    copy_rate: CopyRate


@dataclass(frozen=True)
class JobBuilder:
    """The work from a run directory to a `TrainingJob`.

    Attributes:
        checkpoint: where to go on from, if the run has one.
        progress: is told of long work.
        cancelled: whether a stop was asked for.
        ranks: who will train it, this process being the first.
    """

    home: Home
    run: Run
    checkpoint: Checkpoint | None
    progress: ProgressCallback
    cancelled: CancelCheck
    ranks: ProcessGroup = field(default_factory=ProcessGroup)

    def job(self, more: Extension | None = None) -> TrainingJob:
        """Makes or finds all parts of the run.

        Args:
            more: how much longer than planned to train, from the checkpoint on.

        Raises:
            Cancelled: a stop was asked for.
            MiniGPTError: the text, a file of the run or the device cannot be used.
        """
        record = read_record(self.run)
        asked = read_requested_config(self.run, record)
        text = record["corpus"]
        corpus = catalog.find_by_hash(
            text["sha256"], self.home, text["name"], text["encoding"], text["errors"]
        )
        inherited = self._inherited() if record["parent"] or self.checkpoint else None
        tokenizer, reasons = self._tokenizer(corpus, text["reading"], asked, inherited)
        stored = self._tokens(corpus, text["reading"], tokenizer)
        wanted = self._settings() if self.checkpoint else asked
        device = find_rank_device(
            self.ranks, probe.device_to_resume_on(wanted.device, asked.device)
        )
        if self.checkpoint and (moved := _moved(wanted, device, self.ranks.world)):
            reasons += moved
            anew = {name: getattr(asked, name) for name in DEVICE_SETTINGS}
            wanted = dataclasses.replace(wanted, **anew)
        wanted = dataclasses.replace(wanted, devices=self.ranks.world)
        overrides = {} if inherited else record["model"]
        chosen = plan_run(wanted, overrides, _token_facts(stored), device, inherited)
        torch.set_num_threads(chosen.train.threads or device.threads)
        batches = build_batches(stored, chosen.model, chosen.train)
        model = self._model(chosen.model, chosen.train, record["parent"])
        model = model.to(device.device)
        config = chosen.train
        done = self.checkpoint.step if self.checkpoint else 0
        config = with_steps(config, model, batches, done, more)
        if config.sample_prompt is None:
            prompt = choose_sample_prompt(corpus.prompt, stored, tokenizer)
            config = dataclasses.replace(config, sample_prompt=prompt)
        reasons += [*chosen.reasons, *_warnings(stored, tokenizer)]
        return _job(model, config, batches, stored, tokenizer, reasons)

    def _tokenizer(
        self, corpus: Corpus, reading: str, asked: TrainConfig, inherited: ModelConfig | None
    ) -> tuple[Tokenizer, list[str]]:
        """The run's tokenizer, learnt from the text if it has none yet; and why it is this one."""
        # Weights are worth nothing without the tokenizer they were learnt with.
        if inherited or self.run.tokenizer.is_file():
            tokenizer = Tokenizer.load(self.run.folder)
            if inherited:
                check_vocabulary(self.run, tokenizer, inherited)
            return tokenizer, [f"tokenizer {tokenizer.kind}: the run's own"]
        found = compute_stats(corpus, self.progress, self.cancelled)
        text = TextFacts(
            reading=reading,
            characters=found.characters,
            distinct_words=found.distinct_words,
            spaces=found.spaces,
        )
        choice = choose_tokenizer(
            asked, text, corpus_kind=corpus.tokenizer, corpus_vocab_size=corpus.vocab_size
        )
        learnt = train_tokenizer(
            corpus,
            reading,
            choice.kind,
            choice.vocab_size,
            progress=self.progress,
            cancelled=self.cancelled,
        )
        learnt.tokenizer.save(self.run.folder)
        why = f"tokenizer {choice.reason}"
        return learnt.tokenizer, [why, *([learnt.note] if learnt.note else [])]

    def _tokens(self, corpus: Corpus, reading: str, tokenizer: Tokenizer) -> TokenFile:
        stored = token_store.build_tokens(
            corpus,
            reading,
            tokenizer,
            self.home,
            progress=self.progress,
            cancelled=self.cancelled,
        )
        if self.cancelled():
            raise Cancelled
        return stored

    def _inherited(self) -> ModelConfig:
        """The shape of the run's own weights: a parent's, or those it was interrupted with."""
        return read_model_config(self.run.config)

    def _settings(self) -> TrainConfig:
        """The settings as they were at the checkpoint, changes while running included."""
        assert self.checkpoint
        return read_settings(self.checkpoint)

    def _model(
        self, shape: ModelConfig, config: TrainConfig, parent: dict[str, Any] | None
    ) -> Decoder:
        """The model as training begins or goes on; its description is written beside it."""
        write_json(self.run.config, hf_config(shape))
        write_json(self.run.generation_config, generation_config(shape))
        if self.checkpoint:
            model = factory.build_model(shape, seed=None)
            where = self.run.checkpoint(self.checkpoint.step).weights
            state_dict.load_stored(model, self.checkpoint.model, where)
        elif parent:
            model = factory.build_model(shape, seed=None)
            state_dict.load_stored(
                model, read_tensors(self.run.weights), f"The model of {parent.get('run')}"
            )
        else:
            model = factory.build_model(shape, seed=config.seed)
        return model


def _moved(before: TrainConfig, device: DeviceFacts, count: int) -> list[str]:
    """In what the devices are others than those it was trained on; what suited them may not do."""
    found = []
    if device.device != before.device:
        found.append(f"{before.device}, where it was trained before, is not here")
    if count != before.devices:
        found.append(f"trained before on {before.devices} together, now on {count}")
    return found


def _token_facts(stored: TokenFile) -> TokenFacts:
    if stored.reading == "lines":
        starts, numbers = stored.starts, stored.train_samples
        count = int((starts[numbers + 1] - starts[numbers]).sum())
    else:
        count = stored.train_span[1] - stored.train_span[0]
    return TokenFacts(
        reading=stored.reading,
        vocab_size=stored.vocab_size,
        train_tokens=count,
        train_samples=len(stored.train_samples),
        longest=stored.longest,
    )


def build_batches(stored: TokenFile, shape: ModelConfig, config: TrainConfig) -> Batches:
    """The training part in batches."""
    samples = cut_samples(stored, "train", shape.context)
    assert config.batch_size is not None
    return Batches(stored.ids, samples, config.batch_size, config.seed)


def build_evaluation(stored: TokenFile, shape: ModelConfig) -> Evaluation | None:
    """The validation part; None where there is none."""
    if not stored.has_validation:
        return None
    pieces = cut_evaluation_samples(stored, "validation", shape.context)
    return Evaluation(stored.ids, pieces, max(1, EVALUATION_TOKENS // shape.context))


def _warnings(stored: TokenFile, tokenizer: Tokenizer) -> list[str]:
    """What a person has to know of the tokens: no validation, words that are not known."""
    found = [stored.note] if stored.note else []
    if tokenizer.unk_id is not None:
        share = float((stored.ids[:UNKNOWN_SEARCH_TOKENS] == tokenizer.unk_id).mean())
        if share > MIN_REPORTED_UNKNOWN_SHARE:
            found.append(f"{share:.1%} of the tokens are not in the tokenizer's vocabulary")
    return found


def _job(
    model: Decoder,
    config: TrainConfig,
    batches: Batches,
    stored: TokenFile,
    tokenizer: Tokenizer,
    reasons: list[str],
) -> TrainingJob:
    evaluation = build_evaluation(stored, model.config)
    train = cut_evaluation_samples(stored, "train", model.config.context, MAX_BASELINE_TARGETS)
    told = _told(model, config, batches, stored, tokenizer)
    told["val_tokens"] = _targets(evaluation.pieces) if evaluation else 0
    told["reference"] = {
        "on": "validation" if evaluation else "train",
        **baseline_losses(
            stored.ids, train, evaluation.pieces if evaluation else train, stored.vocab_size
        ),
    }
    told["reasons"] = reasons
    return TrainingJob(
        model=model,
        device=model.device,
        config=config,
        batches=batches,
        evaluation=evaluation,
        tokenizer=tokenizer,
        reading=stored.reading,
        tokens=stored.folder,
        facts=told,
        copy_rate=CopyRate(stored, tokenizer.unk_id),
    )


def _told(
    model: Decoder,
    config: TrainConfig,
    batches: Batches,
    stored: TokenFile,
    tokenizer: Tokenizer,
) -> dict[str, Any]:
    """The plain facts of the event `prepared`."""
    long_lines = stored.starts[1:] - stored.starts[:-1] > model.config.context + 1
    return {
        "vocab_size": stored.vocab_size,
        "train_tokens": _token_facts(stored).train_tokens,
        "train_samples": len(stored.train_samples),
        "val_samples": len(stored.val_samples),
        "longest": stored.longest,
        "long_lines": int(long_lines.sum()) if stored.reading == "lines" else 0,
        "parameters": count_parameters(model.config),
        "steps": config.steps,
        "steps_per_epoch": batches.steps_per_epoch,
        "tokenizer": tokenizer.kind,
        "reading": stored.reading,
        "model": to_json(model.config),
        "train": to_json(config),
    }


def _targets(pieces: LineSamples) -> int:
    return int((pieces.ends - pieces.begins - 1).sum())

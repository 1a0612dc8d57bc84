"""The draft of a run: its plan and forecast are those of the trainer."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.config.budget import count_parameters, training_bytes
from core.config.configs import TrainConfig
from core.config.plan_inputs import DeviceFacts, TokenFacts
from core.config.planner import plan_run
from core.dataset.preview import Preview, preview
from core.dataset.token_store import build_tokens
from core.errors import InputError, SettingsError
from core.paths import find_home
from core.text.corpus import bundled_corpora
from core.tokenizer.train import train_tokenizer
from core.train.prepare import measure_tokens
from tests.support.texts import corpus_of_file, corpus_of_text, write
from tui.runs.setup import RunDraft, forecast_run

CPU = DeviceFacts(device="cpu", name="a processor", free_memory=8 << 30, threads=4)
LANG = next(corpus for corpus in bundled_corpora() if corpus.name == "lang")
FREE = 100 << 30


@pytest.fixture(scope="module")
def seen() -> Preview:
    """A preview of the smallest bundled text."""
    return preview(LANG)


def draft(seen: Preview, shape: dict[str, Any] | None = None, **chosen: Any) -> RunDraft:
    return RunDraft(corpus=LANG, preview=seen, config=TrainConfig(**chosen), shape=shape or {})


@pytest.mark.parametrize(
    ("chosen", "shape"),
    [
        ({}, {}),
        ({"preset": "small", "epochs": 3.0}, {}),
        ({"minutes": 2.0}, {"layers": 2}),
        ({"batch_size": 7, "seed": 3}, {"d_model": 48, "heads": 3}),
    ],
)
def test_the_plan_is_that_of_the_trainer(
    chosen: dict[str, Any], shape: dict[str, Any], seen: Preview
) -> None:
    """The screen must not promise another model."""
    made = draft(seen, shape, **chosen)
    facts = TokenFacts(
        reading="lines",
        vocab_size=seen.vocab_size,
        train_tokens=seen.tokens,
        train_samples=seen.lines,
        longest=seen.facts.longest,
        line_lengths=seen.facts.line_lengths,
    )
    assert made.tokens == facts
    assert made.plan(CPU) == plan_run(TrainConfig(**chosen), shape, facts, CPU)


@pytest.mark.parametrize("reading", ["lines", "text"])
def test_the_facts_of_a_draft_are_those_of_the_trainer(reading: str, tmp_path: Path) -> None:
    """Lines longer than the context, and a validation part that is not trained on."""
    text = "".join(f"{'word ' * (n % 70)}{n}\n" for n in range(2_000))
    corpus = corpus_of_file(write(tmp_path / "a.txt", text), reading=reading)
    seen = preview(corpus, settings=TrainConfig(tokenizer="word"))
    tokenizer = train_tokenizer(corpus, reading, "word").tokenizer
    tokens = build_tokens(corpus, reading, tokenizer, find_home(tmp_path / "home"))
    assert seen.facts.train_tokens == pytest.approx(measure_tokens(tokens).train_tokens, abs=2)
    if reading == "lines":
        assert tokens.has_validation
        assert draft(seen).tokens == measure_tokens(tokens)


def test_a_text_has_no_lines_to_count(tmp_path: Path) -> None:
    """Detects running text cut into samples at its line ends."""
    found = preview(corpus_of_text(tmp_path / "prose.txt", "one two\n\nthree four five\n" * 50))
    facts = RunDraft(corpus=LANG, preview=found).tokens
    assert (facts.reading, facts.train_samples, facts.longest) == ("text", 0, 0)
    assert facts.train_tokens == found.tokens


def test_all_lines_of_a_large_text_count(seen: Preview) -> None:
    """Detects steps computed from the lines of the beginning and the tokens of all of the text."""
    lengths = [[length, 10 * count] for length, count in seen.facts.line_lengths]
    large = dataclasses.replace(
        seen, facts=dataclasses.replace(seen.facts, line_lengths=lengths, train_samples=200)
    )
    few, many = (
        draft(found, epochs=2.0, batch_size=4).plan(CPU).train.steps for found in (seen, large)
    )
    assert few is not None
    assert many == pytest.approx(10 * few, rel=0.1)


@pytest.mark.parametrize("accumulation", [1, 4])
def test_the_forecast_follows_from_the_plan(seen: Preview, accumulation: int) -> None:
    """Only a micro-batch is in memory at once."""
    made = draft(seen, batch_size=8, accumulation=accumulation, steps=4).plan(CPU)
    found = forecast_run(made, seen.facts, CPU, FREE)
    assert found.parameters == count_parameters(made.model)
    assert found.memory == training_bytes(made.model, 8 // accumulation, made.model.context)
    assert (found.steps, found.seconds) == (4, None)
    assert 0 < found.state_memory < found.memory
    assert dataclasses.replace(found, step_seconds=0.5).seconds == 2.0


@pytest.mark.parametrize(
    ("chosen", "free", "copies"),
    [
        ({"steps": 4, "snapshots": True}, FREE, 7 + 4),  # of steps 0 1 2 4
        ({"steps": 8, "snapshots": True}, FREE, 7 + 5),
        ({"steps": 4, "snapshots": False}, FREE, 7),
        ({"steps": 4, "snapshots": True}, 0, 7),
        ({"minutes": 1.0}, FREE, 7),
    ],
)
def test_the_disk_holds_checkpoints_and_snapshots(
    chosen: dict[str, Any], free: int, copies: int, seen: Preview
) -> None:
    """A run must fit on the disk it was forecast to fit on."""
    made = draft(seen, **chosen).plan(CPU)
    found = forecast_run(made, seen.facts, CPU, free)
    assert found.disk == copies * 4 * found.parameters
    assert found.steps == chosen.get("steps")


def test_a_larger_preset_needs_more_of_everything(seen: Preview) -> None:
    sizes = [
        forecast_run(draft(seen, preset=p).plan(CPU), seen.facts, CPU, FREE)
        for p in ("tiny", "small", "medium")
    ]
    for less, more in pairwise(sizes):
        assert less.parameters < more.parameters
        assert less.memory < more.memory


def test_impossible_drafts_are_refused_before_anything_is_created(seen: Preview) -> None:
    """Such a run would fail at once."""
    with pytest.raises(SettingsError):
        draft(seen, {"layers": 0}).plan(CPU)
    with pytest.raises(InputError, match="needs about"):
        draft(seen, preset="xl").plan(dataclasses.replace(CPU, free_memory=1 << 28))

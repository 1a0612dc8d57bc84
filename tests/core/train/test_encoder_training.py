"""Encoders, trained for real: masked accuracy in the events, baselines, samples, exact resume."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config.configs import TrainConfig
from core.errors import InputError, SettingsError
from core.inference.fill import BLANK, encode_blanks, fill_blanks, text_with_blanks
from core.inference.load import load_encoder, load_model
from core.paths import Home
from core.run.create import create_run
from core.run.event_log import read_events
from core.run.events import EVAL, FINISHED, PREPARED, SAMPLE, STOPPED
from core.run.record import read_record, task_of_record
from core.text.messages import FILL
from tests.support.real_trainers import (
    create_held_run,
    find_differences,
    load_history,
    stop_in_update,
    train_here,
)
from tests.support.texts import write


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(root=tmp_path, cache=tmp_path / "cache")


def pets() -> str:
    """All 216 triples of six clauses, of which any word follows from its neighbours."""
    clauses = ("Mia sings softly", "Tom runs fast", "Ben reads slowly")
    clauses += ("Eva draws badly", "Kim jumps high", "Leo eats greedily")
    rows = list(itertools.product(clauses, repeat=3))
    order = np.random.default_rng(1).permutation(len(rows)).tolist()
    return "".join(f"{' '.join(rows[number])}\n" for number in order)


def create(home: Home, name: str, preset: str = "encoder-modern", **settings: Any) -> Any:
    fields = {"steps": 30, "learning_rate": 3e-3, "tokenizer": "word", **settings}
    text = write(home.root / "pets.txt", pets())
    return create_held_run(home, text, name, preset=preset, reading="lines", **fields)


@pytest.mark.parametrize(
    ("preset", "rate", "gain"), [("encoder-modern", 0.02, 0.4), ("encoder", 0.01, 0.1)]
)
def test_an_encoder_learns_what_stands_between(
    home: Home, preset: str, rate: float, gain: float
) -> None:
    """The tutorial's layers, with their norms after the residual, need far more steps."""
    run, lock = create(home, "pets", preset, steps=300, learning_rate=rate)
    events = train_here(home, run, lock)
    assert events[-1].type == FINISHED
    prepared = next(event for event in events if event.type == PREPARED)
    reference = prepared.table("reference")
    assert reference.keys() == {
        "on",
        "random",
        "unigram",
        "trigram",
        "unigram_accuracy",
        "trigram_accuracy",
    }
    last = [event for event in read_events(run.events) if event.type == EVAL][-1]
    loss = last.number("val_loss")
    assert loss is not None
    assert loss < reference["unigram"] - gain
    assert last.whole("task_items") == last.whole("tokens") / 10, "a word of each sentence"
    history = load_history(run)
    assert history.fills_blanks
    assert history.task_accuracy.last == last.number("task_accuracy")
    sample = [event for event in read_events(run.events) if event.type == SAMPLE][-1]
    assert BLANK in sample.text("prompt")
    assert "[" in sample.text("text")
    assert BLANK not in sample.text("text")
    assert task_of_record(read_record(run)["corpus"])[0] == FILL
    loaded = load_encoder(run)
    ids = encode_blanks(loaded.tokenizer, "lines", "Mia [] softly Tom runs fast Kim [] high")
    fills = fill_blanks(loaded.model, loaded.tokenizer, ids)
    filled = text_with_blanks(loaded.tokenizer, ids, fills)
    assert re.fullmatch(r"Mia \[\w+\] softly Tom runs fast Kim \[\w+\] high", filled)


def test_it_does_not_continue_a_text_and_a_decoder_does_not_fill(home: Home) -> None:
    encoder, lock = create(home, "pets", steps=1)
    train_here(home, encoder, lock)
    with pytest.raises(InputError, match="fills in blanks and cannot continue"):
        load_model(encoder)
    decoder, lock = create(home, "words", "tiny", steps=1)
    train_here(home, decoder, lock)
    with pytest.raises(InputError, match="continues a text and cannot fill in blanks"):
        load_encoder(decoder)


def test_a_resumed_encoder_ends_with_the_same_bits(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The masking depends on sample and pass alone."""
    whole, lock = create(home, "whole")
    train_here(home, whole, lock)
    halved, lock = create(home, "halved")
    stop_in_update(halved, 17, monkeypatch)
    last = train_here(home, halved, lock)[-1]
    assert last.type == STOPPED
    assert 0 < last.step < 30
    assert train_here(home, halved)[-1].type == FINISHED
    assert find_differences(whole, halved) == []


def test_another_run_continues_an_encoder(home: Home) -> None:
    parent, lock = create(home, "pets", steps=1)
    train_here(home, parent, lock)
    config = TrainConfig(device="cpu", threads=1, steps=2)
    child, lock = create_run(
        home, str(home.root / "pets.txt"), config, {}, name="child", parent="pets", reading="lines"
    )
    assert train_here(home, child, lock)[-1].type == FINISHED
    assert task_of_record(read_record(child)["corpus"])[0] == FILL
    assert load_encoder(child).tokenizer.mask_id == load_encoder(parent).tokenizer.mask_id


def test_a_batch_with_nothing_to_mask_changes_nothing_and_training_goes_on(home: Home) -> None:
    """Most lines have unknown words only."""
    lines = [f"w{number} x{number}" for number in range(30)] + ["cat cat cat"]
    text = write(home.root / "rare.txt", "\n".join(lines))
    fields = {"steps": 20, "batch_size": 2, "tokenizer": "word", "vocab_size": 5}
    run, lock = create_held_run(
        home, text, "rare", preset="encoder-modern", reading="lines", **fields
    )
    assert train_here(home, run, lock)[-1].type == FINISHED


def test_a_share_of_masked_tokens_is_refused_where_none_are_masked(home: Home) -> None:
    text = write(home.root / "pets.txt", pets())
    with pytest.raises(SettingsError, match="only for an encoder"):
        create_held_run(home, text, "words", preset="tiny", mask_share=0.3)
    assert not list(home.runs.glob("words"))

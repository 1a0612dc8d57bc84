"""An encoder that learns to label texts, trained for real: from scratch and from a parent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.config.configs import TrainConfig
from core.errors import InputError
from core.inference.load import LoadedClassifier, load_classifier, load_encoder, load_model
from core.inference.task_accuracy import measure_accuracy
from core.model.safetensors_io import read_tensors
from core.paths import Home
from core.run.create import create_run
from core.run.directory import Run
from core.run.events import FINISHED, PREPARED, STEP, Event
from core.run.model_files import read_model_config
from core.run.parents import list_parents
from core.run.record import read_record, task_of_record
from core.run.task_items import find_items
from core.system.locks import Lock
from core.text.corpus import LINES, PAIRS
from core.tokenizer.tokenizer import Tokenizer
from core.train.job import train
from tests.support.real_trainers import (
    create_held_run,
    find_differences,
    load_events,
    train_here,
)
from tests.support.task_runs import feelings, sums
from tests.support.texts import write

LABELS = ("positive", "negative", "neutral")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(root=tmp_path, cache=tmp_path / "cache")


@pytest.fixture
def table(home: Home) -> Path:
    return write(home.root / "feelings.csv", feelings(400))


@pytest.fixture
def parent(home: Home, table: Path) -> Run:
    """An encoder that has learnt to restore masked words of the sentences, labels included."""
    rows = table.read_text().splitlines()[1:]
    text = write(home.root / "sentences.txt", "\n".join(row.replace(",", " ") for row in rows))
    run, lock = create_held_run(
        home, text, "parent", preset="encoder-modern", reading="lines", steps=5
    )
    train_here(home, run, lock)
    return run


def create_child(home: Home, text: Path, name: str, **settings: Any) -> tuple[Run, Lock]:
    values = {"device": "cpu", "threads": 1, "steps": 12, "eval_steps": 4, "batch_size": 16}
    config = TrainConfig(**{**values, **settings})
    return create_run(home, str(text), config, {}, name=name, parent="parent")


def accuracies(run: Run) -> list[tuple[int, Any, Any, Any]]:
    fields = ("task_accuracy", "val_loss", "best")
    return [
        (event.step, *(event.fields[name] for name in fields))
        for event in load_events(run)
        if event.type == "eval"
    ]


@pytest.mark.parametrize("preset", ["encoder-modern", "encoder"])
def test_an_encoder_learns_to_label_texts_from_scratch(
    preset: str, home: Home, table: Path
) -> None:
    """Events have the share of right labels that a test finds, and the best weights have most."""
    settings = {"preset": preset, "steps": 160, "eval_steps": 40, "batch_size": 16}
    run, lock = create_held_run(home, table, "feelings", learning_rate=0.01, **settings)
    assert train_here(home, run, lock)[-1].type == FINISHED
    assert task_of_record(read_record(run)["corpus"]) == ("classify", LABELS)
    loaded = load_classifier(run)
    assert loaded.tokenizer.mask_id is None, "there is nothing to mask"
    shares = accuracies(run)
    report = measure_accuracy(loaded, find_items(read_record(run)["corpus"], home))
    assert report.accuracy == shares[-1][1]
    if preset == "encoder-modern":  # the tutorial's takes longer
        assert report.accuracy > 0.9
    best = max(shares, key=lambda share: (share[1], -share[2]))
    tested = measure_accuracy(
        load_classifier(run, "best"), find_items(read_record(run)["corpus"], home)
    )
    assert tested.accuracy == best[1]
    samples = {event.fields["text"] for event in load_events(run) if event.type == "sample"}
    assert samples <= set(LABELS)


def test_a_parents_weights_get_a_head_and_the_roles(home: Home, table: Path, parent: Run) -> None:
    child, lock = create_child(home, table, "child", learning_rate=1e-9)
    before, tokenizer = read_tensors(parent.weights), Tokenizer.load(child.folder)
    size = Tokenizer.load(parent.folder).vocab_size
    assert tokenizer.mask_id == size - 1
    assert tokenizer.roles == (size, size + 1, size + 2)
    assert read_model_config(child.config).labels == 3
    events = train_here(home, child, lock)
    assert events[-1].type == FINISHED
    prepared = next(event for event in events if event.type == PREPARED)
    assert prepared.fields["reference"].keys() == {"on", "random", "unigram", "unigram_accuracy"}
    assert prepared.fields["train"]["mask_share"] is None
    after = read_tensors(child.weights)
    heads = {f"{part}.{kind}" for part in ("dense", "classifier") for kind in ("weight", "bias")}
    assert after.keys() == before.keys() | heads
    for name, tensor in before.items():
        assert torch.allclose(after[name][: len(tensor)], tensor, atol=1e-4), name
    assert not child.generation_config.exists()


@pytest.mark.parametrize("stop_at", ["eval", "step"])
def test_a_resumed_run_ends_as_the_uninterrupted_one(
    stop_at: str, home: Home, table: Path, parent: Run
) -> None:
    whole, lock = create_child(home, table, "whole", dropout=0.1)
    train_here(home, whole, lock)
    parts, lock = create_child(home, table, "parts", dropout=0.1)
    stops: list[Callable[[str], None]] = []

    def stop(event: Event) -> None:
        if event.type == stop_at and event.step >= (4 if stop_at == "eval" else 1):
            stops[0]("asked to stop")

    train(home, parts, lock, listeners=[stop], on_stop=stops.append)
    last = max(event.step for event in load_events(parts) if event.type in (STEP, "eval"))
    assert 0 < last < 12
    train_here(home, parts)
    assert accuracies(parts) == accuracies(whole)
    assert find_differences(whole, parts) == []


def test_a_child_of_a_classifier_gets_a_new_head(home: Home, table: Path, parent: Run) -> None:
    child, lock = create_child(home, table, "child")
    train_here(home, child, lock)
    rows = "The film number 1 was good .,good\nThe film number 2 was bad .,bad\n"
    two = write(home.root / "two.csv", "text,label\n" + rows * 20)
    config = TrainConfig(device="cpu", threads=1, steps=1)
    other, lock = create_run(home, str(two), config, {}, name="two", parent="child")
    assert train_here(home, other, lock)[-1].type == FINISHED
    assert load_classifier(other).labels == ("good", "bad")
    assert read_tensors(other.weights)["classifier.weight"].shape[0] == 2


def test_what_an_encoder_cannot_learn_is_refused(home: Home, table: Path, parent: Run) -> None:
    questions = write(home.root / "sums.csv", sums())
    config = TrainConfig(device="cpu", threads=1, steps=1)
    for settings in ({"parent": "parent"}, {}):
        chosen = config if settings else TrainConfig(preset="encoder-modern", steps=1)
        with pytest.raises(InputError, match="no labels"):
            create_run(home, str(questions), chosen, {}, name="sums", force=True, **settings)
    child, lock = create_child(home, table, "child")
    train_here(home, child, lock)
    with pytest.raises(InputError, match="child labels texts; it has no head to fill in blanks"):
        create_run(home, str(table), config, {}, name="no", parent="child", reading="lines")
    for load in (load_model, load_encoder):
        with pytest.raises(InputError, match="child is an encoder: it labels texts and cannot"):
            load(child)
    assert isinstance(load_classifier(child), LoadedClassifier)
    lines = ["The film number 1 was good .", "The soup number 2 was bad ."]
    found = {
        (reading, labels): {p.name for p in list_parents(home, lines, reading, labels=labels)}
        for reading, labels in ((LINES, 0), (PAIRS, 0), (PAIRS, 3))
    }
    assert found == {
        (LINES, 0): {"parent"},
        (PAIRS, 0): set(),
        (PAIRS, 3): {"parent", "child"},
    }

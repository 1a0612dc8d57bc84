"""Starting from another run's weights where the text has another format than the parent's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from core.config.configs import TrainConfig
from core.inference.load import load_model
from core.model.safetensors_io import read_tensors
from core.paths import Home, find_home
from core.run.create import create_run
from core.run.directory import Run
from core.run.events import FINISHED, PREPARED, STOPPED
from core.run.model_files import read_model_config
from core.system.locks import Lock
from core.tokenizer.tokenizer import Tokenizer
from core.train.checkpoint import load_checkpoint
from tests.support.real_trainers import create_held_run, stop_in_update, train_here
from tests.support.texts import write

EMBEDDING = "model.embed_tokens.weight"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path / "home")


@pytest.fixture
def story(home: Home, tmp_path: Path) -> Run:
    """A run trained on running text, whose tokenizer has no roles."""
    text = write(tmp_path / "story.txt", "Mia lost her kite. Tom found it by the pond.\n\n" * 30)
    run, lock = create_held_run(
        home, text, "story", reading="text", tokenizer="bpe", vocab_size=300, preset="tiny"
    )
    train_here(home, run, lock)
    return run


def pairs_file(tmp_path: Path) -> Path:
    rows = "".join(f"Who lost kite {n}?,Mia lost kite {n}.\n" for n in range(20))
    return write(tmp_path / "kites.csv", f"question,answer\n{rows}")


def create_child(
    home: Home, text: Path, parent: str, name: str, **settings: Any
) -> tuple[Run, Lock]:
    config = TrainConfig(device="cpu", threads=1, **{"steps": 8, **settings})
    return create_run(home, str(text), config, {}, name=name, parent=parent)


def test_a_text_run_becomes_a_parent_of_pairs_by_three_more_tokens(
    home: Home, story: Run, tmp_path: Path
) -> None:
    child, lock = create_child(home, pairs_file(tmp_path), "story", "kites", learning_rate=1e-9)
    parent_size = Tokenizer.load(story.folder).vocab_size
    tokenizer = Tokenizer.load(child.folder)
    assert tokenizer.roles == (parent_size, parent_size + 1, parent_size + 2)
    assert read_model_config(child.config).vocab_size == parent_size + 3
    before = read_tensors(story.weights)
    events = train_here(home, child, lock)
    assert events[-1].type == FINISHED
    assert next(e for e in events if e.type == PREPARED).whole("vocab_size") == parent_size + 3
    after = read_tensors(child.weights)
    assert {name: len(rows) - len(before[name]) for name, rows in after.items()} == {
        **dict.fromkeys(before, 0),
        EMBEDDING: 3,
    }
    assert torch.allclose(after[EMBEDDING][:-3], before[EMBEDDING], atol=1e-4)
    assert torch.equal(read_tensors(story.weights)[EMBEDDING], before[EMBEDDING])
    assert load_model(child).is_chat


def test_the_new_rows_follow_the_seed(home: Home, story: Run, tmp_path: Path) -> None:
    rows = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        run, lock = create_child(
            home, pairs_file(tmp_path), "story", name, seed=seed, learning_rate=1e-9
        )
        train_here(home, run, lock)
        rows.append(read_tensors(run.weights)[EMBEDDING][-3:])
    assert torch.allclose(rows[0], rows[1])
    assert not torch.allclose(rows[0], rows[2], atol=1e-3)
    old = read_tensors(story.weights)[EMBEDDING]
    assert 0.5 < (rows[0].std() / old.std()).item() < 2


def test_a_run_with_more_tokens_resumes_exactly(
    home: Home, story: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, lock = create_child(home, pairs_file(tmp_path), "story", "whole")
    train_here(home, whole, lock)
    halved, lock = create_child(home, pairs_file(tmp_path), "story", "halved")
    stop_in_update(halved, 3, monkeypatch)
    last = train_here(home, halved, lock)[-1]
    assert last.type == STOPPED
    assert 0 < last.step < 8
    assert train_here(home, halved)[-1].type == FINISHED
    ends = [load_checkpoint(run) for run in (whole, halved)]
    assert ends[0]
    assert ends[1]
    assert (ends[0].step, ends[1].step) == (8, 8)
    for name, tensor in ends[0].model.items():
        assert torch.equal(tensor, ends[1].model[name]), name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lines.txt", "Mia lost her kite.\nTom found it.\n" * 9),
        ("text.txt", "Mia lost her kite.\n\nTom found it.\n" * 9),
    ],
)
def test_a_run_on_pairs_is_a_parent_of_lines_and_text(
    name: str, text: str, home: Home, story: Run, tmp_path: Path
) -> None:
    """The roles stay in the vocabulary, unused: they are never generated."""
    kites, lock = create_child(home, pairs_file(tmp_path), "story", "kites")
    train_here(home, kites, lock)
    child, lock = create_child(home, write(tmp_path / name, text), "kites", "child")
    own, its_parents = (Tokenizer.load(run.folder).to_json() for run in (child, kites))
    assert own == its_parents
    config = json.loads((child.folder / "tokenizer_config.json").read_text())
    assert "chat_template" not in config, "it is no chat"
    assert train_here(home, child, lock)[-1].type == FINISHED
    loaded = load_model(child)
    assert not loaded.is_chat
    assert loaded.tokenizer.roles
    assert "<|" not in loaded.tokenizer.decode(loaded.encode("Mia"))


def test_a_conversation_starts_from_pairs_without_more_tokens(
    home: Home, story: Run, tmp_path: Path
) -> None:
    kites, lock = create_child(home, pairs_file(tmp_path), "story", "kites")
    train_here(home, kites, lock)
    messages = [
        {"role": "user", "content": "I am Mia."},
        {"role": "assistant", "content": "Hello, Mia!"},
    ]
    text = write(tmp_path / "talk.jsonl", json.dumps({"messages": messages}) + "\n")
    child, lock = create_child(home, text, "kites", "child")
    assert read_model_config(child.config) == read_model_config(kites.config)
    assert train_here(home, child, lock)[-1].type == FINISHED

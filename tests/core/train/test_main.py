"""A run from its creation to its end, in this process, with real files and a tiny model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.config.configs import TrainConfig
from core.errors import RunFailedError
from core.model.safetensors_io import read_tensors
from core.paths import Home
from core.run import control_file, status, store
from core.run.create import create_run
from core.run.directory import Run
from core.run.events import Event
from core.system.locks import Lock
from core.train import checkpoint
from core.train.job import train
from core.train.update import Updater

SHAPE = {"layers": 1, "heads": 2, "kv_heads": 2, "d_model": 16, "head_dim": 8, "d_ff": 24}
LINES = [f"line {i} of the {'red' if i % 3 else 'blue'} book" for i in range(240)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(root=tmp_path, cache=tmp_path / "cache")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "book.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


def _create(home: Home, text: Path, **settings: Any) -> tuple[Run, Lock]:
    config = TrainConfig(**{"steps": 12, "threads": 1, "eval_steps": 4, **settings})
    return create_run(home, str(text), config, SHAPE)


def _train(
    home: Home, run: Run, lock: Lock, at: dict[int, Callable[[], object]] | None = None
) -> list[dict[str, Any]]:
    """Train and return the events; each function of `at` is called once at its step."""
    events: list[dict[str, Any]] = []

    def listen(event: Event) -> None:
        events.append({"type": event.type, "step": event.step, **event.fields})
        if event.type == "step" and at:
            for due in [number for number in at if number <= event.step]:
                at.pop(due)()

    train(home, run, lock, listeners=[listen])
    return events


def _types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def test_a_run_leaves_all_its_files(home: Home, text: Path) -> None:
    run, lock = _create(home, text)
    events = _train(home, run, lock)
    prepared = next(event for event in events if event["type"] == "prepared")
    assert prepared["val_samples"] > 0
    assert prepared["reference"]["on"] == "validation"
    assert prepared["train_samples"] + prepared["val_samples"] == 240
    assert _types(events)[-1] == "finished"
    assert (run.folder.stat().st_mode & 0o777) == 0o700
    files = {str(p.relative_to(run.folder)) for p in run.folder.rglob("*") if p.is_file()}
    assert files >= {
        "run.json",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "best/model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "events.jsonl",
        "trainer.lock",
        "checkpoint/last",
        "checkpoint/12/state.json",
        "snapshots/0/model.safetensors",
        "snapshots/8/model.safetensors",
    }
    assert str(home.root) not in "".join(
        path.read_text() for path in run.folder.rglob("*.json*") if path.suffix != ".lock"
    )
    assert status.status_of(run) == "finished"


def test_the_stored_events_are_those_the_listeners_got(home: Home, text: Path) -> None:
    run, lock = _create(home, text)
    events = _train(home, run, lock)
    stored = [json.loads(line) for line in run.events.read_text().splitlines()]
    assert [(e["type"], e["step"]) for e in stored] == [(e["type"], e["step"]) for e in events]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_stopped_run_resumes_to_the_same_weights(home: Home, text: Path, precision: str) -> None:
    settings = {"dropout": 0.1, "seed": 3, "precision": precision}
    whole, lock = _create(home, text, **settings)
    _train(home, whole, lock)
    run, lock = _create(home, text, **settings)
    events = _train(home, run, lock, {1: lambda: store.send_request(run, control_file.STOP)})
    assert _types(events)[-1] == "stopped"
    assert events[-1]["step"] < 12
    resumed_events = _train(home, run, store.lock_run(run))
    assert resumed_events[0]["resumed_from"] == events[-1]["step"]
    assert _types(resumed_events)[-1] == "finished"
    weights = [read_tensors(r.weights) for r in (whole, run)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_failed_run_keeps_its_last_checkpoint(
    home: Home, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = Updater.update

    def fail(self: Updater, batches: Any, step: int, rate: float, config: Any) -> Any:
        if step == 9:
            raise RunFailedError("The loss of step 10 is not a finite number (nan).", "Lower it.")
        return update(self, batches, step, rate, config)

    monkeypatch.setattr(Updater, "update", fail)
    run, lock = _create(home, text)
    events = _train(home, run, lock)
    assert events[-1]["type"] == "failed"
    assert (events[-1]["saved_step"], events[-1]["hint"]) == (8, "Lower it.")
    newest = checkpoint.load_checkpoint(run)
    assert newest is not None
    assert newest.step == 8
    assert status.status_of(run) == "failed"


def test_requests_are_acknowledged_with_their_id(home: Home, text: Path) -> None:
    run, lock = _create(home, text, steps=400)
    ids: dict[str, str] = {}

    def save() -> None:
        ids["save"] = store.send_request(run, control_file.SAVE)

    def change() -> None:
        changes = {"learning_rate": 1e-4, "steps": 300}
        ids["change"] = store.send_request(run, control_file.CHANGE, changes=changes)
        wrong = {"learning_rate": None, "batch_size": 3}
        ids["wrong"] = store.send_request(run, control_file.CHANGE, changes=wrong)

    def pause() -> None:
        ids["pause"] = store.send_request(run, control_file.PAUSE)
        ids["continue"] = store.send_request(run, control_file.CONTINUE)

    events = _train(home, run, lock, {1: save, 2: change, 3: pause})
    answers = {e["id"]: e for e in events if e["type"] == "changed"}
    saved = [event for event in events if event.get("request") == ids["save"]]
    assert [event["kind"] for event in saved] == ["checkpoint"]
    assert answers[ids["change"]]["changes"]["steps"] == [400, 300]
    assert answers[ids["wrong"]]["problems"].keys() == {"batch_size", "learning_rate"}
    assert [answers[ids[name]]["action"] for name in ("pause", "continue")] == ["pause", "continue"]
    assert events[-1]["step"] == 300


def test_minutes_are_converted_to_steps(home: Home, text: Path) -> None:
    run, lock = _create(home, text, steps=None, minutes=0.02)
    events = _train(home, run, lock)
    prepared = next(event for event in events if event["type"] == "prepared")
    assert prepared["steps"] > 20
    changed = [event["changes"]["steps"][1] for event in events if event["type"] == "changed"]
    assert events[-1]["step"] == [prepared["steps"], *changed][-1]
    assert events[-1]["elapsed"] == pytest.approx(1.2, rel=2.0)


def test_running_text_is_trained_on_in_windows(home: Home, text: Path) -> None:
    config = TrainConfig(steps=6, threads=1, tokenizer="bpe", vocab_size=300)
    run, lock = create_run(home, str(text), config, SHAPE, reading="text")
    events = _train(home, run, lock)
    prepared = next(event for event in events if event["type"] == "prepared")
    assert (prepared["reading"], prepared["tokenizer"]) == ("text", "bpe")
    assert _types(events)[-1] == "finished"

"""Resuming a run whose device is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.paths import find_home
from core.run.directory import Run
from core.run.events import FAILED, FINISHED, PREPARED, Event
from core.system.files import read_json
from tests.support.real_trainers import create_held_run, train_here
from tests.support.runners import small_text

MISSING_GPU_SETTINGS = {"device": "cuda:77", "precision": "bfloat16", "threads": 7, "steps": 24}


def resume_run_of(tmp_path: Path, device: str) -> list[Event]:
    """Resume a run whose checkpoint has the settings of a missing GPU; return its events."""
    home = find_home(tmp_path / "home")
    run, lock = create_held_run(home, small_text(tmp_path), "pets", threads=None)
    train_here(home, run, lock)
    update_json(run.record, "train", {"device": device})
    state = run.checkpoint(12).state
    update_json(
        state, "state", {"train": read_json(state)["state"]["train"] | MISSING_GPU_SETTINGS}
    )
    return train_here(home, Run(run.folder))


def update_json(path: Path, name: str, values: dict[str, object]) -> None:
    value = read_json(path)
    value[name] |= values
    path.write_text(json.dumps(value))


def test_an_automatic_device_is_chosen_again(tmp_path: Path) -> None:
    """As after copying the run to another machine or removing the card."""
    run_events = resume_run_of(tmp_path, "auto")
    prepared = next(event for event in run_events if event.type == PREPARED)
    train = prepared.table("train")
    assert (train["device"], train["precision"], train["threads"]) == ("cpu", "float32", 1)
    assert "cuda:77, used before, is not available" in prepared.fields["reasons"]
    assert (run_events[-1].type, run_events[-1].step) == (FINISHED, 24)


@pytest.mark.parametrize("device", ["cuda:77", "cuda:78"])
def test_an_explicit_device_is_not_replaced(tmp_path: Path, device: str) -> None:
    failure = resume_run_of(tmp_path, device)[-1]
    assert (failure.type, failure.whole("code")) == (FAILED, 2)
    assert f"no device '{device}'; available: cpu" in str(failure.text("message"))

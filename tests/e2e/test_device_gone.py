"""A run that goes on where the device it had is not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.paths import find_home
from core.run.directory import Run
from core.run.events import FAILED, FINISHED, PREPARED, Event
from core.system.files import read_json
from tests.support.runners import small_text
from tests.support.trainers_at_work import asked, trained

GONE = {"device": "cuda:77", "precision": "bfloat16", "threads": 7, "steps": 24}


def resumed(tmp_path: Path, wanted: str) -> list[Event]:
    """What is said by a run whose settings at its checkpoint are those of a GPU we have not."""
    home = find_home(tmp_path / "home")
    run, lock = asked(home, small_text(tmp_path), "pets", threads=None)
    trained(home, run, lock)
    change(run.record, "train", {"device": wanted})
    state = run.checkpoint(12).state
    change(state, "state", {"train": read_json(state)["state"]["train"] | GONE})
    return trained(home, Run(run.folder))


def change(path: Path, name: str, values: dict[str, object]) -> None:
    value = read_json(path)
    value[name] |= values
    path.write_text(json.dumps(value))


def test_a_device_that_was_chosen_for_it_is_chosen_anew(tmp_path: Path) -> None:
    """Copied to another machine, or after the card was taken out; as quick as there can be."""
    told = resumed(tmp_path, "auto")
    prepared = next(event for event in told if event.type == PREPARED)
    train = prepared.table("train")
    assert (train["device"], train["precision"], train["threads"]) == ("cpu", "float32", 1)
    assert "cuda:77, used before, is not available" in prepared.fields["reasons"]
    assert (told[-1].type, told[-1].step) == (FINISHED, 24)


@pytest.mark.parametrize("wanted", ["cuda:77", "cuda:78"])
def test_a_device_that_was_asked_for_is_not_replaced(tmp_path: Path, wanted: str) -> None:
    failed = resumed(tmp_path, wanted)[-1]
    assert (failed.type, failed.whole("code")) == (FAILED, 2)
    assert f"no device '{wanted}' here; there is cpu" in str(failed.text("message"))

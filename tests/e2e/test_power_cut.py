"""Resuming from what a power cut, a bad disk or an incomplete copy leaves behind."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import DamagedError
from core.paths import Home, find_home
from core.run import control_file, status, store
from core.run.directory import CheckpointFiles, Run
from core.run.events import FAILED, FINISHED, PREPARE, STARTED, STEP
from core.tokenizer.tokenizer import CONFIG_FILE, TOKENIZER_FILE, Tokenizer
from core.train import checkpoint
from core.train.evaluation import Evaluation
from tests.support.real_trainers import (
    create_held_run,
    find_differences,
    list_files,
    load_events,
    load_history,
    train_here,
)
from tests.support.runners import small_text

pytestmark = pytest.mark.slow

SETTINGS = {"steps": 40, "eval_steps": 10, "batch_size": 8, "dropout": 0.1, "snapshots": False}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Run, Run]:
    """A run trained to its end, and one that was cut at step 20 with two checkpoints."""
    folder = tmp_path_factory.mktemp("power")
    home, text = find_home(folder / "home"), small_text(folder)
    whole, lock = create_held_run(home, text, "whole", **SETTINGS)
    train_here(home, whole, lock)
    cut, lock = create_held_run(home, text, "cut", **SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        cut_at(20, patch)
        with pytest.raises(KeyboardInterrupt):
            train_here(home, cut, lock)
    assert status.status_of(cut) == status.CRASHED
    assert [entry.step for entry in load_history(cut).saves if entry.kind == "checkpoint"] == [
        10,
        20,
    ]
    return home, whole, cut


def cut_at(step: int, patch: pytest.MonkeyPatch) -> None:
    """End the trainer without an event, in the evaluation after a checkpoint."""
    loss = Evaluation.measure
    evaluated = iter(range(10, 1000, 10))

    def interrupted(self: Evaluation, *rest: Any, **options: Any) -> Any:
        if next(evaluated) == step:
            raise KeyboardInterrupt
        return loss(self, *rest, **options)

    patch.setattr(Evaluation, "measure", interrupted)


@pytest.fixture
def cut(runs: tuple[Home, Run, Run]) -> Run:
    """A copy of the run that was cut, to be damaged."""
    home, _, run = runs
    copy = Run(home.runs / "copy")
    shutil.rmtree(copy.folder, ignore_errors=True)
    shutil.copytree(run.folder, copy.folder)
    return copy


def tear(path: Path) -> None:
    """Lose the end of the file."""
    os.truncate(path, path.stat().st_size - 20)


def zero_end(path: Path) -> None:
    """Lose the last bytes but not the length."""
    data = path.read_bytes()
    path.write_bytes(data[:-200] + bytes(200))


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


def assert_same_result(whole: Run, run: Run) -> None:
    assert find_differences(whole, run) == []
    assert list_files(run) == list_files(whole)
    one, other = load_history(whole), load_history(run)
    assert (one.val_loss.steps, one.val_loss.values) == (
        other.val_loss.steps,
        other.val_loss.values,
    )
    assert other.train_loss.steps == sorted(set(other.train_loss.steps))


@pytest.mark.parametrize("damage", [tear, zero_end])
def test_a_torn_last_event_does_not_disturb_a_resume(
    runs: tuple[Home, Run, Run], cut: Run, damage: Callable[[Path], None]
) -> None:
    damage(cut.events)
    assert status.status_of(cut) == status.CRASHED
    events = train_here(runs[0], cut)
    assert events[0].whole("resumed_from") == 20
    assert_same_result(runs[1], cut)
    lines = cut.events.read_bytes().splitlines()
    assert json.loads(lines[-1])["type"] == FINISHED


@pytest.mark.parametrize("damage", [tear, zero_end, zero, empty, remove])
@pytest.mark.parametrize("name", ["weights", "optimizer", "state"])
def test_a_damaged_checkpoint_is_reported_and_the_one_before_is_used(
    runs: tuple[Home, Run, Run], cut: Run, name: str, damage: Callable[[Path], None]
) -> None:
    """Also where its length is right: training would silently continue from wrong numbers."""
    damage(getattr(cut.checkpoint(20), name))
    events = train_here(runs[0], cut)
    assert events[0].whole("resumed_from") == 10
    assert events[1].type == PREPARE
    assert str(cut.checkpoint(20).folder) in (events[1].text("phase") or "")
    assert_same_result(runs[1], cut)


@pytest.mark.parametrize("content", [None, b"", b"\0\0\0", b"99\n", b"../../x\n"])
def test_without_the_file_last_the_newest_checkpoint_is_used(
    runs: tuple[Home, Run, Run], cut: Run, content: bytes | None
) -> None:
    cut.last_checkpoint.unlink()
    if content is not None:
        cut.last_checkpoint.write_bytes(content)
    events = train_here(runs[0], cut)
    assert events[0].whole("resumed_from") == 20
    assert events[1].type == PREPARE, "it is reported"
    assert_same_result(runs[1], cut)


def test_unfinished_files_are_removed(runs: tuple[Home, Run, Run], cut: Run) -> None:
    """Folders and files that a killed trainer would have renamed."""
    unfinished = cut.checkpoint(".new-21")
    shutil.copytree(cut.checkpoint(20).folder, unfinished.folder)
    tear(unfinished.weights)
    for path in (cut.config, cut.last_checkpoint, cut.best_weights, cut.record):
        path.with_name(f".{path.name}-x1.tmp").write_bytes(b"half")
    train_here(runs[0], cut)
    assert_same_result(runs[1], cut)


def test_without_a_whole_checkpoint_the_run_fails_and_nothing_is_removed(
    runs: tuple[Home, Run, Run], cut: Run
) -> None:
    for step in (10, 20):
        tear(cut.checkpoint(step).optimizer)
    before = {path: path.read_bytes() for path in cut.checkpoints.rglob("*") if path.is_file()}
    started, failed = train_here(runs[0], cut)
    assert started.type == STARTED
    assert (failed.type, failed.whole("code")) == (FAILED, 2)
    assert all(str(cut.checkpoint(step).folder) in str(failed.text("message")) for step in (10, 20))
    assert failed.text("hint")
    assert all(path.read_bytes() == data for path, data in before.items())
    assert status.status_of(cut) == status.FAILED
    history = load_history(cut)
    assert (history.step, history.train_loss) == (20, load_history(runs[2]).train_loss), (
        "its curve stays"
    )


def test_damaged_weights_of_the_run_are_replaced_by_the_next_checkpoint(
    runs: tuple[Home, Run, Run], cut: Run
) -> None:
    zero(cut.weights)
    train_here(runs[0], cut)
    assert_same_result(runs[1], cut)


def test_a_torn_request_does_not_spoil_the_next_one(runs: tuple[Home, Run, Run], cut: Run) -> None:
    cut.requests.write_bytes(b'{"id": "1", "type": "st')
    lock = store.lock_run(cut)
    id = store.send_request(cut, control_file.STOP)
    events = train_here(runs[0], cut, lock)
    assert (events[-1].type, events[-1].text("id")) == (status.STOPPED, id)


def test_a_snapshot_that_was_due_when_the_trainer_was_killed_is_made_on_resume(
    tmp_path: Path,
) -> None:
    """The checkpoint of that step is saved before the snapshot."""
    home, text = find_home(tmp_path / "home"), small_text(tmp_path)
    settings = SETTINGS | {"eval_steps": 8, "snapshots": True, "steps": 20}
    whole, lock = create_held_run(home, text, "whole", **settings)
    train_here(home, whole, lock)
    run, lock = create_held_run(home, text, "cut", **settings)
    with pytest.MonkeyPatch.context() as patch:
        cut_at(10, patch)
        with pytest.raises(KeyboardInterrupt):
            train_here(home, run, lock)
    assert run.snapshot_steps() == [0, 1, 2, 4]
    train_here(home, run)
    assert run.snapshot_steps() == whole.snapshot_steps()
    assert find_differences(whole, run) == []
    assert [s.step for s in load_history(run).samples] == [
        s.step for s in load_history(whole).samples
    ]


def test_a_tokenizer_is_written_after_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resumed run uses the tokenizer it finds and would never write a missing configuration."""
    seen: list[list[str]] = []
    replace = Path.replace

    def recorded(self: Path, target: Path) -> Path:
        result = replace(self, target)
        seen.append(sorted(path.name for path in tmp_path.iterdir()))
        return result

    monkeypatch.setattr(Path, "replace", recorded)
    Tokenizer.train("word", ["a b"], None).save(tmp_path, "lines")
    assert seen == [[CONFIG_FILE], [TOKENIZER_FILE, CONFIG_FILE]]


def test_weights_that_changed_on_the_disk_are_damaged(
    runs: tuple[Home, Run, Run], cut: Run
) -> None:
    for step in (10, 20):
        zero_end(cut.checkpoint(step).weights)
    with pytest.raises(DamagedError, match="has changed since it was written"):
        checkpoint.load_checkpoint(cut)
    # Early versions wrote no checksums.
    state = CheckpointFiles(cut.checkpoint(20).folder).state
    value = json.loads(state.read_text())
    del value["checksums"]
    state.write_text(json.dumps(value))
    assert checkpoint.load_checkpoint(cut)
    assert STEP in {event.type for event in load_events(cut)}

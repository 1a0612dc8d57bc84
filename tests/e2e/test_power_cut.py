"""What a power cut, a bad disk or a half-finished copy leaves behind, made by hand."""

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
from tests.support.runners import small_text
from tests.support.trainers_at_work import (
    create_held_run,
    find_differences,
    list_files,
    load_events,
    load_history,
    train_here,
)

pytestmark = pytest.mark.slow

SETTINGS = {"steps": 40, "eval_steps": 10, "batch_size": 8, "dropout": 0.1, "snapshots": False}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Run, Run]:
    """A run that was trained whole, and one that vanished at step 20 with two checkpoints."""
    folder = tmp_path_factory.mktemp("power")
    home, text = find_home(folder / "home"), small_text(folder)
    whole, lock = create_held_run(home, text, "whole", **SETTINGS)
    train_here(home, whole, lock)
    cut, lock = create_held_run(home, text, "cut", **SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        vanish_at(20, patch)
        with pytest.raises(KeyboardInterrupt):
            train_here(home, cut, lock)
    assert status.status_of(cut) == status.CRASHED
    assert [entry.step for entry in load_history(cut).saves if entry.kind == "checkpoint"] == [
        10,
        20,
    ]
    return home, whole, cut


def vanish_at(step: int, patch: pytest.MonkeyPatch) -> None:
    """The trainer goes without a word in an evaluation, with the checkpoint before it written."""
    loss = Evaluation.loss
    asked = iter(range(10, 1000, 10))

    def go(self: Evaluation, *rest: Any, **more: Any) -> Any:
        if next(asked) == step:
            raise KeyboardInterrupt
        return loss(self, *rest, **more)

    patch.setattr(Evaluation, "loss", go)


@pytest.fixture
def cut(made: tuple[Home, Run, Run]) -> Run:
    """A copy of the run that vanished, to be damaged."""
    home, _, run = made
    copy = Run(home.runs / "copy")
    shutil.rmtree(copy.folder, ignore_errors=True)
    shutil.copytree(run.folder, copy.folder)
    return copy


def tear(path: Path) -> None:
    """The end was not written."""
    os.truncate(path, path.stat().st_size - 20)


def zero_end(path: Path) -> None:
    """The length reached the disk, the last of the content did not."""
    data = path.read_bytes()
    path.write_bytes(data[:-200] + bytes(200))


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


def assert_ends_like(whole: Run, run: Run) -> None:
    assert find_differences(whole, run) == []
    assert list_files(run) == list_files(whole)
    one, other = load_history(whole), load_history(run)
    assert (one.val_loss.steps, one.val_loss.values) == (
        other.val_loss.steps,
        other.val_loss.values,
    )
    assert other.train_loss.steps == sorted(set(other.train_loss.steps))


@pytest.mark.parametrize("damage", [tear, zero_end])
def test_a_torn_end_of_the_events_costs_nothing_else(
    made: tuple[Home, Run, Run], cut: Run, damage: Callable[[Path], None]
) -> None:
    damage(cut.events)
    assert status.status_of(cut) == status.CRASHED
    told = train_here(made[0], cut)
    assert told[0].whole("resumed_from") == 20
    assert_ends_like(made[1], cut)
    lines = cut.events.read_bytes().splitlines()
    assert json.loads(lines[-1])["type"] == FINISHED


@pytest.mark.parametrize("damage", [tear, zero_end, zero, empty, remove])
@pytest.mark.parametrize("name", ["weights", "optimizer", "state"])
def test_a_damaged_checkpoint_makes_way_for_the_one_before_and_that_is_said(
    made: tuple[Home, Run, Run], cut: Run, name: str, damage: Callable[[Path], None]
) -> None:
    """Also where its length is right: wrong numbers would be trained on without a word."""
    damage(getattr(cut.checkpoint(20), name))
    told = train_here(made[0], cut)
    assert told[0].whole("resumed_from") == 10
    assert told[1].type == PREPARE
    assert str(cut.checkpoint(20).folder) in (told[1].text("phase") or "")
    assert_ends_like(made[1], cut)


@pytest.mark.parametrize("content", [None, b"", b"\0\0\0", b"99\n", b"../../x\n"])
def test_a_lost_name_of_the_checkpoint_is_found_again(
    made: tuple[Home, Run, Run], cut: Run, content: bytes | None
) -> None:
    cut.last_checkpoint.unlink()
    if content is not None:
        cut.last_checkpoint.write_bytes(content)
    told = train_here(made[0], cut)
    assert told[0].whole("resumed_from") == 20
    assert told[1].type == PREPARE, "it is said"
    assert_ends_like(made[1], cut)


def test_what_was_half_made_goes(made: tuple[Home, Run, Run], cut: Run) -> None:
    """Folders and files that a killed trainer was about to rename."""
    half = cut.checkpoint(".new-21")
    shutil.copytree(cut.checkpoint(20).folder, half.folder)
    tear(half.weights)
    for path in (cut.config, cut.last_checkpoint, cut.best_weights, cut.record):
        path.with_name(f".{path.name}-x1.tmp").write_bytes(b"half")
    train_here(made[0], cut)
    assert_ends_like(made[1], cut)


def test_without_a_whole_checkpoint_it_fails_in_words_and_keeps_all(
    made: tuple[Home, Run, Run], cut: Run
) -> None:
    for step in (10, 20):
        tear(cut.checkpoint(step).optimizer)
    before = {path: path.read_bytes() for path in cut.checkpoints.rglob("*") if path.is_file()}
    started, failed = train_here(made[0], cut)
    assert started.type == STARTED
    assert (failed.type, failed.whole("code")) == (FAILED, 2)
    assert all(str(cut.checkpoint(step).folder) in str(failed.text("message")) for step in (10, 20))
    assert failed.text("hint")
    assert all(path.read_bytes() == data for path, data in before.items())
    assert status.status_of(cut) == status.FAILED
    shown = load_history(cut)
    assert (shown.step, shown.train_loss) == (20, load_history(made[2]).train_loss), (
        "its curve stays"
    )


def test_lost_weights_of_the_run_come_back_with_the_next_checkpoint(
    made: tuple[Home, Run, Run], cut: Run
) -> None:
    zero(cut.weights)
    train_here(made[0], cut)
    assert_ends_like(made[1], cut)


def test_requests_torn_in_half_do_not_swallow_the_next(
    made: tuple[Home, Run, Run], cut: Run
) -> None:
    cut.requests.write_bytes(b'{"id": "1", "type": "st')
    lock = store.lock_run(cut)
    id = store.send_request(cut, control_file.STOP)
    told = train_here(made[0], cut, lock)
    assert (told[-1].type, told[-1].text("id")) == (status.STOPPED, id)


def test_what_was_due_at_the_step_of_a_kill_is_made_up_for(tmp_path: Path) -> None:
    """A snapshot due at the step of an evaluation: that is saved before, and was lost with it."""
    home, text = find_home(tmp_path / "home"), small_text(tmp_path)
    settings = SETTINGS | {"eval_steps": 8, "snapshots": True, "steps": 20}
    whole, lock = create_held_run(home, text, "whole", **settings)
    train_here(home, whole, lock)
    run, lock = create_held_run(home, text, "cut", **settings)
    with pytest.MonkeyPatch.context() as patch:
        vanish_at(10, patch)
        with pytest.raises(KeyboardInterrupt):
            train_here(home, run, lock)
    assert run.snapshot_steps() == [0, 1, 2, 4]
    train_here(home, run)
    assert run.snapshot_steps() == whole.snapshot_steps()
    assert find_differences(whole, run) == []
    assert [s.step for s in load_history(run).samples] == [
        s.step for s in load_history(whole).samples
    ]


def test_a_tokenizer_is_there_only_with_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resumed run takes the tokenizer it finds, and would never write what is missing."""
    seen: list[list[str]] = []
    replace = Path.replace

    def look(self: Path, target: Path) -> Path:
        done = replace(self, target)
        seen.append(sorted(path.name for path in tmp_path.iterdir()))
        return done

    monkeypatch.setattr(Path, "replace", look)
    Tokenizer.train("word", ["a b"], None).save(tmp_path)
    assert seen == [[CONFIG_FILE], [TOKENIZER_FILE, CONFIG_FILE]]


def test_numbers_that_changed_on_the_disk_are_damage(made: tuple[Home, Run, Run], cut: Run) -> None:
    for step in (10, 20):
        zero_end(cut.checkpoint(step).weights)
    with pytest.raises(DamagedError, match="has changed since it was written"):
        checkpoint.load_checkpoint(cut)
    # Made before there were checksums: taken as they are.
    state = CheckpointFiles(cut.checkpoint(20).folder).state
    value = json.loads(state.read_text())
    del value["checksums"]
    state.write_text(json.dumps(value))
    assert checkpoint.load_checkpoint(cut)
    assert STEP in {event.type for event in load_events(cut)}

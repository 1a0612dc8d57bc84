"""Watching all runs: each end is reported once, and the title shows the progress."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from core.paths import find_home
from core.run.store import rename_run
from core.system import locks
from tests.support.runs import ScriptedRun, make_run
from tui.runs.watcher import RunWatcher


def watcher(home: Path) -> RunWatcher:
    return RunWatcher(find_home(home), time.time())


@pytest.mark.parametrize(
    ("type", "fields", "line"),
    [
        ("finished", {"elapsed": 65.0}, "poem finished: validation loss 1.793, 1:05"),
        ("failed", {"message": "Disk full."}, "poem failed: Disk full."),
        ("failed", {}, "poem failed"),
        ("stopped", {"reason": "SIGTERM"}, "poem stopped at step 60: SIGTERM"),
    ],
)
def test_an_end_is_reported_once(
    type: str, fields: dict[str, Any], line: str, tmp_path: Path
) -> None:
    story = ScriptedRun(tmp_path).train_partly()
    runs = watcher(tmp_path)
    assert runs.poll() == []
    story.end(type, 60, **fields)
    assert runs.poll() == [line]
    assert runs.poll() == []
    assert runs.title is None


@pytest.mark.parametrize("reason", ["asked to stop", "SIGINT"])
def test_a_stop_that_a_person_requested_is_no_news(reason: str, tmp_path: Path) -> None:
    story = ScriptedRun(tmp_path).train_partly()
    runs = watcher(tmp_path)
    runs.poll()
    story.end("stopped", 60, reason=reason)
    assert runs.poll() == []


@pytest.mark.parametrize("step", [0, 60])
def test_a_trainer_that_disappears_has_crashed(step: int, tmp_path: Path) -> None:
    story = ScriptedRun(tmp_path)
    if step:
        story.train_partly(step)
    runs = watcher(tmp_path)
    runs.poll()
    story.lock.release()
    (line,) = runs.poll()
    assert line.startswith(f"poem crashed at step {step}")


def test_what_had_ended_before_is_never_reported(tmp_path: Path) -> None:
    ScriptedRun(tmp_path).train_fully()
    crashed = ScriptedRun(tmp_path, "gone").train_partly()
    crashed.lock.release()
    make_run(find_home(tmp_path), "empty")
    runs = watcher(tmp_path)
    assert [runs.poll(), runs.poll()] == [[], []]
    assert runs.title is None


def test_a_run_that_ends_before_the_first_poll_or_between_two_is_reported(tmp_path: Path) -> None:
    story = ScriptedRun(tmp_path).train_partly()
    runs = watcher(tmp_path)
    story.time = time.time()
    story.end("failed", 60)
    assert runs.poll() == ["poem failed"]
    story = ScriptedRun(tmp_path, "tales")
    story.time = time.time()
    story.train_fully()
    assert runs.poll() == ["tales finished: validation loss 0.927, 0:20"]
    assert runs.poll() == []


def test_a_copied_run_is_no_news(tmp_path: Path) -> None:
    runs = watcher(tmp_path)
    runs.poll()
    ScriptedRun(tmp_path).train_fully()  # long ago, by the times of its events
    assert runs.poll() == []


def test_renaming_and_deleting_are_no_ends(tmp_path: Path) -> None:
    home = find_home(tmp_path)
    story = ScriptedRun(tmp_path).train_fully()
    live = ScriptedRun(tmp_path, "tales").train_partly()
    runs = watcher(tmp_path)
    runs.poll()
    with locks.Lock(*_acquired(story)):
        assert runs.poll() == []
    assert runs.poll() == []
    rename_run(home, story.run, "verse")
    assert runs.poll() == []
    for path in sorted(live.run.folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    live.run.folder.rmdir()
    live.lock.release()
    assert runs.poll() == []


def _acquired(story: ScriptedRun) -> tuple[int, float]:
    lock = locks.acquire(story.run.lock)
    assert lock is not None
    return lock.descriptor, lock.acquired_at


def test_a_resumed_run_is_reported_again(tmp_path: Path) -> None:
    story = ScriptedRun(tmp_path).train_partly()
    runs = watcher(tmp_path)
    runs.poll()
    story.end("failed", 60, message="no")
    assert len(runs.poll()) == 1
    lock = locks.acquire(story.run.lock)
    assert lock is not None
    assert runs.poll() == []
    story.time = lock.acquired_at
    story.emit("started", 60, pid=1)
    story.emit("finished", 200)
    lock.release()
    assert len(runs.poll()) == 1


def test_the_title_shows_the_progress_of_the_newest_training(tmp_path: Path) -> None:
    story = ScriptedRun(tmp_path).train_partly(138)
    runs = watcher(tmp_path)
    assert runs.title is None
    runs.poll()
    assert runs.title == "minigpt 69 % poem"
    story.emit("changed", 138, action="pause")
    runs.poll()
    assert runs.title == "minigpt paused 69 % poem"
    newer = ScriptedRun(tmp_path, "tales")
    newer.time += 1000
    newer.start()
    runs.poll()
    assert runs.title == "minigpt 0 % tales +1"
    newer.end("stopped", 3, reason="asked to stop")
    runs.poll()
    assert runs.title == "minigpt paused 69 % poem"

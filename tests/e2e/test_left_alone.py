"""Detached trainers: what they import and inherit, and what cannot stop them."""

from __future__ import annotations

import json
import os
import signal
import site
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config.configs import TrainConfig
from core.paths import Home, find_home
from core.run import launch, status, store
from core.run.create import create_run
from core.run.directory import Run
from core.run.event_log import EventTail
from core.run.events import SAVED, STARTED, STEP, STOPPED, Event
from core.system import locks
from tests.support.runners import TINY, command, run, small_text
from tests.support.wait import wait_until

LONG = [*TINY, "--steps", "1000000"]
SHORT = [*TINY, "--steps", "8"]
HOSTILE = "raise SystemExit('imported from where it must not be')"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home; its trainers are killed after the test."""
    home_dir = find_home(tmp_path / "home")
    yield home_dir
    for run_dir in store.list_runs(home_dir):
        for event in read_events(run_dir):
            pid = event.whole("pid")
            if event.type == STARTED and pid and locks.is_held(run_dir.lock):
                os.kill(pid, signal.SIGKILL)


def read_events(run_dir: Run) -> list[Event]:
    tail, events = EventTail(run_dir.events), list[Event]()
    while batch := tail.read():
        events += batch
    return events


def test_relative_paths_in_pythonpath_are_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trainer would resolve them in the folder of the run; an empty part means that folder."""
    monkeypatch.chdir(tmp_path)
    python_path = os.pathsep.join(["", "lib", "/opt/more", ""])
    variables = launch.environment({"PYTHONPATH": python_path, "LANG": "C"}, packages=Path("/ours"))
    expected_paths = ["/ours", str(tmp_path / "lib"), "/opt/more"]
    assert variables["PYTHONPATH"].split(os.pathsep) == expected_paths
    assert (variables["PYTHONSAFEPATH"], variables["LANG"]) == ("1", "C")


def test_an_installed_program_adds_nothing_to_pythonpath() -> None:
    """There, site-packages would precede the standard library."""
    assert launch.environment({}, packages=Path(site.getsitepackages()[0]))["PYTHONPATH"] == ""


@pytest.mark.slow
def test_modules_in_the_folder_of_a_run_are_not_imported(home: Home, tmp_path: Path) -> None:
    """A copied run may contain anything."""
    assert run(home.root, "train", str(small_text(tmp_path)), *SHORT).returncode == 0
    run_dir = store.find_run(home, "pets")
    for name in ("core", "torch", "json"):
        (run_dir.folder / name).mkdir()
        (run_dir.folder / name / "__init__.py").write_text(HOSTILE)
    paths = os.pathsep.join(["", *sys.path[1:], ""])
    process = run(
        home.root, "resume", "pets", "--steps", "2", env={**os.environ, "PYTHONPATH": paths}
    )
    assert process.returncode == 0, process.stderr
    assert run_dir.log.read_text().count("imported from") == 0
    assert read_events(run_dir)[-1].step == 10


@pytest.mark.slow
def test_a_trainer_that_fails_on_import_has_crashed(home: Home, tmp_path: Path) -> None:
    """It must not count as finished because it was before."""
    assert run(home.root, "train", str(small_text(tmp_path)), *SHORT).returncode == 0
    broken = tmp_path / "broken"
    (broken / "torch").mkdir(parents=True)
    (broken / "torch" / "__init__.py").write_text("raise RuntimeError('torch is broken')")
    paths = os.pathsep.join([str(broken), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths}
    for more in ([], ["--detach"]):
        process = run(home.root, "resume", "pets", "--steps", "2", *more, env=environment)
        assert process.returncode == 1
        assert "torch is broken" in process.stderr
        assert "Traceback (most" not in process.stderr.splitlines()[0]
    process = run(home.root, "resume", "pets", "--steps", "2")
    assert process.returncode == 0, process.stderr


@pytest.mark.slow
def test_a_signal_right_after_the_start_stops_the_training(home: Home, tmp_path: Path) -> None:
    """Before its handlers are installed the trainer blocks signals; it used to be killed."""
    config = TrainConfig(steps=10**6, threads=1, tokenizer="word")
    run_dir, lock = create_run(
        home, str(small_text(tmp_path)), config, {"layers": 1, "d_model": 16, "heads": 2}
    )
    os.kill(launch.start(home, run_dir, lock), signal.SIGTERM)
    wait_until(lambda: not locks.is_held(run_dir.lock), "the trainer has exited")
    assert (status.status_of(run_dir), read_events(run_dir)[-1].text("reason")) == (
        STOPPED,
        "SIGTERM",
    )


@pytest.mark.slow
def test_training_works_with_closed_standard_streams(home: Home, tmp_path: Path) -> None:
    """As some daemons start processes; the lock must not get one of their descriptors."""
    line = command(home.root, "train", str(small_text(tmp_path)), *SHORT)
    closed_streams = ["sh", "-c", 'exec "$@" <&- 2>&-', "sh", *line]
    assert subprocess.run(closed_streams, timeout=60, stdout=subprocess.DEVNULL).returncode == 0
    run_dir = store.find_run(home, "pets")
    assert read_events(run_dir)[-1].type == "finished"
    saved_kinds = [event.text("kind") for event in read_events(run_dir) if event.type == SAVED]
    assert "checkpoint" in saved_kinds


@pytest.mark.slow
def test_a_closed_pipe_does_not_stop_the_training(home: Home, tmp_path: Path) -> None:
    """`train … --json | head -1`."""
    line = command(home.root, "train", str(small_text(tmp_path)), *TINY, "--steps", "400", "--json")
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as follower:
        assert follower.stdout
        assert json.loads(follower.stdout.readline())["type"] == STARTED
        follower.stdout.close()
        assert follower.wait(60) == 0
        assert follower.stderr
        assert b"Traceback" not in follower.stderr.read()
    assert read_events(store.find_run(home, "pets"))[-1].type == "finished"


@pytest.mark.slow
def test_several_watchers_see_all_events(home: Home, tmp_path: Path) -> None:
    """Each gets all events from the start; ending one affects nobody else."""
    arguments = ["train", str(small_text(tmp_path)), *LONG, "--detach"]
    assert run(home.root, *arguments).returncode == 0
    run_dir = store.find_run(home, "pets")
    wait_until(lambda: any(event.type == STEP for event in read_events(run_dir)), "it is training")
    line = command(home.root, "attach", "pets", "--json")
    watchers = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for watcher in watchers:
        assert watcher.stdout
        assert json.loads(watcher.stdout.readline())["type"] == STARTED
    watchers[0].terminate()
    watchers[0].communicate(timeout=60)
    assert watchers[0].returncode == 130
    assert status.status_of(run_dir) == status.RUNNING
    assert run(home.root, "stop", "pets").returncode == 0
    outputs = [watcher.stdout.read().splitlines() for watcher in watchers[1:] if watcher.stdout]
    assert outputs[0] == outputs[1]
    assert [watcher.wait(60) for watcher in watchers[1:]] == [130, 130]
    assert json.loads(outputs[0][-1])["type"] == STOPPED

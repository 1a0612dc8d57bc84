"""Detached trainers under odd circumstances: what they import, inherit and survive."""

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
from tests.support.runners import TINY, command, run, small_text, until

LONG = [*TINY, "--steps", "1000000"]
SHORT = [*TINY, "--steps", "8"]
HOSTILE = "raise SystemExit('imported from where it must not be')"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home whose trainers are gone at the end, whatever became of the test."""
    found = find_home(tmp_path / "home")
    yield found
    for one in store.list_runs(found):
        for event in said(one):
            pid = event.whole("pid")
            if event.type == STARTED and pid and locks.is_held(one.lock):
                os.kill(pid, signal.SIGKILL)


def said(one: Run) -> list[Event]:
    tail, found = EventTail(one.events), list[Event]()
    while batch := tail.read():
        found += batch
    return found


def test_nothing_is_imported_from_where_the_trainer_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty or relative part of PYTHONPATH means the folder of the run there."""
    monkeypatch.chdir(tmp_path)
    given = os.pathsep.join(["", "lib", "/opt/more", ""])
    made = launch.environment({"PYTHONPATH": given, "LANG": "C"}, packages=Path("/ours"))
    parts = ["/ours", str(tmp_path / "lib"), "/opt/more"]
    assert made["PYTHONPATH"].split(os.pathsep) == parts
    assert (made["PYTHONSAFEPATH"], made["LANG"]) == ("1", "C")


def test_an_installed_program_is_found_without_being_named() -> None:
    """Site-packages in PYTHONPATH would come before the standard library."""
    assert launch.environment({}, packages=Path(site.getsitepackages()[0]))["PYTHONPATH"] == ""


@pytest.mark.slow
def test_a_hostile_folder_in_the_run_is_not_imported(home: Home, tmp_path: Path) -> None:
    """A run that was copied from somebody may hold anything."""
    assert run(home.root, "train", str(small_text(tmp_path)), *SHORT).returncode == 0
    one = store.find_run(home, "pets")
    for name in ("core", "torch", "json"):
        (one.folder / name).mkdir()
        (one.folder / name / "__init__.py").write_text(HOSTILE)
    paths = os.pathsep.join(["", *sys.path[1:], ""])
    done = run(home.root, "resume", "pets", "--steps", "2", env={**os.environ, "PYTHONPATH": paths})
    assert done.returncode == 0, done.stderr
    assert one.log.read_text().count("imported from") == 0
    assert said(one)[-1].step == 10


@pytest.mark.slow
def test_a_trainer_that_breaks_at_once_is_said_to_have_crashed(home: Home, tmp_path: Path) -> None:
    """And not shown as finished, because it once was."""
    assert run(home.root, "train", str(small_text(tmp_path)), *SHORT).returncode == 0
    broken = tmp_path / "broken"
    (broken / "torch").mkdir(parents=True)
    (broken / "torch" / "__init__.py").write_text("raise RuntimeError('torch is broken')")
    paths = os.pathsep.join([str(broken), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths}
    for more in ([], ["--detach"]):
        done = run(home.root, "resume", "pets", "--steps", "2", *more, env=environment)
        assert done.returncode == 1
        assert "torch is broken" in done.stderr
        assert "Traceback (most" not in done.stderr.splitlines()[0]
    again = run(home.root, "resume", "pets", "--steps", "2")
    assert again.returncode == 0, again.stderr


@pytest.mark.slow
def test_a_signal_at_the_trainers_birth_is_a_stop(home: Home, tmp_path: Path) -> None:
    """Between its start and its first line of Python it was simply killed."""
    config = TrainConfig(steps=10**6, threads=1, tokenizer="word")
    one, lock = create_run(
        home, str(small_text(tmp_path)), config, {"layers": 1, "d_model": 16, "heads": 2}
    )
    os.kill(launch.start(home, one, lock), signal.SIGTERM)
    until(lambda: not locks.is_held(one.lock), "it has ended")
    assert (status.status_of(one), said(one)[-1].text("reason")) == (STOPPED, "SIGTERM")


@pytest.mark.slow
def test_closed_standard_streams_stop_nothing(home: Home, tmp_path: Path) -> None:
    """As some daemons start their children; the lock must not get the number of one of them."""
    line = command(home.root, "train", str(small_text(tmp_path)), *SHORT)
    closing = ["sh", "-c", 'exec "$@" <&- 2>&-', "sh", *line]
    assert subprocess.run(closing, timeout=60, stdout=subprocess.DEVNULL).returncode == 0
    one = store.find_run(home, "pets")
    assert said(one)[-1].type == "finished"
    kept = [event.text("kind") for event in said(one) if event.type == SAVED]
    assert "checkpoint" in kept


@pytest.mark.slow
def test_a_reader_that_has_enough_stops_nothing(home: Home, tmp_path: Path) -> None:
    """`train … --json | head -1` that ends the training with the pipe."""
    line = command(home.root, "train", str(small_text(tmp_path)), *TINY, "--steps", "400", "--json")
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as follower:
        assert follower.stdout
        assert json.loads(follower.stdout.readline())["type"] == STARTED
        follower.stdout.close()
        assert follower.wait(60) == 0
        assert follower.stderr
        assert b"Traceback" not in follower.stderr.read()
    assert said(store.find_run(home, "pets"))[-1].type == "finished"


@pytest.mark.slow
def test_any_number_may_watch_and_none_is_missed(home: Home, tmp_path: Path) -> None:
    """Each hears all from the start; one that is told to end takes nothing with it."""
    asked = ["train", str(small_text(tmp_path)), *LONG, "--detach"]
    assert run(home.root, *asked).returncode == 0
    one = store.find_run(home, "pets")
    until(lambda: any(event.type == STEP for event in said(one)), "it trains")
    line = command(home.root, "attach", "pets", "--json")
    watchers = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for watcher in watchers:
        assert watcher.stdout
        assert json.loads(watcher.stdout.readline())["type"] == STARTED
    watchers[0].terminate()
    watchers[0].communicate(timeout=60)
    assert watchers[0].returncode == 130
    assert status.status_of(one) == status.RUNNING
    assert run(home.root, "stop", "pets").returncode == 0
    told = [watcher.stdout.read().splitlines() for watcher in watchers[1:] if watcher.stdout]
    assert told[0] == told[1]
    assert [watcher.wait(60) for watcher in watchers[1:]] == [130, 130]
    assert json.loads(told[0][-1])["type"] == STOPPED

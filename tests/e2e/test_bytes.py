"""How many bytes the Train screen writes to the terminal, which matters on slow connections."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.runs import ScriptedRun
from tests.support.terminals import APP, CTRL_Q, ENTER, TerminalSession, environment

pytestmark = pytest.mark.slow

MEASURE_SECONDS = 12.0
STEPS_PER_SECOND = 10
FIRST_STEP = 61
# Limits in bytes per minute
IDLE_LIMIT, LOCAL_LIMIT, REMOTE_LIMIT = 2_000, 600_000, 200_000


@contextmanager
def training(story: ScriptedRun) -> Iterator[None]:
    """Write ten training steps per second."""
    finished = threading.Event()

    def write_steps() -> None:
        step = FIRST_STEP
        while not finished.wait(1 / STEPS_PER_SECOND):
            story.train(step, step)
            step += 1

    thread = threading.Thread(target=write_steps)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def open_run(home: Path, name: str, **environ: str) -> TerminalSession:
    """Open the Train screen of a run at 80x24."""
    terminal = TerminalSession(APP, environment(home, **environ))
    terminal.wait_for(f"{name} +.*(finished|training)")
    terminal.send(ENTER)
    terminal.wait_for(f"{name} › Train")
    terminal.wait_for("uniform")
    while terminal.pump(2.0):
        pass  # until everything is drawn
    return terminal


def test_an_idle_run_writes_almost_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ScriptedRun(home).train_fully()
    with open_run(home, "poem") as terminal:
        rate = terminal.count_bytes(MEASURE_SECONDS) * 60 / MEASURE_SECONDS
        print(f"idle: {rate:,.0f} bytes per minute")
        assert rate < IDLE_LIMIT
        terminal.send(CTRL_Q)
        assert terminal.wait_exit() == 0


@pytest.mark.parametrize(
    ("environ", "limit"),
    [({}, LOCAL_LIMIT), ({"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, REMOTE_LIMIT)],
)
def test_a_running_training_writes_little(
    environ: dict[str, str], limit: int, tmp_path: Path
) -> None:
    """More would fill a slow connection, and keys would wait behind it."""
    home = tmp_path / "home"
    story = ScriptedRun(home).train_partly()
    assert story.lock, "the trainer counts as running while this process holds its lock"
    with open_run(home, story.run.name, **environ) as terminal, training(story):
        rate = terminal.count_bytes(MEASURE_SECONDS) * 60 / MEASURE_SECONDS
        print(f"busy, at most {limit}: {rate:,.0f} bytes per minute")
        assert 0 < rate < limit
        terminal.send(CTRL_Q)
        assert terminal.wait_exit() == 0

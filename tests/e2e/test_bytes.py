"""How much the Train screen writes to its terminal: a slow line must carry it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.runs import ScriptedRun
from tests.support.terminals import APP, CTRL_Q, ENTER, Terminal, environment

pytestmark = pytest.mark.slow

SECONDS = 12.0
REPORTS = 10  # a second
FIRST = 61
IDLE, BUSY, CALM = 2_000, 600_000, 200_000  # bytes a minute


@contextmanager
def training(story: ScriptedRun) -> Iterator[None]:
    """A trainer that reports ten times a second."""
    over = threading.Event()

    def report() -> None:
        step = FIRST
        while not over.wait(1 / REPORTS):
            story.train(step, step)
            step += 1

    thread = threading.Thread(target=report)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def shown(home: Path, name: str, **environ: str) -> Terminal:
    """The screen of a run in a terminal of 80x24."""
    terminal = Terminal(APP, environment(home, **environ))
    terminal.wait(f"{name} +.*(finished|running)")
    terminal.send(ENTER)
    terminal.wait(f"Train +{name}")
    terminal.wait("random guess")
    while terminal.pump(2.0):
        pass  # until it has drawn all there is
    return terminal


def test_a_run_that_says_nothing_new_writes_nothing(tmp_path: Path) -> None:
    """A clock or an animation that keeps a line and a laptop awake."""
    home = tmp_path / "home"
    ScriptedRun(home).train_fully()
    with shown(home, "poem") as terminal:
        rate = terminal.written(SECONDS) * 60 / SECONDS
        print(f"idle: {rate:,.0f} bytes a minute")
        assert rate < IDLE
        terminal.send(CTRL_Q)
        assert terminal.leave() == 0


@pytest.mark.parametrize(
    ("environ", "most"), [({}, BUSY), ({"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, CALM)]
)
def test_a_busy_run_writes_little(environ: dict[str, str], most: int, tmp_path: Path) -> None:
    """Frames that fill a slow line, so that keys wait behind them."""
    home = tmp_path / "home"
    story = ScriptedRun(home).train_partly()
    with shown_live(home, story, **environ) as terminal, training(story):
        rate = terminal.written(SECONDS) * 60 / SECONDS
        print(f"busy, at most {most}: {rate:,.0f} bytes a minute")
        assert 0 < rate < most
        terminal.send(CTRL_Q)
        assert terminal.leave() == 0


def shown_live(home: Path, story: ScriptedRun, **environ: str) -> Terminal:
    """As `shown`, of a run whose trainer is alive: this process holds its lock."""
    assert story.lock
    return shown(home, story.run.name, **environ)

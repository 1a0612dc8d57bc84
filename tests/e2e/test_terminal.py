"""The application in a real pseudo-terminal: its first five minutes, and every way it may end."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.paths import find_home
from core.run import store
from core.run.summary import summarize_run
from tests.support.runs import ScriptedRun
from tests.support.terminals import (
    APP,
    CTRL_Q,
    CTRL_Z,
    ENTER,
    ESCAPE,
    TAB,
    Terminal,
    end_all,
    environment,
    is_sane,
    processes,
    until,
)

pytestmark = pytest.mark.slow

BEYOND_ASCII = re.compile("[\u2500-\u259f\u2800-\u28ff]")  # boxes, blocks, braille
COLOUR = re.compile(rb"\x1b\[[0-9;]*(?<![0-9])(3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty library, with nobody at work on it afterwards."""
    home = tmp_path / "home"
    yield home
    end_all(home)


def app(home: Path, *options: str, size: tuple[int, int] = (80, 24), **environ: str) -> Terminal:
    """The application in a terminal."""
    return Terminal([*APP, *options], environment(home, **environ), size)


def recorded(home: Path) -> None:
    """A library with a run that has ended."""
    ScriptedRun(home).train_fully()


def begin_a_long_run(terminal: Terminal) -> None:
    """From an empty library to a training of hours."""
    terminal.wait("Python.is")
    terminal.send(ENTER)
    terminal.wait("New run: settings +lang")
    terminal.send(TAB * 5)
    terminal.wait("passes over")
    terminal.send("50000")
    terminal.wait("steps +50,000")
    terminal.send(ESCAPE)
    terminal.until(lambda: "passes over" not in terminal.text, "out of the field")
    terminal.send(ENTER)
    terminal.wait("Train +lang")
    terminal.wait("step [1-9]")


def step(home: Path) -> int:
    """How far the run has come."""
    return summarize_run(store.find_run(find_home(home), "lang")).step


def goes_on(home: Path) -> None:
    """Waits until the trainer has trained further, and no sampler is left."""
    until(lambda: not processes("core.server", home), "the sampler is gone")
    before = step(home)
    until(lambda: step(home) > before, "the trainer goes on")
    assert len(processes("core.train", home)) == 1


def test_the_first_five_minutes(home: Path) -> None:
    """The contract: an empty library, Enter, Enter, t, a word, Enter; Ctrl+Q leaves nothing."""
    with app(home) as terminal:
        terminal.wait("Python.is")
        assert "New run" in terminal.text
        terminal.send(ENTER)
        terminal.wait("New run: settings +lang")
        terminal.wait("parameters +809 k")
        terminal.send(ENTER)
        terminal.wait("Train +lang")
        terminal.wait("finished")
        terminal.send("t")
        terminal.wait("› a beginning")
        terminal.send("Python" + ENTER)
        terminal.wait(r"Python is a popular programming language\.")
        terminal.send(CTRL_Q)
        assert terminal.leave() == 0
        assert is_sane(bytes(terminal.raw)) == []
    assert "Traceback" not in terminal.raw.decode(errors="replace")
    until(lambda: not processes("core.server", home), "the sampler is gone")


def test_a_connection_that_breaks_costs_nothing(home: Path) -> None:
    """A training that dies with the terminal it was started from, or cannot be found again."""
    with app(home) as terminal:
        begin_a_long_run(terminal)
        terminal.hang_up()
        until(lambda: terminal.process.poll() is not None, "the application is gone")
    goes_on(home)
    with app(home) as terminal:
        terminal.wait("lang.*running")
        terminal.send(ENTER)
        terminal.wait("Train +lang +running")
        before = step(home)
        terminal.wait(r"step [1-9][\d,]*/50,000")
        terminal.until(lambda: step(home) > before, "it goes on")
        terminal.send(CTRL_Q)
        assert terminal.leave() == 0
    goes_on(home)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_it_as_ctrl_q_does(name: str, home: Path) -> None:
    """A shell in the alternate screen without a cursor, in which the mouse types."""
    with app(home) as terminal:
        terminal.wait("Python.is")
        terminal.until(lambda: processes("core.server", home), "the sampler is there")
        assert is_sane(bytes(terminal.raw)), "nothing to put back: the test tests nothing"
        terminal.process.send_signal(signal.Signals[name])
        assert terminal.leave() == 0
        assert is_sane(bytes(terminal.raw)) == []
    until(lambda: not processes("core.server", home), "the sampler is gone")


def test_a_kill_leaves_the_trainer_and_no_sampler(home: Path) -> None:
    """A sampler that holds a GPU's memory for nobody; a training that dies with its watcher."""
    with app(home) as terminal:
        begin_a_long_run(terminal)
        terminal.until(lambda: processes("core.server", home), "the sampler is there")
        terminal.process.kill()
        terminal.process.wait()
        goes_on(home)


def test_it_can_be_put_aside_and_taken_up_again(home: Path) -> None:
    """Ctrl+Z that does nothing, leaves the shell in raw mode, or comes back to an empty screen."""
    recorded(home)
    with Terminal(["bash", "--norc", "--noprofile", "-i"], environment(home)) as terminal:
        terminal.send("PS1='ready> '\r")
        terminal.wait("^ready>")
        terminal.send(f"{sys.executable} -m tui\r")
        terminal.wait("poem +.*finished")
        terminal.send(CTRL_Z)
        terminal.wait("Stopped")
        of_bash = ["paste"]  # which it turns on for its own line
        assert is_sane(bytes(terminal.raw)) in ([], of_bash)
        terminal.send("echo $((6*7)) typed here\r")
        terminal.wait("42 typed here")
        terminal.send("fg\r")
        terminal.wait("poem +.*finished")
        terminal.send(ENTER)
        terminal.wait("Train +poem")
        terminal.send(CTRL_Q)
        prompt, last = b"ready> ", b"\x1b[?1049l"  # pyte keeps no second screen to go back to
        terminal.until(lambda: prompt in b"".join(terminal.raw.split(last)[2:]), "the shell")
        terminal.send("echo left with $?\r")
        terminal.wait("left with 0")
        assert is_sane(bytes(terminal.raw)) in ([], of_bash)


@pytest.mark.parametrize(
    ("options", "environ"),
    [((), {"TERM": "linux"}), (("--ascii",), {}), (("--ascii",), {"NO_COLOR": "1"})],
)
def test_poor_terminals_get_plain_charts(
    options: tuple[str, ...], environ: dict[str, str], home: Path
) -> None:
    """Question marks in place of a chart."""
    recorded(home)
    with app(home, *options, size=(100, 30), **environ) as terminal:
        terminal.wait("poem +.*finished")
        terminal.send(ENTER)
        terminal.wait("random guess")
        plain = "nothing but plain characters"
        terminal.until(lambda: not BEYOND_ASCII.search(terminal.text), plain, patience=20)
        for key, shown in (
            *(("t", "Talk +poem"), (ESCAPE, "i Type"), ("?", "Send the last"), (ESCAPE, "i Type")),
            *((ESCAPE, "Train +poem"), (ESCAPE, "NAME +STATUS"), ("n", "New run: text")),
        ):
            terminal.send(key)
            terminal.wait(shown)
            terminal.until(lambda: not BEYOND_ASCII.search(terminal.text), plain, patience=20)
        terminal.send(CTRL_Q)
        assert terminal.leave() == 0


def test_no_colour_is_no_colour(home: Path) -> None:
    """NO_COLOR that gets greys, or black on black."""
    recorded(home)
    with app(home, NO_COLOR="1") as terminal:
        terminal.wait("poem +.*finished")
        terminal.send(ENTER)
        terminal.wait("random guess")
        terminal.send(CTRL_Q)
        assert terminal.leave() == 0
    assert COLOUR.search(bytes(terminal.raw)) is None


def test_a_small_terminal_is_enough(home: Path) -> None:
    """60x20: every screen says what it is and what can be done."""
    recorded(home)
    with app(home, size=(60, 20)) as terminal:
        terminal.wait("poem +.*finished")
        terminal.send(ENTER)
        terminal.wait("Train +poem")
        terminal.wait("train 0.4")
        terminal.send("t")
        terminal.wait("Talk +poem")
        terminal.send(ESCAPE)
        terminal.wait("Keys")
        terminal.resize(100, 30)
        terminal.until(lambda: "Keys" in terminal.text.splitlines()[-1], "keys on the last line")
        terminal.send(CTRL_Q)
        assert terminal.leave() == 0


def test_two_apps_see_one_library(home: Path) -> None:
    """A second window that blocks the first, or does not see what it does."""
    recorded(home)
    with app(home) as one, app(home) as other:
        for terminal in (one, other):
            terminal.wait("poem +.*finished")
        ScriptedRun(home, "river").train_partly()
        for terminal in (one, other):
            terminal.wait("river")
        one.send(CTRL_Q)
        assert one.leave() == 0
        other.send("/")
        other.wait("^ name$")
        other.send("river")
        other.until(lambda: not re.search("^ poem", other.text, re.M), "filtered")
        other.send(CTRL_Q)
        assert other.leave() == 0
    assert os.path.isdir(home / "runs" / "poem")  # noqa: PTH112

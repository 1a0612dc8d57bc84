"""The application in a real pseudo-terminal: the first five minutes, and every way to exit."""

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
    CTRL_D,
    CTRL_Q,
    CTRL_Z,
    DOWN,
    ENTER,
    ESCAPE,
    TerminalSession,
    environment,
    find_processes,
    kill_all,
    unrestored_modes,
)
from tests.support.wait import wait_until

pytestmark = pytest.mark.slow

COLOUR = re.compile(rb"\x1b\[[0-9;]*(?<![0-9])(3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty home directory; its processes are killed after the test."""
    home = tmp_path / "home"
    yield home
    kill_all(home)


def app(
    home: Path, *options: str, size: tuple[int, int] = (80, 24), **environ: str
) -> TerminalSession:
    """Start the application in a terminal."""
    return TerminalSession([*APP, *options], environment(home, **environ), size)


def make_finished_run(home: Path) -> None:
    ScriptedRun(home).train_fully()


def start_long_training(terminal: TerminalSession) -> None:
    """Start a training of hours from an empty library."""
    terminal.wait_for("Python.is")
    terminal.send(ENTER)
    terminal.wait_for("Models › New run › Settings")
    terminal.send(DOWN * 5)
    terminal.wait_for("› epochs")
    terminal.send("50000")
    terminal.wait_for(r"› epochs +.*50000")
    terminal.wait_for("50,000 steps")
    terminal.send(ENTER)
    terminal.wait_for("lang › Train")
    terminal.wait_for(r"[1-9][\d,]*/50,000")


def current_step(home: Path) -> int:
    return summarize_run(store.find_run(find_home(home), "lang")).step


def assert_training_continues(home: Path) -> None:
    """Wait until the trainer has made progress and no model server is left."""
    wait_until(lambda: not find_processes("core.server", home), "the model server has exited")
    before = current_step(home)
    wait_until(lambda: current_step(home) > before, "training continues")
    assert len(find_processes("core.train", home)) == 1


def test_the_first_five_minutes(home: Path) -> None:
    """From an empty library: Enter, Enter, t, a word, Enter, Ctrl+Q."""
    with app(home) as terminal:
        terminal.wait_for("Python.is")
        assert "New run" in terminal.text
        terminal.send(ENTER)
        terminal.wait_for("Models › New run › Settings")
        terminal.wait_for("809 k parameters")
        terminal.send(ENTER)
        terminal.wait_for("lang › Train")
        terminal.wait_for("finished")
        terminal.send("t")
        terminal.wait_for("lang › Chat")
        terminal.wait_for("› Begin a text")
        terminal.send("Python" + ENTER)
        terminal.wait_for(r"▌ Python\n▌ is a popular programming language\.$")
        terminal.send(CTRL_Q)
        assert terminal.wait_exit() == 0
        assert unrestored_modes(bytes(terminal.raw)) == []
    assert "Traceback" not in terminal.raw.decode(errors="replace")
    wait_until(lambda: not find_processes("core.server", home), "the model server has exited")


def test_training_survives_a_dropped_connection(home: Path) -> None:
    """Training continues, and the application finds the run again."""
    with app(home) as terminal:
        start_long_training(terminal)
        terminal.hang_up()
        wait_until(lambda: terminal.process.poll() is not None, "the application has exited")
    assert_training_continues(home)
    with app(home) as terminal:
        terminal.wait_for("lang.*training")
        terminal.send(ENTER)
        terminal.wait_for("lang › Train +● training")
        before = current_step(home)
        terminal.wait_for(r"[1-9][\d,]*/50,000")
        terminal.wait_until(lambda: current_step(home) > before, "training continues")
        terminal.send(CTRL_Q)
        assert terminal.wait_exit() == 0
    assert_training_continues(home)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_signals_exit_like_ctrl_q(name: str, home: Path) -> None:
    """The terminal is restored: no alternate screen, hidden cursor or mouse reporting remains."""
    with app(home) as terminal:
        terminal.wait_for("Python.is")
        terminal.wait_until(
            lambda: find_processes("core.server", home), "the model server is running"
        )
        assert unrestored_modes(bytes(terminal.raw)), (
            "without changed modes the test proves nothing"
        )
        terminal.process.send_signal(signal.Signals[name])
        assert terminal.wait_exit() == 0
        assert unrestored_modes(bytes(terminal.raw)) == []
    wait_until(lambda: not find_processes("core.server", home), "the model server has exited")


def test_a_killed_application_leaves_the_trainer_but_no_model_server(home: Path) -> None:
    with app(home) as terminal:
        start_long_training(terminal)
        terminal.wait_until(
            lambda: find_processes("core.server", home), "the model server is running"
        )
        terminal.process.kill()
        terminal.process.wait()
        assert_training_continues(home)


def test_ctrl_z_suspends_and_fg_returns(home: Path) -> None:
    """The shell gets a sane terminal, the application its screen."""
    make_finished_run(home)
    with TerminalSession(["bash", "--norc", "--noprofile", "-i"], environment(home)) as terminal:
        terminal.send("PS1='ready> '\r")
        terminal.wait_for("^ready>")
        terminal.send(f"{sys.executable} -m tui\r")
        terminal.wait_for("poem +.*finished")
        terminal.send(CTRL_Z)
        terminal.wait_for("Stopped")
        bash_modes = ["paste"]  # bash switches it on for its prompt
        assert unrestored_modes(bytes(terminal.raw)) in ([], bash_modes)
        terminal.send("echo $((6*7)) typed here\r")
        terminal.wait_for("42 typed here")
        terminal.send("fg\r")
        terminal.wait_for("poem +.*finished")
        terminal.send(ENTER)
        terminal.wait_for("poem › Train")
        terminal.send(CTRL_Q)
        prompt, leave_screen = b"ready> ", b"\x1b[?1049l"  # pyte has no alternate screen
        terminal.wait_until(
            lambda: prompt in b"".join(terminal.raw.split(leave_screen)[2:]), "the shell"
        )
        terminal.send("echo left with $?\r")
        terminal.wait_for("left with 0")
        assert unrestored_modes(bytes(terminal.raw)) in ([], bash_modes)


@pytest.mark.parametrize(
    ("options", "environ"),
    [((), {"TERM": "linux"}), (("--ascii",), {}), (("--ascii",), {"NO_COLOR": "1"})],
)
def test_limited_terminals_get_ascii_only(
    options: tuple[str, ...], environ: dict[str, str], home: Path
) -> None:
    make_finished_run(home)
    with app(home, *options, size=(100, 30), **environ) as terminal:
        terminal.wait_for("poem +.*finished")
        terminal.send(ENTER)
        terminal.wait_for("uniform")
        ascii_only = "only ASCII characters"
        terminal.wait_until(lambda: terminal.text.isascii(), ascii_only, timeout=20)
        for key, expected in (
            *(
                ("t", "^ Enter Send"),
                (ESCAPE, "Type"),
                ("?", "Chat > Help"),
                (ESCAPE, "poem > Chat"),
            ),
            *((ESCAPE, "poem > Train"), (ESCAPE, "name +kind"), ("n", "New run > Text")),
        ):
            terminal.send(key)
            terminal.wait_for(expected)
            terminal.wait_until(lambda: terminal.text.isascii(), ascii_only, timeout=20)
        terminal.send(CTRL_Q)
        assert terminal.wait_exit() == 0


def test_no_color_writes_no_colour_codes(home: Path) -> None:
    """Not even greys."""
    make_finished_run(home)
    with app(home, NO_COLOR="1") as terminal:
        terminal.wait_for("poem +.*finished")
        terminal.send(ENTER)
        terminal.wait_for("uniform")
        terminal.send(CTRL_Q)
        assert terminal.wait_exit() == 0
    assert COLOUR.search(bytes(terminal.raw)) is None


COLOUR_CODE = re.compile(rb"(?<=[\[;])((?:3|4|9|10)[0-7]|[34]8;5;\d+|[34]8;2;\d+;\d+;\d+)(?=[;m])")
NOTHING, SIXTEEN_COLOURS = rb"(?!)", rb"(?:3|4|9|10)[0-7]"
ENTRANCES = [
    ((), "poem +.*finished"),
    (("chat", "poem"), "poem [›>] Chat"),
    (("step", "poem"), "Step"),
]


@pytest.mark.parametrize(("command", "expected"), ENTRANCES, ids=["app", "chat", "step"])
@pytest.mark.parametrize(
    ("environ", "allowed_colour"),
    [
        ({"NO_COLOR": "1"}, NOTHING),
        ({"NO_COLOR": "1", "TERM": "linux"}, NOTHING),
        ({"TERM": "linux"}, SIXTEEN_COLOURS),
        ({"TERM": "xterm"}, SIXTEEN_COLOURS),
        ({"TERM": "xterm-256color"}, rb"[34]8;5;\d+|" + SIXTEEN_COLOURS),
    ],
    ids=["no colour", "no colour on the console", "console", "16 colours", "256 colours"],
)
def test_every_entrance_paints_visible_text_in_the_terminals_colours(
    command: tuple[str, ...],
    expected: str,
    environ: dict[str, str],
    allowed_colour: bytes,
    home: Path,
) -> None:
    """`chat` and `step` painted black on black without colours."""
    ScriptedRun(home).train_fully().run.weights.touch()
    with app(home, *command, **environ) as terminal:
        terminal.wait_for(expected)
        assert terminal.invisible_cells() == []
        terminal.send(CTRL_Q)
        assert terminal.wait_exit() == 0
    colours = set(COLOUR_CODE.findall(bytes(terminal.raw)))
    assert [colour for colour in colours if not re.fullmatch(allowed_colour, colour)] == []


@pytest.mark.parametrize("command", [(), ("chat", "poem"), ("step", "poem")])
def test_every_entrance_writes_plain_lines_on_dumb_terminals(
    command: tuple[str, ...], home: Path
) -> None:
    ScriptedRun(home).train_fully().run.weights.touch()
    with app(home, *command, TERM="dumb") as terminal:
        if command:
            terminal.wait_until(lambda: terminal.text.strip(), "some text")
            terminal.send(CTRL_D)
        terminal.wait_exit()
    assert terminal.raw.strip()
    assert b"\x1b" not in terminal.raw


def test_screens_work_at_60x20(home: Path) -> None:
    make_finished_run(home)
    with app(home, size=(60, 20)) as terminal:
        terminal.wait_for("poem +.*finished")
        terminal.send(ENTER)
        terminal.wait_for("poem › Train")
        terminal.wait_for("train 0.4")
        terminal.send("t")
        terminal.wait_for("poem › Chat")
        terminal.send(ESCAPE)
        terminal.wait_for("Help")
        terminal.resize(100, 30)
        terminal.wait_until(
            lambda: "Help" in terminal.text.splitlines()[-1], "keys on the last line"
        )
        terminal.send(CTRL_Q)
        assert terminal.wait_exit() == 0


def test_two_applications_share_a_library(home: Path) -> None:
    make_finished_run(home)
    with app(home) as one, app(home) as other:
        for terminal in (one, other):
            terminal.wait_for("poem +.*finished")
        ScriptedRun(home, "river").train_partly()
        for terminal in (one, other):
            terminal.wait_for("river")
        one.send(CTRL_Q)
        assert one.wait_exit() == 0
        other.send("/")
        other.wait_for("^ name or tag$")
        other.send("river")
        other.wait_for("^› river")
        other.wait_until(lambda: not re.search("^. poem", other.text, re.M), "filtered")
        other.send(CTRL_Q)
        assert other.wait_exit() == 0
    assert os.path.isdir(home / "runs" / "poem")  # noqa: PTH112

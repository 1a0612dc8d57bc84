"""The bytes of bells, notifications and titles, and that the application sends them."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.support.runs import ScriptedRun
from tests.support.terminals import APP, CTRL_Q, TerminalSession, environment
from tui.common.notify import format_alert, format_title
from tui.common.terminal import understands_osc
from tui.common.user_config import NotifyConfig

XTERM = {"TERM": "xterm-256color"}
OSC_9, OSC_777 = "\x1b]9;minigpt: tales ended\a", "\x1b]777;notify;minigpt;tales ended\a"
FINISHED_TEXT = b"minigpt: poem finished: validation loss 1.793, 0:20"
PUSHED_TITLE, RESTORED_TITLE = b"\x1b[22;0t", b"\x1b]2;\x1b\\\x1b[23;0t"


@pytest.mark.parametrize(
    ("environ", "sequence"),
    [
        (XTERM, OSC_9),
        ({**XTERM, "TERM_PROGRAM": "iTerm.app"}, OSC_9),
        ({**XTERM, "TERM_PROGRAM": "ghostty"}, OSC_777),
        ({**XTERM, "TERM_PROGRAM": "WezTerm"}, OSC_777),
        ({**XTERM, "VTE_VERSION": "7600"}, OSC_777),
        ({"TERM": "foot"}, OSC_777),
        ({"TERM": "rxvt-unicode-256color"}, OSC_777),
        (
            {"TERM": "tmux-256color", "TMUX": "/tmp/x,1,0"},
            "\x1bPtmux;\x1b\x1b]9;minigpt: tales ended\a\x1b\\",
        ),
        ({"TERM": "linux"}, ""),
        ({"TERM": "dumb"}, ""),
        ({}, ""),
    ],
)
def test_a_terminal_gets_one_kind_of_notification(environ: dict[str, str], sequence: str) -> None:
    assert format_alert("tales ended", NotifyConfig(), environ) == f"\a{sequence}"
    assert understands_osc(environ) is bool(sequence)


def test_bell_and_notification_can_be_turned_off() -> None:
    assert format_alert("tales ended", NotifyConfig(bell=False), XTERM) == OSC_9
    assert format_alert("tales ended", NotifyConfig(desktop=False), XTERM) == "\a"
    assert format_alert("tales ended", NotifyConfig(bell=False, desktop=False), XTERM) == ""


@pytest.mark.parametrize("code", [*range(32), 0x7F, *range(0x80, 0xA0), 0x202E])
def test_no_control_code_of_a_text_is_sent(code: int) -> None:
    text = f"a{chr(code)}b"
    assert chr(code) not in format_alert(text, NotifyConfig(bell=False), XTERM)[1:-1]
    assert chr(code) not in format_title(text).removeprefix("\x1b]2;").removesuffix("\x1b\\")


def test_texts_are_cut() -> None:
    assert len(format_alert("x" * 1000, NotifyConfig(), XTERM)) < 250
    assert len(format_title("x" * 1000)) < 250


def open_app(home: Path, **environ: str) -> TerminalSession:
    terminal = TerminalSession(APP, environment(home, **environ))
    terminal.wait_for("poem")
    return terminal


def quit_app(terminal: TerminalSession) -> bytes:
    """All bytes that the application wrote."""
    terminal.send(CTRL_Q)
    assert terminal.wait_exit() == 0
    return bytes(terminal.raw)


def bells(raw: bytes) -> int:
    """How often the bell rang; BEL also ends control strings."""
    return re.sub(rb"\x1b\][^\x07\x1b]*(\x07|\x1b\\)", b"", raw).count(b"\x07")


def wait_for_bytes(terminal: TerminalSession, data: bytes) -> None:
    terminal.wait_until(lambda: data in terminal.raw, repr(data))


def test_the_end_of_a_training_rings_and_notifies_once_and_the_title_is_restored(
    tmp_path: Path,
) -> None:
    ScriptedRun(tmp_path / "home", "old").train_fully()
    story = ScriptedRun(tmp_path / "home").train_partly(60)
    with open_app(tmp_path / "home") as terminal:
        wait_for_bytes(terminal, PUSHED_TITLE + b"\x1b]2;minigpt 30 % poem\x1b\\")
        story.train(61, 62)
        wait_for_bytes(terminal, b"\x1b]2;minigpt 31 % poem\x1b\\")
        assert bells(terminal.raw) == 0
        story.end("finished", 62, elapsed=20.0)
        wait_for_bytes(terminal, b"\x1b]9;" + FINISHED_TEXT + b"\a")
        wait_for_bytes(terminal, RESTORED_TITLE)
        crash = ScriptedRun(tmp_path / "home", "verse").train_partly(20)
        wait_for_bytes(terminal, b"\x1b]2;minigpt 10 % verse\x1b\\")
        crash.lock.release()
        wait_for_bytes(terminal, b"\x1b]9;minigpt: verse crashed at step 20")
        raw = quit_app(terminal)
    assert bells(raw) == 2
    assert raw.count(b"\x1b]9;") == 2
    assert b"\x1b]777;" not in raw
    assert raw.count(PUSHED_TITLE) == raw.count(RESTORED_TITLE) == 2


def test_the_title_is_restored_at_the_exit_while_a_run_trains(tmp_path: Path) -> None:
    story = ScriptedRun(tmp_path / "home").train_partly(60)
    with open_app(tmp_path / "home") as terminal, story.lock:
        wait_for_bytes(terminal, b"\x1b]2;minigpt 30 % poem\x1b\\")
        raw = quit_app(terminal)
    assert raw.count(PUSHED_TITLE) == raw.count(RESTORED_TITLE) == 1
    assert raw.rfind(RESTORED_TITLE) > raw.rfind(b"\x1b]2;minigpt")


def test_in_tmux_the_notification_is_passed_through(tmp_path: Path) -> None:
    story = ScriptedRun(tmp_path / "home").train_partly(60)
    with open_app(tmp_path / "home", TERM="tmux-256color", TMUX="/nowhere,1,0") as terminal:
        wait_for_bytes(terminal, b"\x1b]2;minigpt 30 % poem\x1b\\")
        story.end("finished", 60, elapsed=20.0)
        wait_for_bytes(terminal, b"\x1bPtmux;\x1b\x1b]9;" + FINISHED_TEXT + b"\a\x1b\\")


TITLE, NOTIFICATION = b"\x1b]2;minigpt", b"\x1b]9;minigpt: "


@pytest.mark.parametrize(
    ("environ", "config", "missing"),
    [
        ({"TERM": "linux"}, "", (TITLE, NOTIFICATION, PUSHED_TITLE)),
        ({}, "bell = false\ntitle = false", (TITLE, PUSHED_TITLE)),
        ({}, "desktop = false", (NOTIFICATION,)),
    ],
    ids=["console", "only-desktop", "no-desktop"],
)
def test_what_a_terminal_does_not_know_or_a_person_turned_off_is_not_sent(
    environ: dict[str, str],
    config: str,
    missing: tuple[bytes, ...],
    tmp_path: Path,
) -> None:
    story = ScriptedRun(tmp_path / "home").train_partly(60)
    file = tmp_path / "config.toml"
    file.write_text(f"[notify]\n{config}\n")
    with open_app(tmp_path / "home", MINIGPT_CONFIG=str(file), **environ) as terminal:
        terminal.wait_for("1 training")
        story.time = time.time()  # it may be over before the application looks for trainings
        story.end("finished", 60, elapsed=20.0)
        terminal.wait_until(
            lambda: bells(terminal.raw) or NOTIFICATION in terminal.raw, "bell or notification"
        )
        raw = quit_app(terminal)
    assert bells(raw) == ("bell = false" not in config)
    assert not [sequence for sequence in missing if sequence in raw]


def test_attach_on_a_terminal_rings_too(tmp_path: Path) -> None:
    story = ScriptedRun(tmp_path / "home").train_partly(60)
    command = [*APP, "attach", "poem"]
    with TerminalSession(command, environment(tmp_path / "home")) as terminal:
        terminal.wait_for("Training")
        story.end("finished", 60, elapsed=20.0)
        assert terminal.wait_exit() == 0
        assert b"\a\x1b]9;" + FINISHED_TEXT + b"\a" in terminal.raw
    with TerminalSession(command, environment(tmp_path / "home")) as terminal:
        assert terminal.wait_exit() == 0
        assert b"\a" not in terminal.raw, "it had ended before"

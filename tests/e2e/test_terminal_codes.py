"""No control code of a text, a name, a model, a log or a file reaches the terminal.

Checked on a pseudo-terminal, where Rich and click may use colours, and on captured output.
"""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from core.paths import find_home
from core.run.store import find_run
from tests.support.runners import TINY
from tui.__main__ import run

Capture = pytest.CaptureFixture[str]
# Title, colour, C1 colour, right-to-left override, isolate, zero-width space, backspace, delete.
HOSTILE = "\x1b]0;owned\x07 \x1b[31mred \x9b32m \u202edrawkcab \u2066x\u2069 a\u200bb \x08\x7f"
CONTROL_CODES = {
    *map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2066, 0x206A)), "\u061c", "\u200b", "\u200e", "\u200f", "\ufeff",
} - {"\n", "\t"}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a run that has control codes in every file."""
    folder = tmp_path_factory.mktemp("hostile")
    text = folder / f"{HOSTILE.replace('/', '')}.txt"
    text.write_text(f"{HOSTILE}\n" * 9)
    command = ["--home", str(folder / "home"), "train", str(text), "--name", "hostile"]
    options = ["--foreground", "--steps", "3", *TINY[:-1], "char"]
    assert run([*command, *options, "--set", "sample_prompt=\x1b[31m"]) == 0
    hostile_run = find_run(find_home(folder / "home"), "hostile")
    record = json.loads(hostile_run.record.read_text())
    record["corpus"]["name"] = record["created"] = HOSTILE
    record |= {"parent": {"run": HOSTILE}, HOSTILE: HOSTILE}
    hostile_run.record.write_text(json.dumps(record))
    failure = {"title": HOSTILE, "message": HOSTILE, "hint": HOSTILE, "reason": HOSTILE}
    plan = {"reasons": [HOSTILE], "model": {HOSTILE: HOSTILE}, "train": {HOSTILE: HOSTILE}}
    with hostile_run.events.open("a") as file:
        for type, more in (
            ("prepared", plan),
            ("sample", {"prompt": HOSTILE, "text": HOSTILE}),
            ("failed", failure),
            (HOSTILE, failure),
        ):
            file.write(json.dumps({"type": type, "time": 9e9, "step": 3, **more}) + "\n")
    hostile_run.log.write_text(f"{HOSTILE}\r\n" * 3)
    return folder / "home"


def commands(text: str) -> list[list[str]]:
    """Every command that shows a run or a text, or repeats an argument."""
    return [
        ["ls"], ["ls", "--json"], ["show", "hostile"], ["show", "hostile", "--json"],
        ["logs", "hostile"], ["attach", "hostile"], ["path", "hostile"], ["wait", "hostile"],
        ["wait", "hostile", "--json"], ["wait", "hostile", "--until", HOSTILE],
        ["generate", "hostile", "--max-tokens", "60"],
        ["generate", "hostile", "--max-tokens", "20", "--json", "--top", "3"],
        ["generate", "hostile", "--max-tokens", "20", "--top", "3"],
        ["generate", "hostile", f"Q{HOSTILE}"], ["generate", f"hostile@{HOSTILE}"],
        ["corpora", text], ["corpora", text, "--json"], ["corpora", HOSTILE],
        ["train", text, "--json", "--foreground", "--steps", "1", *TINY[:-1], "char"],
        ["train", HOSTILE], ["train", text, "--name", HOSTILE], ["train", text, "--set", HOSTILE],
        ["train", text, "--preset", HOSTILE], ["train", text, "--device", HOSTILE, "--foreground"],
        ["train", text, "--encoding", HOSTILE], ["train", text, "--steps", HOSTILE],
        ["train", text, "--tokenizer", HOSTILE], ["train", text, HOSTILE], ["show", HOSTILE],
        ["resume", "hostile", HOSTILE], [f"--{HOSTILE}"], [HOSTILE], ["rm", HOSTILE],
        ["rename", "hostile", HOSTILE], ["change", "hostile", f"{HOSTILE}={HOSTILE}"],
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(len(commands(""))))
def test_no_control_code_in_the_output_of_any_command(
    number: int, home: Path, capsys: Capture
) -> None:
    (text,) = home.parent.glob("*.txt")
    arguments = commands(str(text))[number]
    assert run(["--home", str(home), *arguments]) in (0, 1, 2)
    output = capsys.readouterr()
    assert output.out or output.err
    assert not CONTROL_CODES & set(output.out + output.err), arguments


def terminal_output(home: Path, arguments: list[str]) -> str:
    """Run a command on a terminal and return what it writes."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tui", "--home", str(home), *arguments],
        stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(follower)
    pieces = []
    while select.select([leader], [], [], 60)[0]:
        try:
            pieces.append(os.read(leader, 1 << 16))
        except OSError:  # the program closed the terminal
            break
    assert process.wait(60) in (0, 1, 2)
    os.close(leader)
    return b"".join(pieces).decode()


@pytest.mark.parametrize(
    "arguments",
    [["show", "hostile"], ["logs", "hostile"], ["attach", "hostile"], ["ls"], ["train", HOSTILE]],
)
def test_no_control_code_on_a_terminal(arguments: list[str], home: Path) -> None:
    output = terminal_output(home, arguments).replace("\r\n", "\n")
    for code in ("\x1b]", "\x1b[31", "\x07", "\x9b", "\u202e", "\u2066", "\u200b", "\x08", "\x7f"):
        assert code not in output
    if arguments[0] not in ("attach", "train"):
        assert not CONTROL_CODES & set(output), "only commands that follow a run draw"


def test_the_progress_bar_shows_no_control_code_of_the_text(home: Path) -> None:
    """Phases, reasons and samples contain text of the corpus."""
    (text,) = home.parent.glob("*.txt")
    options = ["--foreground", "--steps", "2", "--name", "drawn", *TINY[:-1], "char"]
    config = home.parent / "config.toml"
    config.write_text("[notify]\nbell = false\ndesktop = false\n")
    output = terminal_output(home, ["--config", str(config), "train", str(text), *options])
    for code in ("\x1b]", "\x1b[31mred", "\x07", "\x9b", "\u202e", "\u2066", "\u200b", "\x7f"):
        assert code not in output

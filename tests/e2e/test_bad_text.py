"""Texts, prompts and streams that are not what they should be, from a person's side."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.paths import find_home
from core.run.store import list_runs
from tests.support.runners import TINY
from tui.__main__ import run

Said = pytest.CaptureFixture[str]
HERE = ["--foreground", "--steps", "1", *TINY]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def refused(arguments: list[str], capsys: Said, code: int = 2) -> str:
    """What is said to a command that is refused: what and where, then what to do."""
    assert run(arguments) == code, capsys.readouterr()
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    assert len(said.err.strip().splitlines()) >= 2, said.err
    assert list_runs(find_home(os.environ["MINIGPT_HOME"])) == []
    return said.err


def fill(path: Path) -> None:
    """A folder with a hidden text, a binary file, a pipe, an empty file, a link to itself."""
    path.mkdir()
    (path / ".hidden.txt").write_text("words")
    (path / "binary").write_bytes(bytes(range(256)))
    (path / "empty.txt").touch()
    os.mkfifo(path / "pipe")
    (path / "itself").symlink_to(path)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that fails to read")
@pytest.mark.parametrize("command", ["train", "corpora"])
def test_a_file_that_fails_when_it_is_read_is_named(command: str, capsys: Said) -> None:
    Path("memory.txt").symlink_to("/proc/self/mem")
    assert "memory.txt cannot be read: Input/output error" in refused(
        [command, "memory.txt"], capsys
    )


@pytest.mark.parametrize("command", ["train", "corpora"])
@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("folder", "no text in the folder"),
        ("loop", "is a broken link"),
        ("dangling", "is a broken link"),
        ("/dev/zero", "not a regular file"),
        ("x" * 5000, "File name too long"),
        ("no\0such", "no text named"),
        ("", "no text named"),
        ("\udcff", "no text named"),
        ("~nobody-of-this-name/text", "no user 'nobody-of-this-name'"),
        ("*.nothing", "No file matches"),
        ("deep.jsonl", "line 1: not JSON"),
    ],
)
def test_what_cannot_be_a_text_is_said(command: str, spec: str, said: str, capsys: Said) -> None:
    fill(Path("folder"))
    Path("loop").symlink_to("loop")
    Path("dangling").symlink_to("nowhere")
    Path("deep.jsonl").write_text("[" * 200_000)
    assert said in refused([command, "--", spec], capsys)


def test_a_file_name_that_is_no_text_trains_and_is_shown(capsys: Said) -> None:
    """Names of files are bytes: what is written down of a text must hold any of them."""
    name = os.fsdecode(b"bad\xff\xfe\x1b[31m.txt")
    Path(name).write_text("the cat sat\n" * 9)
    assert run(["corpora", name]) == 0
    assert run(["corpora", name, "--json"]) == 0
    assert run(["train", name, *HERE]) == 0
    (made,) = list_runs(find_home(os.environ["MINIGPT_HOME"]))
    assert run(["show", made.name]) == 0
    assert run(["resume", made.name, "--steps", "1", "--foreground"]) == 0
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err


def test_a_home_of_nobody_is_said(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no user" in refused(["--home", "~nobody-of-this-name/x", "ls"], capsys)
    Path("file").touch()
    assert "is a file" in refused(["--home", "file", "ls"], capsys)
    monkeypatch.setenv("MINIGPT_HOME", "file/below")
    assert "Not a directory" in refused(["train", "lang"], capsys, code=1)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_a_piped_prompt_is_utf_8_whatever_the_locale(
    encoding: str, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stdin(data: bytes) -> None:
        stream = io.TextIOWrapper(io.BytesIO(data), encoding=encoding)
        monkeypatch.setattr(sys, "stdin", stream)

    stdin("the café\n".encode())
    assert run(["train", "-", "--name", "piped", *HERE]) == 0
    stdin("the café".encode())
    assert run(["generate", "piped", "-"]) == 0
    stdin("the café".encode("latin-1"))
    assert run(["generate", "piped", "-"]) == 2
    said = capsys.readouterr().err
    assert "half a character at position 7" in said
    assert "Write it in UTF-8" in said
    monkeypatch.setattr(sys, "stdin", None)
    assert run(["generate", "piped", "-"]) == 2
    assert "is closed" in capsys.readouterr().err


def test_closed_streams_are_no_traceback() -> None:
    """As under cron, or a careless script."""
    for command, code in [
        ("{} ls >&-", 0),
        ("{} corpora >&- 2>&-", 0),
        ("{} show nothing 2>&-", 2),
        ("{} train - <&-", 2),
        ("{} train - </dev/null", 2),
    ]:
        text = command.replace("{}", f"{sys.executable} -m tui")
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        shell = ["bash", "-c", text]
        done = subprocess.run(shell, env=environment, capture_output=True, timeout=60, check=False)
        assert done.returncode == code, (command, done)
        assert b"Traceback" not in done.stderr, command


@pytest.mark.parametrize("device", ["cuda:²", "cuda:99", "cuda:" + "9" * 400, "cpu:1", "x\x1b[31m"])
def test_devices_that_are_not_there(device: str, capsys: Said) -> None:
    assert "There is no device" in refused(["train", "lang", *HERE, "--device", device], capsys)


@pytest.mark.parametrize("kind", ["words", "word"])
def test_a_line_of_a_megabyte_takes_little_memory_and_is_not_shown_whole(kind: str) -> None:
    """Beside what torch takes by itself; one word of a megabyte is one token."""
    text = {"words": "word é ", "word": "word"}[kind]
    Path("long.txt").write_text(text * (1_000_000 // len(text.encode())))
    code = (
        "import resource, sys, torch; from tui.__main__ import run\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert run(sys.argv[1:]) == 0\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    asked = ["--tokenizer", "word"] if kind == "word" else ["--tokenizer", "bpe"]
    done = subprocess.run(
        [sys.executable, "-c", code, "train", "long.txt", *HERE, *asked],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stderr) + len(done.stdout) < 20_000
    assert int(done.stdout.splitlines()[-1]) / 1024 < 400, "MiB more than before"


def test_a_taken_name_names_the_next_free_one_and_keeps_what_is_there(capsys: Said) -> None:
    Path("text").write_text("a b c\n")
    assert run(["train", "text", "--name", "Mine", *HERE]) == 0
    kept = {path: path.read_bytes() for path in Path("home").rglob("*") if path.is_file()}
    capsys.readouterr()
    assert run(["train", "text", "--name", "Mine", *HERE]) == 2
    assert "Mine-2" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path("home").rglob("*") if path.is_file()} == kept

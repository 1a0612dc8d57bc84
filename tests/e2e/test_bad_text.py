"""Unusual texts, prompts and standard streams on the command line."""

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

Capture = pytest.CaptureFixture[str]
SHORT_TRAINING = ["--foreground", "--steps", "1", *TINY]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def error_of(arguments: list[str], capsys: Capture, code: int = 2) -> str:
    """Run an invalid command and return its error with a hint; it must not leave a run."""
    assert run(arguments) == code, capsys.readouterr()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert len(captured.err.strip().splitlines()) >= 2, captured.err
    assert list_runs(find_home(os.environ["MINIGPT_HOME"])) == []
    return captured.err


def fill(path: Path) -> None:
    """A folder with a hidden text, a binary file, a pipe, an empty file and a link to itself."""
    path.mkdir()
    (path / ".hidden.txt").write_text("words")
    (path / "binary").write_bytes(bytes(range(256)))
    (path / "empty.txt").touch()
    os.mkfifo(path / "pipe")
    (path / "itself").symlink_to(path)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that fails to read")
@pytest.mark.parametrize("command", ["train", "corpora"])
def test_a_file_with_read_errors_is_reported_by_name(command: str, capsys: Capture) -> None:
    Path("memory.txt").symlink_to("/proc/self/mem")
    assert "memory.txt cannot be read: Input/output error" in error_of(
        [command, "memory.txt"], capsys
    )


@pytest.mark.parametrize("command", ["train", "corpora"])
@pytest.mark.parametrize(
    ("spec", "expected"),
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
def test_what_is_not_a_text_is_reported(
    command: str, spec: str, expected: str, capsys: Capture
) -> None:
    fill(Path("folder"))
    Path("loop").symlink_to("loop")
    Path("dangling").symlink_to("nowhere")
    Path("deep.jsonl").write_text("[" * 200_000)
    assert expected in error_of([command, "--", spec], capsys)


def test_a_file_name_with_invalid_utf_8_can_be_used(capsys: Capture) -> None:
    """File names are bytes; records and events must be able to hold any of them."""
    name = os.fsdecode(b"bad\xff\xfe\x1b[31m.txt")
    Path(name).write_text("the cat sat\n" * 9)
    assert run(["corpora", name]) == 0
    assert run(["corpora", name, "--json"]) == 0
    assert run(["train", name, *SHORT_TRAINING]) == 0
    (run_of_text,) = list_runs(find_home(os.environ["MINIGPT_HOME"]))
    assert run(["show", run_of_text.name]) == 0
    assert run(["resume", run_of_text.name, "--steps", "1", "--foreground"]) == 0
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err


def test_an_invalid_home_is_reported(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no user" in error_of(["--home", "~nobody-of-this-name/x", "ls"], capsys)
    Path("file").touch()
    assert "is a file" in error_of(["--home", "file", "ls"], capsys)
    monkeypatch.setenv("MINIGPT_HOME", "file/below")
    assert "Not a directory" in error_of(["train", "lang"], capsys, code=1)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_standard_input_is_utf_8_in_every_locale(
    encoding: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stdin(data: bytes) -> None:
        stream = io.TextIOWrapper(io.BytesIO(data), encoding=encoding)
        monkeypatch.setattr(sys, "stdin", stream)

    stdin("the café\n".encode())
    assert run(["train", "-", "--name", "piped", *SHORT_TRAINING]) == 0
    stdin("the café".encode())
    assert run(["generate", "piped", "-"]) == 0
    stdin("the café".encode("latin-1"))
    assert run(["generate", "piped", "-"]) == 2
    error = capsys.readouterr().err
    assert "half a character at position 7" in error
    assert "Write it in UTF-8" in error
    monkeypatch.setattr(sys, "stdin", None)
    assert run(["generate", "piped", "-"]) == 2
    assert "is closed" in capsys.readouterr().err


def test_closed_standard_streams_cause_no_traceback() -> None:
    """As under cron or in a shell script."""
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
        process = subprocess.run(
            shell, env=environment, capture_output=True, timeout=60, check=False
        )
        assert process.returncode == code, (command, process)
        assert b"Traceback" not in process.stderr, command


@pytest.mark.parametrize("device", ["cuda:²", "cuda:99", "cuda:" + "9" * 400, "cpu:1", "x\x1b[31m"])
def test_a_missing_device_is_reported(device: str, capsys: Capture) -> None:
    assert "There is no device" in error_of(
        ["train", "lang", *SHORT_TRAINING, "--device", device], capsys
    )


@pytest.mark.parametrize("kind", ["words", "word"])
def test_a_line_of_a_megabyte_needs_little_memory_and_is_shown_shortened(kind: str) -> None:
    """Measured on top of the memory of torch; one word of a megabyte is one token."""
    text = {"words": "word é ", "word": "word"}[kind]
    Path("long.txt").write_text(text * (1_000_000 // len(text.encode())))
    code = (
        "import resource, sys, torch; from tui.__main__ import run\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert run(sys.argv[1:]) == 0\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    tokenizer = ["--tokenizer", "word"] if kind == "word" else ["--tokenizer", "bpe"]
    process = subprocess.run(
        [sys.executable, "-c", code, "train", "long.txt", *SHORT_TRAINING, *tokenizer],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert len(process.stderr) + len(process.stdout) < 20_000
    assert int(process.stdout.splitlines()[-1]) / 1024 < 400, "MiB more than before"


def test_a_used_name_is_rejected_with_the_next_free_one(capsys: Capture) -> None:
    Path("text").write_text("a b c\n")
    assert run(["train", "text", "--name", "Mine", *SHORT_TRAINING]) == 0
    before = {path: path.read_bytes() for path in Path("home").rglob("*") if path.is_file()}
    capsys.readouterr()
    assert run(["train", "text", "--name", "Mine", *SHORT_TRAINING]) == 2
    assert "Mine-2" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path("home").rglob("*") if path.is_file()} == before

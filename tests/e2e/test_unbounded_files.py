"""Files of any size in a run: it is shown as damaged at once, the others as ever."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.paths import Home, find_home
from core.run.control_file import RequestReader, append_request
from core.run.directory import Run
from core.run.status import CRASHED
from core.run.summary import summarize_runs
from core.system.line_files import MAX_LINE_BYTES
from tests.support.runs import make_run, write_event
from tui.__main__ import run
from tui.runs.library import Library

GIB = 1 << 30
MAX_SECONDS = 1.0
MAX_MEMORY_BYTES = 256 << 20


def sparse(path: Path, size: int) -> None:
    """Append a hole of `size` bytes."""
    with path.open("ab") as file:
        file.truncate(file.tell() + size)


def one_long_line(path: Path) -> None:
    """A line of 3 GB between two others."""
    path.write_bytes(b"{}\n")
    sparse(path, 3 * GIB)
    with path.open("ab") as file:
        file.write(b"\n{}\n")


DAMAGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "record of 100 GB": ("run.json", lambda path: sparse(path, 100 * GIB)),
    "record of 6 GB": ("run.json", lambda path: sparse(path, 6 * GIB)),
    "events of 20 GB without a newline": ("events.jsonl", lambda path: sparse(path, 20 * GIB)),
    "one event of 3 GB": ("events.jsonl", one_long_line),
    "lock of 100 GB": ("trainer.lock", lambda path: sparse(path, 100 * GIB)),
}


@contextmanager
def bounded() -> Iterator[None]:
    """It takes at most a second of processor time, and little memory."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MAX_MEMORY_BYTES, limits[1]))
    began = time.process_time()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert time.process_time() - began < MAX_SECONDS


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    return find_home()


@pytest.fixture
def bad(home: Home) -> Run:
    """A run to be damaged, between two healthy ones."""
    for name in ("a", "bad", "c"):
        write_event(make_run(home, name), "stopped", 7)
    return Run(home.runs / "bad")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_run_with_a_file_of_any_size_is_damaged_and_hides_no_other(
    home: Home, bad: Run, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, make = DAMAGES[damage]
    make(bad.folder / name)
    with bounded():
        a, middle, c = summarize_runs(home)
    assert [(row.name, row.status, row.step, row.problem) for row in (a, c)] == [
        ("a", "stopped", 7, ""),
        ("c", "stopped", 7, ""),
    ]
    if name == "run.json":
        assert "run.json has" in middle.problem
    elif name == "events.jsonl":
        assert (middle.status, "has a line of more than" in middle.problem) == (CRASHED, True)
    with bounded():
        assert len(Library(home).rows()) == 3
    with bounded():
        code = run(["show", "bad"])
    assert code == (0 if name == "trainer.lock" else 2)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["trainer.log", "checkpoint/last", "config.json", "tokenizer.json"]
)
def test_commands_on_such_a_run_end_at_once(
    home: Home, bad: Run, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bad.folder / name
    path.parent.mkdir(exist_ok=True)
    sparse(path, 50 * GIB)
    for arguments in (["logs", "bad"], ["show", "bad"], ["ls"]):
        with bounded():
            assert run(arguments) == 0
    if name == "trainer.log":
        assert "are omitted" in capsys.readouterr().err


def test_a_pipe_in_place_of_the_log_does_not_block(
    home: Home, bad: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(bad.log)
    with bounded():
        assert run(["logs", "bad"]) == 2
    assert "Not a regular file" in capsys.readouterr().err


def test_a_request_after_an_endless_one_arrives(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    sparse(path, 2 * MAX_LINE_BYTES + 5)
    reader = RequestReader(path, 0)
    assert reader.read() == []
    id = append_request(path, "stop")
    looks = [request.id for _ in range(4) for request in reader.read()]
    assert looks == [id]

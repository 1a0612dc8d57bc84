"""Whole use cases in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.paths import Home, find_home
from core.run import events, status, store
from core.run.directory import Run
from core.run.event_log import events_backwards

pytestmark = pytest.mark.slow

CLI = [sys.executable, "-P", "-m", "tui"]
PROCESS_TIMEOUT_S = 240.0
TINY = [
    "--set", "layers=1", "--set", "heads=2", "--set", "d_model=16", "--set", "d_ff=24",
    "--set", "threads=1",
]  # fmt: skip
LINES = [f"line {i} of the {'red' if i % 3 else 'blue'} book" for i in range(240)]

# Every way to reach another machine from Python, name lookups included.
OFFLINE_PROGRAM = """
import os, sys

FORBIDDEN = {"connect", "bind", "sendto", "sendmsg", "getaddrinfo", "gethostbyname",
             "gethostbyaddr", "getnameinfo"}

def watch(event, arguments):
    if event.startswith("socket.") and event.removeprefix("socket.") in FORBIDDEN:
        os.write(2, f"network: {event} {arguments}\\n".encode())
        os._exit(99)

sys.addaudithook(watch)
from tui.__main__ import run

for arguments in (["train", "lang", "--set", "threads=1"], ["generate", "lang", "Python"]):
    print("=", *arguments, flush=True)
    code = run(arguments)
    assert code == 0, code
"""

RESUME_PROGRAM = """
import sys
from core.run import store
from core.paths import find_home
from core.train.job import train

home = find_home()
run = store.find_run(home, sys.argv[1])
train(home, run, store.lock_run(run))
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return find_home()


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


def _run_command(*command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; check its exit code, and that there is no traceback."""
    process = subprocess.run(command, capture_output=True, text=True, timeout=PROCESS_TIMEOUT_S)
    assert process.returncode == code, process.stdout + process.stderr
    assert "Traceback" not in process.stderr
    return process


def _cli(*arguments: str, code: int = 0) -> str:
    """Run the program and return its standard output."""
    return _run_command(*CLI, *arguments, code=code).stdout


def _events(run: Run) -> list[events.Event]:
    return list(events_backwards(run.events))[::-1]


@contextmanager
def _training(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Iterator[dict[str, Any]]]]:
    """A training process with its stream of events; killed afterwards."""
    command = [*CLI, "train", *arguments, "--foreground", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, map(json.loads, process.stdout)
        finally:
            process.kill()


def _wait_for_event(
    event_stream: Iterator[dict[str, Any]], condition: Callable[[dict[str, Any]], bool]
) -> int:
    """Read events until one matches; return its step."""
    for event in event_stream:
        assert event["type"] not in events.END_EVENTS, event
        if condition(event):
            step: int = event["step"]
            return step
    raise AssertionError("the training ended before the event")


def test_training_and_generating_use_no_network() -> None:
    """The model also learns the sentences by heart."""
    process = _run_command(sys.executable, "-P", "-c", OFFLINE_PROGRAM)
    _, trained, generated = process.stdout.split("= ")
    assert trained.splitlines()[0] == "train lang --set threads=1"
    assert generated.splitlines() == [
        "generate lang Python",
        "is a popular programming language.",
    ]


@pytest.mark.parametrize(
    ("tokenizer", "reading"), [("bpe", "lines"), ("char", "text"), ("word", "lines")]
)
def test_transformers_loads_a_run_and_generates_the_same_tokens(
    tokenizer: str, reading: str, book: Path, home: Home
) -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"  # transformers reads it on import
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    options = ["--tokenizer", tokenizer, "--reading", reading, "--steps", "60"]
    _cli("train", str(book), *options, *TINY)
    prompt = "line 7 of"
    *tokens, summary = map(
        json.loads, _cli("generate", "book", prompt, "--json", "--max-tokens", "20").splitlines()
    )
    folder = store.find_run(home, "book").folder
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    their_tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = their_tokenizer(prompt).input_ids
    assert ids == _prompt_ids(home, prompt)
    generated = model.generate(torch.tensor([ids]), max_new_tokens=20)[0, len(ids) :]
    assert generated.tolist() == [token["id"] for token in tokens]
    assert len(tokens) == 20 or generated[-1] == their_tokenizer.eos_token_id
    assert (
        their_tokenizer.decode(generated, skip_special_tokens=True).strip()
        == summary["text"].strip()
    )


def _prompt_ids(home: Home, prompt: str) -> list[int]:
    from core.inference.load import prompt_ids
    from core.run.record import read_record
    from core.tokenizer.tokenizer import Tokenizer

    run = store.find_run(home, "book")
    reading = read_record(run)["corpus"]["reading"]
    return prompt_ids(Tokenizer.load(run.folder), reading, prompt)


STEPS = 700
LONG = [
    *TINY, "--steps", str(STEPS), "--seed", "5", "--set", "batch_size=8", "--set", "dropout=0.2",
    "--set", "eval_steps=70", "--set", "checkpoint_seconds=0.2",
]  # fmt: skip


def _split_safetensors(path: Path) -> tuple[dict[str, Any], bytes]:
    """The header of a safetensors file, parsed as the order of its keys may vary, and the data."""
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def test_a_killed_run_resumes_and_ends_bit_for_bit_the_same(book: Path, home: Home) -> None:
    _cli("train", str(book), "--name", "whole", *LONG)
    with _training(str(book), "--name", "killed", *LONG) as (process, event_stream):
        step = _wait_for_event(
            event_stream,
            lambda e: e["type"] == "saved" and e["kind"] == "checkpoint" and e["step"] > 100,
        )
        process.kill()
        assert process.wait() == -signal.SIGKILL
    killed, whole = store.find_run(home, "killed"), store.find_run(home, "whole")
    assert status.status_of(killed) == "crashed"
    event_count = len(_events(killed))
    _run_command(sys.executable, "-P", "-c", RESUME_PROGRAM, "killed")
    restart, *_, last = _events(killed)[event_count:]
    assert (restart.type, last.type) == (events.STARTED, events.FINISHED)
    assert step <= (restart.whole("resumed_from") or 0) < STEPS
    assert last.step == STEPS
    assert status.status_of(killed) == "finished"
    assert _split_safetensors(killed.weights) == _split_safetensors(whole.weights)
    assert last.number("val_loss") == _events(whole)[-1].number("val_loss")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_saves_and_stops(name: str, book: Path, home: Home) -> None:
    """Ctrl+C, the end of a time slot, or a dropped connection."""
    with _training(str(book), *TINY, "--steps", "1000000") as (process, event_stream):
        _wait_for_event(event_stream, lambda e: e["type"] == "step" and e["step"] > 1)
        process.send_signal(signal.Signals[name])
        *_, last = event_stream
        assert process.wait() == 130
        assert process.stderr is not None
        stderr = process.stderr.read()
    assert "Traceback" not in stderr
    assert "saved" in stderr
    run = store.find_run(home, "book")
    assert (last["type"], last["reason"]) == (events.STOPPED, name)
    assert status.status_of(run) == "stopped"
    assert run.last_checkpoint.read_text().strip() == str(last["step"])
    assert _cli("generate", "book", "line", "--max-tokens", "3").strip()


def test_a_closed_pipe_ends_generate_quietly(book: Path) -> None:
    """`generate … | head` must not print a traceback or fail."""
    _cli("train", str(book), "--tokenizer", "char", "--reading", "text", "--steps", "3", *TINY)
    command = [*CLI, "generate", "book", "line", "--max-tokens", "1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(5)
        process.stdout.close()
        assert process.wait(timeout=PROCESS_TIMEOUT_S) == 0
        assert process.stderr.read() == b""


def _tensors(path: Path) -> Mapping[str, Any]:
    from core.model.safetensors_io import read_tensors

    return read_tensors(path)


def test_fine_tuning_creates_an_independent_child(tmp_path: Path, home: Home) -> None:
    """It starts from the weights of its parent, and works after the parent was deleted."""
    for name, verb in (("cats", "sleeps on the mat"), ("dogs", "barks at the mat")):
        heads = [f"the {size} {kind}" for size in ("old", "big") for kind in ("pet", "beast")]
        lines = [f"{head} {verb}" for head in heads]
        shared_words = ["it sleeps and barks at the door on the mat"]
        (tmp_path / f"{name}.txt").write_text("\n".join(lines * 3 + shared_words) + "\n")
    _cli("train", "cats.txt", "--tokenizer", "word", "--steps", "120", *TINY)
    _cli("train", "dogs.txt", "--from", "cats", "--steps", "120", "--set", "threads=1")
    parent, child = store.find_run(home, "cats"), store.find_run(home, "dogs")
    assert store.read_record(parent)["parent"] is None
    assert store.read_record(child)["parent"]["run"] == "cats"
    assert parent.tokenizer.read_bytes() == child.tokenizer.read_bytes()
    assert json.loads(parent.config.read_text()) == json.loads(child.config.read_text())
    first, last = _tensors(child.snapshot_weights(0)), _tensors(parent.weights)
    assert all((first[name] == last[name]).all() for name in last)
    assert _cli("generate", "cats", "the big pet") == "sleeps on the mat\n"
    assert _cli("generate", "dogs", "the big pet") == "barks at the mat\n"
    store.delete_run(home, parent)
    assert _cli("generate", "dogs", "the big pet") == "barks at the mat\n"

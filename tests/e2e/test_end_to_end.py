"""Whole journeys in processes of their own, as a person or a script starts them."""

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
PATIENCE = 240.0
TINY = [
    "--set", "layers=1", "--set", "heads=2", "--set", "d_model=16", "--set", "d_ff=24",
    "--set", "threads=1",
]  # fmt: skip
LINES = [f"line {i} of the {'red' if i % 3 else 'blue'} book" for i in range(240)]

# Every way Python has of reaching another machine; a name looked up is one too.
OFFLINE = """
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

RESUMING = """
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


def _run(*command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """A command run to its end, which must be this exit code and no traceback."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def _cli(*arguments: str, code: int = 0) -> str:
    """What the program prints on stdout."""
    return _run(*CLI, *arguments, code=code).stdout


def _told(run: Run) -> list[events.Event]:
    return list(events_backwards(run.events))[::-1]


@contextmanager
def _training(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Iterator[dict[str, Any]]]]:
    """A training in its own command, and its events as it says them; it is gone afterwards."""
    command = [*CLI, "train", *arguments, "--foreground", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, map(json.loads, process.stdout)
        finally:
            process.kill()


def _wait_for(told: Iterator[dict[str, Any]], wanted: Callable[[dict[str, Any]], bool]) -> int:
    """Reads events until one is as wanted; its step."""
    for event in told:
        assert event["type"] not in events.TERMINAL, event
        if wanted(event):
            step: int = event["step"]
            return step
    raise AssertionError("the training ended without a word")


def test_the_first_five_minutes_need_no_network() -> None:
    """A first command that phones somewhere, or a model that has not learnt its sentences."""
    done = _run(sys.executable, "-P", "-c", OFFLINE)
    _, trained, generated = done.stdout.split("= ")
    assert trained.splitlines()[0] == "train lang --set threads=1"
    assert generated.splitlines() == [
        "generate lang Python",
        "is a popular programming language.",
    ]


@pytest.mark.parametrize(
    ("tokenizer", "reading"), [("bpe", "lines"), ("char", "text"), ("word", "lines")]
)
def test_a_run_is_a_folder_that_transformers_loads(
    tokenizer: str, reading: str, book: Path, home: Home
) -> None:
    """A trained model that says something else elsewhere."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    how = ["--tokenizer", tokenizer, "--reading", reading, "--steps", "60"]
    _cli("train", str(book), *how, *TINY)
    prompt = "line 7 of"
    *tokens, summary = map(
        json.loads, _cli("generate", "book", prompt, "--json", "--max-tokens", "20").splitlines()
    )
    folder = store.find_run(home, "book").folder
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    ids = theirs(prompt, add_special_tokens=False).input_ids
    assert ids == _prompt_ids(home, prompt)
    first = [theirs.bos_token_id] if reading == "lines" else []
    made = model.generate(torch.tensor([first + ids]), max_new_tokens=20)[0, len(first + ids) :]
    assert made.tolist() == [token["id"] for token in tokens]
    assert len(tokens) == 20 or made[-1] == theirs.eos_token_id
    assert theirs.decode(made, skip_special_tokens=True).strip() == summary["text"].strip()


def _prompt_ids(home: Home, prompt: str) -> list[int]:
    from core.tokenizer.tokenizer import Tokenizer

    return Tokenizer.load(store.find_run(home, "book").folder).encode_prompt(prompt)


STEPS = 700
LONG = [
    *TINY, "--steps", str(STEPS), "--seed", "5", "--set", "batch_size=8", "--set", "dropout=0.2",
    "--set", "eval_steps=70", "--set", "checkpoint_seconds=0.2",
]  # fmt: skip


def _content(path: Path) -> tuple[dict[str, Any], bytes]:
    """The header of a safetensors file, whose order of keys says nothing, and every bit behind."""
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def test_a_killed_run_goes_on_and_ends_with_the_same_bits(book: Path, home: Home) -> None:
    """A power cut that costs the run, or changes what it would have become."""
    _cli("train", str(book), "--name", "whole", *LONG)
    with _training(str(book), "--name", "cut", *LONG) as (process, told):
        step = _wait_for(
            told, lambda e: e["type"] == "saved" and e["kind"] == "checkpoint" and e["step"] > 100
        )
        process.kill()
        assert process.wait() == -signal.SIGKILL
    cut, whole = store.find_run(home, "cut"), store.find_run(home, "whole")
    assert status.status_of(cut) == "crashed"
    said = len(_told(cut))
    _run(sys.executable, "-P", "-c", RESUMING, "cut")
    again, *_, last = _told(cut)[said:]
    assert (again.type, last.type) == (events.STARTED, events.FINISHED)
    assert step <= (again.whole("resumed_from") or 0) < STEPS
    assert last.step == STEPS
    assert status.status_of(cut) == "finished"
    assert _content(cut.weights) == _content(whole.weights)
    assert last.number("val_loss") == _told(whole)[-1].number("val_loss")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_saves_and_stops(name: str, book: Path, home: Home) -> None:
    """Ctrl+C, a scheduler's end of time or a dropped connection that costs the work done."""
    with _training(str(book), *TINY, "--steps", "1000000") as (process, told):
        _wait_for(told, lambda e: e["type"] == "step" and e["step"] > 1)
        process.send_signal(signal.Signals[name])
        *_, last = told
        assert process.wait() == 130
        assert process.stderr is not None
        said = process.stderr.read()
    assert "Traceback" not in said
    assert "saved" in said
    run = store.find_run(home, "book")
    assert (last["type"], last["reason"]) == (events.STOPPED, name)
    assert status.status_of(run) == "stopped"
    assert run.last_checkpoint.read_text().strip() == str(last["step"])
    assert _cli("generate", "book", "line", "--max-tokens", "3").strip()


def test_a_reader_that_has_enough_ends_it_quietly(book: Path) -> None:
    """`generate … | head` that leaves a traceback, or fails a script that says pipefail."""
    _cli("train", str(book), "--tokenizer", "char", "--reading", "text", "--steps", "3", *TINY)
    endless = [*CLI, "generate", "book", "line", "--max-tokens", "1000000"]
    with subprocess.Popen(endless, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(5)
        process.stdout.close()
        assert process.wait(timeout=PATIENCE) == 0
        assert process.stderr.read() == b""


def _tensors(path: Path) -> Mapping[str, Any]:
    from core.model.safetensors_io import read_tensors

    return read_tensors(path)


def test_fine_tuning_gives_a_child_that_speaks_otherwise(tmp_path: Path, home: Home) -> None:
    """A child that starts from nothing, has other words, or needs its parent to live."""
    for name, does in (("cats", "sleeps on the mat"), ("dogs", "barks at the mat")):
        heads = [f"the {size} {kind}" for size in ("old", "big") for kind in ("pet", "beast")]
        lines = [f"{head} {does}" for head in heads]
        known = ["it sleeps and barks at the door on the mat"]
        (tmp_path / f"{name}.txt").write_text("\n".join(lines * 3 + known) + "\n")
    _cli("train", "cats.txt", "--steps", "120", *TINY)
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

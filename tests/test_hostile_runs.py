"""Runs copied from anywhere: whatever is in their files, a message, and nothing of them is lost.

What `tests/test_damaged_runs.py` does for one command is done here for all that read a run.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from runners import TINY, small_text
from safetensors.torch import load_file, save_file

from core.paths import find_home
from core.run import Run
from core.runs import find
from tui.__main__ import run

Said = pytest.CaptureFixture[str]
Damage = Callable[[Run], None]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a text, and a home with a run of six steps and two checkpoints."""
    folder = tmp_path_factory.mktemp("trained")
    asked = ["train", str(small_text(folder)), "--name", "pets", "--foreground", "--steps", "6"]
    often = ["--set", "checkpoint_seconds=0"]
    assert run(["--home", str(folder / "home"), *asked, *TINY, *often]) == 0
    return folder


@pytest.fixture
def one(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A copy of it, to be damaged."""
    shutil.copytree(trained / "home", tmp_path / "home", symlinks=True)
    shutil.copy(trained / "pets.txt", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    return find(find_home(tmp_path / "home"), "pets")


def contents(folder: Path) -> dict[Path, bytes]:
    """Every plain file, but locks and token maps; of a link what it says."""
    return {
        path: str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if (path.is_symlink() or path.is_file()) and not {"cache", "trainer.lock"} & {*path.parts}
    }


def put(name: str, data: bytes) -> Damage:
    def damage(one: Run) -> None:
        (one.folder / name).unlink()  # it may share its content with a checkpoint's
        (one.folder / name).write_bytes(data)

    return damage


def link(name: str, target: str) -> Damage:
    def damage(one: Run) -> None:
        (one.folder / name).unlink()
        (one.folder / name).symlink_to(target)

    return damage


def instead(name: str, make: Callable[[Path], Any]) -> Damage:
    def damage(one: Run) -> None:
        (one.folder / name).unlink()
        make(one.folder / name)

    return damage


def edit(name: str, change: Callable[[dict[str, Any]], Any]) -> Damage:
    def damage(one: Run) -> None:
        values = json.loads((one.folder / name).read_text())
        change(values)
        put(name, json.dumps(values).encode())(one)

    return damage


def tensors(change: Callable[[torch.Tensor], torch.Tensor]) -> Damage:
    def damage(one: Run) -> None:
        found = {name: change(tensor) for name, tensor in load_file(one.weights).items()}
        one.weights.unlink()
        save_file(found, one.weights)

    return damage


def claiming(shape: list[int], dtype: str, data: bytes, end: int) -> bytes:
    """A safetensors file whose header says so of one tensor."""
    header = json.dumps({"a": {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


FILES = ("run.json", "config.json", "tokenizer.json", "model.safetensors")
# A file that is not there, or is none.
ANYWHERE: dict[str, Callable[[str], Damage]] = {
    "gone": lambda name: instead(name, lambda path: None),
    "folder": lambda name: instead(name, Path.mkdir),
    "pipe": lambda name: instead(name, os.mkfifo),
    "dangling": lambda name: link(name, "/nowhere/at/all"),
    "loop": lambda name: link(name, name),
    "unreadable": lambda name: link(name, "/proc/self/mem"),
    "empty": lambda name: put(name, b""),
    "null": lambda name: put(name, b"null"),
    "object": lambda name: put(name, b"{}"),
    "deep": lambda name: put(name, b"[" * 200_000),
    "digits": lambda name: put(name, b'{"format":' + b"9" * 5000 + b"}"),
    "infinite": lambda name: put(name, b'{"format": 1, "size": 1e999}'),
}
SHAPES = {
    "terabyte": claiming([1 << 38], "F32", b"", 1 << 40),
    "overflow": claiming([1 << 62, 4], "F32", bytes(4), 4),
    "negative": claiming([-1], "F32", bytes(4), 4),
    "unknown type": claiming([1], "X9", bytes(4), 4),
    "other names": claiming([1], "F32", bytes(4), 4),
    "long header": struct.pack("<Q", (1 << 64) - 1) + b"{}",
}
INSIDE: dict[str, Damage] = {
    **{f"weights {name}": put("model.safetensors", data) for name, data in SHAPES.items()},
    "weights flat": tensors(torch.flatten),
    "weights of whole numbers": tensors(lambda tensor: tensor.to(torch.int64)),
    "weights of two parts": tensors(lambda tensor: tensor.to(torch.complex64)),
    "record 0": edit("run.json", lambda values: values.update(format=0)),
    "record seed": edit("run.json", lambda values: values.update(seed=2**80)),
    "record reading": edit("run.json", lambda values: values["corpus"].update(reading="aloud")),
    "record size": edit("run.json", lambda values: values["corpus"].update(size=10**400)),
    "record parent": edit("run.json", lambda values: values.update(parent=["\x1b"])),
    "rope": edit("config.json", lambda values: values.update(rope_parameters=[["x"]])),
    "rope type": edit("config.json", lambda v: v.update(rope_parameters={"rope_type": ["x"]})),
    "model type": edit("config.json", lambda values: values.update(model_type="\x1b[31m")),
    "other vocabulary": edit("config.json", lambda v: v.update(vocab_size=v["vocab_size"] + 1)),
}
ALL = {
    **{f"{n} {kind}": how(n) for n in FILES for kind, how in ANYWHERE.items()},
    **INSIDE,
}
LOOKING = (["ls"], ["ls", "--json"], ["show", "pets"], ["show", "pets", "--json"], ["path", "pets"])


@pytest.mark.parametrize("name", ALL)
def test_whoever_needs_the_file_names_it_and_touches_nothing(
    name: str, one: Run, capsys: Said
) -> None:
    ALL[name](one)
    before = contents(one.folder.parent)
    commands = [["generate", "pets", "the"]]
    if not name.startswith(("record", "run.json")):
        commands += [["train", "pets.txt", "--from", "pets", "--name", "kid", "--foreground"]]
    capsys.readouterr()
    for arguments in commands:
        assert run(arguments) == 2, (arguments, capsys.readouterr())
        said = capsys.readouterr()
        assert said.out == ""
        assert "pets" in said.err, "which run's file"
        assert len(said.err.strip().splitlines()) >= 2, "what to do"
        assert "Traceback" not in said.err
        assert "\x1b" not in said.err
        assert not (one.folder.parent / "kid").exists()
        after = contents(one.folder.parent)
        assert {path: after.get(path) for path in before} == before, "nothing is lost"


@pytest.mark.parametrize("name", [*ALL, "events", "lock"])
def test_lists_and_looks_never_break(name: str, one: Run, capsys: Said) -> None:
    """One damaged run hides no other: a list without the run that was looked for."""
    shutil.copytree(one.folder, one.folder.parent / "whole")
    for how in ANYWHERE.values() if name in ("events", "lock") else [None]:
        if how:
            (one.folder / f"trainer.{name}").touch()
            how("events.jsonl" if name == "events" else "trainer.lock")(one)
        else:
            ALL[name](one)
        capsys.readouterr()
        for arguments in LOOKING:
            assert run(arguments) in (0, 2)
            said = capsys.readouterr()
            if arguments[0] == "ls":
                assert "pets" in said.out
                assert "whole" in said.out
            assert "Traceback" not in said.err
            assert "\x1b" not in said.out + said.err
        shutil.rmtree(one.folder)
        shutil.copytree(one.folder.parent / "whole", one.folder)


def test_a_shape_of_terabytes_takes_no_memory(one: Run, capsys: Said) -> None:
    """It used to be built before the weights were looked at."""
    most = {"hidden_size": 16384, "intermediate_size": 65536, "num_hidden_layers": 256}
    edit("config.json", lambda values: values.update(most))(one)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert run(["generate", "pets", "the"]) == 2
    assert "the model that config.json beside it describes has" in capsys.readouterr().err
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


STATES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no settings": lambda values: values["state"].pop("train"),
    "no progress": lambda values: values["state"].pop("progress"),
    "other settings": lambda values: values["state"]["train"].update(batch_size="x"),
    "unknown settings": lambda values: values["state"]["train"].update(dreams=1),
    "other progress": lambda values: values["state"]["progress"].update(elapsed="long"),
    "unknown progress": lambda values: values["state"]["progress"].update(dreams=1),
    "truth for a number": lambda values: values["state"]["progress"].update(stale=True),
    "another step": lambda values: values["state"]["progress"].update(step=1),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_of_other_kinds_is_refused_and_the_checkpoint_stays(
    name: str, one: Run, capsys: Said
) -> None:
    edit("checkpoint/6/state.json", STATES[name])(one)
    kept = contents(one.checkpoints)
    assert run(["resume", "pets", "--steps", "1", "--foreground"]) == 2
    said = capsys.readouterr().err
    assert "checkpoint of step 6" in said
    assert "goes on from the" in said, "what to do"
    assert contents(one.checkpoints) == kept


PASSED_OVER: dict[str, Damage] = {
    "no format": edit("checkpoint/6/state.json", lambda values: values.pop("format")),
    "not its step": edit("checkpoint/6/state.json", lambda values: values.update(step=5)),
    "no state": edit("checkpoint/6/state.json", lambda values: values.update(state=[])),
    "half a state": put("checkpoint/6/state.json", b'{"format": 1, "st'),
    "a pipe": instead("checkpoint/6/state.json", os.mkfifo),
    "no optimiser": instead("checkpoint/6/optimizer.safetensors", lambda path: None),
    "no weights": put("checkpoint/6/model.safetensors", b"\0" * 64),
}


@pytest.mark.parametrize("name", PASSED_OVER)
def test_a_checkpoint_that_is_not_whole_is_passed_over(name: str, one: Run, capsys: Said) -> None:
    before = [
        int(path.name) for path in one.checkpoints.iterdir() if path.name not in ("last", "6")
    ]
    PASSED_OVER[name](one)
    assert run(["resume", "pets", "--steps", "1", "--foreground", "--json"]) == 0
    started, *_ = map(json.loads, capsys.readouterr().out.splitlines())
    assert [started["resumed_from"]] == before


@pytest.mark.parametrize(
    "how",
    [
        *(ANYWHERE[kind]("checkpoint/last") for kind in ("gone", "pipe", "loop", "dangling")),
        put("checkpoint/last", b"../../../elsewhere\n"),
        put("checkpoint/last", b"\xff\x00\x1b"),
        put("checkpoint/last", "٦".encode()),
    ],
)
def test_a_name_that_leads_nowhere_or_out_is_not_followed(
    how: Damage, one: Run, capsys: Said
) -> None:
    how(one)
    assert run(["resume", "pets", "--steps", "1", "--foreground", "--json"]) == 0
    started, told, *_ = map(json.loads, capsys.readouterr().out.splitlines())
    assert started["resumed_from"] == 6
    assert "missing or damaged" in told["phase"]


def test_tensors_of_another_optimiser_are_refused(one: Run, capsys: Said) -> None:
    path = one.checkpoint(6).optimizer
    found = load_file(path)
    for change in (
        lambda: found.pop(next(iter(found))),
        lambda: found.update({name: tensor.flatten() for name, tensor in found.items()}),
    ):
        change()
        path.unlink()
        save_file(found, path)
        assert run(["resume", "pets", "--steps", "1", "--foreground"]) == 2
        assert "The optimiser's tensors of the checkpoint of step 6" in capsys.readouterr().err


def test_weights_are_not_trained_on_with_a_newly_learnt_tokenizer(one: Run, capsys: Said) -> None:
    """It would be learnt from the text again: of a child, another vocabulary than the weights'."""
    one.tokenizer.unlink()
    assert run(["resume", "pets", "--steps", "1", "--foreground"]) == 2
    assert "tokenizer.json is missing" in capsys.readouterr().err
    assert not one.tokenizer.exists()


def test_events_of_a_newer_version_are_read_as_far_as_they_are_known(
    one: Run, capsys: Said
) -> None:
    with one.events.open("a") as file:
        file.write('{"type":"dream","time":1e300,"step":7,"of":["\\u001b[31m"]}\n')
        file.write('{"type":"step","time":"soon","step":[8]}\n')
        file.write('{"type":"prepared","time":1,"step":7,"reasons":5,"model":[],"train":3}\n')
    for arguments in LOOKING:
        assert run(arguments) == 0, capsys.readouterr()
    assert "\x1b" not in capsys.readouterr().out


def test_a_run_without_its_record_is_no_free_name(one: Run, capsys: Said) -> None:
    """It was invisible, and its name was said to be free, or taken by nobody."""
    one.record.unlink()
    assert run(["path", "pets"]) == 0
    assert run(["show", "pets"]) == 2
    assert "run.json is missing" in capsys.readouterr().err
    assert run(["train", "pets.txt", "--name", "pets"]) == 2
    assert "pets-2" in capsys.readouterr().err


def test_a_fault_in_a_record_is_named_with_the_file_before_training_on(
    one: Run, capsys: Said
) -> None:
    for change, said in (
        (lambda values: values["corpus"].update(sha256="../../x"), "SHA-256"),
        (lambda values: values["corpus"].update(encoding="no-such"), "no-such"),
        (lambda values: values["corpus"].update(errors="no-such"), "no-such"),
        (lambda values: values["train"].update(steps=[1]), "run.json cannot be used: steps"),
        (lambda values: values["model"].update(heads="x"), "run.json cannot be used: heads"),
    ):
        record = one.record.read_bytes()
        edit("run.json", change)(one)
        assert run(["resume", "pets", "--steps", "1", "--foreground"]) == 2
        assert said in capsys.readouterr().err
        one.record.write_bytes(record)

"""Runs copied from anywhere: whatever is in their files, a message, and nothing of them is lost.

What `tests/test_damaged_runs.py` does for one command is done here for all that read a run.
"""

from __future__ import annotations

import json
import resource
import shutil
import struct

import pytest
import torch

from core.run.directory import Run
from tests.support.damage import ANYWHERE, Damage, contents, edit, one, put, tensors, trained
from tui.__main__ import run

__all__ = ["one", "trained"]
Said = pytest.CaptureFixture[str]


def claiming(shape: list[int], dtype: str, data: bytes, end: int) -> bytes:
    """A safetensors file whose header says so of one tensor."""
    header = json.dumps({"a": {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


FILES = ("run.json", "config.json", "tokenizer.json", "model.safetensors")
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

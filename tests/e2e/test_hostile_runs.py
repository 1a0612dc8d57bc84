"""Commands on runs with arbitrary files: a clear error, and no file is changed.

`test_damaged_runs.py` tests one command; this module tests all commands that read a run.
"""

from __future__ import annotations

import json
import resource
import shutil
import struct

import pytest
import torch

from core.run.directory import Run
from tests.support.damage import (
    ANY_FILE_DAMAGES,
    Damage,
    edit_json,
    edit_tensors,
    read_files,
    replace_content,
    run_copy,
    trained_home,
)
from tui.__main__ import run

__all__ = ["run_copy", "trained_home"]
Capture = pytest.CaptureFixture[str]


def safetensors_file(shape: list[int], dtype: str, data: bytes, end: int) -> bytes:
    """A safetensors file whose header declares one such tensor."""
    header = json.dumps({"a": {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


FILE_NAMES = ("run.json", "config.json", "tokenizer.json", "model.safetensors")
HEADERS = {
    "terabyte": safetensors_file([1 << 38], "F32", b"", 1 << 40),
    "overflow": safetensors_file([1 << 62, 4], "F32", bytes(4), 4),
    "endless digits": safetensors_file([10**4000] * 1000, "F32", bytes(4), 4),
    "negative": safetensors_file([-1], "F32", bytes(4), 4),
    "unknown type": safetensors_file([1], "X9", bytes(4), 4),
    "other names": safetensors_file([1], "F32", bytes(4), 4),
    "long header": struct.pack("<Q", (1 << 64) - 1) + b"{}",
}
CONTENT_DAMAGES: dict[str, Damage] = {
    **{
        f"weights {name}": replace_content("model.safetensors", data)
        for name, data in HEADERS.items()
    },
    "flat weights": edit_tensors(torch.flatten),
    "integer weights": edit_tensors(lambda tensor: tensor.to(torch.int64)),
    "complex weights": edit_tensors(lambda tensor: tensor.to(torch.complex64)),
    "record 0": edit_json("run.json", lambda values: values.update(format=0)),
    "record seed": edit_json("run.json", lambda values: values.update(seed=2**80)),
    "record reading": edit_json(
        "run.json", lambda values: values["corpus"].update(reading="aloud")
    ),
    "record size": edit_json("run.json", lambda values: values["corpus"].update(size=10**400)),
    "record parent": edit_json("run.json", lambda values: values.update(parent=["\x1b"])),
    "rope": edit_json("config.json", lambda values: values.update(rope_parameters=[["x"]])),
    "rope type": edit_json("config.json", lambda v: v.update(rope_parameters={"rope_type": ["x"]})),
    "model type": edit_json("config.json", lambda values: values.update(model_type="\x1b[31m")),
    "other vocabulary": edit_json(
        "config.json", lambda v: v.update(vocab_size=v["vocab_size"] + 1)
    ),
}
ALL_DAMAGES = {
    **{f"{n} {kind}": damage(n) for n in FILE_NAMES for kind, damage in ANY_FILE_DAMAGES.items()},
    **CONTENT_DAMAGES,
}
READ_COMMANDS = (
    ["ls"],
    ["ls", "--json"],
    ["show", "pets"],
    ["show", "pets", "--json"],
    ["path", "pets"],
)


@pytest.mark.parametrize("name", ALL_DAMAGES)
def test_commands_that_need_a_damaged_file_name_it_and_change_nothing(
    name: str, run_copy: Run, capsys: Capture
) -> None:
    ALL_DAMAGES[name](run_copy)
    before = read_files(run_copy.folder.parent)
    commands = [["generate", "pets", "the"]]
    if not name.startswith(("record", "run.json")):
        commands += [["train", "pets.txt", "--from", "pets", "--name", "kid", "--foreground"]]
    capsys.readouterr()
    for arguments in commands:
        assert run(arguments) == 2, (arguments, capsys.readouterr())
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "pets" in captured.err, "the error names the run"
        assert len(captured.err.strip().splitlines()) >= 2, "the error has a hint"
        assert "Traceback" not in captured.err
        assert "\x1b" not in captured.err
        assert not (run_copy.folder.parent / "kid").exists()
        after = read_files(run_copy.folder.parent)
        assert {path: after.get(path) for path in before} == before, "no file is changed"


@pytest.mark.parametrize("name", [*ALL_DAMAGES, "events", "lock"])
def test_commands_that_list_and_show_runs_never_fail(
    name: str, run_copy: Run, capsys: Capture
) -> None:
    """A damaged run hides no other run."""
    shutil.copytree(run_copy.folder, run_copy.folder.parent / "whole")
    for damage in ANY_FILE_DAMAGES.values() if name in ("events", "lock") else [None]:
        if damage:
            (run_copy.folder / f"trainer.{name}").touch()
            damage("events.jsonl" if name == "events" else "trainer.lock")(run_copy)
        else:
            ALL_DAMAGES[name](run_copy)
        capsys.readouterr()
        for arguments in READ_COMMANDS:
            assert run(arguments) in (0, 2)
            captured = capsys.readouterr()
            if arguments[0] == "ls":
                assert "pets" in captured.out
                assert "whole" in captured.out
            assert "Traceback" not in captured.err
            assert "\x1b" not in captured.out + captured.err
        shutil.rmtree(run_copy.folder)
        shutil.copytree(run_copy.folder.parent / "whole", run_copy.folder)


def test_a_huge_model_shape_allocates_no_memory(run_copy: Run, capsys: Capture) -> None:
    """The weights are checked before the model is built."""
    shape = {"hidden_size": 16384, "intermediate_size": 65536, "num_hidden_layers": 256}
    edit_json("config.json", lambda values: values.update(shape))(run_copy)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert run(["generate", "pets", "the"]) == 2
    assert "the model that config.json describes has" in capsys.readouterr().err
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_unknown_events_and_fields_are_ignored(run_copy: Run, capsys: Capture) -> None:
    with run_copy.events.open("a") as file:
        file.write('{"type":"dream","time":1e300,"step":7,"of":["\\u001b[31m"]}\n')
        file.write('{"type":"step","time":"soon","step":[8]}\n')
        file.write('{"type":"prepared","time":1,"step":7,"reasons":5,"model":[],"train":3}\n')
    for arguments in READ_COMMANDS:
        assert run(arguments) == 0, capsys.readouterr()
    assert "\x1b" not in capsys.readouterr().out


def test_the_name_of_a_run_without_record_is_taken(run_copy: Run, capsys: Capture) -> None:
    """Such a run used to be invisible while its name was refused."""
    run_copy.record.unlink()
    assert run(["path", "pets"]) == 0
    assert run(["show", "pets"]) == 2
    assert "run.json is missing" in capsys.readouterr().err
    assert run(["train", "pets.txt", "--name", "pets"]) == 2
    assert "pets-2" in capsys.readouterr().err

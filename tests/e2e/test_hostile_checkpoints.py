"""Resuming with damaged checkpoints and records."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from core.run.directory import Run
from tests.support.damage import (
    ANY_FILE_DAMAGES,
    Damage,
    edit_json,
    read_files,
    replace_by,
    replace_content,
    run_copy,
    trained_home,
)
from tui.__main__ import run

__all__ = ["run_copy", "trained_home"]
Capture = pytest.CaptureFixture[str]


STATES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no settings": lambda values: values["state"].pop("train"),
    "no progress": lambda values: values["state"].pop("progress"),
    "settings of another type": lambda values: values["state"]["train"].update(batch_size="x"),
    "unknown settings": lambda values: values["state"]["train"].update(dreams=1),
    "progress of another type": lambda values: values["state"]["progress"].update(elapsed="long"),
    "unknown progress": lambda values: values["state"]["progress"].update(dreams=1),
    "boolean for a number": lambda values: values["state"]["progress"].update(stale=True),
    "another step": lambda values: values["state"]["progress"].update(step=1),
}


@pytest.mark.parametrize("name", STATES)
def test_an_invalid_state_is_rejected_and_the_checkpoint_kept(
    name: str, run_copy: Run, capsys: Capture
) -> None:
    edit_json("checkpoint/6/state.json", STATES[name])(run_copy)
    before = read_files(run_copy.checkpoints)
    assert run(["resume", "pets", "--steps", "1", "--foreground"]) == 2
    message = capsys.readouterr().err
    assert "checkpoint of step 6" in message
    assert "to resume from the one before it" in message, "what to do"
    assert read_files(run_copy.checkpoints) == before


INCOMPLETE: dict[str, Damage] = {
    "no format": edit_json("checkpoint/6/state.json", lambda values: values.pop("format")),
    "not its step": edit_json("checkpoint/6/state.json", lambda values: values.update(step=5)),
    "no state": edit_json("checkpoint/6/state.json", lambda values: values.update(state=[])),
    "truncated state": replace_content("checkpoint/6/state.json", b'{"format": 1, "st'),
    "a pipe": replace_by("checkpoint/6/state.json", os.mkfifo),
    "a pipe for tensors": replace_by("checkpoint/6/optimizer.safetensors", os.mkfifo),
    "no optimizer state": replace_by("checkpoint/6/optimizer.safetensors", lambda path: None),
    "no weights": replace_content("checkpoint/6/model.safetensors", b"\0" * 64),
}


@pytest.mark.parametrize("name", INCOMPLETE)
def test_an_incomplete_checkpoint_is_skipped(name: str, run_copy: Run, capsys: Capture) -> None:
    before = [
        int(path.name) for path in run_copy.checkpoints.iterdir() if path.name not in ("last", "6")
    ]
    INCOMPLETE[name](run_copy)
    assert run(["resume", "pets", "--steps", "1", "--foreground", "--json"]) == 0
    started, *_ = map(json.loads, capsys.readouterr().out.splitlines())
    assert [started["resumed_from"]] == before


@pytest.mark.parametrize(
    "damage",
    [
        *(
            ANY_FILE_DAMAGES[kind]("checkpoint/last")
            for kind in ("missing", "pipe", "circular link", "dangling link")
        ),
        replace_content("checkpoint/last", b"../../../elsewhere\n"),
        replace_content("checkpoint/last", b"\xff\x00\x1b"),
        replace_content("checkpoint/last", "٦".encode()),
    ],
)
def test_a_pointer_to_no_checkpoint_of_the_run_is_ignored(
    damage: Damage, run_copy: Run, capsys: Capture
) -> None:
    damage(run_copy)
    assert run(["resume", "pets", "--steps", "1", "--foreground", "--json"]) == 0
    started, warning, *_ = map(json.loads, capsys.readouterr().out.splitlines())
    assert started["resumed_from"] == 6
    assert "missing or damaged" in warning["phase"]


def test_tensors_of_another_optimizer_are_rejected(run_copy: Run, capsys: Capture) -> None:
    edit_json("checkpoint/6/state.json", lambda values: values.pop("checksums"))(run_copy)
    path = run_copy.checkpoint(6).optimizer
    tensors = load_file(path)
    for change in (
        lambda: tensors.pop(next(iter(tensors))),
        lambda: tensors.update({name: tensor.flatten() for name, tensor in tensors.items()}),
    ):
        change()
        path.unlink()
        save_file(tensors, path)
        assert run(["resume", "pets", "--steps", "1", "--foreground"]) == 2
        assert "The optimiser's tensors of the checkpoint of step 6" in capsys.readouterr().err


def test_a_missing_tokenizer_is_not_trained_again(run_copy: Run, capsys: Capture) -> None:
    """A new tokenizer could have another vocabulary than the weights."""
    run_copy.tokenizer.unlink()
    assert run(["resume", "pets", "--steps", "1", "--foreground"]) == 2
    assert "tokenizer.json is missing" in capsys.readouterr().err
    assert not run_copy.tokenizer.exists()


def test_an_invalid_record_is_reported_with_its_file_and_field(
    run_copy: Run, capsys: Capture
) -> None:
    for change, message in (
        (lambda values: values["corpus"].update(sha256="../../x"), "SHA-256"),
        (lambda values: values["corpus"].update(encoding="no-such"), "no-such"),
        (lambda values: values["corpus"].update(errors="no-such"), "no-such"),
        (lambda values: values["train"].update(steps=[1]), "run.json cannot be used: steps"),
        (lambda values: values["model"].update(heads="x"), "run.json cannot be used: heads"),
    ):
        record = run_copy.record.read_bytes()
        edit_json("run.json", change)(run_copy)
        assert run(["resume", "pets", "--steps", "1", "--foreground"]) == 2
        assert message in capsys.readouterr().err
        run_copy.record.write_bytes(record)

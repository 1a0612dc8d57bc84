"""Going on from checkpoints and records that are not as they were written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from core.run.directory import Run
from tests.support.damage import ANYWHERE, Damage, contents, edit, instead, one, put, trained
from tui.__main__ import run

__all__ = ["one", "trained"]
Said = pytest.CaptureFixture[str]


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
    assert "to resume from the one before it" in said, "what to do"
    assert contents(one.checkpoints) == kept


PASSED_OVER: dict[str, Damage] = {
    "no format": edit("checkpoint/6/state.json", lambda values: values.pop("format")),
    "not its step": edit("checkpoint/6/state.json", lambda values: values.update(step=5)),
    "no state": edit("checkpoint/6/state.json", lambda values: values.update(state=[])),
    "half a state": put("checkpoint/6/state.json", b'{"format": 1, "st'),
    "a pipe": instead("checkpoint/6/state.json", os.mkfifo),
    "a pipe of tensors": instead("checkpoint/6/optimizer.safetensors", os.mkfifo),
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
    edit("checkpoint/6/state.json", lambda values: values.pop("checksums"))(one)
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

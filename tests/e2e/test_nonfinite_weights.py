"""Weights with numbers that are not finite are named by every command that uses them."""

from __future__ import annotations

import io
import math

import pytest
import torch
from torch import Tensor

from core.run.directory import Run
from tests.support.damage import edit_tensors, run_copy, trained_home
from tui.__main__ import run

__all__ = ["run_copy", "trained_home"]
COMMANDS: dict[str, list[str]] = {
    "generate": ["generate", "pets", "the"],
    "generate --json": ["generate", "pets", "the", "--json"],
    "generate --top": ["generate", "pets", "the", "--top", "3"],
    "generate -n": ["generate", "pets", "the", "-n", "2", "--temperature", "1"],
    "score": ["score", "pets", "-"],
    "score --json": ["score", "pets", "-", "--json", "--tokens"],
    "step": ["step", "pets", "the", "--json"],
    "trace": ["trace", "pets", "the"],
    "train --from": ["train", "pets.txt", "--from", "pets", "--foreground", "--name", "kid"],
}


@pytest.mark.parametrize(
    ("command", "value"),
    [*((name, math.nan) for name in COMMANDS), ("score", math.inf), ("score", -math.inf)],
)
def test_weights_that_are_not_finite_are_refused(
    command: str,
    value: float,
    run_copy: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`trace` ended in a traceback, and `score` printed a perplexity of nan."""

    def spoil(tensor: Tensor) -> Tensor:
        tensor = tensor.clone()
        tensor.view(-1)[-1] = value
        return tensor

    edit_tensors(spoil)(run_copy)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the cat sat\n")))
    capsys.readouterr()
    assert run(COMMANDS[command]) == 1
    captured = capsys.readouterr()
    assert "hold numbers that are not finite" in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("command", ["generate", "score", "step", "trace"])
def test_predictions_that_overflow_are_refused(
    command: str,
    run_copy: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every weight is finite."""
    edit_tensors(lambda tensor: torch.full_like(tensor, 1e18))(run_copy)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the cat sat\n")))
    capsys.readouterr()
    assert run(COMMANDS[command]) == 1
    captured = capsys.readouterr()
    assert "predictions are not finite" in captured.err
    assert captured.out.strip() == ""

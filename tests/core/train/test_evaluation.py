"""Validation loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.config.configs import ModelConfig
from core.dataset.spans import Spans
from core.model import factory
from core.train import evaluation
from core.train.batches import LineSamples
from core.train.evaluation import Evaluation

SHAPE = ModelConfig(
    vocab_size=12, context=8, layers=1, heads=2, kv_heads=2, d_model=16, head_dim=8, d_ff=24
)
IDS = np.random.default_rng(0).integers(3, 12, 100).astype(np.uint16)
ENDS = np.array([5, 14, 20, 29, 31])
PIECES = LineSamples(Spans(ENDS - np.array([5, 9, 3, 9, 2]), ENDS))
CPU = torch.device("cpu")


def test_the_loss_is_the_mean_over_targets_for_any_batch_size() -> None:
    model = factory.build_model(SHAPE, seed=0)
    results = [Evaluation(IDS, PIECES, size).measure(model, CPU, whole=True) for size in (1, 2, 5)]
    assert [result and result.tokens for result in results] == [4 + 8 + 2 + 8 + 1] * 3
    losses = [result.loss for result in results if result]
    assert losses == pytest.approx([losses[0]] * 3, abs=1e-6)


def test_a_quick_evaluation_has_a_limited_number_of_targets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluation, "MAX_QUICK_TARGETS", 13)
    model = factory.build_model(SHAPE, seed=0)
    quick = Evaluation(IDS, PIECES, 2).measure(model, CPU, whole=False)
    assert quick is not None
    assert quick.tokens == 4 + 8


def test_an_evaluation_changes_neither_the_mode_nor_the_random_state() -> None:
    """Otherwise a run with evaluations would train other weights than one without."""
    model = factory.build_model(SHAPE, seed=0)
    model.dropout = 0.5
    model.train()
    before = torch.get_rng_state()
    losses = [Evaluation(IDS, PIECES, 2).measure(model, CPU, whole=True) for _ in range(2)]
    assert losses[0] == losses[1]
    assert model.training
    assert torch.equal(before, torch.get_rng_state())


def test_a_stopped_evaluation_has_no_result() -> None:
    model = factory.build_model(SHAPE, seed=0)
    result = Evaluation(IDS, PIECES, 1).measure(model, CPU, whole=True, sync_stop=lambda: True)
    assert result is None

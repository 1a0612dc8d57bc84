from __future__ import annotations

import numpy as np
import pytest
import torch

from core.config.configs import ModelConfig
from core.model import factory
from core.train import evaluation
from core.train.batches import LineSamples
from core.train.evaluation import Evaluation

SHAPE = ModelConfig(
    vocab_size=12, context=8, layers=1, heads=2, kv_heads=2, d_model=16, head_dim=8, d_ff=24
)
IDS = np.random.default_rng(0).integers(3, 12, 100).astype(np.uint16)
ENDS = np.array([5, 14, 20, 29, 31])
PIECES = LineSamples(ENDS - np.array([5, 9, 3, 9, 2]), ENDS)
CPU = torch.device("cpu")


def test_the_loss_is_the_mean_over_targets_whatever_the_batches() -> None:
    model = factory.build_model(SHAPE, seed=0)
    found = [Evaluation(IDS, PIECES, size).loss(model, CPU, whole=True) for size in (1, 2, 5)]
    assert [result and result[1] for result in found] == [4 + 8 + 2 + 8 + 1] * 3
    losses = [result[0] for result in found if result]
    assert losses == pytest.approx([losses[0]] * 3, abs=1e-6)


def test_a_quick_evaluation_is_limited_in_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MAX_QUICK_TARGETS", 13)
    model = factory.build_model(SHAPE, seed=0)
    quick = Evaluation(IDS, PIECES, 2).loss(model, CPU, whole=False)
    assert quick is not None
    assert quick[1] == 4 + 8


def test_evaluating_leaves_the_mode_and_the_random_state_alone() -> None:
    """Otherwise a run with evaluations would train other weights than one without."""
    model = factory.build_model(SHAPE, seed=0)
    model.dropout = 0.5
    model.train()
    before = torch.get_rng_state()
    losses = [Evaluation(IDS, PIECES, 2).loss(model, CPU, whole=True) for _ in range(2)]
    assert losses[0] == losses[1]
    assert model.training
    assert torch.equal(before, torch.get_rng_state())


def test_an_interrupted_evaluation_says_nothing() -> None:
    model = factory.build_model(SHAPE, seed=0)
    found = Evaluation(IDS, PIECES, 1).loss(model, CPU, whole=True, interrupted=lambda: True)
    assert found is None

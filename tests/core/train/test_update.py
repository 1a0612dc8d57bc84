"""One update: numbers that are not finite, lack of memory, and recomputed activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from core.config.configs import ModelConfig
from core.errors import RunFailedError
from core.model import factory
from core.model.decoder import Decoder
from core.train import optim
from core.train.trainer import Trainer
from core.train.update import PendingUpdate, fetch_losses
from tests.support.tiny_trainer import CONFIG, checkpoints_of, events_of, tiny_trainer, weights_of

TUTORIAL = ModelConfig(
    architecture="tutorial", vocab_size=12, context=8, layers=2, heads=2, kv_heads=2, d_model=16,
    head_dim=8, d_ff=24, activation="relu", tie_embeddings=False,
)  # fmt: skip
MODERN = ModelConfig(
    vocab_size=12, context=8, layers=3, heads=2, kv_heads=1, d_model=16, head_dim=8, d_ff=24
)


def as_on_gpu(trainer: Trainer) -> Trainer:
    """Check the numbers of an update late, as on a GPU."""
    trainer.updater.checks_each_update = False
    return trainer


def spoil_at(*steps: int, what: str = "loss") -> Any:
    """Control that makes the loss, or only its gradient, of some updates NaN."""

    def spoil(trainer: Trainer) -> None:
        factor = float("nan") if trainer.state.step in steps else 1.0
        whole = Decoder.loss

        def loss(tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            value = whole(trainer.model, tokens, targets)
            return value * factor if what == "loss" else _ScaleGradient.apply(value, factor)  # type: ignore[no-any-return, no-untyped-call]

        trainer.model.loss = loss  # type: ignore[method-assign]

    return spoil


class _ScaleGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, factor: float) -> torch.Tensor:
        ctx.factor = factor
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # type: ignore[override]
        return gradient * ctx.factor, None


@pytest.mark.parametrize("what", ["loss", "gradient"])
@pytest.mark.parametrize("clip", [0.0, 1.0])
def test_on_a_gpu_a_bad_update_is_skipped_and_the_run_fails_with_its_step(
    what: str, clip: float
) -> None:
    """Detects weights that are NaN; a host that waits for the device after every update."""
    good = tiny_trainer(steps=20, clip=clip)
    trainer = as_on_gpu(tiny_trainer(steps=20, clip=clip, control=spoil_at(7, what=what)))
    with pytest.raises(RunFailedError, match=rf"The {what} of step 8 is not a finite number"):
        trainer.run()
    good.config = trainer.config
    for step in range(7):
        rate = optim.learning_rate(step, good.steps, good.config)
        good.updater.update(good.batches, step, rate, good.config)
    assert torch.equal(weights_of(trainer), weights_of(good))
    assert not [entry for entry in checkpoints_of(trainer).saved if entry[1] > 7]


def test_on_a_gpu_losses_are_fetched_only_for_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting after every update keeps a GPU idle while the host prepares the next one."""
    trainer = as_on_gpu(tiny_trainer(steps=20, eval_steps=1000))
    fetched: list[int] = []

    def recorded(updates: Sequence[PendingUpdate]) -> list[float]:
        fetched.append(len(updates))
        return fetch_losses(updates)

    monkeypatch.setattr("core.train.trainer.fetch_losses", recorded)
    monkeypatch.setattr("core.train.metrics.MAX_EVENTS_PER_S", 0.001)
    trainer.run()
    assert sum(fetched) == 20
    assert max(fetched) > 3


def test_losses_fetched_late_equal_those_fetched_at_once() -> None:
    near, far = tiny_trainer(validation=True), as_on_gpu(tiny_trainer(validation=True))
    near.run()
    far.run()
    assert torch.equal(weights_of(near), weights_of(far))
    rows = [[f["train_loss"] for _, f in events_of(t).of_type("epoch")] for t in (near, far)]
    assert rows[0] == pytest.approx(rows[1])
    assert near.state.best == far.state.best


def limit_memory(trainer: Trainer, max_rows: int, error: Exception) -> None:
    """Let every batch with more rows fail, as on a device with too little memory."""

    def loss(tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if len(tokens) > max_rows:
            raise error
        return Decoder.loss(trainer.model, tokens, targets)

    trainer.model.loss = loss  # type: ignore[method-assign]


OUT_OF_MEMORY = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize(("max_rows", "micro_batches"), [(2, 2), (1, 4)])
def test_out_of_memory_splits_the_batch_and_changes_nothing_else(
    max_rows: int, micro_batches: int
) -> None:
    """Detects a run that fails because another program uses a part of the GPU."""
    whole, tight = tiny_trainer(steps=6), tiny_trainer(steps=6)
    whole.run()
    limit_memory(tight, max_rows, OUT_OF_MEMORY)
    tight.run()
    assert tight.config.accumulation == micro_batches
    assert torch.allclose(weights_of(whole), weights_of(tight), atol=1e-5)
    (step, fields), *more = events_of(tight).of_type("changed")
    assert (step, fields["changes"], fields["reason"]) == (
        1, {"accumulation": [1, micro_batches]}, "out of memory",
    )  # fmt: skip
    assert more == []


def test_a_batch_that_never_fits_fails_the_run() -> None:
    """Detects endless splitting; endless retries of an error that has nothing to do with memory."""
    trainer = tiny_trainer(steps=6)
    limit_memory(trainer, 0, OUT_OF_MEMORY)
    with pytest.raises(torch.OutOfMemoryError):
        trainer.run()
    limit_memory(trainer, 0, RuntimeError("CUDA error: device-side assert triggered"))
    with pytest.raises(RuntimeError, match="device-side"):
        trainer.run()


@pytest.mark.parametrize("shape", [MODERN, TUTORIAL], ids=["modern", "tutorial"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_recomputed_activations_give_the_same_gradients(shape: ModelConfig, dropout: float) -> None:
    """With another dropout mask in the second pass the model would learn noise."""
    tokens = torch.randint(3, 12, (2, 8), generator=torch.Generator().manual_seed(0))
    results = []
    for recompute in (False, True):
        model = factory.build_model(shape, seed=0).train()
        model.dropout, model.recompute = dropout, recompute
        torch.manual_seed(1)
        saved: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, saved=saved: (saved.append(t.numel()), t)[1],  # type: ignore[misc, func-returns-value]
            lambda t: t,
        ):
            loss = model.loss(tokens, tokens)
        loss.backward()  # type: ignore[no-untyped-call]
        gradient = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
        results.append((loss.detach(), gradient, sum(saved)))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert results[1][2] < results[0][2], "less is stored"


def test_the_setting_recompute_reaches_the_model() -> None:
    trainer = tiny_trainer(steps=1, recompute=True)
    assert CONFIG.recompute is False
    trainer.run()
    assert trainer.model.recompute is True

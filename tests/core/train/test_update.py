"""One update: what is not finite, what does not fit into the memory, what is computed twice."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from core.config.configs import ModelConfig
from core.errors import RunFailedError
from core.model import factory
from core.model.decoder import Decoder
from core.train.trainer import Trainer
from tests.support.trainers import CONFIG, kept_of, made_trainer, told_of, weights_of

TUTORIAL = ModelConfig(
    architecture="tutorial", vocab_size=12, context=8, layers=2, heads=2, kv_heads=2, d_model=16,
    head_dim=8, d_ff=24, activation="relu", tie_embeddings=False,
)  # fmt: skip
MODERN = ModelConfig(
    vocab_size=12, context=8, layers=3, heads=2, kv_heads=1, d_model=16, head_dim=8, d_ff=24
)


def on_a_device(trainer: Trainer) -> Trainer:
    """As if the numbers of an update were far away: nothing is looked at before it is applied."""
    trainer.updater.at_once = False
    return trainer


def spoilt_at(*steps: int, what: str = "loss") -> Any:
    """Requests that make the loss, or only its gradient, of some updates no number."""

    def spoil(trainer: Trainer) -> None:
        factor = float("nan") if trainer.progress.step in steps else 1.0
        whole = Decoder.loss

        def loss(tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            value = whole(trainer.model, tokens, targets)
            return value * factor if what == "loss" else _Spoilt.apply(value, factor)  # type: ignore[no-any-return, no-untyped-call]

        trainer.model.loss = loss  # type: ignore[method-assign]

    return spoil


class _Spoilt(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, factor: float) -> torch.Tensor:
        ctx.factor = factor
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # type: ignore[override]
        return gradient * ctx.factor, None


@pytest.mark.parametrize("what", ["loss", "gradient"])
@pytest.mark.parametrize("clip", [0.0, 1.0])
def test_a_device_leaves_out_what_is_not_finite_and_the_run_ends_with_its_step(
    what: str, clip: float
) -> None:
    """Weights that are no numbers; a host that waits for the device after every update."""
    good = made_trainer(steps=20, clip=clip)
    trainer = on_a_device(made_trainer(steps=20, clip=clip, requests=spoilt_at(7, what=what)))
    with pytest.raises(RunFailedError, match=rf"The {what} of step 8 is not a finite number"):
        trainer.run()
    good.config = trainer.config
    for step in range(7):
        good.progress.step = step
        good._update()
    assert torch.equal(weights_of(trainer), weights_of(good))
    assert not [entry for entry in kept_of(trainer).kept if entry[1] > 7], "nothing is saved of it"


def test_a_device_is_asked_for_losses_only_to_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting after every update keeps a GPU idle while the host prepares the next one."""
    trainer = on_a_device(made_trainer(steps=20, eval_steps=1000))
    waits: list[int] = []
    settle = Trainer._settle

    def counted(self: Trainer) -> None:
        waits.append(len(self._made))
        settle(self)

    monkeypatch.setattr(Trainer, "_settle", counted)
    monkeypatch.setattr("core.train.metrics.MAX_EVENTS_PER_S", 0.001)
    trainer.run()
    assert sum(waits) == 20
    assert max(waits) > 3


def test_losses_fetched_late_are_those_fetched_at_once() -> None:
    near, far = made_trainer(validation=True), on_a_device(made_trainer(validation=True))
    near.run()
    far.run()
    assert torch.equal(weights_of(near), weights_of(far))
    rows = [[f["train_loss"] for _, f in told_of(t).of("epoch")] for t in (near, far)]
    assert rows[0] == pytest.approx(rows[1])
    assert near.progress.best == far.progress.best


def short_of_memory(trainer: Trainer, most_rows: int, error: Exception) -> None:
    """Every batch of more rows than that fails, as a device that is too small would."""

    def loss(tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if len(tokens) > most_rows:
            raise error
        return Decoder.loss(trainer.model, tokens, targets)

    trainer.model.loss = loss  # type: ignore[method-assign]


OUT = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize(("most", "pieces"), [(2, 2), (1, 4)])
def test_out_of_memory_cuts_the_batch_and_changes_nothing_else(most: int, pieces: int) -> None:
    """A night lost because another program took a part of the GPU."""
    whole, tight = made_trainer(steps=6), made_trainer(steps=6)
    whole.run()
    short_of_memory(tight, most, OUT)
    tight.run()
    assert tight.config.accumulation == pieces
    assert torch.allclose(weights_of(whole), weights_of(tight), atol=1e-5)
    (step, said), *more = told_of(tight).of("changed")
    assert (step, said["changes"], said["reason"]) == (
        1, {"accumulation": [1, pieces]}, "out of memory",
    )  # fmt: skip
    assert more == []


def test_what_fits_in_no_way_ends_the_run() -> None:
    """A loop that halves for ever; an error that is none of memory, tried again and again."""
    trainer = made_trainer(steps=6)
    short_of_memory(trainer, 0, OUT)
    with pytest.raises(torch.OutOfMemoryError):
        trainer.run()
    short_of_memory(trainer, 0, RuntimeError("CUDA error: device-side assert triggered"))
    with pytest.raises(RuntimeError, match="device-side"):
        trainer.run()


@pytest.mark.parametrize("shape", [MODERN, TUTORIAL], ids=["modern", "tutorial"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_computing_activations_twice_gives_the_same_gradients(
    shape: ModelConfig, dropout: float
) -> None:
    """Another dropout mask in the second pass, and the model learns noise."""
    tokens = torch.randint(3, 12, (2, 8), generator=torch.Generator().manual_seed(0))
    found = []
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
        found.append((loss.detach(), gradient, sum(saved)))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    assert found[1][2] < found[0][2], "less is kept"


def test_the_setting_reaches_the_model() -> None:
    trainer = made_trainer(steps=1, recompute=True)
    assert CONFIG.recompute is False
    trainer.run()
    assert trainer.model.recompute is True

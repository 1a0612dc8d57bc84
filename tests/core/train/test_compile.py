"""Compiled training: the same numbers, switched on once it pays, given up where it fails."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

from core.config.configs import ModelConfig
from core.model import factory
from core.model.decoder import call_directly
from core.train import compile as compile_module
from core.train.compile import CompiledCall, StepCompiler, should_compile
from core.train.state import TrainState
from core.train.trainer import Trainer
from core.train.update import Updater
from tests.support.trainers import made_trainer, told_of, weights_of

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
SHAPES = {
    "modern": ModelConfig(
        vocab_size=12, context=8, layers=3, heads=2, kv_heads=1, d_model=16, head_dim=8, d_ff=24
    ),
    "tutorial": ModelConfig(
        architecture="tutorial", vocab_size=12, context=8, layers=3, heads=2, kv_heads=2,
        d_model=16, head_dim=8, d_ff=24, activation="relu", tie_embeddings=False,
    ),
}  # fmt: skip


def gradients(model: Any, tokens: torch.Tensor) -> list[torch.Tensor]:
    model.zero_grad()
    loss = model.loss(tokens, tokens.roll(-1, 1))
    loss.backward()
    return [loss.detach(), *(p.grad.clone() for p in model.parameters())]


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_compiled_it_learns_the_same(shape: str, recompute: bool) -> None:
    """A graph that cannot be made whole, or gradients that are others."""
    torch._dynamo.reset()
    tokens = torch.randint(3, 12, (4, 8), generator=torch.Generator().manual_seed(0))
    model = factory.build_model(SHAPES[shape], seed=0).train()
    model.recompute = recompute
    plain = gradients(model, tokens)
    counter = Counter()
    assert CompiledCall(model, counter).start()
    for one, other in zip(gradients(model, tokens), plain, strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    graphs = counter.graphs
    assert 2 <= graphs <= 3, "all blocks by the same code, and the loss"
    gradients(model, tokens)
    model.eval()
    with torch.no_grad():
        model(tokens)
    assert counter.graphs == graphs


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="the compiler needs a C++ compiler")
def test_compiled_for_real_it_learns_the_same() -> None:
    torch._dynamo.reset()
    tokens = torch.randint(3, 12, (4, 8), generator=torch.Generator().manual_seed(0))
    model = factory.build_model(SHAPES["modern"], seed=0).train()
    plain = gradients(model, tokens)
    assert CompiledCall(model).start()
    for one, other in zip(gradients(model, tokens), plain, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


class Counter:
    """A backend that computes what it is given as it is."""

    graphs = 0

    def __call__(self, graph: torch.fx.GraphModule, inputs: object) -> Any:
        self.graphs += 1
        return graph.forward


def broken(graph: object, inputs: object) -> Any:
    raise FileNotFoundError("no compiler here\nand more of it")


def with_backend(trainer: Trainer, backend: Any) -> None:
    torch._dynamo.reset()
    trainer.updater.compiled.backend = backend


def test_as_chosen_from_the_first_step_on() -> None:
    plain, compiled, counter = made_trainer(steps=4), made_trainer(steps=4, compile="on"), Counter()
    with_backend(compiled, counter)
    for trainer in (plain, compiled):
        trainer.run()
    assert counter.graphs >= 2
    assert torch.allclose(weights_of(plain), weights_of(compiled), atol=1e-5)
    assert told_of(compiled).of("changed") == []


def test_where_it_fails_the_run_goes_on_and_says_so() -> None:
    """A GPU box without a compiler: the night's training is gone."""
    plain, failing = made_trainer(steps=4), made_trainer(steps=4, compile="on")
    with_backend(failing, broken)
    for trainer in (plain, failing):
        trainer.run()
    assert torch.equal(weights_of(plain), weights_of(failing))
    ((step, said),) = told_of(failing).of("changed")
    assert (step, said["changes"]) == (1, {"compile": ["on", "off"]})
    assert "no compiler here" in said["reason"]
    assert "and more" not in said["reason"]
    assert failing.config.compile == "off"


def test_what_fails_uncompiled_too_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = made_trainer(steps=4, compile="on")
    with_backend(trainer, Counter())

    def loss(*given: object) -> torch.Tensor:
        raise RuntimeError("device-side assert")

    monkeypatch.setattr(trainer.model, "loss", loss)
    with pytest.raises(RuntimeError, match="device-side"):
        trainer.run()


def test_it_starts_by_itself_once_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_module, "should_compile", lambda device, left: left > 0.0)
    monkeypatch.setattr(compile_module, "MIN_TIMED_SECONDS", 0.0)
    trainer, counter = made_trainer(steps=20), Counter()
    with_backend(trainer, counter)
    trainer.run()
    ((step, said),) = told_of(trainer).of("changed")
    assert step == 1 + compile_module.MIN_TIMED_STEPS
    assert said["changes"] == {"compile": ["auto", "on"]}
    assert said["reason"] == "0 minutes are left"
    assert counter.graphs


def test_nothing_is_compiled_on_a_processor_by_itself() -> None:
    trainer, counter = made_trainer(steps=20), Counter()
    with_backend(trainer, counter)
    trainer.run()
    assert not counter.graphs
    assert trainer.model.call_in_training is call_directly


@pytest.mark.parametrize(
    ("device", "seconds", "expected"),
    [(GPU, 600.0, True), (GPU, 400.0, False), (GPU, 0.0, False), (CPU, 1e6, False)],
)
def test_it_pays_on_a_gpu_with_minutes_to_go(
    device: torch.device, seconds: float, expected: bool
) -> None:
    assert should_compile(device, seconds) is expected


def wishes(choice: str, times: list[tuple[int, float]], steps: int) -> list[tuple[str, str]]:
    decider = StepCompiler(CompiledCall(factory.build_model(SHAPES["modern"], seed=0)), GPU)
    found = []
    for step, elapsed in times:
        progress = TrainState()
        progress.step, progress.elapsed = step, elapsed
        found.append(decider.wish(choice, progress, steps))
    return found


def test_the_forecast_counts_from_the_first_step_it_sees() -> None:
    """A resumed run whose hours so far count as its pace; a first step that is slow."""
    times = [(1001, 9000.0), (1006, 9003.0), (1012, 9005.4), (1020, 9009.5)]
    found = wishes("auto", times, 5000)
    assert [wish for wish, _ in found] == ["auto", "auto", "on", "on"]
    assert found[2][1] == "33 minutes are left"
    assert {wish for wish, _ in wishes("auto", times, 1200)} == {"auto"}
    assert {wish for wish, _ in wishes("off", times, 5000)} == {"off"}
    assert {wish for wish, _ in wishes("on", times, 5000)} == {"on"}


def test_where_there_is_no_compiler_at_all_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*given: object, **options: object) -> None:
        raise RuntimeError("Dynamo is not supported on this Python")

    monkeypatch.setattr(torch, "compile", missing)
    trainer = made_trainer(steps=4, compile="on")
    trainer.run()
    ((step, said),) = told_of(trainer).of("changed")
    assert (step, said["changes"]) == (1, {"compile": ["on", "off"]})
    assert "not supported" in said["reason"]


def test_it_loads_only_what_it_made_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody else's file of compiled code under a name that can be guessed, in /tmp."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.delenv(compile_module.CACHE_FOLDER_VARIABLE, raising=False)
    model = factory.build_model(SHAPES["modern"], seed=0)
    CompiledCall(model, Counter()).start()
    (folder,) = tmp_path.iterdir()
    assert os.environ[compile_module.CACHE_FOLDER_VARIABLE] == str(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    CompiledCall(model, Counter()).start()
    assert len(list(tmp_path.iterdir())) == 1, "what is set stays"


def test_a_failure_is_not_tried_again() -> None:
    updater = Updater(factory.build_model(SHAPES["modern"], seed=0), CPU, None)  # type: ignore[arg-type]
    assert updater.compiled.start()
    assert not updater.compiled.start()
    assert updater.compiled.give_up(OSError(""))
    assert updater.compiled.failure == "OSError"
    assert not updater.compiled.start()
    assert not updater.compiled.give_up(OSError("again"))

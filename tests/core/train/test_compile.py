"""Compiled training: the same numbers, switched on once it pays, off if it fails."""

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
from core.model.language_model import call_directly
from core.train import compile as compile_module
from core.train.compile import CompiledCall, CompileScheduler, should_compile
from core.train.state import TrainState
from core.train.trainer import Trainer
from core.train.update import Updater
from tests.support.tiny_trainer import events_of, tiny_trainer, weights_of

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
def test_compiled_training_has_the_same_gradients(shape: str, recompute: bool) -> None:
    """Detects a graph with breaks, or other gradients."""
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
def test_training_compiled_by_inductor_has_the_same_gradients() -> None:
    torch._dynamo.reset()
    tokens = torch.randint(3, 12, (4, 8), generator=torch.Generator().manual_seed(0))
    model = factory.build_model(SHAPES["modern"], seed=0).train()
    plain = gradients(model, tokens)
    assert CompiledCall(model).start()
    for one, other in zip(gradients(model, tokens), plain, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


class Counter:
    """A backend that runs each graph uncompiled and counts them."""

    graphs = 0

    def __call__(self, graph: torch.fx.GraphModule, inputs: object) -> Any:
        self.graphs += 1
        return graph.forward


def broken(graph: object, inputs: object) -> Any:
    raise FileNotFoundError("no compiler here\nand more of it")


def with_backend(trainer: Trainer, backend: Any) -> None:
    torch._dynamo.reset()
    trainer.updater.compiled.backend = backend


def test_with_compile_on_it_is_compiled_from_the_first_step() -> None:
    plain, compiled, counter = tiny_trainer(steps=4), tiny_trainer(steps=4, compile="on"), Counter()
    with_backend(compiled, counter)
    for trainer in (plain, compiled):
        trainer.run()
    assert counter.graphs >= 2
    assert torch.allclose(weights_of(plain), weights_of(compiled), atol=1e-5)
    assert events_of(compiled).of_type("changed") == []


def test_if_compilation_fails_training_continues_and_reports_it() -> None:
    """On a GPU machine without a compiler a night of training would be lost."""
    plain, failing = tiny_trainer(steps=4), tiny_trainer(steps=4, compile="on")
    with_backend(failing, broken)
    for trainer in (plain, failing):
        trainer.run()
    assert torch.equal(weights_of(plain), weights_of(failing))
    ((step, fields),) = events_of(failing).of_type("changed")
    assert (step, fields["changes"]) == (1, {"compile": ["on", "off"]})
    assert "no compiler here" in fields["reason"]
    assert "and more" not in fields["reason"]
    assert failing.config.compile == "off"


def test_an_error_that_also_occurs_uncompiled_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = tiny_trainer(steps=4, compile="on")
    with_backend(trainer, Counter())

    def loss(*given: object) -> torch.Tensor:
        raise RuntimeError("device-side assert")

    monkeypatch.setattr(trainer.model, "loss", loss)
    with pytest.raises(RuntimeError, match="device-side"):
        trainer.run()


def test_with_compile_auto_it_is_compiled_once_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_module, "should_compile", lambda device, left: left > 0.0)
    monkeypatch.setattr(compile_module, "MIN_TIMED_SECONDS", 0.0)
    trainer, counter = tiny_trainer(steps=20), Counter()
    with_backend(trainer, counter)
    trainer.run()
    ((step, fields),) = events_of(trainer).of_type("changed")
    assert step == 1 + compile_module.MIN_TIMED_STEPS
    assert fields["changes"] == {"compile": ["auto", "on"]}
    assert fields["reason"] == "0 minutes are left"
    assert counter.graphs


def test_with_compile_auto_nothing_is_compiled_on_a_cpu() -> None:
    trainer, counter = tiny_trainer(steps=20), Counter()
    with_backend(trainer, counter)
    trainer.run()
    assert not counter.graphs
    assert trainer.model.call_in_training is call_directly


@pytest.mark.parametrize(
    ("device", "seconds", "expected"),
    [(GPU, 600.0, True), (GPU, 400.0, False), (GPU, 0.0, False), (CPU, 1e6, False)],
)
def test_compilation_pays_on_a_gpu_with_minutes_left(
    device: torch.device, seconds: float, expected: bool
) -> None:
    assert should_compile(device, seconds) is expected


def settings_over_time(
    setting: str, times: list[tuple[int, float]], steps: int
) -> list[tuple[str, str] | None]:
    model = factory.build_model(SHAPES["modern"], seed=0)
    scheduler = CompileScheduler(CompiledCall(model), GPU)
    return [
        scheduler.next_setting(setting, TrainState(step=step, elapsed=elapsed), steps)
        for step, elapsed in times
    ]


def test_the_time_left_is_estimated_from_the_first_step_seen() -> None:
    """The hours before a resume, or a slow first step, would distort the speed."""
    times = [(1001, 9000.0), (1006, 9003.0), (1012, 9005.4), (1020, 9009.5)]
    changes = settings_over_time("auto", times, 5000)
    assert changes[:2] == [None, None]
    assert changes[2] == ("on", "33 minutes are left")
    assert changes[3] is not None
    assert settings_over_time("auto", times, 1200) == [None] * 4
    assert settings_over_time("off", times, 5000) == [None] * 4
    assert settings_over_time("on", times, 5000) == [None] * 4


def test_a_missing_compiler_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*given: object, **options: object) -> None:
        raise RuntimeError("Dynamo is not supported on this Python")

    monkeypatch.setattr(torch, "compile", missing)
    trainer = tiny_trainer(steps=4, compile="on")
    trainer.run()
    ((step, fields),) = events_of(trainer).of_type("changed")
    assert (step, fields["changes"]) == (1, {"compile": ["on", "off"]})
    assert "not supported" in fields["reason"]


def test_the_compiler_cache_is_a_private_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another user could put compiled code into a folder whose name can be guessed."""
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
    assert updater.compiled.disable(OSError(""))
    assert updater.compiled.failure == "OSError"
    assert not updater.compiled.start()
    assert not updater.compiled.disable(OSError("again"))

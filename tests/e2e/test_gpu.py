"""CUDA graphs and training on a real GPU; elsewhere they are tested with stand-ins."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from core.config.configs import ModelConfig
from core.model import factory
from core.model.fast_decode import CudaGraphDecoder, FastDecoder
from core.model.kv_cache import KVCache
from core.train import optim
from core.train.batches import Batches, WindowSamples
from core.train.update import Updater, fetch_losses
from tests.support.tiny_trainer import CONFIG, IDS, SHAPE

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

GPU = torch.device("cuda")


@pytest.mark.parametrize("rows", [1, 8])
@pytest.mark.parametrize("heads", [4, 2])
def test_graphs_have_the_logits_of_the_fast_decoder(rows: int, heads: int) -> None:
    shape = ModelConfig(context=384, kv_heads=heads)
    model = factory.build_model(shape, seed=0).to(GPU).eval()
    step = model.make_decode_step()
    assert isinstance(step, CudaGraphDecoder)
    caches = [KVCache(shape, rows, 384, GPU) for _ in range(2)]
    ids = torch.randint(3, 256, (384, rows, 1), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        for tokens in ids.to(GPU):
            logits, expected = step(tokens, caches[0]), FastDecoder(model)(tokens, caches[1])
            assert torch.allclose(logits, expected, atol=1e-3)
    assert step.failure is None


def losses(device: torch.device, choice: str) -> list[float]:
    config = dataclasses.replace(CONFIG, compile=choice, device=device.type)
    model = factory.build_model(SHAPE, seed=0).to(device).train()
    updater = Updater(model, device, optim.build_optimizer(model, config))
    batches = Batches(IDS, WindowSamples(0, 200, 8), 4, seed=0)
    values = fetch_losses([updater.update(batches, step, 1e-3, config) for step in range(12)])
    assert updater.compiled.on == (choice == "on")
    return values


def test_training_on_a_gpu_has_the_losses_of_a_cpu() -> None:
    expected = losses(torch.device("cpu"), "off")
    for choice in ("off", "on"):
        assert losses(GPU, choice) == pytest.approx(expected, rel=1e-3)

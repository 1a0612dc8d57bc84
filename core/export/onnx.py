"""An ONNX model for onnxruntime, in the browser too, with the cache as inputs and outputs.

Inputs: `input_ids`, `attention_mask` and `position_ids`, int64, and for every layer
`past_key_values.N.key` and `.value`. Outputs: `logits` and `present.N.key` and `.value`, which are
the next call's past. These are the names that transformers.js and optimum expect. The packages
`onnx` and `onnxscript` of the extra `[onnx]` are loaded when a model is written.

Shapes: B batch, T new tokens, P tokens before, S = P + T, G key/value heads, K head size, V
vocabulary.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim

from core.config.configs import ModelConfig
from core.export.huggingface import write_settings
from core.export.model_card import model_card
from core.export.source import ExportSource, Tensors
from core.export.targets import CARD_FILE, ONNX, ONNX_FILE
from core.model.attention import ForwardPass
from core.model.decoder import Decoder
from core.model.kv_cache import KVCache
from core.system.files import write_atomic

OPSET = 18  # has all that is needed, and runs in onnxruntime since 1.14
SAMPLE_SHAPE = (2, 3, 4)  # batch, past and new tokens of the example that is traced


class AppendedCache(KVCache):
    """Keys and values that grow by concatenation: outputs that depend on inputs.

    Args:
        past: keys and values of the layers in turn, (B, G, P, K) each.

    Attributes:
        present: the same with those of the new tokens, (B, G, S, K) each.
    """

    def __init__(self, past: Sequence[Tensor]) -> None:
        self._past = past
        self.present: list[Tensor] = []

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """See `KVCache.append`; returns (B, G, S, K) each."""
        keys = torch.cat((self._past[2 * layer], k), dim=2)
        values = torch.cat((self._past[2 * layer + 1], v), dim=2)
        self.present += [keys, values]
        return keys, values


class CachedDecoder(nn.Module):
    """A decoder as a function of its cache."""

    def __init__(self, model: Decoder) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        position_ids: Tensor,
        past: Sequence[Tensor],
    ) -> tuple[Tensor, list[Tensor]]:
        """Logits (B, T, V) and the cache.

        Args:
            input_ids, position_ids: of the new tokens, (B, T).
            attention_mask: 0 for padding, (B, S).
            past: see `AppendedCache`.
        """
        new, total = input_ids.shape[1], attention_mask.shape[1]
        last_visible = torch.arange(new)[:, None] + (total - new)  # (T, 1)
        is_causal = torch.arange(total)[None, :] <= last_visible  # (T, S)
        visible = is_causal & attention_mask.ne(0)[:, None, None, :]  # (B, 1, T, S)
        cache = AppendedCache(past)
        step = ForwardPass(visible, cache, None, None, 0.0)
        hidden = self.model.layers(input_ids, position_ids, step)
        return self.model.head(hidden), cache.present


def cache_names(config: ModelConfig, prefix: str) -> list[str]:
    """The names of the cache's tensors, in the order of `AppendedCache`."""
    return [
        f"{prefix}.{layer}.{part}" for layer in range(config.layers) for part in ("key", "value")
    ]


def write_folder(source: ExportSource, folder: Path, dtype: str) -> Tensors:
    """Write the model, with the settings and the tokenizer beside it.

    Returns:
        The weights as they are stored, in float32.

    Raises:
        OSError: it could not be written.
    """
    path = folder / ONNX_FILE
    path.parent.mkdir()
    _write_model(source.decoder.model, path)
    write_settings(source, folder, dtype)
    write_atomic(folder / CARD_FILE, model_card(source, ONNX, dtype).encode())
    return source.stored_tensors()


def _write_model(model: Decoder, path: Path) -> None:
    config = model.config
    batch, before, new = SAMPLE_SHAPE
    ids = torch.zeros(batch, new, dtype=torch.int64)
    mask = torch.ones(batch, before + new, dtype=torch.int64)
    positions = torch.arange(before, before + new).expand(batch, new).contiguous()
    shape = (batch, config.kv_heads, before, config.head_dim)
    past = [torch.zeros(shape) for _ in cache_names(config, "")]
    # transformers.js makes an empty cache by these names.
    rows = {0: Dim("batch_size"), 1: Dim("sequence_length")}
    some = Dim("past_sequence_length")
    tokens = ["input_ids", "attention_mask", "position_ids"]
    with torch.inference_mode(False), torch.no_grad(), _silent():
        program = torch.onnx.export(
            CachedDecoder(model).eval(),
            (ids, mask, positions, past),
            dynamo=True,
            opset_version=OPSET,
            input_names=[*tokens, *cache_names(config, "past_key_values")],
            output_names=["logits", *cache_names(config, "present")],
            dynamic_shapes=(
                rows,
                {0: rows[0], 1: Dim.DYNAMIC},
                rows,
                [{0: rows[0], 2: some} for _ in past],
            ),
            external_data=False,
            verbose=False,
        )
        assert program is not None
        program.save(path)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Without the exporter's notes on its progress and on packages that it does not need."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)

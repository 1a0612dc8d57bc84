"""Small random models of other programs, with tokenizers of theirs, made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import BpeTrainer

TEXT = "The quick brown fox jumps over the lazy dog. A café, 日本語, don't!\n" * 4
VOCABULARY = 420
CONTEXT = 48
SHARED = {"vocab_size": VOCABULARY}
USUAL = SHARED | {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": CONTEXT,
}
GROUPED = USUAL | {"num_key_value_heads": 2}
GPT2 = SHARED | {"n_positions": CONTEXT, "n_embd": 32, "n_layer": 2, "n_head": 4}
# The model's type and its settings, by a name of the case.
LAYOUTS: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("gpt2", GPT2),
    "gpt2 with another activation": ("gpt2", GPT2 | {"activation_function": "relu", "n_inner": 40}),
    "llama": ("llama", GROUPED),
    "llama with biases": ("llama", GROUPED | {"attention_bias": True, "mlp_bias": True}),
    "smollm": ("llama", GROUPED | {"tie_word_embeddings": True, "rope_theta": 100000.0}),
    "qwen2": ("qwen2", GROUPED),
    "qwen2 tied": ("qwen2", GROUPED | {"tie_word_embeddings": True, "rms_norm_eps": 1e-5}),
    "qwen3": ("qwen3", GROUPED | {"head_dim": 16}),
    "qwen3 with biases": ("qwen3", GROUPED | {"head_dim": 8, "attention_bias": True}),
    "gpt_neox": ("gpt_neox", USUAL | {"hidden_size": 64}),
    "gpt_neox one after the other": (
        "gpt_neox",
        USUAL | {"use_parallel_residual": False, "attention_bias": False, "rotary_pct": 1.0},
    ),
}


def byte_level_tokenizer() -> Tokenizer:
    """A byte-level BPE as GPT-2's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = BpeTrainer(
        vocab_size=VOCABULARY - 20,  # fewer tokens than rows, as in many models
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TEXT], trainer)
    return tokenizer


def blank_tokenizer() -> Tokenizer:
    """A BPE as Llama's: blanks as "▁", bytes as a fallback, `<s>` before every text."""
    special = ["<unk>", "<s>", "</s>"]
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.normalizer = normalizers.Replace(" ", "\u2581")
    trainer = BpeTrainer(vocab_size=120, special_tokens=special, show_progress=False)
    trained.train_from_iterator([TEXT.replace("日本語", "")], trainer)
    model = json.loads(trained.to_str())["model"]
    units = [*special, *(f"<0x{byte:02X}>" for byte in range(256))]
    units += [unit for unit in model["vocab"] if unit not in special]
    tokenizer = Tokenizer(
        models.BPE(
            {unit: id for id, unit in enumerate(units)},
            [tuple(merge) for merge in model["merges"]],
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    tokenizer.add_special_tokens(special)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("\u2581", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return tokenizer


def make_foreign_model(
    folder: Path,
    layout: str = "gpt2",
    tokenizer: Callable[[], Tokenizer] = byte_level_tokenizer,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    **saving: Any,
) -> transformers.PreTrainedModel:
    """Save a random model with its tokenizer as transformers does; return it.

    Every weight, biases and norms too, is far enough from its usual value to show every mistake.
    """
    kind, settings = LAYOUTS[layout]
    built = tokenizer()
    is_byte_level = built.token_to_id("</s>") is None
    ids = (0, 0) if is_byte_level else (1, 2)
    config = transformers.AutoConfig.for_model(
        kind, **settings, bos_token_id=ids[0], eos_token_id=ids[1]
    )
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            drawn = torch.randn_like(weight) * 0.25
            weight.copy_(drawn if weight.dim() > 1 else 1 + drawn)
    model = model.to(dtype)
    model.save_pretrained(folder, **saving)
    names = ("<|endoftext|>", "<|endoftext|>") if is_byte_level else ("<s>", "</s>")
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=built, bos_token=names[0], eos_token=names[1]
    ).save_pretrained(folder)
    return model


def edit_json(path: Path, **changes: Any) -> None:
    """Set fields of a JSON file; None removes one."""
    values = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in values.items() if v is not None}))

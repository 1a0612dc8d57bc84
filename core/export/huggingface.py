"""A folder that `transformers` loads and that stands alone: weights, settings, tokenizer, card."""

from __future__ import annotations

from pathlib import Path

from core.export.model_card import model_card
from core.export.source import ExportSource, Tensors, as_float32, cast_tensors
from core.export.targets import CARD_FILE, HF, MODEL_FILE
from core.model.safetensors_io import write_tensors
from core.run.model_files import generation_config, hf_config
from core.system.files import write_atomic, write_json


def write_folder(source: ExportSource, folder: Path, dtype: str) -> Tensors:
    """Write the folder; nothing is needed beside it for the Hub either.

    Returns:
        The weights as they are stored, in float32.

    Raises:
        OSError: it could not be written.
    """
    tensors = cast_tensors(source.stored_tensors(), dtype)
    write_tensors(folder / MODEL_FILE, tensors)
    write_settings(source, folder, dtype)
    write_atomic(folder / CARD_FILE, model_card(source, HF, dtype).encode())
    return as_float32(tensors)


def write_settings(source: ExportSource, folder: Path, dtype: str) -> None:
    """Write everything beside the weights: the model's shape, how it decodes, the tokenizer.

    Where the run converses, the tokenizer's settings hold the chat template; the ids that end a
    text and those that never follow one are in generation_config.json, which an encoder lacks.
    """
    loaded = source.loaded
    config, tokenizer = loaded.model.config, loaded.tokenizer
    names = hf_config(config, tokenizer.mask_id, source.labels, tokenizer.special_ids)
    write_json(folder / "config.json", names | {"dtype": dtype})
    if not config.is_encoder:
        special_ids = tokenizer.special_ids if tokenizer.is_imported else None
        write_json(
            folder / "generation_config.json",
            generation_config(config, loaded.reading, tokenizer.never_generated, special_ids),
        )
    tokenizer.save_for_others(folder, loaded.reading, is_encoder=config.is_encoder)

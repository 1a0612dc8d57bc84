"""Write one readable Python file that loads the weights beside it and continues a text as the run.

It is put together from pieces in `core/export/templates`: the tokenizer of the run's kind, the
model's architecture, and how a prompt becomes ids. It imports nothing of this project.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from core.export.source import ExportSource, Tensors, as_float32, cast_tensors
from core.export.targets import MODEL_FILE, SCRIPT_FILE
from core.model.safetensors_io import write_tensors
from core.run.model_files import hf_config
from core.system.files import write_atomic, write_json

PLAIN_PROMPT = re.compile(r"[A-Za-z0-9 ,.?+-]{1,40}")  # as an example in a shell's quotes
IMPORTS = {  # by kind of tokenizer
    "word": ("json", "math", "re"),
    "char": ("json", "math"),
    "bpe": ("codecs", "json", "math", "re", "unicodedata"),
}


def write_folder(source: ExportSource, folder: Path, dtype: str) -> Tensors:
    """Write the script, the weights, the model's shape and the vocabulary.

    Returns:
        The weights as they are stored, in float32.

    Raises:
        OSError: it could not be written.
    """
    loaded = source.decoder
    tensors = cast_tensors(source.stored_tensors(), dtype)
    write_tensors(folder / MODEL_FILE, tensors)
    write_json(folder / "config.json", hf_config(loaded.model.config) | {"dtype": dtype})
    write_atomic(folder / "tokenizer.json", loaded.tokenizer.to_json().encode())
    write_atomic(folder / SCRIPT_FILE, script_text(source).encode())
    return as_float32(tensors)


def script_text(source: ExportSource) -> str:
    """The script for a run."""
    loaded = source.decoder
    tokenizer, kind = loaded.tokenizer, loaded.tokenizer.kind
    constants = [
        f"KEPT_FIRST = {loaded.keep_first}  # ids that stay when the context is full",
        f"SLIDES = {not loaded.is_chat}  # whether more can follow then",
    ]
    if loaded.is_chat:
        assert tokenizer.roles, "the tokenizer of a run on conversations"
        roles = f"{tokenizer.roles.user}, {tokenizer.roles.assistant}"
        constants.insert(0, f"USER, ASSISTANT = {roles}")
    prompt = "chat" if loaded.is_chat else loaded.reading
    samples = (sample.prompt for sample in source.history.samples)
    example = next(filter(PLAIN_PROMPT.fullmatch, samples), "...")
    values = {
        "RUN": f"the run {source.label}",
        "PROMPT": example,
        "IMPORTS": "\n".join(
            [*(f"import {name}" for name in IMPORTS[kind]), "from pathlib import Path"]
        ),
        "NEVER": str(tuple(tokenizer.never_generated)),
        "CONSTANTS": "\n".join(constants),
        "PROMPT_IDS": piece(f"prompt_{prompt}").strip(),
    }
    text = "".join(piece(name) for name in ("begin", kind, loaded.model.config.architecture, "end"))
    return re.sub("@([A-Z_]+)@", lambda match: values[match[1]], text)


def piece(name: str) -> str:
    """A piece of the script by its name."""
    return (files("core.export") / "templates" / f"{name}.txt").read_text(encoding="utf-8")

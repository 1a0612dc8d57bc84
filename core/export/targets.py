"""What a run can be exported to: the targets, their precisions, and the names of the results.

Imports no torch: mistakes are reported before it is loaded.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.config.budget import count_parameters
from core.config.configs import FOREIGN_DECODERS, ModelConfig
from core.errors import InputError
from core.run.weights_ref import LAST
from core.tokenizer.tokenizer import Tokenizer

TARGETS = HF, GGUF, SCRIPT, ONNX = ("hf", "gguf", "script", "onnx")
DTYPES = FLOAT32, BFLOAT16, FLOAT16, Q8_0 = ("float32", "bfloat16", "float16", "q8_0")

MAX_ONNX_PARAMETERS = 500_000_000  # a file has 2 GiB at most, the graph included

MODEL_FILE = "model.safetensors"
SCRIPT_FILE = "continue_text.py"
CARD_FILE = "README.md"
ONNX_FILE = "onnx/model.onnx"
CONFIG_FILES = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True)
class TargetFormat:
    """What a target is.

    Attributes:
        title: the format in words.
        dtypes: the precisions it has; the first is the default.
        architectures: those it can hold.
        suffix: of the result's name.
        files: of a folder, relative to it; empty for a single file.
        writers: modules that write it, by their package on PyPI.
        checker: module of the program that reads it back for the comparison.
        program: name of that program.
        install: how to install the packages.
    """

    title: str
    dtypes: tuple[str, ...]
    architectures: tuple[str, ...]
    suffix: str
    files: tuple[str, ...] = ()
    writers: Mapping[str, str] | None = None
    checker: str = ""
    program: str = ""
    install: str = ""


FORMATS: Mapping[str, TargetFormat] = {
    HF: TargetFormat(
        title="a folder for transformers",
        dtypes=(FLOAT32, BFLOAT16),
        architectures=("qwen3", "eurobert", *FOREIGN_DECODERS),
        suffix="-hf",
        files=(MODEL_FILE, CARD_FILE, *CONFIG_FILES),
        checker="transformers",
        program="transformers",
        install="pip install transformers",
    ),
    GGUF: TargetFormat(
        title="a file for llama.cpp",
        dtypes=DTYPES,
        architectures=("qwen3",),
        suffix=".gguf",
        writers={"gguf": "gguf"},
        checker="xllamacpp",
        program="llama.cpp",
        install="pip install '.[gguf]'",
    ),
    SCRIPT: TargetFormat(
        title="a Python script with its weights",
        dtypes=(FLOAT32, BFLOAT16),
        architectures=("qwen3", "tutorial"),
        suffix="-script",
        files=(MODEL_FILE, SCRIPT_FILE, "config.json", "tokenizer.json"),
        program=SCRIPT_FILE,
    ),
    ONNX: TargetFormat(
        title="a model for onnxruntime",
        dtypes=(FLOAT32,),
        architectures=("qwen3", "tutorial", *FOREIGN_DECODERS),
        suffix="-onnx",
        files=(ONNX_FILE, CARD_FILE, *CONFIG_FILES),
        writers={"onnx": "onnx", "onnxscript": "onnxscript"},
        checker="onnxruntime",
        program="onnxruntime",
        install="pip install '.[onnx]'",
    ),
}
assert set(FORMATS) == set(TARGETS)


def default_path(name: str, weights: str, target: str) -> Path:
    """The name of the result in the working folder, such as `tales-best.gguf`."""
    chosen = "" if weights in ("", LAST) else f"-{weights}"
    return Path(f"{name}{chosen}{FORMATS[target].suffix}")


def check_dtype(target: str, dtype: str | None) -> str:
    """The precision to export in; the target's default for None.

    Raises:
        InputError: the target has no such precision.
    """
    dtypes = FORMATS[target].dtypes
    if dtype is None:
        return dtypes[0]
    if dtype not in dtypes:
        raise InputError(f"{target} has no precision {dtype!r}.", f"Choose {' or '.join(dtypes)}.")
    return dtype


def check_packages(target: str) -> None:
    """Refuse a target whose packages are not installed.

    Raises:
        InputError: the hint says how to install them.
    """
    writers = FORMATS[target].writers or {}
    missing = [package for module, package in writers.items() if not is_installed(module)]
    if missing:
        noun = "package" if len(missing) == 1 else "packages"
        raise InputError(
            f"Writing {target} needs the {noun} {' and '.join(missing)}.",
            f"Install what is missing: {FORMATS[target].install}",
        )


def how_to_verify(target: str) -> str:
    """What to install so that the next export is compared."""
    return f"{FORMATS[target].program} is not installed: {FORMATS[target].install}"


def is_installed(module: str) -> bool:
    """Whether a top-level module can be imported; it is not."""
    return importlib.util.find_spec(module) is not None


def check_model(target: str, config: ModelConfig) -> None:
    """Refuse a model that the target cannot hold.

    Raises:
        InputError: the hint names the targets that can.
    """
    architecture = config.architecture
    if architecture not in FORMATS[target].architectures:
        able = [name for name in TARGETS if architecture in FORMATS[name].architectures]
        raise InputError(
            f"{target} has no layout for the architecture {architecture!r}.",
            f"It can be exported with --to {' or '.join(able)}."
            if able
            else "Only the run itself has it: copy the run's folder.",
        )
    if target == ONNX and count_parameters(config) > MAX_ONNX_PARAMETERS:
        raise InputError(
            f"An ONNX file holds at most {MAX_ONNX_PARAMETERS:,} numbers of float32; the model has "
            f"{count_parameters(config):,}.",
            f"Export it with --to {HF}."
            if architecture in FOREIGN_DECODERS
            else f"Export it with --to {HF}, {GGUF} or {SCRIPT}.",
        )
    if target == GGUF and config.activation != "silu":
        raise InputError(
            f"llama.cpp computes this architecture with silu, not with {config.activation!r}.",
            f"Export it with --to {HF}, {SCRIPT} or {ONNX}.",
        )


BLANK_SIGN = "\u2581"  # stands for a blank in llama.cpp's vocabularies of words


def check_tokenizer(target: str, tokenizer: Tokenizer) -> None:
    """Refuse a vocabulary that the target cannot hold with the same ids and text.

    Raises:
        InputError: it has words that llama.cpp reads as others.
    """
    if target != GGUF or tokenizer.kind != "word":
        return
    words = [word for word in tokenizer.units if BLANK_SIGN in word or "\0" in word]
    if words:
        raise InputError(
            f"llama.cpp has no vocabulary for the word {words[0]!r}, which contains a character "
            "that it reads as a blank or as an end.",
            "Train with --tokenizer bpe, which has no such limit.",
        )

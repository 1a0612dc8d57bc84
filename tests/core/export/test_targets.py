"""What can be exported to what is decided before torch is loaded."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from core.config.configs import ModelConfig
from core.errors import InputError
from core.export.targets import (
    DTYPES,
    FORMATS,
    TARGETS,
    check_dtype,
    check_model,
    check_packages,
    check_tokenizer,
    default_path,
)
from core.tokenizer.tokenizer import Tokenizer


@pytest.mark.parametrize(
    ("weights", "target", "name"),
    [
        ("last", "hf", "tales-hf"),
        ("", "gguf", "tales.gguf"),
        ("best", "script", "tales-best-script"),
        ("64", "onnx", "tales-64-onnx"),
    ],
)
def test_the_default_path_names_run_weights_and_target(
    weights: str, target: str, name: str
) -> None:
    assert default_path("tales", weights, target) == Path(name)


@pytest.mark.parametrize("target", TARGETS)
def test_the_first_precision_is_the_default_and_others_are_refused(target: str) -> None:
    dtypes = FORMATS[target].dtypes
    assert check_dtype(target, None) == dtypes[0] == "float32"
    for dtype in DTYPES:
        if dtype in dtypes:
            assert check_dtype(target, dtype) == dtype
        else:
            with pytest.raises(InputError, match=f"{target} has no precision '{dtype}'"):
                check_dtype(target, dtype)


TUTORIAL = {"activation": "relu", "tie_embeddings": False}


@pytest.mark.parametrize(
    ("architecture", "targets"),
    [
        ("qwen3", ["hf", "gguf", "script", "onnx"]),
        ("tutorial", ["script", "onnx"]),
        ("eurobert", ["hf"]),
        ("llama", ["hf", "onnx"]),
        ("tutorial-encoder", []),
    ],
)
def test_a_target_without_a_layout_for_the_model_names_those_that_have_one(
    architecture: str, targets: list[str]
) -> None:
    config = ModelConfig(architecture=architecture, **(TUTORIAL if "tut" in architecture else {}))
    for target in TARGETS:
        if target in targets:
            check_model(target, config)
            continue
        with pytest.raises(
            InputError, match=f"no layout for the architecture '{architecture}'"
        ) as e:
            check_model(target, config)
        assert all(f"{other}" in e.value.hint for other in targets)
        assert targets or "copy the run's folder" in e.value.hint


def test_llama_cpp_is_refused_other_activations_than_its_own() -> None:
    config = ModelConfig(activation="relu2")
    with pytest.raises(InputError, match="not with 'relu2'"):
        check_model("gguf", config)
    check_model("hf", config)


def test_a_model_that_is_too_large_for_an_onnx_file_is_refused_in_words() -> None:
    config = ModelConfig(vocab_size=2**20, d_model=1024)
    with pytest.raises(InputError, match="holds at most 500,000,000 numbers"):
        check_model("onnx", config)
    check_model("gguf", config)
    large = ModelConfig(architecture="qwen2", vocab_size=2**20, d_model=1024)
    with pytest.raises(InputError) as error:
        check_model("onnx", large)
    assert error.value.hint == "Export it with --to hf."


@pytest.mark.parametrize("word", ["a\u2581b", "\u2581", "nul\0"])
def test_words_that_llama_cpp_reads_as_others_are_refused_with_an_alternative(word: str) -> None:
    tokenizer = Tokenizer.train("word", [f"the {word} cat"])
    with pytest.raises(InputError, match="no vocabulary for the word") as error:
        check_tokenizer("gguf", tokenizer)
    assert repr(word) in error.value.message
    assert "--tokenizer bpe" in error.value.hint
    check_tokenizer("hf", tokenizer)
    check_tokenizer("gguf", Tokenizer.train("char", [f"the {word} cat"]))
    check_tokenizer("gguf", Tokenizer.train("word", ["the cat"]))


def test_missing_packages_are_named_with_how_to_install_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="needs the packages onnx and onnxscript") as error:
        check_packages("onnx")
    assert error.value.hint == "Install what is missing: pip install '.[onnx]'"
    with pytest.raises(InputError, match="needs the package gguf"):
        check_packages("gguf")
    check_packages("hf")
    check_packages("script")

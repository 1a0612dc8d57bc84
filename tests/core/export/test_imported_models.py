"""Models of other programs leave as they came: same logits, same tokens, same special ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

from core.errors import InputError
from core.export.imported_models import QWEN2_RULE
from core.export.plan import plan_export
from core.export.targets import FORMATS
from core.importing.model import import_model, read_foreign_model
from core.paths import Home
from core.run.directory import Run
from core.system.files import read_json, write_json
from tests.support.exports import export
from tests.support.foreign_models import (
    LAYOUTS,
    blank_tokenizer,
    byte_level_tokenizer,
    edit_json,
    make_foreign_model,
)

TEXT = "The quick fox, don't! 12 cafés"


def qwen_tokenizer() -> Tokenizer:
    """A byte-level BPE that cuts texts as Qwen2's."""
    tokenizer = byte_level_tokenizer()
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_RULE), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return tokenizer


def _tokenizer_of(layout: str) -> Any:
    if layout.startswith("qwen2"):
        return qwen_tokenizer
    return blank_tokenizer if layout in ("llama", "qwen3 with biases") else byte_level_tokenizer


def _imported(folder: Path, layout: str, tokenizer: Any = None, **settings: Any) -> Run:
    """A run of a random model that `transformers` has saved in `folder / "model"`."""
    make_foreign_model(folder / "model", layout, tokenizer or _tokenizer_of(layout))
    if settings:
        edit_json(folder / "model" / "tokenizer_config.json", **settings)
    home = Home(root=folder / "home", cache=folder / "cache")
    return import_model(home, read_foreign_model(folder / "model"), name="brought")


LAYOUT_CASES = [
    pytest.param(name, marks=[] if name == kind else [pytest.mark.slow])
    for name, (kind, _) in LAYOUTS.items()
]


@pytest.mark.parametrize("layout", LAYOUT_CASES)
def test_transformers_finds_the_model_that_came(layout: str, tmp_path: Path) -> None:
    """Proven by its tokens, and the logits are those of the folder that was imported."""
    run = _imported(tmp_path, layout)
    report = export(run, "hf", tmp_path / "out")
    assert report.verification is not None
    assert report.verification.ties == 0
    assert report.verification.tokens >= 60
    assert {path.name for path in report.path.iterdir()} == set(FORMATS["hf"].files)
    loader: Any = transformers.AutoModelForCausalLM
    came, left = (loader.from_pretrained(tmp_path / name) for name in ("model", "out"))
    assert type(left) is type(came)
    tokenizers: list[Any] = [
        transformers.AutoTokenizer.from_pretrained(tmp_path / name) for name in ("model", "out")
    ]
    ids, again = (tokenizer(TEXT)["input_ids"] for tokenizer in tokenizers)
    assert again == ids
    with torch.no_grad():
        torch.testing.assert_close(
            left(torch.tensor([ids])).logits, came(torch.tensor([ids])).logits
        )
    for name in ("bos_token_id", "eos_token_id"):
        expected = None if name == "bos_token_id" and ids[0] != 1 else getattr(came.config, name)
        assert read_json(report.path / "config.json")[name] == expected
        assert read_json(report.path / "generation_config.json")[name] == expected
    assert not read_json(report.path / "generation_config.json")["suppress_tokens"]


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["gpt2", "llama", "qwen2", "qwen3", "gpt_neox"])
def test_onnxruntime_chooses_the_same_tokens(layout: str, tmp_path: Path) -> None:
    for module in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(module, reason="the other program is not installed")
    report = export(_imported(tmp_path, layout), "onnx", tmp_path / "out")
    assert report.verification is not None
    assert report.verification.tokens >= 60
    assert report.verification.max_logit_difference is not None


@pytest.mark.parametrize(
    ("layout", "target", "message", "hint"),
    [
        ("llama", "gguf", "not written for llama.cpp", "convert_hf_to_gguf"),
        ("gpt2", "script", "has the tokenizers of this program", "--to hf or onnx"),
    ],
)
def test_what_is_not_written_is_refused_with_what_to_do(
    layout: str, target: str, message: str, hint: str, tmp_path: Path
) -> None:
    run = _imported(tmp_path, layout)
    with pytest.raises(InputError, match=message) as error:
        plan_export(run, "last", target, out=tmp_path / "out")
    assert hint in error.value.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("tokenizer", [byte_level_tokenizer, blank_tokenizer])
def test_a_qwen2_that_transformers_reads_otherwise_is_refused(
    tokenizer: Any, tmp_path: Path
) -> None:
    run = _imported(tmp_path, "qwen2", tokenizer)
    with pytest.raises(InputError, match="Qwen's own tokenizer") as error:
        plan_export(run, "last", "hf", out=tmp_path / "out")
    assert "--to onnx" in error.value.hint


@pytest.mark.parametrize(
    ("tokenizer", "adds", "first"),
    [(blank_tokenizer, False, None), (byte_level_tokenizer, True, 0)],
)
def test_the_exported_tokenizer_begins_texts_as_the_model_does(
    tokenizer: Any, adds: bool, first: int | None, tmp_path: Path
) -> None:
    """What tokenizer_config.json says of the first token holds where only the tokenizer is read."""
    run = _imported(tmp_path, "llama", tokenizer, add_bos_token=adds)
    report = export(run, "hf", tmp_path / "out")
    assert report.verification is not None
    loaded: Any = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    plain = tokenizer().encode(TEXT, add_special_tokens=False).ids
    assert loaded(TEXT)["input_ids"] == [*([] if first is None else [first]), *plain]
    kept = json.loads((run.folder / "tokenizer.json").read_text())
    assert kept == json.loads((tmp_path / "model" / "tokenizer.json").read_text())


def test_the_card_says_that_it_was_imported_and_names_no_folder(tmp_path: Path) -> None:
    run = _imported(tmp_path, "gpt2")
    path = export(run, "hf", tmp_path / "out").path
    card = (path / "README.md").read_text()
    assert "imported by minigpt-tui from the files of another program" in card
    assert "trained from scratch" not in card
    assert "knows nothing else" not in card
    assert "| source | `model` |\n| layout | `gpt2` |\n| licence | `not stated` |" in card
    assert "## Training" not in card
    written = (file.read_bytes() for file in path.iterdir())
    assert not any(str(tmp_path).encode() in content for content in written)


def test_a_run_that_was_trained_from_one_is_exported_as_its_child(tmp_path: Path) -> None:
    run = _imported(tmp_path, "llama")
    record = read_json(run.record)
    del record["imported"]
    record["corpus"] |= {"name": "notes", "reading": "lines"}
    write_json(run.record, record | {"parent": {"run": "smol"}})
    report = export(run, "hf", tmp_path / "out", dtype="bfloat16")
    assert report.verification is not None
    card = (report.path / "README.md").read_text()
    assert "fine-tuned with minigpt-tui from `smol`, which descends from a model of" in card
    assert "| name | `notes` |" in card

"""A folder for transformers: complete, free of the run's files, and described truthfully."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.export import huggingface
from core.export.source import load_source
from core.export.targets import FORMATS
from core.run.directory import Run
from core.system.files import read_json, write_json
from core.text.corpus import bundled_corpora
from core.text.stats import fingerprint
from tests.support.exports import exported_run
from tests.support.runs import write_event


def _export(run: Run, folder: Path, dtype: str = "float32", weights: str = "last") -> Path:
    folder.mkdir()
    huggingface.write_folder(load_source(run, weights), folder, dtype)
    return folder


def _card(folder: Path) -> str:
    return (folder / "README.md").read_text()


@pytest.mark.parametrize("reading", ["lines", "conversations"])
def test_it_holds_what_is_needed_and_nothing_of_the_run(reading: str, tmp_path: Path) -> None:
    run = exported_run(tmp_path / "home", "bpe", reading)
    folder = _export(run, tmp_path / "out")
    assert {path.name for path in folder.iterdir()} == set(FORMATS["hf"].files)
    settings = read_json(folder / "tokenizer_config.json")
    assert ("chat_template" in settings) == (reading == "conversations")
    assert read_json(folder / "generation_config.json")["eos_token_id"] == 2
    written = (path.read_bytes() for path in folder.iterdir())
    assert not any(str(tmp_path).encode() in content for content in written)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_and_settings_have_the_precision(dtype: str, tmp_path: Path) -> None:
    run = exported_run(tmp_path / "home")
    source = load_source(run)
    ours = source.stored_tensors()
    (tmp_path / "out").mkdir()
    stored = huggingface.write_folder(source, tmp_path / "out", dtype)
    theirs = load_file(tmp_path / "out" / "model.safetensors")
    assert read_json(tmp_path / "out" / "config.json")["dtype"] == dtype
    for name, tensor in theirs.items():
        assert tensor.dtype == getattr(torch, dtype)
        assert torch.equal(tensor, ours[name].to(tensor.dtype))
        assert torch.equal(tensor.float(), stored[name])


def test_an_encoder_is_described_as_one(tmp_path: Path) -> None:
    from core.config.configs import ModelConfig
    from core.run.model_files import hf_config
    from core.tokenizer.tokenizer import Tokenizer
    from tests.support.runs import TINY_CORPUS, TINY_SHAPE, write_tiny_weights

    run = exported_run(tmp_path / "home")
    tokenizer = Tokenizer.train("word", TINY_CORPUS).with_mask()
    tokenizer.save(run.folder, "lines")
    config = ModelConfig(
        architecture="eurobert", vocab_size=tokenizer.vocab_size, context=32, **TINY_SHAPE
    )
    write_json(run.config, hf_config(config, tokenizer.mask_id))
    write_tiny_weights(run.weights, config, 0)
    folder = _export(run, tmp_path / "out")
    assert not (folder / "generation_config.json").exists()
    assert read_json(folder / "config.json")["mask_token_id"] == tokenizer.mask_id
    assert "pipeline_tag: fill-mask" in _card(folder)
    assert 'pipeline("fill-mask", ".")' in _card(folder)


def test_the_card_tells_the_text_the_losses_and_the_settings(tmp_path: Path) -> None:
    run = exported_run(tmp_path / "home")
    record = read_json(run.record)
    (lang,) = (corpus for corpus in bundled_corpora() if corpus.name == "lang")
    record["corpus"] |= {"name": "lang", "sha256": fingerprint(lang), "size": 1286}
    write_json(run.record, record)
    baselines = {"random": 4.9, "unigram": 3.96, "bigram": 1.47}
    write_event(run, "started", pid=1, host="here", boot="1")
    write_event(
        run,
        "prepared",
        reference={"on": "validation", **baselines},
        train={"optimizer": "adamw", "learning_rate": 0.003},
    )
    write_event(run, "step", 50, train_loss=1.25)
    write_event(run, "eval", 50, val_loss=1.5)
    write_event(run, "saved", 50, kind="checkpoint")
    write_event(run, "step", 80, train_loss=1.0)
    write_event(run, "eval", 80, val_loss=1.125)
    write_event(run, "saved", 80, kind="checkpoint")
    card = _card(_export(run, tmp_path / "out"))
    assert "library_name: transformers\n" in card
    assert "the weights after step 80, in float32" in card
    assert "| name | `lang` |\n| size | `1,286 bytes` |\n" in card
    assert f"| SHA-256 | `{fingerprint(lang)}` |" in card
    assert f"| licence | `{lang.licence}` |" in card
    assert "| training, step 80 | `1.0000` |\n| validation, step 80 | `1.1250` |" in card
    assert "| uniform baseline, validation data | `4.9000` |" in card
    assert "| bigram baseline, validation data | `1.4700` |" in card
    assert "| optimizer | `adamw` |" in card
    assert "| layers | `2` |" in card
    run.snapshot_weights(50).parent.mkdir(parents=True)
    run.snapshot_weights(50).write_bytes(run.weights.read_bytes())
    early = _card(_export(run, tmp_path / "early", weights="50"))
    assert "the weights after step 50" in early
    assert "| validation, step 50 | `1.5000` |" in early


def test_a_text_of_ones_own_has_no_licence_even_if_it_is_called_like_a_bundled_one(
    tmp_path: Path,
) -> None:
    run = exported_run(tmp_path / "home")
    record = read_json(run.record)
    record["corpus"]["name"] = "lang"
    write_json(run.record, record)
    assert "| licence | `not stated` |" in _card(_export(run, tmp_path / "out"))


def test_names_are_data_not_markup(tmp_path: Path) -> None:
    run = exported_run(tmp_path / "home")
    record = read_json(run.record)
    record["corpus"]["name"] = "a|b`c`\n# Title <script>\x1b[31m"
    write_json(run.record, record)
    card = _card(_export(run, tmp_path / "out"))
    assert "| name | `a¦b'c' # Title <script> [31m` |" in card
    header = card.split("---\n")[1]
    assert json.loads(header.split("tags: ")[1]) == ["minigpt-tui"]

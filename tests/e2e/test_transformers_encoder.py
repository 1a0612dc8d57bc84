"""The folder of an encoder's run opened with unmodified `transformers`: same logits and answers."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.config.configs import ModelConfig
from core.inference.classification import label_scores, labelled_ids
from core.inference.fill import blank_logits, encode_blanks, fill_blanks, text_with_blanks
from core.inference.load import load_classifier, load_encoder
from core.model.encoder import Encoder
from core.model.factory import build_encoder
from core.model.state_dict import load_stored, to_stored
from core.paths import Home
from core.run.model_files import hf_config, parse_model_config
from core.tokenizer.special_tokens import EOS, PAD, SOS
from core.tokenizer.tokenizer import Tokenizer
from tests.support.real_trainers import create_held_run, train_here
from tests.support.task_runs import feelings, task_run
from tests.support.texts import write

os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported
transformers = pytest.importorskip("transformers")

TIED = ModelConfig(
    architecture="eurobert",
    vocab_size=83,
    context=48,
    layers=3,
    heads=4,
    kv_heads=4,
    d_model=40,
    head_dim=10,
    d_ff=64,
)
GROUPED = dataclasses.replace(
    TIED, kv_heads=2, head_dim=16, tie_embeddings=False, rope_theta=3e5, norm_eps=1e-5
)
SQUARED = dataclasses.replace(TIED, activation="relu2", tie_embeddings=False)
CONFIGS = pytest.mark.parametrize(
    "config", [TIED, GROUPED, SQUARED], ids=["tied", "grouped", "squared"]
)
LINES = ["Python is a language .", "a cat sat on a mat .", "is a cat a language ?"]


def _model(config: ModelConfig) -> Encoder:
    """All weights, norms too, far enough from their initial values to show every mistake."""
    model = build_encoder(config).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in model.parameters():
            values = torch.empty_like(weight).normal_(0, 0.25, generator=generator)
            weight.copy_(values if weight.dim() > 1 else 1 + values)
    return model


def _save(model: Encoder, folder: Path, mask_id: int = 82) -> None:
    (folder / "config.json").write_text(json.dumps(hf_config(model.config, mask_id)))
    save_file(to_stored(model), folder / "model.safetensors", {"format": "pt"})


def _load(folder: Path) -> Any:
    model, report = transformers.AutoModelForMaskedLM.from_pretrained(
        folder, output_loading_info=True
    )
    assert not any(report.values()), report
    return model.eval()


@CONFIGS
def test_transformers_computes_the_same_logits(config: ModelConfig, tmp_path: Path) -> None:
    """Detects a causal mask, norms on queries and keys, or rotary pairs unlike EuroBERT's."""
    model = _model(config)
    _save(model, tmp_path)
    ids = torch.randint(3, 83, (3, 40), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, theirs = model.head(model(ids)), _load(tmp_path)(ids).logits
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@CONFIGS
def test_transformers_computes_the_same_logits_beside_padding(
    config: ModelConfig, tmp_path: Path
) -> None:
    model = _model(config)
    _save(model, tmp_path)
    ids = torch.randint(3, 83, (3, 20), generator=torch.Generator().manual_seed(1))
    for row, length in enumerate((20, 7, 1)):
        ids[row, length:] = PAD
    is_token = ids != PAD
    with torch.no_grad():
        ours = model.head(model(ids))[is_token]
        theirs = _load(tmp_path)(ids, attention_mask=is_token.long()).logits[is_token]
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@CONFIGS
def test_an_encoder_saved_by_transformers_loads(config: ModelConfig, tmp_path: Path) -> None:
    model = _model(config)
    _save(model, tmp_path)
    again = tmp_path / "again"
    _load(tmp_path).save_pretrained(again)
    values = json.loads((again / "config.json").read_text())
    assert (parse_model_config(values), values["mask_token_id"]) == (config, 82)
    returned = build_encoder(config, None).eval()
    load_stored(returned, load_file(again / "model.safetensors"))
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        assert torch.equal(returned(ids), model(ids))


@pytest.mark.parametrize("reading", ["lines", "text"])
@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
def test_transformers_encodes_the_same_ids(kind: str, reading: str, tmp_path: Path) -> None:
    tokenizer = _save_tokenizer(kind, reading, tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    ids = tokenizer.encode("a cat sat")
    assert theirs("a cat sat").input_ids == ([SOS, *ids, EOS] if reading == "lines" else ids)
    assert theirs.mask_token_id == tokenizer.mask_id
    batch = theirs(["a cat sat", "a"], padding=True)
    assert batch.input_ids[1] == [*theirs("a").input_ids, *[PAD] * (len(ids) - 1)]
    assert sum(batch.attention_mask[1]) == len(theirs("a").input_ids)


TEXTS = ["a [] sat on a mat .", "[] is a language .", "is a cat a []", "[] a [] ? []"]


@pytest.mark.parametrize("reading", ["lines", "text"])
@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_pipeline_with_nothing_but_the_folder_gives_our_answers(
    kind: str, reading: str, text: str, tmp_path: Path
) -> None:
    """A blank before a byte-level piece belongs to the piece, there too."""
    tokenizer = _save_tokenizer(kind, reading, tmp_path)
    model = _model(dataclasses.replace(TIED, vocab_size=tokenizer.vocab_size))
    _save(model, tmp_path, tokenizer.mask_id or 0)
    ids = encode_blanks(tokenizer, reading, text)
    fills = fill_blanks(model, tokenizer, ids)
    probabilities = blank_logits(model, ids, list(fills)).softmax(-1)
    pipeline = transformers.pipeline("fill-mask", str(tmp_path))
    answers = pipeline(text.replace("[]", "<mask>"), top_k=tokenizer.vocab_size)
    rows = [answers] if len(fills) == 1 else answers
    assert len(rows) == len(fills) == text.count("[]")
    for (place, fill), row, ours in zip(fills.items(), rows, probabilities, strict=True):
        scores = {answer["token"]: answer["score"] for answer in row}
        assert [scores[id] for id in range(tokenizer.vocab_size)] == pytest.approx(
            ours.tolist(), abs=1e-4
        )
        best = next(answer for answer in row if answer["token"] in tokenizer.unit_ids)
        assert best["token"] == fill
        if len(fills) == 1 and kind != "char":
            filled = text_with_blanks(tokenizer, ids, {place: fill})
            expected = filled.replace("[", "").replace("]", "")
            assert best["sequence"].strip(" ") == expected.strip(" ")


@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_the_run_directory_of_a_trained_encoder_gives_our_answers(
    kind: str, tmp_path: Path
) -> None:
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    text = write(tmp_path / "lines.txt", "\n".join(LINES * 9) + "\n")
    size = {"tokenizer": kind, "vocab_size": 300 if kind == "bpe" else None}
    run, lock = create_held_run(home, text, "tiny", preset="encoder-modern", steps=60, **size)
    train_here(home, run, lock)
    assert not run.generation_config.exists()
    loaded = load_encoder(run)
    ids = encode_blanks(loaded.tokenizer, loaded.reading, "a cat [] on a mat .")
    answer = transformers.pipeline("fill-mask", str(run.folder))("a cat <mask> on a mat .")[0]
    assert [answer["token"]] == list(fill_blanks(loaded.model, loaded.tokenizer, ids).values())


@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
def test_a_run_that_labels_texts_is_a_classifier_there(kind: str, tmp_path: Path) -> None:
    """Same logits beside padding, same framing of a text, same names and probabilities."""
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    run = task_run(home, "tiny", feelings(), kind=kind, context=64, architecture="eurobert")
    loaded = load_classifier(run)
    texts = ["The film number 7 was good .", "The soup was bad ."]
    ids = [labelled_ids(loaded.tokenizer, text, 64) for text in texts]
    batch = transformers.AutoTokenizer.from_pretrained(run.folder)(
        texts, padding=True, return_tensors="pt"
    )
    for row, mask, expected in zip(batch.input_ids, batch.attention_mask, ids, strict=True):
        assert row[mask == 1].tolist() == expected
    theirs, report = transformers.AutoModelForSequenceClassification.from_pretrained(
        run.folder, output_loading_info=True
    )
    assert not any(report.values()), report
    with torch.no_grad():
        logits = theirs.eval()(**batch).logits
        ours = loaded.model.label_logits(batch.input_ids)
    torch.testing.assert_close(ours, logits, rtol=1e-4, atol=1e-4)
    answers = transformers.pipeline("text-classification", str(run.folder))(texts, top_k=None)
    scores = label_scores(loaded.model, ids)
    for answer, row in zip(answers, scores, strict=True):
        found = {entry["label"]: entry["score"] for entry in answer}
        expected = dict(zip(loaded.labels, torch.tensor(row).exp().tolist(), strict=True))
        assert found == pytest.approx(expected, abs=1e-4)


def test_transformers_does_not_know_the_tutorials_encoder(tmp_path: Path) -> None:
    """No layout there fits it, so its folder does not claim to be one that exists."""
    config = ModelConfig(
        architecture="tutorial-encoder", activation="relu", tie_embeddings=False, norm_eps=1e-5
    )
    _save(build_encoder(config), tmp_path)
    with pytest.raises(ValueError, match="minigpt-tutorial-encoder"):
        transformers.AutoConfig.from_pretrained(tmp_path)


def _save_tokenizer(kind: str, reading: str, folder: Path) -> Tokenizer:
    tokenizer = Tokenizer.train(kind, LINES, 300 if kind == "bpe" else None).with_mask()
    tokenizer.save(folder, reading)
    assert Tokenizer.load(folder).to_json() == tokenizer.to_json()
    return tokenizer

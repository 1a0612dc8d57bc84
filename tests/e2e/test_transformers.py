"""A run's folder opened with unmodified `transformers`: same logits, same greedy tokens."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.config.configs import ModelConfig, SamplingConfig
from core.inference.generate import generate
from core.inference.load import load_model
from core.inference.sampling import remove_special
from core.inference.session import Session
from core.model.decoder import Decoder
from core.model.factory import build_model
from core.model.state_dict import load_stored, to_stored
from core.paths import Home
from core.run.model_files import generation_config, hf_config, parse_model_config
from core.text.messages import parse_messages
from core.tokenizer.chat_format import frame_messages
from core.tokenizer.special_tokens import EOS, SOS
from core.tokenizer.tokenizer import Tokenizer
from tests.support.runs import tiny_run

os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported
transformers = pytest.importorskip("transformers")

TIED = ModelConfig(
    vocab_size=83, context=48, layers=3, heads=4, kv_heads=4, d_model=40, head_dim=10, d_ff=64
)
GROUPED = dataclasses.replace(
    TIED, heads=6, kv_heads=2, head_dim=16, tie_embeddings=False, rope_theta=3e5, norm_eps=1e-5
)
SQUARED = dataclasses.replace(TIED, activation="relu2", tie_embeddings=False)
CONFIGS = pytest.mark.parametrize(
    "config", [TIED, GROUPED, SQUARED], ids=["tied", "grouped", "squared"]
)


def _model(config: ModelConfig) -> Decoder:
    """All weights, norms too, far enough from their initial values to show every mistake."""
    model = build_model(config).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in model.parameters():
            values = torch.empty_like(weight).normal_(0, 0.25, generator=generator)
            weight.copy_(values if weight.dim() > 1 else 1 + values)
    return model


def _save(model: Decoder, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(hf_config(model.config)))
    (folder / "generation_config.json").write_text(
        json.dumps(generation_config(model.config, "lines"))
    )
    save_file(to_stored(model), folder / "model.safetensors", {"format": "pt"})


def _load(folder: Path) -> Any:
    model, report = transformers.AutoModelForCausalLM.from_pretrained(
        folder, output_loading_info=True
    )
    assert not any(report.values()), report
    return model.eval()


def _greedy(model: Decoder, ids: Tensor, new: int) -> list[int]:
    with torch.no_grad():
        for _ in range(new):
            logits = remove_special(model.head(model(ids)[:, -1]))
            next_id = logits.argmax(-1, keepdim=True)  # (1, 1)
            ids = torch.cat((ids, next_id), dim=1)
    return ids[0].tolist()


@CONFIGS
def test_transformers_computes_the_same_logits(config: ModelConfig, tmp_path: Path) -> None:
    """Detects rotary pairs, norms, shared heads or a scale unlike Qwen3's."""
    model = _model(config)
    _save(model, tmp_path)
    theirs = _load(tmp_path)
    ids = torch.randint(3, 83, (3, 40), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, expected = model.head(model(ids)), theirs(ids).logits
    assert ((ours - expected).norm() / expected.norm()).item() < 1e-4
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


@CONFIGS
def test_transformers_generates_the_same_greedy_tokens(config: ModelConfig, tmp_path: Path) -> None:
    """Detects a generation_config that samples or ends elsewhere, and positions off by one."""
    model = _model(config)
    _save(model, tmp_path)
    ids = torch.tensor([[1, 30, 12, 71]])
    theirs = _load(tmp_path).generate(ids, max_new_tokens=20, eos_token_id=-1)
    assert theirs[0].tolist() == _greedy(model, ids, 20)


@CONFIGS
def test_a_model_saved_by_transformers_loads(config: ModelConfig, tmp_path: Path) -> None:
    model = _model(config)
    _save(model, tmp_path)
    again = tmp_path / "again"
    _load(tmp_path).save_pretrained(again)
    values = json.loads((again / "config.json").read_text())
    assert parse_model_config(values) == config
    returned = build_model(parse_model_config(values), None).eval()
    load_stored(returned, load_file(again / "model.safetensors"))
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        assert torch.equal(returned(ids), model(ids))


def test_transformers_reads_the_generation_defaults(tmp_path: Path) -> None:
    _save(_model(TIED), tmp_path)
    read = _load(tmp_path).generation_config
    assert (read.pad_token_id, read.bos_token_id, read.eos_token_id) == (0, 1, 2)
    assert (read.do_sample, read.max_new_tokens) == (False, 48)


@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
def test_transformers_encodes_generates_and_decodes_the_same_text(
    kind: str, tmp_path: Path
) -> None:
    """Tokenizer and weights of a folder must belong together."""
    lines = ["Python is a language .", "a cat sat on a mat .", "is a cat a language ?"]
    tokenizer = Tokenizer.train(kind, lines, 300 if kind == "bpe" else None)
    model = _model(dataclasses.replace(TIED, vocab_size=tokenizer.vocab_size))
    _save(model, tmp_path)
    tokenizer.save(tmp_path, "lines")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert (theirs.bos_token_id, theirs.eos_token_id) == (SOS, EOS)
    prompt = "a cat is"
    ids = [SOS, *tokenizer.encode(prompt)]
    assert theirs(prompt).input_ids == ids
    new = _load(tmp_path).generate(torch.tensor([ids]), max_new_tokens=12, eos_token_id=-1)[0]
    expected = _greedy(model, torch.tensor([ids]), 12)
    assert new.tolist() == expected
    known = [id for id in expected if id > EOS and id != tokenizer.unk_id]
    assert theirs.decode(known).lstrip(" ") == tokenizer.decode(known)


@pytest.mark.parametrize("reading", ["lines", "text"])
@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
@pytest.mark.parametrize("prompt", ["the cat", ""])
def test_a_pipeline_with_nothing_but_the_folder_gives_our_greedy_text(
    kind: str, reading: str, prompt: str, tmp_path: Path
) -> None:
    """<sos> before lines comes from the folder too, as does what never follows a text."""
    run = tiny_run(Home(root=tmp_path, cache=tmp_path), "tiny", kind, reading, context=80)
    loaded = load_model(run)
    session = Session(loaded.model, keep_first=loaded.keep_first)
    session.extend(loaded.encode(prompt))
    tokens = generate(session, [], loaded.tokenizer, SamplingConfig())
    # There, <unk> is a special token and not shown.
    known = [token.text for token in tokens if token.id != loaded.tokenizer.unk_id]
    expected = prompt + "".join(known)
    pipeline = transformers.pipeline("text-generation", str(run.folder))
    text = pipeline(prompt)[0]["generated_text"].removesuffix("\ufffd")  # half a character
    assert (text if prompt else text.lstrip(" ")) == expected


MESSAGES = [
    {"role": "system", "content": "the cat sang"},
    {"role": "user", "content": " the dog ran\n"},
    {"role": "assistant", "content": "to the door"},
    {"role": "user", "content": "a bird"},
]


@pytest.mark.parametrize("first", [0, 1, 3], ids=["system", "exchange", "pair"])
@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
def test_the_chat_template_gives_our_ids(kind: str, first: int, tmp_path: Path) -> None:
    """Detects a blank, newline or special token that one of the two adds or leaves out."""
    run = tiny_run(Home(root=tmp_path, cache=tmp_path), "tiny", kind, "conversations", context=160)
    messages = MESSAGES[first:]
    theirs = transformers.AutoTokenizer.from_pretrained(run.folder)
    encoded = theirs.apply_chat_template(messages, add_generation_prompt=True)
    expected = load_model(run).encode_messages(parse_messages("messages", messages))
    assert encoded["input_ids"] == expected.ids
    roles = Tokenizer.load(run.folder).roles
    assert roles
    whole = [*messages, {"role": "assistant", "content": "sang"}]
    parsed = parse_messages("messages", whole)
    contents = Tokenizer.load(run.folder).encode_batch([message.content for message in parsed])
    learnt = theirs.apply_chat_template(whole)["input_ids"]
    assert learnt == frame_messages(roles, parsed, contents).ids


@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
def test_a_chat_pipeline_with_nothing_but_the_folder_gives_our_replies(
    kind: str, tmp_path: Path
) -> None:
    run = tiny_run(Home(root=tmp_path, cache=tmp_path), "tiny", kind, "conversations", context=240)
    loaded = load_model(run)
    session = Session(loaded.model, keep_first=1)
    session.extend(loaded.encode_messages(parse_messages("messages", MESSAGES)).ids)
    tokens = list(generate(session, [], loaded.tokenizer, SamplingConfig()))
    ours = "".join(token.text for token in tokens if token.id != loaded.tokenizer.unk_id)
    pipeline = transformers.pipeline("text-generation", str(run.folder))
    reply = pipeline(MESSAGES)[0]["generated_text"][-1]
    assert reply["role"] == "assistant"
    assert reply["content"].lstrip(" ").removesuffix("\ufffd") == ours.lstrip(" ")
    assert kind != "word" or not ours.startswith(" ")

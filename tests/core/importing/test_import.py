"""Models of other programs compute here what they compute there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import transformers

from core.config.configs import SamplingConfig
from core.importing.model import import_model, read_foreign_model
from core.inference.generate import generate
from core.inference.load import LoadedModel, load_model
from core.inference.session import Session
from core.model.kv_cache import KVCache
from core.model.safetensors_io import read_tensors
from core.model.state_dict import to_stored
from core.paths import Home
from core.run.directory import Run
from core.run.model_files import hf_config, parse_model_config, read_model_config
from core.run.status import IMPORTED, status_of
from core.run.summary import summarize_run
from tests.support.foreign_models import (
    CONTEXT,
    LAYOUTS,
    VOCABULARY,
    blank_tokenizer,
    byte_level_tokenizer,
    make_foreign_model,
)

TOKENIZERS = {"byte-level": byte_level_tokenizer, "with blanks": blank_tokenizer}
PROMPT = "The quick  brown café jumps, 日本 don't 🙂 <|endoftext|>"


def _home(folder: Path) -> Home:
    return Home(root=folder / "home", cache=folder / "cache")


def _import(folder: Path, source: Path) -> tuple[Run, LoadedModel]:
    run = import_model(_home(folder), read_foreign_model(source))
    return run, load_model(run)


@pytest.mark.parametrize("layout", LAYOUTS)
@torch.inference_mode()
def test_logits_are_those_of_transformers(layout: str, tmp_path: Path) -> None:
    """At once, and token by token with a cache, on the fast path or beside it."""
    theirs = make_foreign_model(tmp_path / "theirs", layout)
    run, loaded = _import(tmp_path, tmp_path / "theirs")
    ids = torch.randint(VOCABULARY, (2, CONTEXT), generator=torch.Generator().manual_seed(1))
    expected = theirs(ids).logits
    tolerance = 1e-4 * float(expected.abs().max())
    model = loaded.model
    torch.testing.assert_close(model.head(model(ids)), expected, rtol=0, atol=tolerance)
    cache, step = KVCache(model.config, 2, CONTEXT), model.make_decode_step()
    model(ids[:, : CONTEXT - 8], cache=cache)
    for place in range(CONTEXT - 8, CONTEXT):
        logits = step(ids[:, place : place + 1], cache, None)
        torch.testing.assert_close(logits, expected[:, place], rtol=0, atol=tolerance)
    reloaded = transformers.AutoModelForCausalLM.from_pretrained(run.folder)
    torch.testing.assert_close(reloaded(ids).logits, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_loss_and_gradients_are_those_of_transformers(layout: str, tmp_path: Path) -> None:
    theirs = make_foreign_model(tmp_path / "theirs", layout)
    _, loaded = _import(tmp_path, tmp_path / "theirs")
    ids = torch.randint(VOCABULARY, (3, 20), generator=torch.Generator().manual_seed(1))
    ids[0, 5:8] = 0  # a token as any other, not padding
    expected = theirs(ids, labels=ids).loss
    expected.backward()
    loaded.model.no_target = loaded.tokenizer.no_target
    loss = loaded.model.train().loss(ids[:, :-1], ids[:, 1:])
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=0)
    loss.backward()  # type: ignore[no-untyped-call]
    ours, wanted = loaded.model.embedding.weight.grad, theirs.get_input_embeddings().weight.grad
    assert ours is not None
    tolerance = 1e-4 * float(wanted.abs().max())
    torch.testing.assert_close(ours, wanted, rtol=0, atol=tolerance)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_weights_and_config_are_written_as_they_were_read(layout: str, tmp_path: Path) -> None:
    make_foreign_model(tmp_path / "theirs", layout)
    run, loaded = _import(tmp_path, tmp_path / "theirs")
    stored = to_stored(loaded.model)
    expected = read_tensors(tmp_path / "theirs" / "model.safetensors")
    assert stored.keys() == expected.keys()
    assert all(torch.equal(stored[name], value) for name, value in expected.items())
    config = read_model_config(run.config)
    assert parse_model_config(hf_config(config)) == config


@pytest.mark.parametrize(
    ("layout", "kind"),
    [
        ("gpt2", "byte-level"),
        ("gpt2", "with blanks"),
        ("llama", "byte-level"),
        ("llama", "with blanks"),
        ("qwen2", "byte-level"),
        ("gpt_neox", "byte-level"),
    ],
)
def test_greedy_text_is_that_of_transformers(layout: str, kind: str, tmp_path: Path) -> None:
    """The same ids of a prompt, the same tokens after it, and the same text."""
    theirs = make_foreign_model(tmp_path / "theirs", layout, TOKENIZERS[kind])
    _, loaded = _import(tmp_path, tmp_path / "theirs")
    their_tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "theirs")
    prompt = PROMPT.removesuffix("<|endoftext|>")
    ids = their_tokenizer(prompt, return_tensors="pt").input_ids
    assert loaded.encode(prompt) == ids[0].tolist()
    count = CONTEXT - ids.shape[1]
    expected = theirs.generate(ids, max_new_tokens=count, do_sample=False)[0, ids.shape[1] :]
    session = Session(loaded.model, keep_first=loaded.keep_first)
    tokens = list(
        generate(session, ids[0].tolist(), loaded.tokenizer, SamplingConfig(max_tokens=count))
    )
    assert [token.id for token in tokens] == expected.tolist()
    # Of bytes that are no UTF-8, which a random model writes, the other decoder also drops those
    # before them.
    whole = [*ids[0].tolist(), *(expected.tolist() if kind == "byte-level" else ())]
    text = their_tokenizer.decode(whole, skip_special_tokens=True)
    assert loaded.tokenizer.decode(whole).rstrip("�") == text.rstrip("�")


@pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS)
def test_the_name_of_a_special_token_in_a_text_is_text(tokenizer: object, tmp_path: Path) -> None:
    assert callable(tokenizer)
    make_foreign_model(tmp_path / "theirs", "gpt2", tokenizer)
    _, loaded = _import(tmp_path, tmp_path / "theirs")
    ids = loaded.tokenizer.encode(PROMPT)
    assert not any(loaded.tokenizer.is_special(id) for id in ids)
    assert loaded.tokenizer.decode(ids) == PROMPT
    names = loaded.tokenizer.names
    assert len(names) == VOCABULARY
    assert names[VOCABULARY - 1] == f"<unused {VOCABULARY - 1}>"


def test_a_single_file_is_linked_and_parts_are_joined(tmp_path: Path) -> None:
    make_foreign_model(tmp_path / "one", "llama")
    one, loaded = _import(tmp_path, tmp_path / "one")
    assert one.weights.samefile(tmp_path / "one" / "model.safetensors")
    make_foreign_model(tmp_path / "parts", "llama", max_shard_size="40KB")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 2
    parts, joined = _import(tmp_path, tmp_path / "parts")
    expected, values = to_stored(loaded.model), to_stored(joined.model)
    assert all(torch.equal(values[name], value) for name, value in expected.items())
    assert summarize_run(parts).name == "parts"


def test_half_precision_is_read_exactly(tmp_path: Path) -> None:
    theirs = make_foreign_model(tmp_path / "theirs", "qwen2", dtype=torch.bfloat16)
    _, loaded = _import(tmp_path, tmp_path / "theirs")
    stored = to_stored(loaded.model)
    for name, value in theirs.state_dict().items():
        assert torch.equal(stored[name], value.float())


def test_an_imported_run_says_what_it_is(tmp_path: Path) -> None:
    source = tmp_path / "theirs"
    theirs = make_foreign_model(source)
    (source / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\nA model.\n")
    run, _ = _import(tmp_path, source)
    assert status_of(run) == IMPORTED
    summary = summarize_run(run)
    assert summary.parameters == sum(weight.numel() for weight in theirs.parameters())
    assert (summary.train_loss, summary.val_loss, summary.problem) == (None, None, "")
    assert json.loads(run.record.read_text())["imported"] == {
        "source": str(source),
        "licence": "apache-2.0",
        "model_type": "gpt2",
    }


def test_names_of_old_files_are_understood(tmp_path: Path) -> None:
    """The first GPT-2 files have no prefix, and masks that are no weights."""
    from safetensors.torch import load_file, save_file

    theirs = make_foreign_model(tmp_path / "theirs")
    path = tmp_path / "theirs" / "model.safetensors"
    tensors = {n.removeprefix("transformer."): value for n, value in load_file(path).items()}
    masks = {f"h.{layer}.attn.bias": torch.ones(1, 1, CONTEXT, CONTEXT) for layer in range(2)}
    path.unlink()
    save_file(tensors | masks, path)
    _, loaded = _import(tmp_path, tmp_path / "theirs")
    ids = torch.arange(1, 9)[None]
    with torch.inference_mode():
        torch.testing.assert_close(
            loaded.model.head(loaded.model(ids)), theirs(ids).logits, rtol=1e-4, atol=1e-4
        )

"""The exported script: short, free of this project, and the same as our own decoding."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.export import script
from core.export.source import load_source
from core.inference.load import load_model
from core.run.directory import Run
from core.text.messages import USER, Message
from core.tokenizer.tokenizer import Tokenizer
from tests.support.exports import KINDS, READINGS, change_model, exported_run, greedy_ids
from tests.support.runs import write_event

MAX_LINES = 250
MAX_COLUMNS = 100
MODULES = {"argparse", "codecs", "json", "math", "pathlib", "re", "unicodedata"}
TUTORIAL: dict[str, Any] = {
    "architecture": "tutorial",
    "kv_heads": 2,
    "activation": "relu",
    "tie_embeddings": False,
    "norm_eps": 1e-5,
}


def _export(run: Run, folder: Path, dtype: str = "float32") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    script.write_folder(load_source(run), folder, dtype)
    return folder / "continue_text.py"


def _import(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("exported_script", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("architecture", ["qwen3", "tutorial"])
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_continues_as_we_do_and_beyond_the_context(
    kind: str, reading: str, architecture: str, tmp_path: Path
) -> None:
    run = exported_run(tmp_path / "home", kind, reading, context=24)
    if architecture == "tutorial":
        change_model(run, **TUTORIAL)
    module, loaded = _import(_export(run, tmp_path / "out")), load_model(run, device="cpu")
    tokenizer, model = module.Tokenizer(module.FOLDER), module.Model(module.FOLDER)
    prompt = "the cat sat"
    if reading == "conversations":
        ours = loaded.encode_messages((Message(USER, prompt),)).ids
        count = 24 - len(ours)
    else:
        ours, count = loaded.encode(prompt), 40
    ids = module.prompt_ids(tokenizer, prompt)
    assert ids == ours
    new = module.generate(model, ids, 40)
    assert new == greedy_ids(loaded, ours, count)
    assert tokenizer.decode(new) == loaded.tokenizer.decode(new)


@pytest.mark.parametrize("architecture", ["qwen3", "tutorial"])
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_short_and_imports_torch_and_safetensors_only(
    kind: str, reading: str, architecture: str, tmp_path: Path
) -> None:
    run = exported_run(tmp_path / "home", kind, reading)
    if architecture == "tutorial":
        change_model(run, **TUTORIAL)
    path = _export(run, tmp_path / "out")
    lines = path.read_text().splitlines()
    assert len(lines) <= MAX_LINES
    assert max(map(len, lines)) <= MAX_COLUMNS
    assert re.findall("@[A-Z_]+@", path.read_text()) == []
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported <= {*MODULES, "torch", "safetensors"}
    if kind == "char":
        assert "re" not in imported
    text = path.read_text()
    unused = [
        name for name in imported - {"torch", "safetensors", "pathlib"} if f"{name}." not in text
    ]
    assert unused == []


@pytest.mark.parametrize("option", [[], ["--temperature", "0.8", "--seed", "3"]])
def test_as_a_command_it_prints_the_continuation_wherever_it_is(
    option: list[str], tmp_path: Path
) -> None:
    """Also with Python's isolated mode: nothing of this project can be found then."""
    run = exported_run(tmp_path / "home", "word", "lines")
    path = _export(run, tmp_path / "out")
    command = [sys.executable, "-I", str(path), "the cat", "--tokens", "12", *option]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    if not option:
        loaded = load_model(run, device="cpu")
        expected = loaded.tokenizer.decode(greedy_ids(loaded, loaded.encode("the cat"), 12))
        assert done.stdout == f"{expected}\n"
    assert len(done.stdout.split()) <= 12


def test_a_word_outside_the_vocabulary_is_named(tmp_path: Path) -> None:
    path = _export(exported_run(tmp_path / "home", "word"), tmp_path / "out")
    command = [sys.executable, str(path), "the zebra sat"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Not in the vocabulary: zebra" in done.stderr


def test_a_temperature_below_zero_is_refused_in_words(tmp_path: Path) -> None:
    path = _export(exported_run(tmp_path / "home", "word"), tmp_path / "out")
    command = [sys.executable, str(path), "the cat", "--temperature", "-1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--temperature must be at least 0" in done.stderr


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [("the cat", '"the cat"'), ('"; rm -rf $HOME #', '"..."'), ("the\ncat", '"..."')],
)
def test_its_example_is_a_plain_prompt_of_the_run(prompt: str, shown: str, tmp_path: Path) -> None:
    run = exported_run(tmp_path / "home")
    write_event(run, "sample", 1, prompt=prompt, text=" sat")
    text = _export(run, tmp_path / "out").read_text()
    assert f"    python continue_text.py {shown}\n" in text


def test_weights_in_bfloat16_are_computed_with_in_float32(tmp_path: Path) -> None:
    run = exported_run(tmp_path / "home")
    source = load_source(run)
    (tmp_path / "out").mkdir()
    source.use_weights(script.write_folder(source, tmp_path / "out", "bfloat16"))
    module = _import(tmp_path / "out" / "continue_text.py")
    model = module.Model(module.FOLDER)
    assert {str(weight.dtype) for weight in model.weights.values()} == {"torch.float32"}
    ids = source.decoder.encode("the cat")
    assert module.generate(model, ids, 20) == greedy_ids(source.decoder, ids, 20)


CORPUS = "It's 12 cats' don't\n\tnaïve 中文 😀 <eos> we'll\u3000see\xa0it's <unk>."


@cache
def _both(kind: str) -> tuple[Tokenizer, Any]:
    """Our tokenizer and the script's."""
    import tempfile

    ours = Tokenizer.train(kind, [CORPUS] * 3)
    pieces = {"word": "import json, re\n", "char": "import json\n"}
    bpe = "import codecs, json, math, re, unicodedata\n"
    code = pieces.get(kind, bpe) + script.piece(kind)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "tokenizer.json").write_text(ours.to_json())
        Path(folder, "tokenizer.py").write_text(code)
        module = _import(Path(folder, "tokenizer.py"))
        return ours, module.Tokenizer(Path(folder))


@given(st.text(alphabet=st.one_of(st.sampled_from(sorted(set(CORPUS))), st.characters(
    exclude_categories=["Cs", "Cn"])), max_size=20))  # fmt: skip
def test_its_byte_pair_encoding_is_ours_for_any_text(text: str) -> None:
    ours, theirs = _both("bpe")
    ids = ours.encode(text)
    assert theirs.encode(text) == ids
    assert theirs.decode(ids) == ours.decode(ids)


@given(st.lists(st.sampled_from([*CORPUS.split(" "), " ", "\u2003", "\x85", "\n"]), max_size=8))
def test_its_words_are_ours(words: list[str]) -> None:
    ours, theirs = _both("word")
    text = " ".join(words)
    ids = ours.encode(text)
    if ours.unk_id not in ids:
        assert theirs.encode(text) == ids
        assert theirs.decode(ids) == ours.decode(ids)


@given(st.text(alphabet=sorted(set(CORPUS)), max_size=20))
def test_its_characters_are_ours(text: str) -> None:
    ours, theirs = _both("char")
    ids = ours.encode(text)
    assert theirs.encode(text) == ids
    assert theirs.decode(ids) == ours.decode(ids)

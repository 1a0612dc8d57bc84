"""What cannot be imported is refused in words, before anything is made."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.config.configs import Extension
from core.errors import DamagedError, InputError, MiniGPTError, StorageError
from core.importing.model import import_model, read_foreign_model
from core.inference import load
from core.paths import Home
from core.run.resume import lock_for_resume
from core.run.store import list_runs
from tests.support.foreign_models import edit_json, make_foreign_model

# A frame that has no place for the first text: the library panics.
SECOND_TEXT_ALONE = {
    "type": "TemplateProcessing",
    "single": [{"Sequence": {"id": "B", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "B", "type_id": 0}}],
    "special_tokens": {},
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is imported as it is."""
    folder = tmp_path_factory.mktemp("models") / "theirs"
    make_foreign_model(folder, "qwen2")
    read_foreign_model(folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy of it, to be broken."""
    copy = tmp_path / "theirs"
    copy.mkdir()
    for path in original.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"model_type": "mistral"}, "'mistral'"),
        ({"use_sliding_window": True, "sliding_window": 4}, "use_sliding_window"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "layer_types"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, "yarn"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "linear"),
        ({"rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4}}, "llama3"),
        ({"rope_parameters": [1]}, "rope_parameters"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
        ({"auto_map": {"AutoModel": "evil.Model"}}, "auto_map"),
        ({"hidden_act": "mish"}, "activation"),
        ({"hidden_size": 0}, "d_model"),
        ({"hidden_size": "32"}, "d_model"),
        ({"num_hidden_layers": 10**9}, "layers"),
        ({"num_hidden_layers": 3}, "missing: model.layers.2"),
        (
            {"hidden_size": 4096, "intermediate_size": 65536, "num_hidden_layers": 256},
            "numbers; the model",
        ),
        ({"intermediate_size": 64}, "another shape: model.layers.0.mlp"),
        ({"num_attention_heads": None}, "num_attention_heads"),
        ({"vocab_size": 16}, "ids up to"),
    ],
    ids=str,
)
def test_a_config_that_does_not_fit_is_refused(
    fields: dict[str, Any], named: str, folder: Path
) -> None:
    edit_json(folder / "config.json", **fields)
    with pytest.raises(InputError) as raised:
        read_foreign_model(folder)
    assert named in raised.value.message
    assert len(raised.value.message) < 1000


def test_pickles_are_not_read(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"pytorch_model\.bin") as raised:
        read_foreign_model(folder)
    assert "safe_serialization=True" in raised.value.hint


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(InputError, match=name):
        read_foreign_model(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_link_out_of_the_folder_is_refused(name: str, folder: Path, original: Path) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to(original / name)
    with pytest.raises(InputError, match="leads out of the folder"):
        read_foreign_model(folder)


def test_links_of_the_cache_of_a_hub_are_followed(folder: Path, tmp_path: Path) -> None:
    repository = tmp_path / "models--someone--Small-1.5B"
    snapshot = repository / "snapshots" / "0123abc"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(repository / "blobs" / str(number))
        (snapshot / path.name).symlink_to(f"../../blobs/{number}")
    run = import_model(_home(tmp_path), read_foreign_model(snapshot))
    assert run.name == "Small-1.5B"


@pytest.mark.parametrize(
    "name",
    ["../other/model.safetensors", "/etc/passwd", "..", "", "a\\b/c", "\0", "\x1b[2J", "x" * 5000],
)
def test_an_index_cannot_name_files_elsewhere(name: str, folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"model.embed_tokens.weight": name}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=r"not the name of a file|lacks|too long") as raised:
        read_foreign_model(folder)
    assert raised.value.message.isprintable()
    assert len(raised.value.message) < 1000


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda value: value["model"].update(type="WordPiece"), "WordPiece"),
        (lambda value: value["model"].update(type="Unigram"), "Unigram"),
        (lambda value: value["model"]["vocab"].pop("a"), "lacks some bytes"),
        (lambda value: value.update(pre_tokenizer=None, decoder=None), "neither"),
        (lambda value: value.update(model=3), "no vocabulary"),
        (lambda value: value["model"].update(merges=[["x", "y"]]), "cannot be used"),
        (lambda value: value.update(decoder={"type": []}), "cannot be used|lacks some bytes"),
        (lambda value: value.update(post_processor=SECOND_TEXT_ALONE), "cannot be used"),
    ],
)
def test_a_tokenizer_of_another_kind_is_refused(edit: Any, named: str, folder: Path) -> None:
    path = folder / "tokenizer.json"
    value = json.loads(path.read_text())
    edit(value)
    path.write_text(json.dumps(value))
    with pytest.raises(InputError, match=named):
        read_foreign_model(folder)


@pytest.mark.parametrize(
    "lie",
    [
        {"dtype": []},
        {"data_offsets": "x"},
        {"data_offsets": [0, 0]},
        {"data_offsets": [-8, 0]},
        {"data_offsets": [10**15, 10**15 + 128]},
    ],
    ids=str,
)
def test_a_header_that_lies_is_refused(lie: dict[str, Any], folder: Path) -> None:
    _edit_header(folder, lambda header: header["model.norm.weight"].update(lie))
    with pytest.raises(DamagedError, match="safetensors"):
        read_foreign_model(folder)


def test_tensors_that_share_bytes_are_refused(folder: Path) -> None:
    def share(header: dict[str, Any]) -> None:
        other = header["model.layers.0.input_layernorm.weight"]
        header["model.norm.weight"]["data_offsets"] = other["data_offsets"]

    _edit_header(folder, share)
    with pytest.raises(DamagedError, match="two tensors share bytes"):
        read_foreign_model(folder)


def test_a_pipe_is_not_read(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")
    with pytest.raises(DamagedError, match="Not a regular file"):
        read_foreign_model(folder)


def _edit_header(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "model.safetensors"
    content = path.read_bytes()
    begin = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:begin])
    edit(header)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[begin:])


def test_weights_that_are_cut_short_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = path.read_bytes()
    for length in (0, 4, 20, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"model\.safetensors"):
            read_foreign_model(folder)


def test_a_model_larger_than_the_memory_is_not_loaded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = import_model(_home(tmp_path), read_foreign_model(folder))
    load.load_model(run)
    monkeypatch.setattr(load, "FLOAT32_BYTES", 1 << 40)
    with pytest.raises(MiniGPTError, match="of memory"):
        load.load_model(run)


def test_nothing_stays_of_an_import_that_failed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, model = _home(tmp_path), read_foreign_model(folder)
    monkeypatch.setattr("core.importing.weights.link_or_copy", _full_disk)
    with pytest.raises(StorageError, match="No space"):
        import_model(home, model)
    assert list_runs(home) == []


def test_an_imported_run_cannot_be_resumed(folder: Path, tmp_path: Path) -> None:
    home = _home(tmp_path)
    run = import_model(home, read_foreign_model(folder))
    with pytest.raises(MiniGPTError, match="imported") as raised:
        lock_for_resume(home, run, Extension(steps=5))
    assert "--from" in raised.value.hint


def _home(folder: Path) -> Home:
    return Home(root=folder / "home", cache=folder / "cache")


def _full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")

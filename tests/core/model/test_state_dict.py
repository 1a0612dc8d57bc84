"""Stored weights and configs: names, shapes, copies, and errors when loading."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from torch import Tensor

from core.config.configs import ModelConfig
from core.errors import DamagedError, InputError
from core.model.decoder import Decoder
from core.model.factory import build_model
from core.model.state_dict import (
    extend_vocabulary,
    load_stored,
    tensor_layout,
    to_stored,
    with_own_head,
)
from core.run.model_files import generation_config, hf_config, parse_model_config

MODERN = ModelConfig(
    vocab_size=61, context=24, layers=2, heads=4, kv_heads=2, d_model=36, head_dim=10, d_ff=50
)
UNTIED = dataclasses.replace(MODERN, tie_embeddings=False, activation="relu2", rope_theta=5e4)
TUTORIAL = dataclasses.replace(
    UNTIED, architecture="tutorial", kv_heads=4, activation="relu", norm_eps=1e-5
)
CONFIGS = pytest.mark.parametrize(
    "config", [MODERN, UNTIED, TUTORIAL], ids=["tied", "untied", "tutorial"]
)


def _logits(model: Decoder) -> Tensor:
    ids = torch.arange(3, 23)[None]
    with torch.no_grad():
        logits: Tensor = model.head(model.eval()(ids))
    return logits


@CONFIGS
def test_weights_round_trip(config: ModelConfig) -> None:
    """Detects a slice with the wrong name or rows, or a missing one."""
    model = build_model(config, 3)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_()
    other = build_model(config, 4)
    load_stored(other, to_stored(model))
    assert torch.equal(_logits(other), _logits(model))
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


@CONFIGS
def test_rows_for_new_tokens_are_like_the_others(config: ModelConfig) -> None:
    """All else is unchanged, and equal seeds give equal rows."""
    parent = to_stored(build_model(config, 3))
    larger = build_model(dataclasses.replace(config, vocab_size=config.vocab_size + 3), None)
    extended = extend_vocabulary(larger, parent, 3, seed=5)
    load_stored(larger, extended)
    grown = {name for name in parent if len(extended[name]) != len(parent[name])}
    assert len(grown) == {"tied": 1, "untied": 2, "tutorial": 3}[_kind(config)]
    for name, rows in parent.items():
        assert torch.equal(extended[name][: len(rows)], rows)
        if name in grown:
            new = extended[name][len(rows) :]
            assert len(new) == 3
            assert new.std() < 3 * rows.std()
            assert not torch.equal(new[0], new[1])
    same, other = (extend_vocabulary(larger, parent, 3, seed=seed) for seed in (5, 6))
    assert all(torch.equal(same[name], extended[name]) for name in parent)
    assert not any(torch.equal(other[name], extended[name]) for name in grown)


@CONFIGS
def test_only_a_lack_of_exactly_the_new_tokens_is_filled(config: ModelConfig) -> None:
    """Weights of another model are still refused."""
    parent = to_stored(build_model(config, 3))
    larger = build_model(dataclasses.replace(config, vocab_size=config.vocab_size + 5), None)
    with pytest.raises(DamagedError, match="of another shape"):
        load_stored(larger, extend_vocabulary(larger, parent, 3, seed=5))
    whole = to_stored(larger)
    assert all(extend_vocabulary(larger, whole, 3, 5)[name] is whole[name] for name in whole)


def _kind(config: ModelConfig) -> str:
    return {MODERN: "tied", UNTIED: "untied", TUTORIAL: "tutorial"}[config]


@CONFIGS
def test_every_parameter_is_stored(config: ModelConfig) -> None:
    model = build_model(config)
    assert set(tensor_layout(config)) == set(dict(model.named_parameters()))
    stored = sum(tensor.numel() for tensor in to_stored(model).values())
    assert stored == sum(p.numel() for p in model.parameters())


@CONFIGS
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_stored_tensors_are_contiguous_copies(config: ModelConfig, dtype: torch.dtype) -> None:
    """Training continues while they are written; views cannot be saved."""
    model = build_model(config).to(dtype)
    tensors = to_stored(model)
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, before[name])
        assert tensor.is_contiguous()
        assert (tensor.dtype, tensor.device.type) == (torch.float32, "cpu")
        assert tensor.untyped_storage().nbytes() == tensor.nbytes


def test_names_are_those_of_transformers_and_the_tutorial() -> None:
    modern, untied, tutorial = (
        to_stored(build_model(MODERN)),
        to_stored(build_model(UNTIED)),
        to_stored(build_model(TUTORIAL)),
    )
    assert modern["model.layers.1.self_attn.k_proj.weight"].shape == (20, 36)
    assert modern["model.layers.0.mlp.up_proj.weight"].shape == (50, 36)
    assert "lm_head.weight" not in modern
    assert untied["lm_head.weight"].shape == (61, 36)
    assert tutorial["decoder.layers.1.feed_forward.conv1.weight"].shape == (50, 36, 1)
    assert tutorial["decoder.layers.0.self_attn.W_V.bias"].shape == (40,)


def test_all_wrong_tensors_are_named_and_the_model_is_unchanged() -> None:
    model = build_model(MODERN)
    before = [p.clone() for p in model.parameters()]
    tensors = to_stored(build_model(MODERN, 9))
    tensors["stranger"] = tensors.pop("model.norm.weight")
    tensors["model.embed_tokens.weight"] = torch.zeros(60, 36)
    with pytest.raises(DamagedError) as caught:
        load_stored(model, tensors)
    for part in (
        "missing: model.norm.weight",
        "unknown: stranger",
        "model.embed_tokens.weight is [60, 36], not [61, 36]",
    ):
        assert part in caught.value.message
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_long_list_of_names_is_shortened() -> None:
    with pytest.raises(DamagedError) as caught:
        load_stored(build_model(MODERN), {})
    assert "and 16 more" in caught.value.message


@CONFIGS
def test_a_config_round_trips_through_config_json(config: ModelConfig) -> None:
    assert parse_model_config(json.loads(json.dumps(hf_config(config)))) == config


LABELS = ("good", "bad", "plain")
LABELLER = dataclasses.replace(MODERN, architecture="eurobert", labels=3)
TUTORIAL_LABELLER = dataclasses.replace(TUTORIAL, architecture="tutorial-encoder", labels=3)
labellers = pytest.mark.parametrize(
    "config", [LABELLER, TUTORIAL_LABELLER], ids=["modern", "tutorial"]
)


@labellers
def test_the_labels_of_a_head_round_trip_through_config_json(config: ModelConfig) -> None:
    values = json.loads(json.dumps(hf_config(config, None, LABELS)))
    assert parse_model_config(values) == config
    assert list(values["id2label"].values()) == list(LABELS)
    for labels in ({}, ["good"], None):
        with pytest.raises(DamagedError, match="id2label"):
            parse_model_config({**values, "id2label": labels})


@labellers
def test_a_head_of_labels_is_the_models_own_and_the_rest_its_parents(config: ModelConfig) -> None:
    model, parent = build_model(config, 1), build_model(dataclasses.replace(config, labels=0), 2)
    stored = to_stored(parent)
    mixed = with_own_head(model, stored)
    own = to_stored(model)
    heads = {"dense.weight", "dense.bias", "classifier.weight", "classifier.bias"}
    assert own.keys() == mixed.keys() >= heads
    for name, tensor in mixed.items():
        assert torch.equal(tensor, (own if name in heads else stored)[name]), name
    load_stored(model, mixed)
    again = with_own_head(build_model(config, 3), to_stored(model))
    assert not torch.equal(again["dense.weight"], own["dense.weight"]), "a parent's is not kept"


@pytest.mark.parametrize("config", [MODERN, TUTORIAL], ids=["modern", "tutorial"])
def test_a_config_json_without_a_field_is_damaged(config: ModelConfig) -> None:
    """A default in its place would silently be another model."""
    complete = hf_config(config)
    for name in ("vocab_size", "rope_theta", "head_dim"):
        values = {key: value for key, value in complete.items() if key != name}
        values.pop("rope_parameters", None)
        with pytest.raises(DamagedError, match=name):
            parse_model_config(values)
    with pytest.raises(DamagedError, match="heads"):
        parse_model_config({**complete, "num_attention_heads": "four", "heads": "four"})


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "mistral"},
        {"model_type": None},
        {"mlp_bias": True},
        {"use_sliding_window": True},
        {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}},
        {"rope_scaling": {"type": "linear", "factor": 2.0}},
    ],
)
def test_an_unsupported_architecture_is_an_error(change: dict[str, object]) -> None:
    """It must not be computed as if it were this one."""
    with pytest.raises(InputError):
        parse_model_config({**hf_config(MODERN), **change})


def test_the_generation_config_is_greedy_and_ends() -> None:
    values = generation_config(MODERN, "lines")
    assert values["do_sample"] is False
    assert (values["pad_token_id"], values["bos_token_id"], values["eos_token_id"]) == (0, 1, 2)
    assert values["max_new_tokens"] == 24
    assert generation_config(ModelConfig(context=512), "lines")["max_new_tokens"] == 50

"""Scores, the lens, the models and sessions that are kept, and forecasts."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
import torch

from core.config.configs import ModelConfig
from core.config.plan_inputs import DeviceFacts
from core.errors import Cancelled, DamagedError, InputError, MiniGPTError
from core.inference.load import LoadedModel
from core.paths import Home
from core.run.directory import Run
from core.run.event_log import EventLog
from core.run.model_files import parse_model_config
from core.server import model_cache
from core.server.dispatch import Dispatcher
from core.system.files import JsonObject, read_json
from tests.support.direct_client import DirectClient, tiny_home
from tests.support.runs import tiny_run, write_tiny_weights


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return tiny_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def dispatcher(home: Home) -> Dispatcher:
    return Dispatcher(home)


@pytest.fixture
def client(dispatcher: Dispatcher) -> DirectClient:
    return DirectClient(dispatcher)


def test_scores_are_the_probabilities_of_step_mode(client: DirectClient) -> None:
    reply = client("score", run="words", text="the cat sat")
    assert [token[1] for token in reply["tokens"]] == ["<sos>", "the", "cat", "sat"]
    assert reply["tokens"][0][2] is None
    view = client("step", run="words", prompt="", top=18)
    for id, _, score in reply["tokens"][1:]:
        (same,) = [one for one in view["top"] if one["id"] == id]
        assert torch.tensor(score).exp() == pytest.approx(same["probability"], rel=1e-4)
        view = client("step", session=view["session"], pick=id, top=18)
    scores = [token[2] for token in reply["tokens"][1:]]
    assert reply["total"] == pytest.approx(sum(scores))
    assert reply["loss"] == pytest.approx(-sum(scores) / 3)
    long = client("score", run="chars", text="the cat " * 200)
    assert len(long["tokens"]) == 1600
    assert client("score", run="chars", text="t")["loss"] is None


def test_the_last_layer_of_the_lens_predicts_what_the_model_does(client: DirectClient) -> None:
    view = client("step", run="words", prompt="the cat sat")
    reply = client("inside", session=view["session"], rows=2)
    best = view["top"][0]
    id, text, probability = reply["lens"][-1][-1]
    assert (id, text) == (best["id"], best["text"])
    assert probability == pytest.approx(best["probability"], rel=1e-4)
    assert reply["window"] == [[0, 1, "<sos>"], [1, 3, "the"], [2, 4, "cat"], [3, 5, "sat"]]
    assert reply["positions"] == [2, 3]
    assert [len(row) for row in reply["lens"]] == [3, 3]


def test_a_model_is_kept_until_its_file_changes(client: DirectClient, home: Home) -> None:
    """An open session keeps the model it started with."""
    run = tiny_run(home, "training")
    config = parse_model_config(read_json(run.config))
    assert client("load", run="training")["how"] == "loaded"
    assert client("load", run="training")["how"] == "kept"
    old = client("step", run="training", prompt="the")
    write_tiny_weights(run.weights, config, seed=9)
    log = EventLog(run.events)
    log.emit("saved", 12, kind="checkpoint")
    log.emit("saved", 16, kind="snapshot")
    log.close()
    again = client("load", run="training")
    assert (again["how"], again["step"]) == ("reloaded", 12)
    new = client("step", run="training", prompt="the")
    assert new["entropy"] != old["entropy"]
    assert client("step", session=old["session"])["entropy"] == old["entropy"]
    shutil.rmtree(run.folder)
    with pytest.raises(MiniGPTError, match="training"):
        client("generate", run="training", prompt="the")
    assert client("generate", prompt="the")["tokens"], "the one used last is still there"


def test_the_reply_to_load_has_the_step_of_the_weights(client: DirectClient, home: Home) -> None:
    """From the checkpoint, else from the last event that reports a save."""
    run = tiny_run(home, "stepped")
    checkpoint = run.checkpoint(40).weights
    checkpoint.parent.mkdir(parents=True)
    checkpoint.hardlink_to(run.weights)
    run.last_checkpoint.write_text("40\n")
    assert client("load", run="stepped")["step"] == 40
    assert client("generate", prompt="the")["step"] == 40
    run.last_checkpoint.write_text("41\n")
    assert client("load", run="stepped", device="cpu")["step"] is None


def test_a_reply_too_long_for_a_line_has_no_text(
    client: DirectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batches have it."""
    monkeypatch.setattr("core.server.dispatch.MAX_REPLY_CHARACTERS", 10)
    reply = client("generate", run="words", prompt="the")
    assert reply["text"] is None
    assert len([token for batch in client.batches for token in batch["tokens"]]) == reply["tokens"]


def test_several_models_and_snapshots_are_kept(client: DirectClient) -> None:
    reply = [client("load", run="words", weights=weights) for weights in ("last", "0", "4")]
    assert [one["step"] for one in reply] == [None, 0, 4]
    assert [one["weights"] for one in reply] == ["last", "0", "4"]
    assert client("load", run="chars")["tokenizer"] == "char"
    assert [client("load", run="words", weights=w)["how"] for w in ("last", "0")] == [
        "kept",
        "kept",
    ]
    assert client("load")["weights"] == "0", "the one used last"


def test_without_free_memory_one_model_and_its_sessions_are_kept(
    client: DirectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = DeviceFacts(device="cpu", name="full", free_memory=0, threads=1)
    monkeypatch.setattr(model_cache, "device_facts", lambda device: full)
    name = client("step", run="words", prompt="the")["session"]
    client("generate", run="words", prompt="the")
    client("load", run="chars")
    assert len(client.dispatcher.cache.models) == 1
    with pytest.raises(InputError, match="not open"):
        client("step", session=name)
    with pytest.raises(InputError, match="not kept"):
        client("generate", continue_from=2)


def test_the_least_recently_used_models_and_sessions_are_dropped(
    client: DirectClient, home: Home
) -> None:
    for number in range(6):
        name = f"many-{number}"
        if not (home.runs / name).exists():
            tiny_run(home, name)
        client("load", run=name)
        client("load", run="many-0")
    assert len(client.dispatcher.cache.models) == model_cache.MAX_MODELS
    assert client("load", run="many-0")["how"] == "kept"
    assert client("load", run="many-1")["how"] == "loaded"
    names = [client("step", run="words", prompt="the")["session"] for _ in range(9)]
    with pytest.raises(InputError, match="Open it again"):
        client("step", session=names[0])
    assert client("step", session=names[1])["length"] == 2


def test_errors_name_what_is_wrong(client: DirectClient, home: Home) -> None:
    damaged = tiny_run(home, "damaged")
    damaged.weights.write_bytes(b"no weights")
    with pytest.raises(DamagedError, match="safetensors"):
        client("load", run="damaged")
    with pytest.raises(InputError, match="wrods"):
        client("load", run="wrods")
    with pytest.raises(InputError, match="'3'"):
        client("load", run="words", weights="3")
    with pytest.raises(InputError, match="cuda:77"):
        client("load", run="words", device="cuda:77")
    with pytest.raises(InputError, match="Name a run"):
        DirectClient(Dispatcher(home))("generate", prompt="the")
    with pytest.raises(InputError, match="caat"):
        client("generate", run="words", prompt="the caat")
    with pytest.raises(InputError, match="its own model"):
        client("generate", run="words", continue_from=1)
    with pytest.raises(InputError, match="from 1 to"):
        client("score", run="chars", text="t" * 20_000)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_running_out_of_memory_is_an_error_with_a_hint(
    client: DirectClient, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(client.dispatcher.cache, "get_model", fail)
    with pytest.raises(MiniGPTError, match="memory") as caught:
        client("step", run="words", prompt="the")
    assert caught.value.hint


TINY: JsonObject = {
    "layers": 1, "heads": 2, "d_model": 16, "d_ff": 24, "context": 16, "vocab_size": 20,
}  # fmt: skip


def test_a_forecast_sends_the_arithmetic_before_the_timing(client: DirectClient) -> None:
    reply = client("probe", train={"minutes": 1, "threads": 1, "device": "cpu"}, model=TINY)
    first, result = client.batches[0]["forecast"], reply["forecast"]
    assert first["seconds_per_step"] is None
    assert first["parameters"] == result["parameters"] > 0
    assert result["steps"] * result["seconds_per_step"] == pytest.approx(60.0, rel=0.1)
    assert result["seconds"] == pytest.approx(60.0, rel=0.1)
    assert result["disk_bytes"] > 7 * 4 * result["parameters"] == first["disk_bytes"]
    assert result["model"]["context"] == 16
    assert reply["devices"][0]["device"] == "cpu"
    tokens = {"reading": "lines", "vocab_size": 20, "train_tokens": 90}
    tokens |= {"train_samples": 10, "longest": 12}
    candidates = client("probe", train={"steps": 7}, tokens=tokens, timed=False)["forecast"]
    assert (candidates["steps"], candidates["seconds"], client.batches) == (7, None, [])


def test_a_forecast_for_a_parent_keeps_its_shape(client: DirectClient) -> None:
    """Detects a forecast of another model than training would continue."""
    parent = {**TINY, "kv_heads": 2, "head_dim": 8}
    tokens = {"reading": "lines", "vocab_size": 20, "train_tokens": 900}
    tokens |= {"train_samples": 100, "longest": 12}
    request: JsonObject = {"train": {"steps": 7}, "tokens": tokens, "timed": False}
    forecast = client("probe", parent=parent, **request)["forecast"]
    assert forecast["model"] == vars(ModelConfig(**parent))
    assert any("as in the parent run" in reason for reason in forecast["reasons"])
    with pytest.raises(InputError):
        client("probe", parent=parent, model={"layers": 3}, **request)


def test_a_forecast_of_invalid_settings_is_refused(client: DirectClient) -> None:
    assert client("probe")["forecast"] is None
    for wrong in (
        {"train": {}},
        {"train": {"stpes": 1}, "model": TINY},
        {"train": {}, "model": {**TINY, "heads": 0}},
        {"train": {}, "tokens": {"reading": "text"}},
        {"train": {"device": "tpu"}, "model": TINY},
    ):
        with pytest.raises(InputError):
            client("probe", **wrong)
    client.cancel_after(1)
    with pytest.raises(Cancelled):
        client("probe", train={"steps": 1, "threads": 1}, model=TINY)


def test_every_reply_with_numbers_has_the_step_of_its_weights(client: DirectClient) -> None:
    """A client could not tell that weights had been loaded again between two replies."""
    model: JsonObject = {"run": "words", "weights": "4"}
    session = client("step", **model, prompt="the")["session"]
    requests: list[tuple[str, JsonObject]] = [
        ("load", model),
        ("step", {"session": session, "pick": "sampler"}),
        ("cut", {"session": session, "length": 2}),
        ("find", {"session": session, "text": "cat"}),
        ("look", model | {"prompt": "the cat", "with_scores": True}),
        ("fork", model | {"ids": [1, 3], "tokens": 2}),
        ("fork", {"session": session, "tokens": 2}),
        ("score", model | {"text": "the cat"}),
        ("trace", model | {"text": "the cat"}),
        ("inside", {"session": session}),
        ("generate", model | {"prompt": "the"}),
    ]
    client("load", run="words", weights="0")
    for op, fields in requests:
        assert client(op, **fields)["step"] == 4, op
    assert {batch["step"] for batch in client.batches} == {4}


def _save(run: Run, step: int) -> None:
    """Make newest weights with another seed, as a checkpoint of the step."""
    config = parse_model_config(read_json(run.config))
    checkpoint = run.checkpoint(step).weights
    checkpoint.parent.mkdir(parents=True)
    write_tiny_weights(checkpoint, config, seed=step)
    run.last_checkpoint.write_text(f"{step}\n")
    run.weights.unlink()
    run.weights.hardlink_to(checkpoint)


def test_a_request_can_decline_newer_weights(client: DirectClient, home: Home) -> None:
    """Cursor showed positions of one text by two sets of weights."""
    run = tiny_run(home, "declined")
    _save(run, 40)
    request: JsonObject = {"run": "declined", "prompt": "the cat"}
    old = client("look", **request)
    _save(run, 50)
    assert client("look", **request, reload=False) == old
    new = client("look", **request)
    assert (old["step"], new["step"]) == (40, 50)
    assert new["entropy"] != old["entropy"]
    assert client("look", **request, reload=False) == new


def test_weights_saved_while_they_are_loaded_have_their_own_step(
    client: DirectClient, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step was read after the weights, and so could be that of the next checkpoint."""
    run = tiny_run(home, "saving")
    _save(run, 40)
    load, steps = model_cache.load_model, [50]

    def save_meanwhile(*arguments: Any) -> LoadedModel:
        loaded = load(*arguments)
        if steps:
            _save(run, steps.pop())
        return loaded

    monkeypatch.setattr(model_cache, "load_model", save_meanwhile)
    first = client("look", run="saving", prompt="the")
    assert (first["step"], client("load", run="saving")["how"]) == (50, "kept")
    assert DirectClient(Dispatcher(home))("look", run="saving", prompt="the") == first

"""Scores, layers, models kept and forecasts, as the sampler answers them."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import Any

import pytest
import torch

from core.config.configs import SamplingConfig
from core.config.plan_inputs import DeviceFacts
from core.errors import Cancelled, DamagedError, InputError, MiniGPTError
from core.inference.generate import generate
from core.inference.load import load_model
from core.inference.session import Session
from core.paths import Home
from core.run.directory import Run
from core.run.event_log import EventLog
from core.run.model_files import parse_model_config
from core.server import model_cache
from core.server.dispatch import Dispatcher
from core.system.files import read_json
from tests.support.askers import Asker, Json, tiny_home
from tests.support.runs import tiny_run, write_tiny_weights


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return tiny_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def answerer(home: Home) -> Dispatcher:
    return Dispatcher(home)


@pytest.fixture
def ask(answerer: Dispatcher) -> Asker:
    return Asker(answerer)


def _expected(home: Home, run: str, prompt: str, **settings: Any) -> list[Any]:
    loaded = load_model(Run(home.runs / run))
    session = Session(loaded.model, keep_first=loaded.keep_first)
    config = SamplingConfig(**settings)
    with closing(generate(session, loaded.encode(prompt), loaded.tokenizer, config)) as steps:
        return list(steps)


SAMPLED = {"temperature": 1.5, "seed": 7, "max_tokens": 40}


def test_a_score_is_what_stepping_says(ask: Asker) -> None:
    """Log-probabilities that belong to the token before or after."""
    found = ask("score", run="words", text="the cat sat")
    assert [token[1] for token in found["tokens"]] == ["<sos>", "the", "cat", "sat"]
    assert found["tokens"][0][2] is None
    view = ask("step", run="words", prompt="", top=18)
    for id, _, score in found["tokens"][1:]:
        (same,) = [one for one in view["top"] if one["id"] == id]
        assert torch.tensor(score).exp() == pytest.approx(same["probability"], rel=1e-4)
        view = ask("step", session=view["session"], pick=id, top=18)
    scores = [token[2] for token in found["tokens"][1:]]
    assert found["total"] == pytest.approx(sum(scores))
    assert found["loss"] == pytest.approx(-sum(scores) / 3)
    long = ask("score", run="chars", text="the cat " * 200)
    assert len(long["tokens"]) == 1600
    assert ask("score", run="chars", text="t")["loss"] is None


def test_the_last_layer_of_the_lens_is_the_model(ask: Asker) -> None:
    """Layers numbered wrongly; a lens without the final norm."""
    view = ask("step", run="words", prompt="the cat sat")
    found = ask("inside", session=view["session"], layer=0, head=1, rows=2)
    best = view["top"][0]
    id, text, probability = found["lens"][-1][-1]
    assert (id, text) == (best["id"], best["text"])
    assert probability == pytest.approx(best["probability"], rel=1e-4)
    assert found["window"] == [[0, 1, "<sos>"], [1, 3, "the"], [2, 4, "cat"], [3, 5, "sat"]]
    assert found["positions"] == [2, 3]
    assert [len(row) for row in found["lens"]] == [3, 3]
    assert [len(row) for row in found["attention"]] == [4, 4]
    assert [sum(row) for row in found["attention"]] == pytest.approx([1.0, 1.0], abs=1e-4)
    assert found["attention"][0][3] == 0.0, "nobody looks ahead"
    mean = ask("inside", run="words", prompt="the cat sat", layer=-2)
    other = ask("inside", run="words", prompt="the cat sat", layer=0, head=0)
    both = [(a + b) / 2 for a, b in zip(found["attention"][1], other["attention"][0], strict=True)]
    assert mean["attention"][0] == pytest.approx(both, abs=1e-5)
    for wrong in ({"layer": 2}, {"layer": -3}, {"head": 2}, {"rows": 0}):
        with pytest.raises(InputError):
            ask("inside", run="words", prompt="the", **wrong)


def test_a_model_is_kept_until_its_file_changes(ask: Asker, home: Home) -> None:
    """Old weights for a run that trains; a step session that changes its model midway."""
    run = tiny_run(home, "training")
    config = parse_model_config(read_json(run.config))
    assert ask("load", run="training")["how"] == "loaded"
    assert ask("load", run="training")["how"] == "kept"
    old = ask("step", run="training", prompt="the")
    write_tiny_weights(run.weights, config, seed=9)
    log = EventLog(run.events)
    log.emit("saved", 12, kind="checkpoint")
    log.emit("saved", 16, kind="snapshot")
    log.close()
    again = ask("load", run="training")
    assert (again["how"], again["step"]) == ("reloaded", 12)
    new = ask("step", run="training", prompt="the")
    assert new["entropy"] != old["entropy"]
    assert ask("step", session=old["session"])["entropy"] == old["entropy"]
    shutil.rmtree(run.folder)
    with pytest.raises(MiniGPTError, match="training"):
        ask("generate", run="training", prompt="the")
    assert ask("generate", prompt="the")["tokens"], "the one used last is still there"


def test_the_newest_weights_say_their_step(ask: Asker, home: Home) -> None:
    """The step of a snapshot, or none where the events are silent for long."""
    run = tiny_run(home, "stepped")
    checkpoint = run.checkpoint(40).weights
    checkpoint.parent.mkdir(parents=True)
    checkpoint.hardlink_to(run.weights)
    run.last_checkpoint.write_text("40\n")
    assert ask("load", run="stepped")["step"] == 40
    assert ask("generate", prompt="the")["step"] == 40
    run.last_checkpoint.write_text("41\n")
    assert ask("load", run="stepped", device="cpu")["step"] is None


def test_a_reply_too_long_for_a_line_is_in_its_batches_only(
    ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.server.dispatch.MAX_REPLY_CHARACTERS", 10)
    found = ask("generate", run="words", prompt="the")
    assert found["text"] is None
    assert len([token for batch in ask.heard for token in batch["tokens"]]) == found["tokens"]


def test_two_models_beside_each_other_and_their_snapshots(ask: Asker) -> None:
    found = [ask("load", run="words", weights=weights) for weights in ("last", "0", "4")]
    assert [one["step"] for one in found] == [None, 0, 4]
    assert [one["weights"] for one in found] == ["last", "0", "4"]
    assert ask("load", run="chars")["tokenizer"] == "char"
    assert [ask("load", run="words", weights=w)["how"] for w in ("last", "0")] == ["kept", "kept"]
    assert ask("load")["weights"] == "0", "the one used last"


def test_without_room_there_is_one_model_and_its_sessions_only(
    ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that fills up model by model."""
    full = DeviceFacts(device="cpu", name="full", free_memory=0, threads=1)
    monkeypatch.setattr(model_cache, "device_facts", lambda device: full)
    name = ask("step", run="words", prompt="the")["session"]
    ask("generate", run="words", prompt="the")
    ask("load", run="chars")
    assert len(ask.dispatcher.cache.models) == 1
    with pytest.raises(InputError, match="not open"):
        ask("step", session=name)
    with pytest.raises(InputError, match="not kept"):
        ask("generate", continue_from=2)


def test_the_models_and_sessions_used_longest_ago_go_first(ask: Asker, home: Home) -> None:
    for number in range(6):
        name = f"many-{number}"
        if not (home.runs / name).exists():
            tiny_run(home, name)
        ask("load", run=name)
        ask("load", run="many-0")
    assert len(ask.dispatcher.cache.models) == model_cache.MAX_MODELS
    assert ask("load", run="many-0")["how"] == "kept"
    assert ask("load", run="many-1")["how"] == "loaded"
    names = [ask("step", run="words", prompt="the")["session"] for _ in range(9)]
    with pytest.raises(InputError, match="Open it again"):
        ask("step", session=names[0])
    assert ask("step", session=names[1])["length"] == 2


def test_mistakes_are_said(ask: Asker, home: Home) -> None:
    damaged = tiny_run(home, "damaged")
    damaged.weights.write_bytes(b"no weights")
    with pytest.raises(DamagedError, match="safetensors"):
        ask("load", run="damaged")
    with pytest.raises(InputError, match="wrods"):
        ask("load", run="wrods")
    with pytest.raises(InputError, match="'3'"):
        ask("load", run="words", weights="3")
    with pytest.raises(InputError, match="cuda:77"):
        ask("load", run="words", device="cuda:77")
    with pytest.raises(InputError, match="Name a run"):
        Asker(Dispatcher(home))("generate", prompt="the")
    with pytest.raises(InputError, match="caat"):
        ask("generate", run="words", prompt="the caat")
    with pytest.raises(InputError, match="its own model"):
        ask("generate", run="words", continue_from=1)
    with pytest.raises(InputError, match="from 1 to"):
        ask("score", run="chars", text="t" * 20_000)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_a_full_memory_is_said_with_what_to_do(
    ask: Asker, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(ask.dispatcher.cache, "get_model", fail)
    with pytest.raises(MiniGPTError, match="memory") as caught:
        ask("step", run="words", prompt="the")
    assert caught.value.hint


TINY: Json = {
    "layers": 1, "heads": 2, "d_model": 16, "d_ff": 24, "context": 16, "vocab_size": 20,
}  # fmt: skip


def test_a_forecast_says_the_arithmetic_before_the_time(ask: Asker) -> None:
    reply = ask("probe", train={"minutes": 1, "threads": 1, "device": "cpu"}, model=TINY)
    first, found = ask.heard[0]["forecast"], reply["forecast"]
    assert first["seconds_per_step"] is None
    assert first["parameters"] == found["parameters"] > 0
    assert found["steps"] * found["seconds_per_step"] == pytest.approx(60.0, rel=0.1)
    assert found["seconds"] == pytest.approx(60.0, rel=0.1)
    assert found["disk_bytes"] > 7 * 4 * found["parameters"] == first["disk_bytes"]
    assert found["model"]["context"] == 16
    assert reply["devices"][0]["device"] == "cpu"
    tokens = {"reading": "lines", "vocab_size": 20, "train_tokens": 90}
    tokens |= {"train_samples": 10, "longest": 12}
    known = ask("probe", train={"steps": 7}, tokens=tokens, timed=False)["forecast"]
    assert (known["steps"], known["seconds"], ask.heard) == (7, None, [])


def test_what_a_forecast_cannot_be_made_of_is_refused(ask: Asker) -> None:
    assert ask("probe")["forecast"] is None
    for wrong in (
        {"train": {}},
        {"train": {"stpes": 1}, "model": TINY},
        {"train": {}, "model": {**TINY, "heads": 0}},
        {"train": {}, "tokens": {"reading": "text"}},
        {"train": {"device": "tpu"}, "model": TINY},
    ):
        with pytest.raises(InputError):
            ask("probe", **wrong)
    ask.cancel_after(1)
    with pytest.raises(Cancelled):
        ask("probe", train={"steps": 1, "threads": 1}, model=TINY)

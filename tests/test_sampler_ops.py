"""What the sampler answers, in this process, on tiny models."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
import torch
from tiny_runs import tiny_run, write_weights

from core import asks, sampler_ops, shelf
from core.config import SamplingConfig
from core.errors import Cancelled, DamagedError, InputError, MiniGPTError
from core.eventlog import EventLog
from core.files import read_json
from core.generate import generate
from core.loading import load
from core.modelcard import model_config
from core.paths import Home
from core.progress import never
from core.run import Run
from core.sampler_ops import Answerer
from core.session import Session
from core.situation import DeviceFacts

Json = dict[str, Any]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("home")
    found = Home(root=folder, cache=folder / "cache")
    tiny_run(found, "words", snapshots=(0, 4))
    tiny_run(found, "chars", "char", "text", context=16)
    return found


@pytest.fixture
def answerer(home: Home) -> Answerer:
    return Answerer(home)


class Asker:
    """Asks by name, as a request would, and keeps what was said before the last reply."""

    def __init__(self, answerer: Answerer) -> None:
        self.answerer = answerer
        self.heard: list[Json] = []
        self.cancelled: Callable[[], bool] = never
        self.last_id = 0

    def __call__(self, op: str, **fields: Any) -> Json:
        self.last_id += 1
        self.heard = []
        ask = asks.understood(op, fields)
        found = self.answerer.answer(self.last_id, ask, self._hear, lambda: self.cancelled())
        json.dumps([found, self.heard], allow_nan=False)
        return found

    def _hear(self, **fields: Any) -> None:
        self.heard.append(fields)

    def cancel_after(self, batches: int) -> None:
        self.cancelled = lambda: len(self.heard) >= batches


@pytest.fixture
def ask(answerer: Answerer) -> Asker:
    return Asker(answerer)


def _expected(home: Home, run: str, prompt: str, **settings: Any) -> list[Any]:
    loaded = load(Run(home.runs / run))
    session = Session(loaded.model, keep_first=loaded.keep_first)
    config = SamplingConfig(**settings)
    with closing(generate(session, loaded.encode(prompt), loaded.tokenizer, config)) as steps:
        return list(steps)


SAMPLED = {"temperature": 1.5, "seed": 7, "max_tokens": 40}


@pytest.mark.parametrize("settings", [{"max_tokens": 40}, SAMPLED])
def test_a_reply_in_batches_is_that_of_generate(ask: Asker, home: Home, settings: Json) -> None:
    """A token lost or doubled between two batches, over a slide of the context."""
    expected = _expected(home, "chars", "the", **settings)
    found = ask("generate", run="chars", prompt="the", settings=settings)
    tokens = [token for batch in ask.heard for token in batch["tokens"]]
    assert [(id, text) for id, text, _ in tokens] == [(s.id, s.text) for s in expected]
    assert [batch["count"] for batch in ask.heard][-1] == found["tokens"] == len(expected)
    assert len(ask.heard[0]["tokens"]) == 1, "the first goes out at once"
    assert found["text"] == "".join(text for _, text, _ in tokens)
    assert found["reason"] == expected[-1].ended
    assert 0 < found["used"] <= found["context"] == 16
    assert ask.heard[0]["window_start"] == 0


def test_a_window_that_has_slid_says_so(ask: Asker) -> None:
    ask("generate", run="words", prompt="the cat", settings={"max_tokens": 5})
    assert {batch["window_start"] for batch in ask.heard} == {0}
    ask("generate", run="words", prompt="the cat", settings={"max_tokens": 60})
    assert ask.heard[-1]["window_start"] > 1


def test_the_likeliest_stand_beside_each_token(ask: Asker) -> None:
    ask("generate", run="words", prompt="the", top=3, settings={"max_tokens": 2})
    for id, _, probability, top in ask.heard[0]["tokens"]:
        assert len(top) == 3
        assert top[0][0] == id
        assert top[0][2] == pytest.approx(probability)
        assert top[0][3] == 1.0


def test_what_came_before_a_cancel_stays_and_can_be_gone_on_with(ask: Asker, home: Home) -> None:
    """A stopped reply that is lost, or whose continuation is another text."""
    whole = "".join(s.text for s in _expected(home, "chars", "the", max_tokens=60))
    ask.cancel_after(1)
    first = ask("generate", run="chars", prompt="the", settings={"max_tokens": 10**6})
    assert first["reason"] == "cancelled"
    assert 0 < first["tokens"] < 100
    ask.cancelled = never
    second = ask("generate", continue_from=1, settings={"max_tokens": 60 - first["tokens"]})
    assert first["text"] + second["text"] == whole
    with pytest.raises(InputError, match="not kept"):
        ask("generate", continue_from=99)


def test_a_request_that_was_cancelled_before_it_began_does_nothing(ask: Asker) -> None:
    ask.cancelled = lambda: True
    with pytest.raises(Cancelled):
        ask("load", run="words")
    assert not ask.answerer.shelf.models


def test_a_long_reading_ends_between_two_layers(
    ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop that has to wait for a prompt of a book; a session that is broken afterwards."""
    monkeypatch.setattr(shelf, "LONG_READING", 0.0)
    ask("load", run="words")
    looks = iter([False, False, True])
    ask.cancelled = lambda: next(looks)
    found = ask("generate", prompt="the cat sat on the mat")
    assert (found["reason"], found["tokens"], found["text"]) == ("cancelled", 0, "")
    ask.cancelled = never
    again = ask("generate", continue_from=ask.last_id)
    assert again["text"] == ask("generate", prompt="the cat sat on the mat")["text"]


def test_picks_are_those_of_generate_also_after_a_cut(ask: Asker, home: Home) -> None:
    """A step mode that draws other tokens than the reply with the same seed."""
    settings = {"temperature": 1.5, "seed": 7, "top_k": 9, "repetition_penalty": 1.3}
    expected = [s.id for s in _expected(home, "words", "the", **settings, max_tokens=6)]
    view = ask("step", run="words", prompt="the", settings=settings)
    assert view["tokens"] == [[1, "<sos>"], [3, "the"]]
    assert (view["length"], view["begun"], view["text"]) == (2, 2, "")
    name = view["session"]
    for id in expected[:4]:
        assert view["choice"]["id"] == id
        view = ask("step", session=name, pick="sampler", settings=settings)
        assert view["picked"]["id"] == id
    view = ask("cut", session=name, length=3, settings=settings)
    for id in expected[1:]:
        assert view["choice"]["id"] == id
        view = ask("step", session=name, pick="sampler", settings=settings)
    assert view["length"] == 2 + len(expected)


def test_alternatives_say_how_likely_they_are_and_what_removed_them(ask: Asker) -> None:
    view = ask("step", run="words", prompt="the", top=100, settings={"temperature": 1, "top_k": 2})
    top = view["top"]
    assert len(top) == 18
    assert sum(one["probability"] for one in top) == pytest.approx(1.0)
    assert sum(one["chance"] for one in top) == pytest.approx(1.0)
    assert [one["probability"] for one in top] == sorted(
        (one["probability"] for one in top), reverse=True
    )
    by_text = {one["text"]: one for one in top}
    assert by_text["<pad>"]["removed"] == by_text["<sos>"]["removed"] == "special"
    kept = [one for one in top if one["removed"] is None]
    assert len(kept) == 2
    assert {one["removed"] for one in top} == {None, "special", "top_k"}
    assert 0.0 < view["entropy"] < 3.0


def test_an_id_of_ones_own_can_be_picked(ask: Asker) -> None:
    name = ask("step", run="words", prompt="the")["session"]
    view = ask("step", session=name, pick=4)
    assert view["picked"]["text"] == "cat"
    assert view["text"] == " cat"
    assert not view["ended"]
    assert ask("step", session=name, pick=2)["ended"]
    for wrong in (99, -1):
        with pytest.raises(InputError, match="id"):
            ask("step", session=name, pick=wrong)
    with pytest.raises(InputError, match="smapler"):
        ask("step", session=name, pick="smapler")
    with pytest.raises(InputError, match="length"):
        ask("cut", session=name, length=9)
    with pytest.raises(InputError, match="not open"):
        ask("step", session="s99")


def test_a_reply_can_be_taken_apart(ask: Asker) -> None:
    reply = ask("generate", run="words", prompt="the", settings={"max_tokens": 4})
    view = ask("step", continue_from=ask.last_id)
    assert (view["begun"], view["length"], view["text"]) == (2, 6, reply["text"])
    back = ask("cut", session=view["session"], length=2)
    assert back["choice"]["id"] == view["tokens"][2][0]


def test_branches_are_replies_with_seeds_of_their_own(ask: Asker, home: Home) -> None:
    """Rows that read each other's tokens; a fork that changes what it was made from."""
    settings = {"temperature": 1.0, "seed": 3}
    before = ask("step", run="words", prompt="the cat", settings=settings)
    name = before["session"]
    found = ask("fork", session=name, count=3, tokens=5, settings=settings)
    for number, row in enumerate(found["rows"]):
        seeded = {"temperature": 1.0, "seed": 3 + number, "max_tokens": 5}
        expected = _expected(home, "words", "the cat", **seeded)
        assert [token[0] for token in row["tokens"]] == [s.id for s in expected]
        assert row["text"] == "".join(s.text for s in expected)
        assert row["ended"] == (expected[-1].ended == "end")
    found = ask("fork", session=name, firsts=[4, 2], tokens=3)
    assert [row["tokens"][0][0] for row in found["rows"]] == [4, 2]
    assert [len(row["tokens"]) for row in found["rows"]] == [3, 1]
    after = ask("step", session=name, settings=settings)
    assert {**before, "picked": None} == {**after, "tokens": before["tokens"]}
    for wrong in ({"count": 0}, {"count": 65}, {"firsts": []}, {"firsts": [99]}, {"tokens": 0}):
        with pytest.raises(InputError):
            ask("fork", session=name, **wrong)


def test_a_cancelled_fork_keeps_what_came(ask: Asker) -> None:
    name = ask("step", run="words", prompt="the")["session"]
    looks = iter([False, False, False, True])
    ask.cancelled = lambda: next(looks)
    found = ask("fork", session=name, count=2, tokens=500)
    assert found["reason"] == "cancelled"
    assert {len(row["tokens"]) for row in found["rows"]} == {2}


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
    config = model_config(read_json(run.config))
    assert ask("load", run="training")["how"] == "loaded"
    assert ask("load", run="training")["how"] == "kept"
    old = ask("step", run="training", prompt="the")
    write_weights(run, config, seed=9)
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
    monkeypatch.setattr(sampler_ops, "LONGEST_TEXT", 10)
    found = ask("generate", run="words", prompt="the")
    assert found["text"] is None
    assert len([token for batch in ask.heard for token in batch["tokens"]]) == found["tokens"]


def test_two_models_beside_each_other_and_their_snapshots(ask: Asker) -> None:
    found = [ask("load", run="words", which=which) for which in ("last", "0", "4")]
    assert [one["step"] for one in found] == [None, 0, 4]
    assert [one["which"] for one in found] == ["last", "0", "4"]
    assert ask("load", run="chars")["tokenizer"] == "char"
    assert [ask("load", run="words", which=w)["how"] for w in ("last", "0")] == ["kept", "kept"]
    assert ask("load")["which"] == "0", "the one used last"


def test_without_room_there_is_one_model_and_its_sessions_only(
    ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that fills up model by model."""
    full = DeviceFacts(device="cpu", name="full", free_memory=0, threads=1)
    monkeypatch.setattr(shelf, "device_facts", lambda device: full)
    name = ask("step", run="words", prompt="the")["session"]
    ask("generate", run="words", prompt="the")
    ask("load", run="chars")
    assert len(ask.answerer.shelf.models) == 1
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
    assert len(ask.answerer.shelf.models) == shelf.MOST_MODELS
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
        ask("load", run="words", which="3")
    with pytest.raises(InputError, match="cuda:77"):
        ask("load", run="words", device="cuda:77")
    with pytest.raises(InputError, match="Say which run"):
        Asker(Answerer(home))("generate", prompt="the")
    with pytest.raises(InputError, match="caat"):
        ask("generate", run="words", prompt="the caat")
    with pytest.raises(InputError, match="own model"):
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

    monkeypatch.setattr(sampler_ops, "step", fail)
    with pytest.raises(MiniGPTError, match="memory") as caught:
        ask("step", run="words", prompt="the")
    assert caught.value.hint


TINY: Json = {
    "layers": 1, "heads": 2, "d_model": 16, "d_ff": 24, "context": 16, "vocab_size": 20,
}  # fmt: skip


def test_a_forecast_says_the_arithmetic_before_the_time(ask: Asker) -> None:
    found = ask("probe", train={"minutes": 1, "threads": 1, "device": "cpu"}, model=TINY)
    (first,) = ask.heard
    assert first["seconds_per_step"] is None
    assert first["parameters"] == found["parameters"] > 0
    assert found["steps"] * found["seconds_per_step"] == pytest.approx(60.0, rel=0.1)
    assert found["seconds"] == pytest.approx(60.0, rel=0.1)
    assert found["disk_bytes"] > 7 * 4 * found["parameters"] == first["disk_bytes"]
    assert found["model"]["context"] == 16
    assert found["devices"][0]["device"] == "cpu"
    tokens = {"reading": "lines", "vocab_size": 20, "train_tokens": 90}
    tokens |= {"train_samples": 10, "longest": 12}
    known = ask("probe", train={"steps": 7}, tokens=tokens, timed=False)
    assert (known["steps"], known["seconds"], ask.heard) == (7, None, [])


def test_what_a_forecast_cannot_be_made_of_is_refused(ask: Asker) -> None:
    assert set(ask("probe")) == {"devices"}
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

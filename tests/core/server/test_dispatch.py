"""Replies, steps and branches, as the sampler answers them."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from core.config.configs import SamplingConfig
from core.errors import Cancelled, InputError
from core.inference.generate import generate
from core.inference.load import load_model
from core.inference.session import Session
from core.paths import Home
from core.progress import never_cancelled
from core.run.directory import Run
from core.server import fork, model_cache
from core.server.dispatch import Dispatcher
from tests.support.askers import Asker, Json, tiny_home


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


@pytest.mark.parametrize("settings", [{"max_tokens": 40}, SAMPLED])
def test_a_reply_in_batches_is_that_of_generate(ask: Asker, home: Home, settings: Json) -> None:
    """A token lost or doubled between two batches, over a slide of the context."""
    expected = _expected(home, "chars", "the", **settings)
    found = ask("generate", run="chars", prompt="the", settings=settings)
    tokens = [token for batch in ask.heard for token in batch["tokens"]]
    assert [(id, text) for id, text, *_ in tokens] == [(s.id, s.text) for s in expected]
    assert [batch["count"] for batch in ask.heard][-1] == found["tokens"] == len(expected)
    assert len(ask.heard[0]["tokens"]) == 1, "the first goes out at once"
    assert found["text"] == "".join(text for _, text, *_ in tokens)
    assert found["reason"] == expected[-1].end_reason
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
    ask.cancelled = never_cancelled
    second = ask("generate", continue_from=1, settings={"max_tokens": 60 - first["tokens"]})
    assert first["text"] + second["text"] == whole
    with pytest.raises(InputError, match="not kept"):
        ask("generate", continue_from=99)


def test_a_request_that_was_cancelled_before_it_began_does_nothing(ask: Asker) -> None:
    ask.cancelled = lambda: True
    with pytest.raises(Cancelled):
        ask("load", run="words")
    assert not ask.dispatcher.cache.models


def test_a_long_reading_ends_between_two_layers(
    ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop that has to wait for a prompt of a book; a session that is broken afterwards."""
    monkeypatch.setattr(model_cache, "LONG_PREFILL_FLOPS", 0.0)
    ask("load", run="words")
    looks = iter([False, False, True])
    ask.cancelled = lambda: next(looks)
    found = ask("generate", prompt="the cat sat on the mat")
    assert (found["reason"], found["tokens"], found["text"]) == ("cancelled", 0, "")
    ask.cancelled = never_cancelled
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
        assert row["reason"] == expected[-1].end_reason
    found = ask("fork", session=name, first_tokens=[4, 2], tokens=3)
    assert [row["tokens"][0][0] for row in found["rows"]] == [4, 2]
    assert [len(row["tokens"]) for row in found["rows"]] == [3, 1]
    after = ask("step", session=name, settings=settings)
    assert {**before, "picked": None} == {**after, "tokens": before["tokens"]}
    for wrong in (
        {"count": 0},
        {"count": 65},
        {"first_tokens": []},
        {"first_tokens": [99]},
        {"tokens": 0},
    ):
        with pytest.raises(InputError):
            ask("fork", session=name, **wrong)


def test_a_fork_tells_what_comes(ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token lost or doubled on the way, or a wait for the last one."""
    monkeypatch.setattr(fork, "BATCH_SECONDS", 0.0)
    name = ask("step", run="words", prompt="the")["session"]
    found = ask("fork", session=name, count=2, tokens=9, settings=SAMPLED)
    assert len(ask.heard) > 1
    for number, row in enumerate(found["rows"]):
        told = [token for part in ask.heard for token in part["rows"][number]]
        assert told == row["tokens"][: len(told)]
        assert len(told) >= len(row["tokens"]) - 1


def test_a_cancelled_fork_keeps_what_came(ask: Asker) -> None:
    name = ask("step", run="words", prompt="the")["session"]
    looks = iter([False, False, True])
    ask.cancelled = lambda: next(looks)
    found = ask("fork", session=name, count=2, tokens=500)
    assert {row["reason"] for row in found["rows"]} == {"cancelled"}
    assert {len(row["tokens"]) for row in found["rows"]} == {2}

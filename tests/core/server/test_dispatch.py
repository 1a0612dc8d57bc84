"""Replies, step mode and branches, answered by the dispatcher in this process."""

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
from core.system.files import JsonObject
from tests.support.direct_client import DirectClient, tiny_home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return tiny_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def dispatcher(home: Home) -> Dispatcher:
    return Dispatcher(home)


@pytest.fixture
def client(dispatcher: Dispatcher) -> DirectClient:
    return DirectClient(dispatcher)


def _expected(home: Home, run: str, prompt: str, **settings: Any) -> list[Any]:
    loaded = load_model(Run(home.runs / run))
    session = Session(loaded.model, keep_first=loaded.keep_first)
    config = SamplingConfig(**settings)
    with closing(generate(session, loaded.encode(prompt), loaded.tokenizer, config)) as steps:
        return list(steps)


SAMPLED = {"temperature": 1.5, "seed": 7, "max_tokens": 40}


@pytest.mark.parametrize("settings", [{"max_tokens": 40}, SAMPLED])
def test_batches_add_up_to_the_text_of_generate(
    client: DirectClient, home: Home, settings: JsonObject
) -> None:
    """No token is lost or doubled between batches, also when the context slides."""
    expected = _expected(home, "chars", "the", **settings)
    reply = client("generate", run="chars", prompt="the", settings=settings)
    tokens = [token for batch in client.batches for token in batch["tokens"]]
    assert [(id, text) for id, text, *_ in tokens] == [(s.id, s.text) for s in expected]
    assert [batch["count"] for batch in client.batches][-1] == reply["tokens"] == len(expected)
    assert len(client.batches[0]["tokens"]) == 1, "the first goes out at once"
    assert reply["text"] == "".join(text for _, text, *_ in tokens)
    assert reply["reason"] == expected[-1].end_reason
    assert 0 < reply["used"] <= reply["context"] == 16
    assert client.batches[0]["window_start"] == 0


def test_batches_report_a_slide_of_the_context(client: DirectClient) -> None:
    client("generate", run="words", prompt="the cat", settings={"max_tokens": 5})
    assert {batch["window_start"] for batch in client.batches} == {0}
    client("generate", run="words", prompt="the cat", settings={"max_tokens": 60})
    assert client.batches[-1]["window_start"] > 1


def test_batches_list_the_most_likely_tokens(client: DirectClient) -> None:
    client("generate", run="words", prompt="the", top=3, settings={"max_tokens": 2})
    for id, _, probability, top in client.batches[0]["tokens"]:
        assert len(top) == 3
        assert top[0][0] == id
        assert top[0][2] == pytest.approx(probability)
        assert top[0][3] == 1.0


def test_a_cancelled_reply_is_kept_and_can_be_continued(client: DirectClient, home: Home) -> None:
    """Reply and continuation together equal the reply without a cancellation."""
    whole = "".join(s.text for s in _expected(home, "chars", "the", max_tokens=60))
    client.cancel_after(1)
    first = client("generate", run="chars", prompt="the", settings={"max_tokens": 10**6})
    assert first["reason"] == "cancelled"
    assert 0 < first["tokens"] < 100
    client.cancelled = never_cancelled
    second = client("generate", continue_from=1, settings={"max_tokens": 60 - first["tokens"]})
    assert first["text"] + second["text"] == whole
    with pytest.raises(InputError, match="not kept"):
        client("generate", continue_from=99)


def test_a_request_cancelled_before_it_starts_does_nothing(client: DirectClient) -> None:
    client.cancelled = lambda: True
    with pytest.raises(Cancelled):
        client("load", run="words")
    assert not client.dispatcher.cache.models


def test_a_long_prefill_is_cancelled_between_two_layers(
    client: DirectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session remains usable."""
    monkeypatch.setattr(model_cache, "LONG_PREFILL_FLOPS", 0.0)
    client("load", run="words")
    looks = iter([False, False, True])
    client.cancelled = lambda: next(looks)
    reply = client("generate", prompt="the cat sat on the mat")
    assert (reply["reason"], reply["tokens"], reply["text"]) == ("cancelled", 0, "")
    client.cancelled = never_cancelled
    again = client("generate", continue_from=client.last_id)
    assert again["text"] == client("generate", prompt="the cat sat on the mat")["text"]


def test_step_mode_draws_the_tokens_of_generate_also_after_going_back(
    client: DirectClient, home: Home
) -> None:
    settings = {"temperature": 1.5, "seed": 7, "top_k": 9, "repetition_penalty": 1.3}
    expected = [s.id for s in _expected(home, "words", "the", **settings, max_tokens=6)]
    view = client("step", run="words", prompt="the", settings=settings)
    assert [token[:2] for token in view["tokens"]] == [[1, "<sos>"], [3, "the"]]
    assert (view["length"], view["begun"], view["text"]) == (2, 2, "")
    name = view["session"]
    for id in expected[:4]:
        assert view["choice"]["id"] == id
        view = client("step", session=name, pick="sampler", settings=settings)
        assert view["picked"]["id"] == id
    view = client("cut", session=name, length=3, settings=settings)
    for id in expected[1:]:
        assert view["choice"]["id"] == id
        view = client("step", session=name, pick="sampler", settings=settings)
    assert view["length"] == 2 + len(expected)


def test_candidates_have_probabilities_and_the_setting_that_removed_them(
    client: DirectClient,
) -> None:
    view = client(
        "step", run="words", prompt="the", top=100, settings={"temperature": 1, "top_k": 2}
    )
    top = view["top"]
    assert len(top) == 18
    assert sum(one["probability"] for one in top) == pytest.approx(1.0)
    assert sum(one["chance"] for one in top) == pytest.approx(1.0)
    assert [one["probability"] for one in top] == sorted(
        (one["probability"] for one in top), reverse=True
    )
    by_text = {one["text"]: one for one in top}
    assert by_text["<pad>"]["removed"] == by_text["<sos>"]["removed"] == "special"
    remaining = [one for one in top if one["removed"] is None]
    assert len(remaining) == 2
    assert {one["removed"] for one in top} == {None, "special", "top_k"}
    assert 0.0 < view["entropy"] < 3.0


def test_any_id_of_the_vocabulary_can_be_picked(client: DirectClient) -> None:
    name = client("step", run="words", prompt="the")["session"]
    view = client("step", session=name, pick=4)
    assert view["picked"]["text"] == "cat"
    assert view["text"] == " cat"
    assert not view["ended"]
    assert client("step", session=name, pick=2)["ended"]
    for wrong in (99, -1):
        with pytest.raises(InputError, match="id"):
            client("step", session=name, pick=wrong)
    with pytest.raises(InputError, match="smapler"):
        client("step", session=name, pick="smapler")
    with pytest.raises(InputError, match="length"):
        client("cut", session=name, length=9)
    with pytest.raises(InputError, match="not open"):
        client("step", session="s99")


def test_step_mode_opens_a_reply(client: DirectClient) -> None:
    reply = client("generate", run="words", prompt="the", settings={"max_tokens": 4})
    view = client("step", continue_from=client.last_id)
    assert (view["begun"], view["length"], view["text"]) == (2, 6, reply["text"])
    back = client("cut", session=view["session"], length=2)
    assert back["choice"]["id"] == view["tokens"][2][0]


def test_row_r_of_a_fork_is_the_reply_with_seed_plus_r(client: DirectClient, home: Home) -> None:
    """The session that was forked does not change."""
    settings = {"temperature": 1.0, "seed": 3}
    before = client("step", run="words", prompt="the cat", settings=settings)
    name = before["session"]
    reply = client("fork", session=name, count=3, tokens=5, settings=settings)
    for number, row in enumerate(reply["rows"]):
        seeded = {"temperature": 1.0, "seed": 3 + number, "max_tokens": 5}
        expected = _expected(home, "words", "the cat", **seeded)
        assert [token[0] for token in row["tokens"]] == [s.id for s in expected]
        assert row["text"] == "".join(s.text for s in expected)
        assert row["reason"] == expected[-1].end_reason
    reply = client("fork", session=name, first_tokens=[4, 2], tokens=3)
    assert [row["tokens"][0][0] for row in reply["rows"]] == [4, 2]
    assert [len(row["tokens"]) for row in reply["rows"]] == [3, 1]
    after = client("step", session=name, settings=settings)
    assert {**before, "picked": None} == {**after, "tokens": before["tokens"]}
    for wrong in (
        {"count": 0},
        {"count": 65},
        {"first_tokens": []},
        {"first_tokens": [99]},
        {"tokens": 0},
    ):
        with pytest.raises(InputError):
            client("fork", session=name, **wrong)


def test_a_fork_sends_batches(client: DirectClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token is lost or doubled between batches."""
    monkeypatch.setattr(fork, "BATCH_SECONDS", 0.0)
    name = client("step", run="words", prompt="the")["session"]
    reply = client("fork", session=name, count=2, tokens=9, settings=SAMPLED)
    assert len(client.batches) > 1
    for number, row in enumerate(reply["rows"]):
        sent = [token for part in client.batches for token in part["rows"][number]]
        assert sent == row["tokens"][: len(sent)]
        assert len(sent) >= len(row["tokens"]) - 1


def test_a_fork_ends_at_stop_texts(client: DirectClient, home: Home) -> None:
    first = _expected(home, "chars", "the", **SAMPLED)
    stop = "".join(token.text for token in first)[5:7]
    expected = _expected(home, "chars", "the", **SAMPLED, stop=(stop,))
    name = client("step", run="chars", prompt="the")["session"]
    settings = SAMPLED | {"stop": [stop]}
    (row,) = client("fork", session=name, tokens=40, settings=settings)["rows"]
    assert row["text"] == "".join(token.text for token in expected)
    assert row["reason"] == expected[-1].end_reason == "stop"


def test_a_cancelled_fork_returns_the_tokens_so_far(client: DirectClient) -> None:
    name = client("step", run="words", prompt="the")["session"]
    looks = iter([False, False, True])
    client.cancelled = lambda: next(looks)
    reply = client("fork", session=name, count=2, tokens=500)
    assert {row["reason"] for row in reply["rows"]} == {"cancelled"}
    assert {len(row["tokens"]) for row in reply["rows"]} == {2}

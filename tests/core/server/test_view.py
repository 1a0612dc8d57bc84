"""`look`: candidates at any position of a text; branches from there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.errors import InputError
from core.inference.session import Session
from core.paths import Home
from core.server.dispatch import Dispatcher
from core.system.files import JsonObject
from tests.support.direct_client import DirectClient, tiny_home

WARM: JsonObject = {"temperature": 1.0, "seed": 5}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return tiny_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def client(home: Home) -> DirectClient:
    return DirectClient(Dispatcher(home))


def _ids(client: DirectClient, run: str, text: str) -> list[int]:
    return [id for id, *_ in client("look", run=run, prompt=text, with_scores=True)["tokens"]]


def test_look_equals_a_session_truncated_to_the_position(client: DirectClient) -> None:
    ids = _ids(client, "words", "the cat sat on the mat")
    name = client("step", run="words", prompt="the cat sat on the mat")["session"]
    for at in range(len(ids), 0, -1):
        there = client("cut", session=name, length=at, settings=WARM)
        here = client("look", run="words", ids=ids, at=at, settings=WARM)
        assert [one["id"] for one in here["top"]] == [one["id"] for one in there["top"]]
        assert here["entropy"] == pytest.approx(there["entropy"], abs=1e-4)
        actual = here["actual"]
        assert (actual["id"] if actual else None) == (ids[at] if at < len(ids) else None)


@settings(max_examples=25, deadline=None)
@given(places=st.lists(st.tuples(st.integers(1, 44), st.booleans()), min_size=1, max_size=8))
def test_a_sequence_of_requests_equals_fresh_ones(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[int, bool]]
) -> None:
    """Over branches, and when the context slides."""
    client = _walker(tmp_path_factory)
    ids = [3 + number % 7 for number in range(44)]
    other = [*ids[:20], *(3 + (number * 5) % 7 for number in range(24))]
    for at, aside in places:
        path = other if aside else ids
        here = client("look", run="chars", ids=path, at=at)
        fresh = DirectClient(Dispatcher(client.dispatcher.home))
        there = fresh("look", run="chars", ids=path[:at])
        assert here["choice"]["id"] == there["choice"]["id"]
        assert here["entropy"] == pytest.approx(there["entropy"], abs=1e-4)
        assert here["window_start"] == there["window_start"]


_WALKERS: list[DirectClient] = []


def _walker(factory: pytest.TempPathFactory) -> DirectClient:
    if not _WALKERS:
        _WALKERS.append(DirectClient(Dispatcher(tiny_home(factory.mktemp("walker")))))
    return _WALKERS[0]


def test_a_move_by_a_token_reads_one_token_at_most(
    client: DirectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = _ids(client, "words", "the cat sat on the mat")
    client("look", run="words", ids=ids, at=4)
    read: list[int] = []
    before = Session._context_ids

    def recorded_ids(self: Session, place: int) -> Tensor:
        read.append(place)
        return before(self, place)

    monkeypatch.setattr(Session, "_context_ids", recorded_ids)
    for at in (5, 6, 5, 4, 5):
        read.clear()
        client("look", run="words", ids=ids, at=at)
        assert read in ([], [at - 1])


def test_the_tokens_of_look_make_up_the_text_with_the_scores_of_score(client: DirectClient) -> None:
    for run in ("words", "chars"):
        reply = client("look", run=run, prompt="the cat sat", with_scores=True)["tokens"]
        assert "".join(text for _, text, _ in reply) == "the cat sat"
        scores = [score for *_, score in client("score", run=run, text="the cat sat")["tokens"]]
        assert [score for *_, score in reply] == pytest.approx(scores, abs=1e-4)
        assert reply[0][2] is None


def test_a_fork_of_ids_equals_a_fork_of_a_session(client: DirectClient) -> None:
    ids = _ids(client, "words", "the cat sat")
    name = client("step", run="words", prompt="the cat")["session"]
    there = client("fork", session=name, count=3, tokens=4, settings=WARM)
    here = client("fork", run="words", ids=ids[:3], count=3, tokens=4, settings=WARM)
    assert [row["text"] for row in here["rows"]] == [row["text"] for row in there["rows"]]
    after = client("look", run="words", ids=ids, at=3)
    assert after["actual"]["id"] == ids[3]


def test_the_repetition_penalty_counts_a_given_first_token(client: DirectClient) -> None:
    harsh: JsonObject = {"temperature": 0.0, "repetition_penalty": 10.0}
    ids = _ids(client, "words", "the")
    row = client("fork", run="words", ids=ids, first_tokens=[7], tokens=2, settings=harsh)["rows"][
        0
    ]
    view = client("look", run="words", ids=[*ids, 7], settings=harsh)
    assert row["tokens"][1][0] == view["choice"]["id"]


@pytest.mark.parametrize(
    "fields",
    [
        {"ids": []},
        {"ids": [1, 999]},
        {"ids": [1, 4], "at": 0},
        {"ids": [1, 4], "at": 3},
        {"ids": [1, 4], "prompt": "the"},
        {"ids": [1, 4], "top": -1},
    ],
    ids=str,
)
def test_a_position_out_of_range_is_refused(client: DirectClient, fields: JsonObject) -> None:
    with pytest.raises(InputError):
        client("look", run="words", **fields)


def test_a_fork_needs_exactly_one_of_session_and_ids(client: DirectClient) -> None:
    name = client("step", run="words", prompt="the")["session"]
    for fields in ({}, {"session": name, "ids": [1]}, {"run": "words", "ids": [99]}):
        with pytest.raises(InputError):
            client("fork", **fields)

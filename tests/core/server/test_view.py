"""Any place of a text: what could stand there, how likely what stands there is, other ways on."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.errors import InputError
from core.inference.session import Session
from core.paths import Home
from core.server.dispatch import Dispatcher
from tests.support.askers import Asker, Json, tiny_home

WARM: Json = {"temperature": 1.0, "seed": 5}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return tiny_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def ask(home: Home) -> Asker:
    return Asker(Dispatcher(home))


def _ids(ask: Asker, run: str, text: str) -> list[int]:
    return [id for id, *_ in ask("look", run=run, prompt=text, with_scores=True)["tokens"]]


def test_a_place_is_what_a_session_cut_back_to_it_shows(ask: Asker) -> None:
    """Alternatives of another place, or of a text whose end the model has seen."""
    ids = _ids(ask, "words", "the cat sat on the mat")
    name = ask("step", run="words", prompt="the cat sat on the mat")["session"]
    for at in range(len(ids), 0, -1):
        there = ask("cut", session=name, length=at, settings=WARM)
        here = ask("look", run="words", ids=ids, at=at, settings=WARM)
        assert [one["id"] for one in here["top"]] == [one["id"] for one in there["top"]]
        assert here["entropy"] == pytest.approx(there["entropy"], abs=1e-4)
        came = here["actual"]
        assert (came["id"] if came else None) == (ids[at] if at < len(ids) else None)


@settings(max_examples=25, deadline=None)
@given(places=st.lists(st.tuples(st.integers(1, 44), st.booleans()), min_size=1, max_size=8))
def test_walking_about_shows_what_a_fresh_look_shows(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[int, bool]]
) -> None:
    """A cache that keeps tokens of another branch, or of the other side of a slide."""
    ask = _walker(tmp_path_factory)
    ids = [3 + number % 7 for number in range(44)]
    other = [*ids[:20], *(3 + (number * 5) % 7 for number in range(24))]
    for at, aside in places:
        path = other if aside else ids
        here = ask("look", run="chars", ids=path, at=at)
        fresh = Asker(Dispatcher(ask.dispatcher.home))
        there = fresh("look", run="chars", ids=path[:at])
        assert here["choice"]["id"] == there["choice"]["id"]
        assert here["entropy"] == pytest.approx(there["entropy"], abs=1e-4)
        assert here["window_start"] == there["window_start"]


_WALKERS: list[Asker] = []


def _walker(factory: pytest.TempPathFactory) -> Asker:
    if not _WALKERS:
        _WALKERS.append(Asker(Dispatcher(tiny_home(factory.mktemp("walker")))))
    return _WALKERS[0]


def test_a_move_reads_one_token_at_most(ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cursor that waits for the whole text to be read at each key."""
    ids = _ids(ask, "words", "the cat sat on the mat")
    ask("look", run="words", ids=ids, at=4)
    read: list[int] = []
    before = Session._context_ids

    def told(self: Session, place: int) -> Tensor:
        read.append(place)
        return before(self, place)

    monkeypatch.setattr(Session, "_context_ids", told)
    for at in (5, 6, 5, 4, 5):
        read.clear()
        ask("look", run="words", ids=ids, at=at)
        assert read in ([], [at - 1])


def test_the_tokens_are_the_text_and_their_scores_those_of_score(ask: Asker) -> None:
    """A blank that is lost, half a score, a first token that was foreseen by nobody."""
    for run in ("words", "chars"):
        found = ask("look", run=run, prompt="the cat sat", with_scores=True)["tokens"]
        assert "".join(text for _, text, _ in found) == "the cat sat"
        scores = [score for *_, score in ask("score", run=run, text="the cat sat")["tokens"]]
        assert [score for *_, score in found] == pytest.approx(scores, abs=1e-4)
        assert found[0][2] is None


def test_ways_on_from_ids_are_those_from_a_session(ask: Asker) -> None:
    """A branch that goes on from the end of the text and not from the cursor."""
    ids = _ids(ask, "words", "the cat sat")
    name = ask("step", run="words", prompt="the cat")["session"]
    there = ask("fork", session=name, count=3, tokens=4, settings=WARM)
    here = ask("fork", run="words", ids=ids[:3], count=3, tokens=4, settings=WARM)
    assert [row["text"] for row in here["rows"]] == [row["text"] for row in there["rows"]]
    after = ask("look", run="words", ids=ids, at=3)
    assert after["actual"]["id"] == ids[3]


def test_a_first_token_that_was_given_is_penalised_too(ask: Asker) -> None:
    """A repetition penalty that does not see the token the person chose."""
    harsh: Json = {"temperature": 0.0, "repetition_penalty": 10.0}
    ids = _ids(ask, "words", "the")
    row = ask("fork", run="words", ids=ids, first_tokens=[7], tokens=2, settings=harsh)["rows"][0]
    view = ask("look", run="words", ids=[*ids, 7], settings=harsh)
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
def test_a_place_that_is_none_is_refused(ask: Asker, fields: Json) -> None:
    with pytest.raises(InputError):
        ask("look", run="words", **fields)


def test_a_fork_goes_on_from_one_thing(ask: Asker) -> None:
    name = ask("step", run="words", prompt="the")["session"]
    for fields in ({}, {"session": name, "ids": [1]}, {"run": "words", "ids": [99]}):
        with pytest.raises(InputError):
            ask("fork", **fields)

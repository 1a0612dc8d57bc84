"""Replies of several runs to one prompt, and where they part."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.paths import Home
from core.run.directory import Run
from core.server.protocol import GenerateRequest
from core.tokenizer.special_tokens import EOS
from tests.support.fake_server import FakeServer
from tests.support.runs import make_run
from tui.runs import same_prompt
from tui.runs.same_prompt import (
    DONE,
    FAILED,
    LOADING,
    RUNNING,
    WAITING,
    PromptReply,
    continue_prompt,
    find_parting,
    first_reply,
    reply_facts,
)


@pytest.mark.parametrize(
    ("first", "other", "word"),
    [
        (" a fox named Pip", " a fox named Pip", None),
        (" a fox. Pip loved", " a fox. He lived", "He"),
        (" a fox", " a box", "box"),
        (" foxes", " fox ran", "fox"),
        (" a fox", " a fox ran", "ran"),
        (" a fox ran", " a fox", ""),
        (" a  b", " a b", "b"),
        ("", " word", "word"),
        (" word", "", ""),
        ("一只狐狸" * 20, "一只狐狸" * 10 + "跑" * 40, "跑" * 24),
    ],
)
def test_a_text_parts_at_its_first_word_that_differs(
    first: str, other: str, word: str | None
) -> None:
    parting = find_parting(first, other)
    assert (None if parting is None else other[parting.start : parting.end]) == word


@given(st.text("ab \n", max_size=40), st.text("ab \n", max_size=40))
def test_before_the_parting_both_texts_are_equal(first: str, other: str) -> None:
    parting = find_parting(first, other)
    if parting is None:
        assert first == other
        return
    assert 0 <= parting.start <= parting.end <= len(other)
    word = other[parting.start : parting.end]
    assert not any(character.isspace() for character in word)
    same = other[: parting.start].rstrip()
    assert first.startswith(same)


def reply(text: str, state: str = DONE, speed: float | None = 100.0, ids: int = 60) -> PromptReply:
    """A reply of one token with all of the text, and empty ones."""
    pieces = [text, *[""] * (ids - 1)]
    return PromptReply("run", state, pieces=pieces, ids=[7] * ids, nats=0.5 * ids, speed=speed)


def test_a_reply_in_progress_is_compared_as_far_as_it_is_known() -> None:
    """Detects an underline that moves: half a word always differs from a whole one."""
    first = reply(" a little fox")
    assert reply(" a little", RUNNING).parting(first) is None
    assert reply(" a lit", RUNNING).parting(first) is None
    assert reply(" a big", RUNNING).parting(first) is None, "it may become bigger"
    parting = reply(" a big b", RUNNING).parting(first)
    assert parting is not None
    assert (parting.start, parting.end) == (3, 6)
    assert first.parting(first) is None
    assert PromptReply("run").parting(first) is None


def test_facts_of_a_reply() -> None:
    first, other = reply(" a fox"), reply(" a box")
    assert reply_facts(first, first, "●") == "100/s · perplexity 1.65"
    assert reply_facts(other, first, "●") == "100/s · perplexity 1.65 · parts at “box”"
    assert reply_facts(reply(" a fox"), first, "●").endswith("same as ●")
    assert reply_facts(reply(" a"), first, "").endswith("ends before run")
    assert reply_facts(reply(" a fox", ids=1), first).startswith("ends after 1 token · perplexity")
    assert reply_facts(PromptReply("run"), first) == "waiting"
    assert reply_facts(PromptReply("run", LOADING), first) == "loading weights…"
    assert reply_facts(PromptReply("run", FAILED), first) == ""


def test_the_first_reply_with_a_text_is_what_others_are_compared_with() -> None:
    failed, other = PromptReply("a", FAILED), reply(" b")
    assert first_reply([failed, other]) is other
    assert first_reply([failed]) is None


def test_tokens_before_the_parting() -> None:
    other = PromptReply("b", DONE, pieces=[" a", " box", ""], ids=[4, 5, EOS])
    first = PromptReply("a", DONE, pieces=[" a", " fox"], ids=[4, 6])
    assert other.ids_before(other.parting(first)) == [4]
    assert other.ids_before(None) == [4, 5]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(root=tmp_path, cache=tmp_path / "cache")


def generated(home: Home, server: FakeServer, run: str = "a") -> tuple[PromptReply, list[str]]:
    """A reply to a prompt, and its states on the way."""
    result, states = PromptReply(run), [WAITING]

    def show(reply: PromptReply) -> None:
        if reply.state != states[-1]:
            states.append(reply.state)

    asyncio.run(continue_prompt(server, home, "Python", result, show))
    return result, states


def test_a_prompt_is_continued_greedily(home: Home) -> None:
    server = FakeServer(tokens=[" is", " a"], chances=[0.5, 0.5])
    result, states = generated(home, server)
    assert states == [WAITING, LOADING, RUNNING, DONE]
    assert (result.text, result.ids, result.speed) == (" is a", [7, 7], 100.0)
    assert result.perplexity == pytest.approx(2.0), "each token has probability 0.5"
    (request,) = server.sent(GenerateRequest)
    assert (request.run, request.prompt) == ("a", "Python")
    assert request.settings.temperature == 0
    assert request.settings.max_tokens == 60


def test_an_error_is_the_problem_of_its_reply(home: Home) -> None:
    server = FakeServer(failures={GenerateRequest: InputError("No such word.", "Use others.")})
    result, states = generated(home, server)
    assert states == [WAITING, LOADING, FAILED]
    assert (result.problem, result.hint) == ("No such word.", "Use others.")
    assert result.perplexity is None


def test_weights_larger_than_the_free_memory_are_not_loaded(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(home, "a")
    run.weights.write_bytes(b"x" * 2000)
    monkeypatch.setattr(same_prompt, "free_memory", lambda: 1999)
    server = FakeServer()
    result, _ = generated(home, server)
    assert result.problem == "The weights need 2 kB of memory, 2 kB are free."
    assert server.requests == []
    monkeypatch.setattr(same_prompt, "free_memory", lambda: 2000)
    assert generated(home, server)[0].state == DONE
    same_prompt.check_memory(Run(home.runs / "missing"))

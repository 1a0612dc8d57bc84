"""The command compare, with tiny models that a real model server loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.paths import Home
from core.run.directory import Run
from tests.support.fake_server import FakeServer
from tests.support.runs import ScriptedRun, make_run, tiny_run
from tui.__main__ import run as command
from tui.common import client

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    return Home(root=tmp_path, cache=tmp_path / "cache")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """A model server without a process, in which each run has a text of its own."""
    texts = {"poem": [" was", " a", " man"], "ode": [" was", " the", " sea"]}
    server = FakeServer(tokens_of=texts, chances=[0.5] * 3)
    monkeypatch.setattr(client, "ServerClient", lambda *_, **__: server)
    return server


def train(home: Home, name: str, **prepared: Any) -> Run:
    """A finished run without weights."""
    run = ScriptedRun(home.root, name)
    run.start(**prepared)
    run.train(1, 40)
    run.end("finished", 40, reason="all steps done", elapsed=4.0)
    return run.run


def test_a_table_and_the_texts_are_printed(
    home: Home, server: FakeServer, capsys: Captured
) -> None:
    train(home, "poem", model={"layers": 4}, tokenizer="bpe")
    train(home, "ode", model={"layers": 8}, tokenizer="char")
    assert command(["compare", "poem", "ode", "--prompt", "There"]) == 0
    captured = capsys.readouterr()
    lines = [line.split() for line in captured.out.splitlines()]
    assert lines[0] == ["poem", "ode"]
    assert ["layers", "4", "8"] in lines
    assert ["tokenizer", "bpe", "char"] in lines
    assert ["loss", "per", "token", "2.372", "2.372"] in lines
    assert "There was a man\n(ends after 3 tokens · 100/s · perplexity 2.0)" in captured.out
    assert "There was the sea\n" in captured.out
    assert "parts at “the”)" in captured.out
    assert captured.err == "Per byte, because the tokenizers differ.\n"


def test_json_has_everything_with_bounded_curves(
    home: Home, server: FakeServer, capsys: Captured
) -> None:
    for name, layers in (("poem", 4), ("ode", 8)):
        train(home, name, model={"layers": layers})
    assert command(["compare", "poem", "ode", "--json", "--by", "time"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["by"] == "time"
    assert result["differing"] == ["layers"]
    assert result["bits_per_byte"] is False
    poem, ode = result["runs"]
    assert (poem["name"], poem["status"], poem["parameters"]) == ("poem", "finished", 809_088)
    assert poem["settings"]["layers"] == 4
    assert poem["best"]["step"] == 40
    assert poem["curves"]["validation"]["x"] == [2.0, 4.0]
    assert len(poem["curves"]["train"]["x"]) == 40
    assert poem["reply"]["parts_at"] is None
    assert ode["reply"]["text"][ode["reply"]["parts_at"] :] == "the sea"


def test_the_prompt_is_the_sample_prompt_of_the_first_run(
    home: Home, server: FakeServer, capsys: Captured
) -> None:
    train(home, "poem", train={"sample_prompt": "Once"})
    train(home, "ode", train={"sample_prompt": "Twice"})
    assert command(["compare", "poem", "ode", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["prompt"] == "Once"


def test_real_models_continue_one_prompt(home: Home, capsys: Captured) -> None:
    """Two models with other weights and one tokenizer, and a run without a model."""
    tiny_run(home, "one", seed=1)
    tiny_run(home, "two", seed=2)
    make_run(home, "none")
    assert command(["compare", "one", "two", "none", "--prompt", "the cat", "--json"]) == 0
    one, two, none = json.loads(capsys.readouterr().out)["runs"]
    assert one["reply"]["tokens"] == two["reply"]["tokens"] == 60
    assert one["reply"]["perplexity"] >= 1
    assert one["reply"]["text"] != two["reply"]["text"]
    parting = two["reply"]["parts_at"]
    assert one["reply"]["text"][:parting] == two["reply"]["text"][:parting]
    assert one["settings"]["d_model"] == 16
    assert "has no weights" in none["reply"]["problem"]
    assert none["curves"]["train"]["x"] == []


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["poem"], "1 run cannot be compared"),
        (["poem", "poem"], "poem is named twice"),
        (["poem", "nothing"], "nothing"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(
    names: list[str], message: str, home: Home, capsys: Captured
) -> None:
    make_run(home, "poem")
    assert command(["compare", *names]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""

"""talk, step, trace and score as a user types them, and their plain lines."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from core.errors import InputError
from core.paths import Home, find_home
from core.run.directory import Run
from tests.support.runs import tiny_run
from tests.support.samplers import REPLY, FakeSampler
from tests.support.step_stage import StepSampler
from tui.__main__ import run
from tui.cli.progress import TrainingView
from tui.common import plain_mode
from tui.talk.record import read_last

Captured = pytest.CaptureFixture[str]
TRACED = {
    "tokens": [
        {
            "id": 3, "text": "Pyt\x1bhon", "probability": 0.62, "rank": 1200, "entropy": 2.0,
            "lens": [[4, "a", 0.2], [5, "[b]", 0.00001]],
        }
    ],
    "next": {"entropy": 0.6931472, "lens": [[4, "a", 0.2], [5, "is", 1.0]]},
    "done": True,
}  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A library with the runs lang (words) and chars, and no wish for plain lines."""
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(plain_mode.VARIABLE, "")  # put back afterwards, whatever --plain does to it
    found = find_home()
    tiny_run(found, "lang", snapshots=(0, 4))
    tiny_run(found, "chars", "char", "text")
    return found


def _type(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def _sampler(monkeypatch: pytest.MonkeyPatch, sampler: object) -> None:
    monkeypatch.setattr("tui.common.client.ServerClient", lambda _: sampler)


def _lines(captured: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in captured.splitlines()]


def test_step_is_a_journey_of_lines(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """Numbers, rolls, undo, search and settings, without a terminal."""
    sampler = StepSampler()
    _sampler(monkeypatch, sampler)
    _type(monkeypatch, "2", "", "r", "u", "/lang", "1", "temperature 1", "f", "?", "0", "q", "7")
    assert run(["step", "lang", "Python"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert len(sampler.sessions["s1"][1]) == 2 + 2 + 1 + 5
    for line in (
        "1 token holds “lang”",
        "Temperature is 1.",
        "There are the numbers 1 to 9.",
        "u takes the last token back.",
        "25 percent, removed: temperature",
    ):
        assert line in said.out
    assert "\x1b" not in said.out
    assert "rank" in said.out.split("holds “lang”")[1].splitlines()[1]


def test_the_end_of_the_input_leaves_and_mistakes_do_not(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    sampler = StepSampler(fail={"find": InputError("Not so.", "Thus.")})
    _sampler(monkeypatch, sampler)
    _type(monkeypatch, "/a", "temprature 1", "top_k many", "1")
    assert run(["step", "lang", "Python"]) == 0
    said = capsys.readouterr()
    assert "Not so." in said.err
    assert "temperature" in said.err
    assert len(sampler.sessions["s2"][1]) == 3


def test_step_says_one_view_as_json(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    sampler = StepSampler()
    _sampler(monkeypatch, sampler)
    assert run(["step", "lang@4", "Python", "--json", "--top", "3", "--temperature", "1"]) == 0
    (view,) = _lines(capsys.readouterr().out)
    assert len(view["top"]) == 3  # type: ignore[arg-type]
    assert view.keys() >= {"entropy", "loss", "choice", "length", "context"}
    asked = next(fields for op, fields in sampler.asked if op == "step")
    assert (asked["run"], asked["which"]) == ("lang", "4")


@pytest.mark.parametrize(
    "arguments", [["step", "nothing"], ["talk", "lang@9"], ["trace", "x", "y"]]
)
def test_a_run_that_is_not_there_is_said(arguments: list[str], capsys: Captured) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().out == ""


def test_talk_is_a_journey_of_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, home: Home
) -> None:
    """A talk that is not kept; a setting that is not obeyed; an error that ends it."""
    sampler = FakeSampler()
    _sampler(monkeypatch, sampler)
    _type(monkeypatch, "Python", "/temperature 0.5", "/older", "Python", "/bogus", "/help", "/quit")
    assert run(["talk", "lang"]) == 0
    said = capsys.readouterr()
    assert said.out.count("Python is a popular programming language.\n") == 2
    assert "Temperature is 0.5." in said.out
    assert "Now with the weights" in said.out
    assert "unknown setting" in said.err
    assert [fields["settings"]["temperature"] for _, fields in sampler.asked] == [0.0, 0.5]
    assert [turn.text for turn in read_last(Run(home.runs / "lang").talk, 9)] == [
        REPLY[-1]["text"]
    ] * 2
    assert sampler.closed == 1


def test_a_reply_that_fails_leaves_the_talk_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, home: Home
) -> None:
    _sampler(monkeypatch, FakeSampler({"generate": [InputError("No such word.")]}))
    _type(monkeypatch, "zebra")
    assert run(["talk", "lang"]) == 0
    assert "No such word." in capsys.readouterr().err
    assert read_last(Run(home.runs / "lang").talk, 9) == []


def test_a_trace_as_a_table_in_words_and_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    _sampler(monkeypatch, FakeSampler({"trace": [TRACED]}))
    assert run(["trace", "lang", "Python"]) == 0
    head, row, after = capsys.readouterr().out.splitlines()
    assert head.split() == ["TOKEN", "MODEL", "RANK", "BITS", "IN", "1"]
    assert row.split() == ["Pyt␛hon", "62.0%", "1,200", "2.89", "a", "20.0%", "[b]", "<.01%"]
    assert after.split() == ["1.00", "a", "20.0%", "is", "100%"]
    assert run(["trace", "lang", "Python", "--json"]) == 0
    first, last = _lines(capsys.readouterr().out)
    assert (first["rank"], last.keys()) == (1200, {"entropy", "lens"})
    assert run(["trace", "lang", "Python", "--plain"]) == 0
    said = capsys.readouterr().out
    assert "62 percent, rank 1200; the layers said a 20 percent, [b] less than" in said
    assert "What comes next: the layers say a 20 percent, is 100 percent." in said


def test_a_file_is_scored(capsys: Captured, tmp_path: Path) -> None:
    """The whole way with a tiny model: a line a token, and the sums."""
    text = tmp_path / "some.txt"
    text.write_text("the cat sat\na bird\n")
    assert run(["score", "lang", str(text), "--json", "--tokens"]) == 0
    *tokens, total = _lines(capsys.readouterr().out)
    assert [token["text"] for token in tokens] == [
        "the",
        "cat",
        "sat",
        "<eos>",
        "a",
        "bird",
        "<eos>",
    ]
    assert total["total"] == pytest.approx(sum(float(str(token["loss"])) for token in tokens))
    assert total["tokens"] == 7
    assert total["bytes"] == 19
    assert run(["score", "lang", str(text)]) == 0
    assert "bits a byte" in capsys.readouterr().out
    assert run(["score", "chars", str(text)]) == 2, "a line break is no character of this run"
    assert run(["score", "lang", str(tmp_path / "nothing.txt")]) == 2


def test_plain_lines_are_wanted_by_option_and_by_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not plain_mode.is_plain_mode({})
    assert not plain_mode.is_plain_mode({"ACCESSIBLE": "0"})
    assert plain_mode.is_plain_mode({"ACCESSIBLE": "1"})
    monkeypatch.setenv("ACCESSIBLE", "1")
    assert TrainingView("lang")._bar.disable
    assert [plain_mode.spoken_percent(share) for share in (0, 0.00001, 0.004, 0.621, 1)] == [
        "0 percent", "less than 0.01 percent", "0.4 percent", "62 percent", "100 percent",
    ]  # fmt: skip

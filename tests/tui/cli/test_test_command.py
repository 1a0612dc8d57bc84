"""The command test: how often a run's replies are right."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from core.paths import Home
from tests.support.runs import tiny_run
from tests.support.task_runs import feelings, sums, task_run
from tests.support.texts import write
from tui.__main__ import run as command

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    return Home(root=tmp_path, cache=tmp_path / "cache")


def table(text: str, first: str) -> list[list[str]]:
    """The words of the rows below the line that begins with `first`, up to an empty line."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.lstrip().startswith(first))
    end = next((n for n in range(start, len(lines)) if not lines[n]), len(lines))
    return [line.split() for line in lines[start + 1 : end]]


@pytest.mark.parametrize("architecture", ["qwen3", "eurobert"])
def test_it_prints_the_share_the_baselines_and_the_tables(
    architecture: str, home: Home, capsys: Captured
) -> None:
    task_run(home, "feelings", feelings(), architecture=architecture)
    assert command(["test", "feelings", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert command(["test", "feelings", "--wrong", "3"]) == 0
    out = capsys.readouterr().out
    share = f"{report['right'] / report['items']:.1%}"
    assert out.startswith(f"feelings: {report['right']} of {report['items']} right = {share} (95 %")
    assert f"always “positive”: {report['by_most_frequent']:.1%}\nby chance: 33.3%\n" in out
    assert f"{report['items']} items of the validation part, never trained on: " in out
    assert "feelings.csv; " in out
    rows = table(out, "LABEL")
    assert [row[0] for row in rows] == report["labels"] == ["positive", "negative", "neutral"]
    assert sum(int(row[1]) for row in rows) == report["items"]
    confusions = [list(map(int, row[1:])) for row in table(out, "RIGHT ↓")[:3]]
    assert confusions == report["confusion"]
    assert "mistakes: mostly " in out
    wrong = table(out, "SURE  LINE")
    assert len([row for row in wrong if row[0].endswith("%")]) == 3
    assert f"{report['items'] - report['right'] - 3} more wrong; --wrong N lists more." in out


def test_json_has_every_figure_and_the_wrong_items(home: Home, capsys: Captured) -> None:
    task_run(home, "sums", sums(), kind="char")
    assert command(["test", "sums", "--json", "--limit", "5"]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert captured.err == ""
    assert (report["run"], report["weights"], report["task"]) == ("sums", "last", "answer")
    assert (report["items"], report["accuracy"]) == (5, report["right"] / 5)
    assert report["available"] > 5
    first = report["wrong"][0]
    assert first["messages"][0]["role"] == "user"
    assert first["messages"][0]["content"].startswith("What is ")
    assert first["expected"].startswith("It is ")


def test_a_file_is_judged_and_labels_the_model_never_saw_are_wrong(
    home: Home, capsys: Captured
) -> None:
    task_run(home, "feelings", feelings())
    file = write(home.root / "mine.csv", "text,label\nThe film \x1b[31mwas good .,splendid\n")
    assert command(["test", "feelings", str(file)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("feelings: 0 of 1 right = 0.0% (95 % interval 0.0% to 79.3%)")
    assert f"1 items of the file: {file}; 1 with words outside the vocabulary; " in out
    assert "\x1b" not in out
    assert ["splendid", "1", "0", "0.0%", "–"] in table(out, "LABEL")


def test_translations_have_chrf_or_are_told_how_to_get_it(
    home: Home, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"the cat {n},le chat {n}\n" for n in range(240))
    task_run(home, "french", f"source,target\n{rows}", kind="char", context=48)
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics.chrf", None)
    assert command(["test", "french"]) == 0
    captured = capsys.readouterr()
    assert "chrF" not in captured.out
    assert "pip install sacrebleu" in captured.err
    monkeypatch.undo()
    monkeypatch.setenv("MINIGPT_HOME", str(home.root))
    pytest.importorskip("sacrebleu")
    assert command(["test", "french"]) == 0
    assert "\nchrF: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "one,two\n1,2\n", "unknown columns 'one', 'two'"),
        ("a.csv", "", "There is no text in"),
        ("a.jsonl", '{"messages": []}\n', 'no list "messages"'),
        ("a.txt", "a text\n", "has no pairs or conversations"),
    ],
)
def test_files_that_cannot_be_judged_are_refused(
    home: Home, capsys: Captured, name: str, text: str, message: str
) -> None:
    task_run(home, "sums", sums(), kind="char")
    file = write(home.root / "other" / name, text)
    assert command(["test", "sums", str(file)]) == 2
    captured = capsys.readouterr()
    assert (captured.out, message in captured.err) == ("", True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["words"], "minigpt-tui score words FILE"),
        (["nobody"], "no run named 'nobody'"),
        (["few"], "minigpt-tui test RUN FILE"),
        (["few", "nowhere.csv"], "nowhere.csv"),
        (["few", "-"], "not standard input"),
        (["few@7"], "7"),
        (["few", "--limit", "0"], "limit"),
    ],
)
def test_what_cannot_be_tested_is_refused_with_what_to_do(
    home: Home, capsys: Captured, arguments: list[str], message: str
) -> None:
    tiny_run(home, "words")
    task_run(home, "few", sums(20), kind="char")
    assert command(["test", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err

"""What is recorded of compared runs: losses, sizes, settings that differ, bits per byte."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from core.paths import Home
from core.run.compare import (
    ComparedRun,
    RunReader,
    check_names,
    differing_settings,
    have_same_text,
    have_same_tokenizer,
)
from core.run.directory import Run
from core.run.status import CRASHED, FINISHED
from core.system.files import read_json, write_json
from tests.support.runs import ScriptedRun, make_run, tiny_run, write_event


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(root=tmp_path, cache=tmp_path / "cache")


def trained(home: Home, name: str, **prepared: Any) -> Run:
    """A finished run whose `prepared` event has some other fields."""
    run = ScriptedRun(home.root, name)
    run.start(**prepared)
    run.train(1, 40)
    run.emit("sample", 40, prompt="There", text=" was", copied=0.25)
    run.end("finished", 40, reason="all steps done", elapsed=4.0)
    return run.run


def test_what_a_run_recorded_is_read(home: Home) -> None:
    run = RunReader(trained(home, "poem", tokenizer="char")).read()
    assert (run.status, run.problem, run.step, run.seconds) == (FINISHED, "", 40, 4.0)
    assert run.parameters == 809_088
    assert run.speed == 4790.0
    assert run.copied == 0.25
    assert run.best == (40, pytest.approx(0.9 + 4.0 * math.exp(-1)))
    assert run.train_loss.steps == list(range(1, 41))
    assert run.val_loss.steps == [20, 40]
    assert run.elapsed.values[-1] == 4.0
    assert run.tokens_per_step == 90_000 / 20
    assert run.settings["learning_rate"] == 0.001
    assert run.settings["tokenizer"] == "char"
    assert run.disk > 1000


def test_only_what_was_added_is_read_again(home: Home) -> None:
    """Detects points that are read twice, and a reader that never sees new ones."""
    run = trained(home, "poem")
    reader = RunReader(run)
    before = reader.read()
    assert reader.read() == before
    write_event(run, "step", 41, train_loss=0.5, elapsed=4.1)
    assert reader.read().train_loss.steps == list(range(1, 42))
    assert before.train_loss.steps == list(range(1, 41)), "what was read does not change"
    run.events.unlink()
    write_event(run, "step", 7, train_loss=0.5, elapsed=0.7)
    assert reader.read().train_loss.steps == [7]


def test_steps_that_a_resume_repeats_count_once(home: Home) -> None:
    run = trained(home, "poem")
    write_event(run, "started", 20, resumed_from=20)
    write_event(run, "step", 21, train_loss=0.5, elapsed=9.0)
    compared = RunReader(run).read()
    assert compared.elapsed.steps == list(range(1, 22))
    assert compared.elapsed.values[-1] == 9.0


@pytest.mark.parametrize(
    ("prepared", "tokens"),
    [
        ({"reading": "text", "train_samples": 0}, 100_000),
        ({"reading": "lines", "train_samples": 5_000}, 95_000),
    ],
    ids=["text", "lines: <sos> is not predicted"],
)
def test_bits_per_byte_follow_from_the_bytes_per_token(
    prepared: dict[str, Any], tokens: int, home: Home
) -> None:
    run = RunReader(trained(home, "poem", **prepared)).read()
    assert run.missing == ""
    assert run.bytes_per_token == 1000 / tokens
    assert run.bits_factor == pytest.approx(tokens / 1000 / math.log(2))


@pytest.mark.parametrize("reading", ["pairs", "conversations"])
def test_bits_per_byte_are_not_known_where_replies_alone_are_learnt(
    reading: str, home: Home
) -> None:
    run = RunReader(trained(home, "poem", reading=reading)).read()
    assert (run.missing, run.bytes_per_token) == ("the size of its replies", None)


def test_a_run_names_what_it_lacks_for_bits_per_byte(home: Home) -> None:
    run = RunReader(make_run(home, "imported")).read()
    assert run.missing == "its number of tokens"
    assert run.bits_factor is None
    record = read_json(home.runs / "imported" / "run.json")
    record["corpus"]["size"] = 0
    write_json(home.runs / "imported" / "run.json", record)
    run = RunReader(Run(home.runs / "imported")).read()
    assert run.missing == "its number of tokens and the size of its text"


def test_a_run_without_events_has_the_settings_of_its_model(home: Home) -> None:
    run = RunReader(tiny_run(home, "words")).read()
    assert run.settings["layers"] == 2
    assert run.settings["d_model"] == 16
    assert run.settings["learning_rate"] is None
    assert run.best is None


def test_what_cannot_be_read_is_a_problem_and_the_rest_is_shown(home: Home) -> None:
    run = trained(home, "poem")
    run.record.write_text("{")
    compared = RunReader(run).read()
    assert str(run.record) in compared.problem
    assert compared.best is not None
    assert compared.status == FINISHED
    run.events.unlink()
    run.events.mkdir()
    compared = RunReader(run).read()
    assert compared.status == CRASHED
    assert str(run.events) in compared.problem


def test_the_tokenizer_is_compared_by_its_file(home: Home) -> None:
    """Detects runs with equally many words of different texts, whose losses are no measure."""
    one, same, other = (tiny_run(home, name) for name in ("one", "same", "other"))
    other.tokenizer.write_text(other.tokenizer.read_text() + " ")
    runs = [RunReader(run).read() for run in (one, same, other)]
    assert have_same_tokenizer(runs[:2])
    assert not have_same_tokenizer(runs)
    assert have_same_text(runs), "their records name the same hash"


def settings(**values: Any) -> ComparedRun:
    return ComparedRun(name="run", settings=values, text_id=str(values.get("hash")))


def test_settings_that_differ_are_listed_and_the_others_counted() -> None:
    runs = [settings(layers=4, dropout=0.0), settings(layers=4, dropout=0.1), settings(layers=8)]
    rows, same = differing_settings(runs)
    assert [(row.label, row.values) for row in rows] == [
        ("layers", (4, 4, 8)),
        ("dropout", (0.0, 0.1, None)),
    ]
    assert same > 30
    assert differing_settings(runs[:1])[0] == []


def test_different_texts_of_one_name_are_told_apart() -> None:
    runs = [settings(text="notes.txt", hash="aaaaaaaa"), settings(text="notes.txt", hash="bbbbbbb")]
    rows, _ = differing_settings(runs)
    assert rows[0].values == ("notes.txt aaaaaa", "notes.txt bbbbbb")
    runs = [settings(text=text, hash=hash) for text, hash in (("a", "1"), ("b", "1"), ("a", "2"))]
    assert differing_settings(runs)[0][0].values == ("a 1", "b 1", "a 2")
    runs = [settings(text="a", hash="1"), settings(text="b", hash="2")]
    assert differing_settings(runs)[0][0].values == ("a", "b")
    runs = [settings(text="a", hash="1"), settings(text="a", hash="")]
    assert differing_settings(runs)[0][0].values == ("a 1", "a")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a"], "1 run cannot be compared"),
        (["a", "b", "c", "d", "e"], "5 runs cannot be compared"),
        (["a", "b", "a"], "a is named twice"),
    ],
)
def test_two_to_four_different_runs_can_be_compared(names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_names(names)
    check_names(["a", "b"])
    check_names(["a", "b", "c", "d"])

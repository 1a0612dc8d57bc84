"""A run on pairs, trained for real: its events tell how often it is right, also when resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.config.configs import TrainConfig
from core.errors import InputError
from core.inference.load import load_model
from core.inference.task_accuracy import measure_accuracy
from core.paths import Home
from core.run.create import create_run
from core.run.directory import Run
from core.run.event_log import read_events
from core.run.events import FINISHED, Event
from core.run.record import read_record
from core.run.task_items import find_items
from core.train.job import train
from tests.support.real_trainers import (
    create_held_run,
    find_differences,
    load_history,
    train_here,
)
from tests.support.task_runs import feelings
from tests.support.texts import write


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(root=tmp_path, cache=tmp_path / "cache")


def evaluations(run: Run) -> list[tuple[int, Any, Any, Any]]:
    return [
        (event.step, event.fields["task_accuracy"], event.fields["val_loss"], event.fields["best"])
        for event in read_events(run.events)
        if event.type == "eval"
    ]


def test_events_have_the_share_of_right_labels_that_a_test_finds(home: Home) -> None:
    text = write(home.root / "feelings.csv", feelings(400))
    run, lock = create_held_run(home, text, "feelings", steps=40, eval_steps=10, batch_size=16)
    train_here(home, run, lock)
    shares = evaluations(run)
    assert [step for step, *_ in shares] == [10, 20, 30, 40]
    report = measure_accuracy(load_model(run), find_items(read_record(run)["corpus"], home))
    assert shares[-1][1] == report.accuracy
    history = load_history(run)
    assert history.task_items == report.items
    assert history.task_accuracy.last == report.accuracy
    assert history.epochs[-1].task_accuracy == report.accuracy
    best = max(shares, key=lambda share: (share[1], -share[2]))
    assert history.best_step == best[0]
    tested = measure_accuracy(load_model(run, "best"), find_items(read_record(run)["corpus"], home))
    assert tested.accuracy == best[1]


@pytest.mark.parametrize("stop_at", ["eval", "step"])
def test_a_resumed_run_reports_and_keeps_what_the_uninterrupted_one_does(
    home: Home, stop_at: str
) -> None:
    """Stopped after the second evaluation, or between two."""
    text = write(home.root / "feelings.csv", feelings(400))
    settings = {"steps": 20, "eval_steps": 5, "batch_size": 16}
    whole, lock = create_held_run(home, text, "whole", **settings)
    train_here(home, whole, lock)
    parts, lock = create_held_run(home, text, "parts", **settings)
    stops: list[Callable[[str], None]] = []

    def stop(event: Event) -> None:
        if event.type == stop_at and event.step >= (10 if stop_at == "eval" else 1):
            stops[0]("asked to stop")

    train(home, parts, lock, listeners=[stop], on_stop=stops.append)
    assert 0 < load_history(parts).step < 20
    train_here(home, parts)
    assert evaluations(parts) == evaluations(whole)
    assert find_differences(whole, parts) == []


def test_runs_on_lines_have_no_share(home: Home) -> None:
    text = write(home.root / "lines.txt", "\n".join(f"line {n} of many" for n in range(300)))
    run, lock = create_held_run(home, text, "lines", steps=4, eval_steps=4)
    train_here(home, run, lock)
    events = [event for event in read_events(run.events) if event.type == "eval"]
    assert events
    assert not any("task_accuracy" in event.fields for event in events)


def test_the_sample_prompt_is_cut_after_a_whole_word(home: Home) -> None:
    """Half a word is not in the vocabulary: the run failed."""
    question = f"how {'extraordinarily ' * 6}good?"
    text = write(home.root / "long.csv", "question,answer\n" + f"{question},very good\n" * 20)
    run, lock = create_held_run(home, text, "long", steps=1)
    events = train_here(home, run, lock)
    prompt = next(event.fields["prompt"] for event in events if event.type == "sample")
    assert question.startswith(prompt)
    assert prompt.split()[-1] == "extraordinarily"


def test_the_sample_prompt_leaves_out_words_that_a_parent_does_not_know(home: Home) -> None:
    text = write(home.root / "feelings.csv", feelings(20))
    parent, lock = create_held_run(home, text, "parent", steps=1)
    train_here(home, parent, lock)
    pairs = write(home.root / "other.csv", "question,answer\nzebra?,film\n" * 10)
    config = TrainConfig(device="cpu", threads=1, steps=1)
    run, lock = create_run(home, str(pairs), config, {}, name="child", parent="parent", force=True)
    assert train_here(home, run, lock)[-1].type == FINISHED


def test_a_table_with_other_columns_can_be_read_as_lines(home: Home) -> None:
    """As the hint of the error says that it has without --format lines."""
    text = write(home.root / "table.csv", "a,b\n" + "one,two\n" * 20)
    run, lock = create_held_run(home, text, "table", reading="lines", steps=1)
    assert train_here(home, run, lock)[-1].type == FINISHED


def test_a_parent_has_to_know_every_label(home: Home) -> None:
    """A run was trained that could give none of its labels."""
    text = write(home.root / "feelings.csv", feelings(20))
    parent, lock = create_held_run(home, text, "parent", steps=1)
    train_here(home, parent, lock)
    known = "film good " * 40
    new = write(home.root / "new.csv", f"text,label\n{known},zebra\n")
    config = TrainConfig(device="cpu", threads=1, steps=1)
    with pytest.raises(InputError, match="The label 'zebra' is not in the vocabulary of parent"):
        create_run(home, str(new), config, {}, name="child", parent="parent")

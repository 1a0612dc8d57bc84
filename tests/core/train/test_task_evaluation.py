"""The share of right replies while a model trains: which items, which replies, what it decides."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

import pytest
import torch

from core.dataset.token_store import TokenFile, build_tokens
from core.inference.load import LoadedModel, load_model
from core.inference.reply_batches import decode_replies, iter_passes
from core.inference.task_accuracy import measure_accuracy
from core.paths import Home
from core.run import store
from core.run.record import read_record
from core.run.task_items import find_items, spread
from core.system.rank_env import RankInfo
from core.text import catalog
from core.text.messages import ASSISTANT, SYSTEM, USER, Message
from core.tokenizer.chat_format import reply_room
from core.tokenizer.special_tokens import EOS
from core.train import task_evaluation
from core.train.evaluation import Evaluation, EvaluationResult
from core.train.state import TrainState
from core.train.task_evaluation import (
    TaskEvaluation,
    TaskItemTokens,
    TaskTokens,
    build_task_evaluation,
)
from core.train.trainer import Trainer
from tests.core.train.test_distributed import ScriptedGroup
from tests.support.task_runs import feelings, sums, talk, task_run
from tests.support.tiny_trainer import checkpoints_of, events_of, resumed, tiny_trainer

CPU = torch.device("cpu")
CONTEXT = 32


def conversations(count: int = 240) -> str:
    """Some with a system message, some longer than the context, in different words."""
    chance = random.Random(5)
    records = []
    for number in range(count):
        messages = [Message(SYSTEM, "Be brief .")] * (number % 2)
        for turn in range(chance.randint(1, 5)):
            messages.append(Message(USER, f"What is {turn}+{number} ?"))
            messages.append(Message(ASSISTANT, f"It is {turn + number} ."))
        records.append(messages)
    return talk(records)


TEXTS = {
    "sums": (sums(), "csv", "char"),
    "feelings": (feelings(), "csv", "word"),
    "talk": (conversations(), "jsonl", "bpe"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("home")
    home = Home(root=folder, cache=folder / "cache")
    for name, (text, suffix, kind) in TEXTS.items():
        task_run(home, name, text, suffix=suffix, kind=kind, context=CONTEXT)
    return home


def open_run(home: Home, name: str) -> tuple[LoadedModel, TokenFile, TaskTokens]:
    run = store.find_run(home, name)
    loaded = load_model(run)
    record = read_record(run)["corpus"]
    corpus = catalog.find_by_hash(record["sha256"], home)
    tokens = build_tokens(corpus, record["reading"], loaded.tokenizer, home)
    return loaded, tokens, TaskTokens.encode(loaded.tokenizer, record["labels"])


def evaluation_of(home: Home, name: str) -> tuple[LoadedModel, TaskEvaluation]:
    loaded, tokens, task = open_run(home, name)
    evaluation = build_task_evaluation(tokens, CONTEXT, task)
    assert evaluation is not None
    return loaded, evaluation


@pytest.mark.parametrize("name", TEXTS)
def test_the_prompts_are_those_of_a_chat_about_the_validation_part(home: Home, name: str) -> None:
    """Cut from tokens, and encoded from the messages of the text."""
    loaded, evaluation = evaluation_of(home, name)
    found = find_items(read_record(store.find_run(home, name))["corpus"], home)
    assert len(evaluation.items) == len(found.items)
    dropped = 0
    for item, expected in zip(evaluation.items, found.items, strict=True):
        fitted = loaded.encode_messages(expected.messages, reply_tokens=reply_room(CONTEXT))
        assert list(item.prompt) == fitted.ids
        assert item.expected is not None
        reply = [*loaded.tokenizer.encode(expected.expected), EOS]
        assert list(item.candidates[item.expected]) == reply
        dropped += fitted.dropped
    assert (dropped > 0) == (name == "talk")


@pytest.mark.parametrize("name", TEXTS)
def test_the_accuracy_is_that_of_a_test(home: Home, name: str) -> None:
    loaded, evaluation = evaluation_of(home, name)
    found = find_items(read_record(store.find_run(home, name))["corpus"], home)
    report = measure_accuracy(loaded, found)
    accuracy = evaluation.accuracy(loaded.model, CPU)
    assert accuracy == report.right / report.items
    if name == "feelings":
        assert 0 < report.right < report.items


def test_a_greedy_reply_is_right_and_any_other_is_wrong(home: Home) -> None:
    loaded, evaluation = evaluation_of(home, "sums")
    prompts = [item.prompt for item in evaluation.items[:6]]
    replies = decode_replies(loaded.model, prompts, 6, loaded.tokenizer.never_generated)
    items = [TaskItemTokens(p, (r.ids,), 0, CONTEXT) for p, r in zip(prompts, replies, strict=True)]
    items += [dataclasses.replace(item, expected=None) for item in items[:2]]
    items += [dataclasses.replace(items[0], candidates=([*items[0].candidates[0], 5],), context=9)]
    judged = dataclasses.replace(evaluation, items=tuple(items))
    assert judged.accuracy(loaded.model, CPU) == 6 / 9


def test_an_unknown_word_is_never_right(home: Home) -> None:
    _, tokens, task = open_run(home, "sums")
    known = build_task_evaluation(tokens, CONTEXT, task)
    assert known
    word = known.items[0].candidates[0][0]
    unknown = build_task_evaluation(tokens, CONTEXT, dataclasses.replace(task, unk_id=word))
    assert unknown
    assert unknown.items[0].expected is None


def test_the_work_is_capped(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    _, tokens, task = open_run(home, "feelings")
    everything = build_task_evaluation(tokens, CONTEXT, task)
    monkeypatch.setattr(task_evaluation, "MAX_TASK_ITEMS", 10)
    ten = build_task_evaluation(tokens, CONTEXT, task)
    assert everything
    assert ten
    assert list(ten.items) == spread(everything.items, 10)
    monkeypatch.setattr(task_evaluation, "MAX_TASK_TOKENS", 200)
    few = build_task_evaluation(tokens, CONTEXT, task)
    assert few
    assert sum(row.length for item in few.items for row in item.rows) <= 200
    assert 0 < len(few.items) < 10


@pytest.mark.parametrize("world_size", [2, 3])
def test_every_rank_comes_to_the_result_of_one(
    home: Home, monkeypatch: pytest.MonkeyPatch, world_size: int
) -> None:
    loaded, evaluation = evaluation_of(home, "feelings")
    passes = list(iter_passes([r for i in evaluation.items for r in i.rows], 100))
    monkeypatch.setattr(task_evaluation, "iter_passes", lambda rows: iter(passes))
    alone = evaluation.accuracy(loaded.model, CPU)
    total = torch.zeros(())
    checks: list[int] = []
    for rank in range(world_size):
        group = ScriptedGroup(RankInfo(rank, rank, world_size, world_size))
        count: list[int] = []

        def sync_stop(count: list[int] = count) -> bool:
            count.append(1)
            return False

        evaluation.accuracy(loaded.model, CPU, sync_stop=sync_stop, group=group)
        total = total + torch.tensor(group.sums[0])
        checks.append(len(count))
    assert len(set(checks)) == 1, "a collective, so equally often on every rank"

    @dataclasses.dataclass(frozen=True)
    class SummedGroup(ScriptedGroup):
        def all_reduce_sum(self, tensor: torch.Tensor) -> torch.Tensor:
            return total

    for rank in range(world_size):
        group = SummedGroup(RankInfo(rank, rank, world_size, world_size))
        assert evaluation.accuracy(loaded.model, CPU, group=group) == alone


def test_a_stop_ends_it_and_leaves_the_model_in_training_mode(home: Home) -> None:
    loaded, evaluation = evaluation_of(home, "feelings")
    loaded.model.train()
    assert evaluation.accuracy(loaded.model, CPU, sync_stop=lambda: True) is None
    assert loaded.model.training
    assert evaluation.accuracy(loaded.model, CPU) is not None
    assert loaded.model.training
    loaded.model.eval()


def test_what_other_ranks_need_survives_the_broadcast(home: Home) -> None:
    _, _, task = open_run(home, "feelings")
    assert task.labels
    assert TaskTokens.from_json(json.loads(json.dumps(task.to_json()))) == task


@pytest.mark.parametrize(
    ("evaluations", "best", "stale"),
    [
        ([(2.0, 0.1), (1.0, 0.1), (3.0, 0.2), (0.5, 0.1)], (3.0, 0.2), 1),
        ([(2.0, 0.0), (3.0, 0.0), (4.0, 0.0)], (2.0, 0.0), 2),
        ([(2.0, 0.5), (2.0, 0.5)], (2.0, 0.5), 1),
        ([(2.0, None), (1.0, None), (1.5, None)], (1.0, None), 1),
    ],
)
def test_the_best_evaluation_has_most_right_replies_then_the_lowest_loss(
    evaluations: list[tuple[float, float | None]], best: tuple[float, float | None], stale: int
) -> None:
    state = TrainState()
    for loss, accuracy in evaluations:
        state.record_validation(loss, accuracy)
    assert ((state.best, state.best_accuracy), state.stale) == (best, stale)


def test_a_run_of_a_version_without_a_task_compares_its_next_evaluation() -> None:
    state = TrainState(best=1.0, stale=2)
    assert state.record_validation(2.0, 0.25)
    assert (state.best, state.best_accuracy, state.stale) == (2.0, 0.25, 0)


TASK = TaskEvaluation(
    tuple(TaskItemTokens((1, 3, 4 + n), ((5 + n, 6 + n),), 0, 8) for n in range(5)), (0, 1)
)


def test_best_weights_and_patience_go_by_the_right_replies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The validation loss falls all the time, and rises while the replies get better."""
    results = {5: (4.0, 0.2), 10: (5.0, 0.6), 15: (3.0, 0.4), 20: (2.0, 0.4), 25: (1.0, 0.4)}
    monkeypatch.setattr(
        Evaluation, "measure", lambda *_, **__: EvaluationResult(results[trainer.state.step][0], 64)
    )
    monkeypatch.setattr(TaskEvaluation, "accuracy", lambda *_, **__: results[trainer.state.step][1])
    trainer = tiny_trainer(validation=True, task=TASK, steps=100, patience=3)
    trainer.run()
    events = events_of(trainer)
    evals = [(s, f["task_accuracy"], f["task_items"], f["best"]) for s, f in events.of_type("eval")]
    assert evals == [
        (5, 0.2, 5, True),
        (10, 0.6, 5, True),
        (15, 0.4, 5, False),
        (20, 0.4, 5, False),
        (25, 0.4, 5, False),
        (25, 0.4, 5, False),  # the last evaluation of every run
    ]
    assert [step for kind, step in checkpoints_of(trainer).saved if kind == "best"] == [5, 10]
    assert events.events[-1][0] == "finished"
    assert events.events[-1][2]["reason"] == "no gain in 3 evaluations"


def test_every_evaluation_and_epoch_has_the_share_and_the_last_has_it_too() -> None:
    trainer = tiny_trainer(validation=True, task=TASK, steps=12, eval_steps=5)
    trainer.run()
    events = events_of(trainer)
    assert [step for step, _ in events.of_type("eval")] == [5, 10, 12]
    assert all(0.0 <= fields["task_accuracy"] <= 1.0 for _, fields in events.of_type("eval"))
    last = events.of_type("eval")[-1][1]["task_accuracy"]
    assert events.of_type("epoch")[-1][1]["task_accuracy"] == last
    assert events.of_type("finished")[0][1]["task_accuracy"] == last


def test_a_corpus_without_a_task_has_no_share() -> None:
    trainer = tiny_trainer(validation=True)
    trainer.run()
    for kind in ("eval", "epoch", "finished"):
        assert all("task_accuracy" not in fields for _, fields in events_of(trainer).of_type(kind))


@pytest.mark.parametrize("killed_at", [5, 10])
def test_a_resumed_run_evaluates_and_decides_as_the_uninterrupted_one(
    killed_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> Trainer:
        return tiny_trainer(validation=True, task=TASK, steps=20, eval_steps=5, learning_rate=0.1)

    whole = run()
    whole.run()

    class KilledError(Exception):
        pass

    first = run()
    measure = TaskEvaluation.accuracy

    def kill(self: TaskEvaluation, *arguments: Any, **options: Any) -> float | None:
        if first.state.step == killed_at:
            raise KilledError
        return measure(self, *arguments, **options)

    monkeypatch.setattr(TaskEvaluation, "accuracy", kill)
    with pytest.raises(KilledError):
        first.run()
    monkeypatch.undo()
    second = resumed(run(), checkpoints_of(first).copies[killed_at])
    second.run()
    wanted = [(s, f) for s, f in events_of(whole).of_type("eval")]
    assert events_of(first).of_type("eval") + events_of(second).of_type("eval") == wanted
    decided = dataclasses.astuple(dataclasses.replace(second.state, elapsed=0.0, spent=0.0))
    assert decided == dataclasses.astuple(dataclasses.replace(whole.state, elapsed=0.0, spent=0.0))


def test_a_stop_during_it_leaves_the_evaluation_to_the_resumed_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(TaskEvaluation, "accuracy", lambda *_, **__: None)
    trainer = tiny_trainer(validation=True, task=TASK, steps=7, eval_steps=5)
    trainer.run()
    assert events_of(trainer).of_type("eval") == []
    assert trainer.state.validation is None

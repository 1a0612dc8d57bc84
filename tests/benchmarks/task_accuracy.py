"""Testing 300 items in batches, as the command `test` does, against one reply after another.

A model of the preset `tiny` with random weights, which never ends a reply by itself: every reply
is decoded to its limit, the slowest case. The items are questions, conversations of three to six
turns, and sentences with one of three labels. Both alternate in one process on one thread; medians
of the CPU time.

python tests/benchmarks/task_accuracy.py [--items 300] [--quick]
"""

from __future__ import annotations

import argparse
import random
import time
from statistics import median

import torch
from machine import print_machine

from core.config.configs import ModelConfig, SamplingConfig
from core.config.presets import get_preset
from core.inference.generate import generate
from core.inference.load import LoadedModel
from core.inference.session import Session
from core.inference.task_accuracy import MIN_DECODED_TOKENS, measure_accuracy
from core.model.factory import build_model
from core.run.task_items import TaskItem, TaskItems
from core.text.corpus import CONVERSATIONS, PAIRS
from core.text.messages import ANSWER, ASSISTANT, CLASSIFY, CONVERSE, USER, Message
from core.tokenizer.chat_format import reply_room
from core.tokenizer.special_tokens import EOS
from core.tokenizer.tokenizer import Tokenizer

LABELS = ("positive", "neutral", "negative")
WORDS = ["the", "a", "film", "room", "song", "was", "is", "not", "very", "good", "bad", "plain"]
CONTEXT = 128
REPLY = "the song is good"


def sentence(chance: random.Random) -> str:
    """A few words."""
    return " ".join(chance.choices(WORDS, k=chance.randint(4, 12)))


def make_items(count: int, task: str) -> list[TaskItem]:
    """Items of one kind, the same every time."""
    chance = random.Random(7)
    items = []
    for number in range(count):
        messages = [Message(USER, sentence(chance))]
        for _ in range(chance.randint(2, 5) if task == CONVERSE else 0):
            messages += [Message(ASSISTANT, REPLY), Message(USER, sentence(chance))]
        expected = chance.choice(LABELS) if task == CLASSIFY else REPLY
        items.append(TaskItem("items", number, tuple(messages), expected))
    return items


def make_model(task: str) -> LoadedModel:
    """A model of the preset `tiny` that never ends a reply."""
    tokenizer = Tokenizer.train("word", [" ".join([*WORDS, *LABELS])]).with_roles()
    shape = get_preset("tiny").model | {"vocab_size": tokenizer.vocab_size, "context": CONTEXT}
    model = build_model(ModelConfig(**shape), seed=0).eval()
    with torch.no_grad():
        model.get_parameter("embedding.weight")[EOS] = 0.0
    reading = CONVERSATIONS if task == CONVERSE else PAIRS
    return LoadedModel(model, tokenizer, reading, task, LABELS if task == CLASSIFY else ())


def in_batches(loaded: LoadedModel, items: list[TaskItem]) -> None:
    """Test as the command does."""
    found = TaskItems(source="file", files=("items",), items=tuple(items), most_frequent=None)
    measure_accuracy(loaded, found)


def one_by_one(loaded: LoadedModel, items: list[TaskItem]) -> None:
    """Generate the reply to one item after another; of labels, score each by itself."""
    tokenizer, reply_tokens = loaded.tokenizer, reply_room(CONTEXT)
    settings = SamplingConfig(max_tokens=MIN_DECODED_TOKENS)
    for item in items:
        prompt = loaded.encode_messages(item.messages, reply_tokens=reply_tokens).ids
        if loaded.labels:
            for label in loaded.labels:
                session = Session(loaded.model, keep_first=1)
                session.extend(prompt)
                session.score([*tokenizer.encode(label), EOS])
            continue
        list(generate(Session(loaded.model, keep_first=1), prompt, tokenizer, settings))


def measure_row(task: str, count: int, repetitions: int) -> str:
    """Time both, alternately; return the row of the table."""
    loaded, items = make_model(task), make_items(count, task)
    times: dict[str, list[float]] = {in_batches.__name__: [], one_by_one.__name__: []}
    for _ in range(repetitions):
        for work in (in_batches, one_by_one):
            began = time.process_time()
            work(loaded, items)
            times[work.__name__].append(time.process_time() - began)
    batched, single = map(median, times.values())
    return f"{task:<10} {batched:10.2f} s {single:10.2f} s {single / batched:12.1f}"


def main() -> None:
    """Print a row per kind of task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--quick", action="store_true", help="a tenth of the items, once")
    arguments = parser.parse_args()
    count = arguments.items // 10 if arguments.quick else arguments.items
    torch.set_num_threads(1)  # as the model server and the command do for small models
    print_machine()
    print(f"{count} items    in batches  one by one   times faster (CPU time)")
    for task in (ANSWER, CONVERSE, CLASSIFY):
        print(measure_row(task, count, 1 if arguments.quick else 3))


if __name__ == "__main__":
    main()

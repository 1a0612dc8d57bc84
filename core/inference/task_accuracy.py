"""Testing a model on items whose right reply is known.

A task "classify" is answered by the label with the highest probability, the end included; all
others by greedy decoding. A reply is right if it is the expected text.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.errors import Cancelled, InputError
from core.inference.classification import label_scores
from core.inference.load import LoadedClassifier, LoadedModel
from core.inference.reply_batches import PromptedReply, decode_replies, score_replies
from core.progress import CancelCheck, never_cancelled
from core.run.task_items import TaskItem, TaskItems, spread
from core.text.messages import CLASSIFY
from core.text.task_metrics import make_report
from core.text.task_report import JudgedItem, TaskReport
from core.tokenizer.chat_format import reply_room
from core.tokenizer.special_tokens import EOS

ITEMS_PER_REPORT = 64  # after which progress is reported
MIN_DECODED_TOKENS = 16

TestProgress = Callable[[int, int, int], None]
"""Receives items done, items in all, and those of the done ones that are right."""


@dataclass(frozen=True)
class _EncodedItem:
    """An item as tokens.

    Attributes:
        prompt: up to the role of the assistant; empty if it does not fit into the context.
        has_unknown: whether it has words outside the vocabulary.
    """

    item: TaskItem
    prompt: list[int]
    has_unknown: bool


def measure_accuracy(
    loaded: LoadedModel | LoadedClassifier,
    found: TaskItems,
    *,
    limit: int | None = None,
    progress: TestProgress = lambda done, total, right: None,
    cancelled: CancelCheck = never_cancelled,
) -> TaskReport:
    """Test a model on items.

    Args:
        limit: largest number of items to judge, spread over all.

    Raises:
        Cancelled: `cancelled` returned true.
        RunFailedError: the model's predictions are not finite.
    """
    began = time.perf_counter()
    encoded = []
    for task_item in spread(found.items, limit):
        if cancelled():
            raise Cancelled
        encoded.append(_encode(loaded, task_item))
    order = sorted(range(len(encoded)), key=lambda number: len(encoded[number].prompt))
    judged: dict[int, JudgedItem] = {}
    right = 0
    for first in range(0, len(order), ITEMS_PER_REPORT):
        numbers = order[first : first + ITEMS_PER_REPORT]
        for number, item in zip(
            numbers, _judge_all(loaded, [encoded[n] for n in numbers], cancelled), strict=True
        ):
            judged[number] = item
            right += item.is_right
        progress(len(judged), len(order), right)
    return make_report(
        [judged[number] for number in range(len(encoded))],
        task=loaded.task,
        labels=loaded.labels,
        most_frequent=found.most_frequent,
        source=found.source,
        files=found.files,
        available=len(found.items),
        with_unknown_words=sum(item.has_unknown for item in encoded),
        seconds=time.perf_counter() - began,
        device=str(loaded.model.device),
    )


def is_classifier(loaded: LoadedModel | LoadedClassifier) -> bool:
    """Whether a model is asked for one of its labels."""
    return loaded.task == CLASSIFY and bool(loaded.labels)


def label_log_probabilities(
    loaded: LoadedModel | LoadedClassifier,
    prompts: Sequence[Sequence[int]],
    cancelled: CancelCheck = never_cancelled,
) -> list[list[float]]:
    """Return the log-probability of each label, its end included, after each prompt.

    An encoder has a head of labels. For a decoder, a label that does not fit into the context after
    a prompt, or has words outside the vocabulary, which would be the same as those of other labels,
    has none: minus infinity.

    Args:
        prompts: ids up to the role of the assistant.

    Raises:
        Cancelled: `cancelled` returned true.
        RunFailedError: the model's predictions are not finite.
    """
    if isinstance(loaded, LoadedClassifier):
        texts = [prompt[:-1] for prompt in prompts]  # without the role of the assistant
        return label_scores(loaded.model, texts, cancelled)
    labels = [[*loaded.tokenizer.encode(label), EOS] for label in loaded.labels]
    known = [loaded.tokenizer.unk_id not in label for label in labels]
    rows = [PromptedReply(prompt, label) for prompt in prompts for label in labels]
    scores = iter(_score_fitting(loaded, rows, cancelled))
    taken = [[next(scores)[0] for _ in labels] for _ in prompts]
    return [
        [score if is_known else -math.inf for score, is_known in zip(row, known, strict=True)]
        for row in taken
    ]


def _score_fitting(
    loaded: LoadedModel, rows: Sequence[PromptedReply], cancelled: CancelCheck
) -> list[tuple[float, bool]]:
    """Score the replies that fit into the context; the others cannot be generated."""
    context = loaded.model.config.context
    fitting = [row for row in rows if row.length <= context]
    scores = iter(score_replies(loaded.model, fitting, loaded.tokenizer.never_generated, cancelled))
    return [next(scores) if row.length <= context else (-math.inf, False) for row in rows]


def _encode(loaded: LoadedModel | LoadedClassifier, item: TaskItem) -> _EncodedItem:
    reply_tokens = reply_room(loaded.model.config.context)
    try:
        prompt = loaded.encode_messages(
            item.messages, reply_tokens=reply_tokens, allow_unknown=True
        ).ids
    except InputError:
        return _EncodedItem(item, [], False)
    unknown = loaded.tokenizer.unk_id
    return _EncodedItem(item, prompt, unknown is not None and unknown in prompt)


def _judge_all(
    loaded: LoadedModel | LoadedClassifier,
    encoded: Sequence[_EncodedItem],
    cancelled: CancelCheck,
) -> list[JudgedItem]:
    if isinstance(loaded, LoadedClassifier) or is_classifier(loaded):
        return _judge_labels(loaded, encoded, cancelled)
    return _judge_replies(loaded, encoded, cancelled)


def _judge_labels(
    loaded: LoadedModel | LoadedClassifier,
    encoded: Sequence[_EncodedItem],
    cancelled: CancelCheck,
) -> list[JudgedItem]:
    fitting = [item for item in encoded if item.prompt]
    scores = iter(label_log_probabilities(loaded, [item.prompt for item in fitting], cancelled))
    judged = []
    for item in encoded:
        if not item.prompt:
            judged.append(_judge(item, "", 0.0, is_fitting=False))
            continue
        probabilities = tuple(math.exp(score) for score in next(scores))
        best = max(range(len(probabilities)), key=probabilities.__getitem__)
        judged.append(_judge(item, loaded.labels[best], probabilities[best], probabilities))
    return judged


def _judge_replies(
    loaded: LoadedModel, encoded: Sequence[_EncodedItem], cancelled: CancelCheck
) -> list[JudgedItem]:
    """Judge items by their greedy reply; only those that differ from the expected are decoded."""
    tokenizer = loaded.tokenizer
    expected = [[*tokenizer.encode(item.item.expected), EOS] for item in encoded]
    replies: dict[int, tuple[list[int], float]] = {}
    fitting = [number for number, item in enumerate(encoded) if item.prompt]
    rows = [PromptedReply(encoded[number].prompt, expected[number]) for number in fitting]
    for number, (score, is_greedy) in zip(
        fitting, _score_fitting(loaded, rows, cancelled), strict=True
    ):
        if is_greedy:
            replies[number] = expected[number], score
    others = [number for number in fitting if number not in replies]
    if others:
        longest = max(len(expected[number]) for number in others)
        decoded = decode_replies(
            loaded.model,
            [encoded[number].prompt for number in others],
            max(MIN_DECODED_TOKENS, 2 * longest),
            tokenizer.never_generated,
            cancelled,
        )
        replies.update(zip(others, decoded, strict=True))
    judged = []
    for number, item in enumerate(encoded):
        if number not in replies:
            judged.append(_judge(item, "", 0.0, is_fitting=False))
            continue
        ids, score = replies[number]
        judged.append(_judge(item, tokenizer.decode(ids), math.exp(score)))
    return judged


def _judge(
    encoded: _EncodedItem,
    reply: str,
    probability: float,
    label_probabilities: tuple[float, ...] = (),
    *,
    is_fitting: bool = True,
) -> JudgedItem:
    item = encoded.item
    return JudgedItem(
        file=item.file,
        line=item.line,
        messages=item.messages,
        expected=item.expected,
        reply=reply,
        probability=probability,
        label_probabilities=label_probabilities,
        is_fitting=is_fitting,
    )

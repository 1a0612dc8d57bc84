"""Tasks: classify a text with a model, and test how often its replies are right."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable

from core.errors import InputError
from core.inference.load import LoadedClassifier, LoadedModel
from core.inference.task_accuracy import (
    is_classifier,
    label_log_probabilities,
    measure_accuracy,
)
from core.run import store
from core.run.record import read_record
from core.run.task_items import check_has_task, find_items
from core.server.model_cache import ModelCache
from core.server.protocol import AccuracyRequest, ClassifyRequest, check_range
from core.server.replies import AccuracyProgress, AccuracyReply, ClassifyReply, WordEffect
from core.text.messages import USER, Message
from core.text.resolve import resolve_corpus
from core.tokenizer.chat_format import reply_room
from core.tokenizer.unknown_words import UnknownWordError

MAX_EXPLAINED_WORDS = 256
MAX_ITEMS = 10_000_000


def classify(cache: ModelCache, request: ClassifyRequest) -> ClassifyReply:
    """Return the probability of each label for a text, and without each of its words."""
    began = time.perf_counter()
    model, _ = cache.get_task_model(request)
    loaded, text = model.loaded, request.text
    if not is_classifier(loaded):
        raise InputError(
            f"{model.facts.name} gives no labels: its task is {loaded.task}.",
            "Train on a table with the columns text,label.",
        )
    if not text.strip():
        raise InputError("There is no text to classify.", "Type a sentence.")
    words = list(re.finditer(r"\S+", text)) if request.explain else []
    if len(words) > MAX_EXPLAINED_WORDS:
        raise InputError(
            f"A text of {len(words)} words is too long to leave out each in turn.",
            f"Use at most {MAX_EXPLAINED_WORDS} words.",
        )
    unknown = _find_unknown_words(loaded, text, allowed=request.allow_unknown)
    model.set_process_threads()
    shortened = [_leave_out(text, *word.span()) for word in words]
    prompts = [_encode(loaded, part) for part in (text, *shortened)]
    scores = label_log_probabilities(loaded, prompts, cache.watch.cancelled)
    probabilities, *without = [[math.exp(score) for score in row] for row in scores]
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    return ClassifyReply(
        label=loaded.labels[best],
        labels=list(loaded.labels),
        probabilities=probabilities,
        words=[
            WordEffect(begin=word.start(), end=word.end(), text=word[0], probabilities=row)
            for word, row in zip(words, without, strict=True)
        ],
        unknown=unknown,
        seconds=round(time.perf_counter() - began, 4),
        step=model.facts.step,
    )


def _leave_out(text: str, begin: int, end: int) -> str:
    """Return a text without the part [begin, end), with one blank in its place."""
    return f"{text[:begin].rstrip()} {text[end:].lstrip()}".strip()


def _encode(loaded: LoadedModel | LoadedClassifier, text: str) -> list[int]:
    reply_tokens = reply_room(loaded.model.config.context)
    messages = (Message(USER, text.strip()),)
    return loaded.encode_messages(messages, reply_tokens=reply_tokens, allow_unknown=True).ids


def _find_unknown_words(
    loaded: LoadedModel | LoadedClassifier, text: str, *, allowed: bool
) -> list[str]:
    """Return the words outside the vocabulary.

    Raises:
        UnknownWordError: there are some, and they are not allowed.
    """
    try:
        loaded.tokenizer.encode_prompt(text)
    except UnknownWordError as error:
        if not allowed:
            raise
        return list(error.near)
    return []


def measure(
    cache: ModelCache, request: AccuracyRequest, send: Callable[[AccuracyProgress], None]
) -> AccuracyReply:
    """Test a model on a file, or on what was held out from its training.

    Args:
        send: called with the progress.
    """
    if request.limit is not None:
        check_range(request.limit, 1, MAX_ITEMS, "limit")
    name = request.run or cache.get_task_model(request)[0].facts.name
    corpus = read_record(store.find_run(cache.home, name))["corpus"]
    check_has_task(name, corpus)
    file = resolve_corpus(request.path, cache.home) if request.path is not None else None
    found = find_items(corpus, cache.home, file, cache.watch.cancelled)
    model, _ = cache.get_task_model(request)
    model.set_process_threads()
    report = measure_accuracy(
        model.loaded,
        found,
        limit=request.limit,
        progress=lambda done, total, right: send(
            AccuracyProgress(finished=done, total=total, right=right)
        ),
        cancelled=cache.watch.cancelled,
    )
    return AccuracyReply(report=report, weights=model.facts.weights, step=model.facts.step)

"""The items on which a run is tested: messages, and the reply that is right.

They come from a file that is named, from the held-out file of the run's bundled corpus, or from
the tenth of its own text that it was not trained on.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from core.errors import Cancelled, InputError, MiniGPTError
from core.paths import Home
from core.progress import CancelCheck, never_cancelled
from core.run.record import task_of_record
from core.text import catalog
from core.text.corpus import CHAT_READINGS, PAIRS, Corpus, empty_corpus_error, find_chat_reading
from core.text.messages import FILL, PAIR_COLUMNS, Message, read_conversations, read_pairs
from core.text.task_report import FROM_FILE, FROM_HELDOUT, FROM_VALIDATION
from core.text.validation import is_split, is_validation_line

MAX_COUNTED_REPLIES = 100_000
FORMATS_HINT = (
    f"A table needs the columns {', or '.join(map(','.join, PAIR_COLUMNS))}; a .jsonl file these "
    "fields or messages."
)
FILE_HINT = "Name a file of pairs or conversations to test it on: minigpt-tui test RUN FILE"

T = TypeVar("T")


class TaskItem(NamedTuple):
    """Messages and the right reply to them.

    Attributes:
        file: path of its file.
        line: number of its first line there, from 1.
        messages: the last is the user's.
        expected: what the assistant says next.
    """

    file: str
    line: int
    messages: tuple[Message, ...]
    expected: str


@dataclass(frozen=True, kw_only=True)
class TaskItems:
    """The items of a test.

    Attributes:
        source: where they are from, as in `core.text.task_report.TaskReport`.
        files: their paths.
        items: in the order of the files.
        most_frequent: the most frequent reply of the training part; None if it is unknown.
    """

    source: str
    files: tuple[str, ...]
    items: tuple[TaskItem, ...]
    most_frequent: str | None


def check_has_task(name: str, corpus: Mapping[str, Any]) -> None:
    """Refuse a run that continues texts or fills in blanks.

    Args:
        name: of the run.
        corpus: the `corpus` of its record.

    Raises:
        InputError: it was not trained on pairs or conversations.
    """
    if task_of_record(corpus)[0] == FILL:
        raise InputError(
            f"{name} is an encoder: it fills in blanks and gives no replies.",
            f"Measure how well it knows a text instead: minigpt-tui score {name} FILE",
        )
    if corpus["reading"] not in CHAT_READINGS:
        raise InputError(
            f"{name} continues texts: there are no replies that are right or wrong.",
            f"Measure how well it predicts a text instead: minigpt-tui score {name} FILE",
        )


def find_items(
    corpus: Mapping[str, Any],
    home: Home,
    file: Corpus | None = None,
    cancelled: CancelCheck = never_cancelled,
) -> TaskItems:
    """Find and read the items on which to test a run of pairs or conversations.

    Args:
        corpus: the `corpus` of the run's record.
        file: what to test on; None for what was held out. Of a bundled corpus its held-out file.

    Raises:
        InputError: nothing was held out, or the file has no pairs or conversations.
        Cancelled: `cancelled` returned true.
    """
    trained, problem = _find_training_text(corpus, home)
    heldout = _heldout_corpus(file or trained)
    if file is None and heldout is not None and find_chat_reading(heldout) is None:
        heldout = None  # of an older format
    tested = heldout or file
    text = _TrainingText()
    if trained is not None:
        text = _read_training_text(trained, cancelled, with_validation=tested is None)
    labels = task_of_record(corpus)[1]
    most_frequent = text.most_frequent or next(iter(labels), None)
    if tested is not None:
        source = FROM_HELDOUT if file is None else FROM_FILE
        items = tuple(_read_all(tested, cancelled))
    elif trained is None:
        assert problem is not None
        raise InputError(f"The text of this run is not here: {problem.message}", FILE_HINT)
    elif not text.validation:
        raise InputError(
            f"Nothing of {trained.name!r} was held out from training: the text is too short.",
            FILE_HINT,
        )
    else:
        source, tested, items = FROM_VALIDATION, trained, text.validation
    if not items:
        raise empty_corpus_error(tested)
    files = tuple(map(str, tested.files))
    return TaskItems(source=source, files=files, items=items, most_frequent=most_frequent)


def spread(items: Sequence[T], limit: int | None) -> list[T]:
    """Return at most `limit` items at equal distances, so that a sorted file is covered too."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[number * len(items) // limit] for number in range(limit)]


def _find_training_text(
    corpus: Mapping[str, Any], home: Home
) -> tuple[Corpus | None, MiniGPTError | None]:
    """Return the text that a run was trained on, or why it cannot be had."""
    try:
        text = catalog.find_by_hash(
            corpus["sha256"], home, corpus["name"], corpus["encoding"], corpus["errors"]
        )
    except MiniGPTError as error:
        return None, error
    return dataclasses.replace(text, reading=corpus["reading"]), None


def _heldout_corpus(corpus: Corpus | None) -> Corpus | None:
    if corpus is None or not corpus.bundled or corpus.heldout is None:
        return None
    return dataclasses.replace(corpus, files=(corpus.heldout,), reading=None)


@dataclass(frozen=True)
class _TrainingText:
    """What a test needs of the text that a run was trained on.

    Attributes:
        most_frequent: the most frequent reply of the training part.
        validation: the items of the validation part; none if the text is not split.
    """

    most_frequent: str | None = None
    validation: tuple[TaskItem, ...] = ()


def _read_training_text(
    corpus: Corpus, cancelled: CancelCheck, *, with_validation: bool
) -> _TrainingText:
    """Count the replies of the first records, and keep the items of the validation part."""
    replies: tuple[Counter[str], Counter[str]] = (Counter(), Counter())  # training, validation
    validation, count, validation_count = [], 0, 0
    for item in _read_all(corpus, cancelled):
        is_validation = is_validation_line(_sample_text(item))
        if count < MAX_COUNTED_REPLIES:
            replies[is_validation][item.expected] += 1
        elif not with_validation:
            break
        count += 1
        validation_count += is_validation
        if is_validation and with_validation:
            validation.append(item)
    was_split = is_split(count, validation_count)
    counted = replies[0] if was_split else replies[0] + replies[1]
    most_frequent = counted.most_common(1)[0][0] if counted else None
    return _TrainingText(most_frequent, tuple(validation) if was_split else ())


def _sample_text(item: TaskItem) -> str:
    """Return the text of the record as `core.text.corpus.CorpusSample` has it."""
    return "\n".join([*(message.content for message in item.messages), item.expected])


def _read_all(corpus: Corpus, cancelled: CancelCheck) -> Iterator[TaskItem]:
    """Read all records.

    Raises:
        InputError: a file has other records, or none can be read.
        Cancelled: `cancelled` returned true.
    """
    if corpus.size == 0:
        raise empty_corpus_error(corpus)
    reading = find_chat_reading(corpus)
    if reading is None:
        raise InputError(f"{corpus.files[0]} has no pairs or conversations.", FORMATS_HINT)
    read = read_pairs if reading == PAIRS else read_conversations
    for path in corpus.files:
        for _, line, messages in read(path, corpus.codec):
            if cancelled():
                raise Cancelled
            *before, last = messages
            yield TaskItem(str(path), line, tuple(before), last.content)

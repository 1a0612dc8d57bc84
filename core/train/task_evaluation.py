"""How often the model's last reply is right, on a part of the validation part, while it trains.

Nothing is decoded. The greedy reply is the expected one exactly if each of its tokens is the most
likely after those before it, which one forward pass over prompt and reply shows; for labels, the
most probable one is the answer. The command `test` judges in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from core.dataset.spans import Int64Array
from core.dataset.token_store import TokenFile
from core.inference.reply_batches import PromptedReply, iter_passes, score_pass
from core.model.decoder import Decoder
from core.system.files import JsonObject
from core.text.corpus import CHAT_READINGS
from core.tokenizer.chat_format import fit_messages, reply_room
from core.tokenizer.special_tokens import EOS, NEVER_GENERATED, ROLE_TOKENS, RoleIds
from core.tokenizer.tokenizer import Tokenizer
from core.train.distributed import SINGLE_PROCESS, ProcessGroup

MAX_TASK_ITEMS = 200
MAX_TASK_TOKENS = 32_768  # read in an evaluation; half of what a quick validation loss reads


@dataclass(frozen=True)
class TaskTokens:
    """What judging replies takes besides the tokens of the corpus.

    Attributes:
        labels: the ids of each label with its end; without labels, the greedy reply is judged.
        unk_id: the id of unknown words, which are never right; None if there are none.
    """

    labels: tuple[tuple[int, ...], ...] = ()
    unk_id: int | None = None

    @classmethod
    def encode(cls, tokenizer: Tokenizer, labels: Sequence[str]) -> TaskTokens:
        """Encode the labels of a run, of known words; none unless its task is "classify"."""
        encoded = [(*tokenizer.encode(label), EOS) for label in labels]
        known = tuple(label for label in encoded if tokenizer.unk_id not in label)
        return cls(known, tokenizer.unk_id)

    def to_json(self) -> JsonObject:
        """As `from_json` reads it."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: JsonObject) -> TaskTokens:
        """Rebuild it on another rank."""
        return cls(tuple(map(tuple, values["labels"])), values["unk_id"])


@dataclass(frozen=True)
class TaskItemTokens:
    """An item: the tokens before a reply, and those of the replies to compare.

    Attributes:
        prompt: up to the role of the assistant.
        candidates: replies with their end.
        expected: number of the right candidate; None if none can be right.
        context: tokens that the model reads at most; longer candidates are never right.
    """

    prompt: Sequence[int]
    candidates: tuple[Sequence[int], ...]
    expected: int | None
    context: int

    @property
    def rows(self) -> list[PromptedReply]:
        """A row per candidate; of those that do not fit none, as they cannot be generated."""
        rows = [PromptedReply(self.prompt, candidate) for candidate in self.candidates]
        return rows if all(row.length <= self.context for row in rows) else []


@dataclass(frozen=True)
class TaskEvaluation:
    """Items of the validation part, the same at every evaluation.

    Attributes:
        items: those judged.
        never_generated: ids that a reply never contains.
    """

    items: tuple[TaskItemTokens, ...]
    never_generated: tuple[int, ...]

    def accuracy(
        self,
        model: Decoder,
        device: torch.device,
        *,
        sync_stop: Callable[[], bool] = lambda: False,
        group: ProcessGroup = SINGLE_PROCESS,
    ) -> float | None:
        """The share of the items with the right reply; None if stopped. Collective.

        Args:
            sync_stop, group: as for `core.train.evaluation.Evaluation.measure`. Every rank gets the
                scores of all, so that all come to the same result.
        """
        rows = [row for item in self.items for row in item.rows]
        # Log-probability, and 1 if the row is greedy; each rank fills in its rows.
        scores = torch.zeros(len(rows), 2, device=device)
        was_training = model.training
        model.train(False)
        for number, batch in enumerate(iter_passes(rows)):
            if number % group.world_size == 0 and sync_stop():
                model.train(was_training)
                return None
            if number % group.world_size == group.rank:
                batch_scores = score_pass(model, [rows[n] for n in batch], self.never_generated)
                scores[batch] = torch.tensor(batch_scores, device=device)
        model.train(was_training)
        summed = group.all_reduce_sum(scores).tolist()
        right = begin = 0
        for item in self.items:
            count = len(item.rows)
            right += is_right(item, summed[begin : begin + count])
            begin += count
        return right / len(self.items)


def is_right(item: TaskItemTokens, scores: Sequence[Sequence[float]]) -> bool:
    """Whether the model's answer to an item is the expected one.

    Args:
        scores: of each row of the item its log-probability, and 1 if it is greedy.
    """
    if item.expected is None or not scores:
        return False
    if len(item.candidates) == 1:
        return scores[0][1] == 1.0
    return max(range(len(scores)), key=lambda number: scores[number][0]) == item.expected


def build_task_evaluation(
    tokens: TokenFile, context: int, task: TaskTokens
) -> TaskEvaluation | None:
    """Choose at most 200 items at equal distances in the validation part.

    Fewer if they are long: all rows together have at most 32,768 tokens. None unless the corpus
    consists of pairs or conversations and has a validation part.
    """
    if tokens.reading not in CHAT_READINGS or not len(tokens.val_samples):
        return None
    first = tokens.vocab_size - len(ROLE_TOKENS)
    roles = RoleIds(first, first + 1, first + 2)
    items = _cut_items(tokens, _spread(tokens.val_samples, MAX_TASK_ITEMS), roles, context, task)
    size = sum(row.length for item in items for row in item.rows)
    if size > MAX_TASK_TOKENS:
        fewer = max(1, len(items) * MAX_TASK_TOKENS // size)
        items = [items[number] for number in _spread(np.arange(len(items)), fewer)]
    return TaskEvaluation(tuple(items), (*NEVER_GENERATED, *roles))


def _spread(numbers: Int64Array, count: int) -> Int64Array:
    """At most `count` of the numbers, at equal distances."""
    places = np.arange(min(count, len(numbers))) * len(numbers) // min(count, len(numbers))
    chosen: Int64Array = numbers[places]
    return chosen


def _cut_items(
    tokens: TokenFile, samples: Int64Array, roles: RoleIds, context: int, task: TaskTokens
) -> list[TaskItemTokens]:
    return [
        _cut_item(
            tokens.ids[tokens.starts[sample] : tokens.starts[sample + 1]].tolist(),
            roles,
            context,
            task,
        )
        for sample in samples
    ]


def _cut_item(ids: list[int], roles: RoleIds, context: int, task: TaskTokens) -> TaskItemTokens:
    """Split a conversation before its last reply; the oldest exchanges are left out as in Chat."""
    framed: list[list[int]] = [[]]
    for id in ids[1:]:  # without <sos>
        framed[-1].append(id)
        if id == EOS:
            framed.append([])
    *messages, last, _ = framed
    reply = tuple(last[1:])  # without the role
    prompt = fit_messages(
        roles,
        messages,
        context,
        reply_room(context),
        has_system=messages[0][0] == roles.system,
    ).ids
    candidates = task.labels if reply in task.labels else (reply,)
    expected = None if task.unk_id in reply else candidates.index(reply)
    return TaskItemTokens(prompt, candidates, expected, context)

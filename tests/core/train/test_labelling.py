"""What an encoder with a head of labels reads of a pair, and what it is to answer."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dataset.spans import Spans
from core.errors import InputError
from core.text.messages import ASSISTANT, USER, Message
from core.tokenizer.chat_format import frame_messages
from core.tokenizer.special_tokens import PAD, SOS, RoleIds
from core.tokenizer.tokenizer import Tokenizer
from core.train.baselines import label_baselines
from core.train.batches import Batches, LineSamples
from core.train.labelling import Labelling

ROLES = RoleIds(60, 61, 62)
LABELS = ([40], [41, 42], [41])
LABELLING = Labelling(tuple((*label, 2) for label in LABELS), context=12)
Pair = tuple[list[int], int]


def stored(pairs: list[Pair]) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint16]], Spans]:
    """The ids of pairs as the token store has them, and their ranges."""
    rows = [
        frame_messages(
            ROLES, [Message(USER, "text"), Message(ASSISTANT, "label")], [text, LABELS[number]]
        ).ids
        for text, number in pairs
    ]
    ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
    ids = np.array([id for row in rows for id in row], np.uint16)
    return ids, Spans(ends - [len(row) for row in rows], ends)


pair_lists = st.lists(
    st.tuples(st.lists(st.integers(3, 50), max_size=20), st.integers(0, 2)), max_size=6
)


@given(pairs=pair_lists)
def test_the_text_is_read_up_to_its_end_or_the_context_and_the_label_is_the_target(
    pairs: list[Pair],
) -> None:
    ids, spans = stored(pairs)
    inputs, targets = LABELLING.batch(ids, spans, np.zeros(len(pairs), np.int64))
    assert inputs.shape == targets.shape
    for row, (text, number) in enumerate(pairs):
        expected = [SOS, ROLES.user, *text, 2][:12]
        assert inputs[row].tolist() == expected + [PAD] * (inputs.shape[1] - len(expected))
        assert targets[row].tolist() == [number + 1, *[PAD] * (targets.shape[1] - 1)]
    assert LABELLING.count_targets(ids, spans) == int(targets.ne(PAD).sum()) == len(pairs)
    counts = [sum(number == label for _, number in pairs) for label in range(3)]
    assert LABELLING.count_labels(ids, spans).tolist() == counts


def test_another_rank_gets_the_same_labels() -> None:
    assert Labelling.from_json(json.loads(json.dumps(LABELLING.to_json()))) == LABELLING
    assert LABELLING.for_evaluation() == LABELLING


def test_the_batches_of_several_ranks_are_those_of_one() -> None:
    ids, spans = stored([([3 + n] * (n % 5), n % 3) for n in range(24)])
    batches = Batches(ids, LineSamples(spans), 8, seed=1, sorted_batches=2, objective=LABELLING)
    whole = [row.tolist() for row in batches.batch(3)[1][:, 0]]
    parts = [row.tolist() for slot in range(2) for row in batches.batch(3, slot, 2)[1][:, 0]]
    assert whole == parts
    assert batches.count_targets(3) == 8


def test_a_label_outside_the_vocabulary_is_refused() -> None:
    tokenizer = Tokenizer.train("word", ["good bad"])
    with pytest.raises(InputError, match="The label 'plain' is not in the vocabulary"):
        Labelling.encode(tokenizer, ["good", "plain"], 8)
    assert Labelling.encode(tokenizer, ["bad", "good"], 8).labels == ((4, 2), (3, 2))


def test_baselines_know_how_often_each_label_is() -> None:
    train, judged = stored([([3], 0)] * 2 + [([3], 1)] * 5), stored([([3], 1), ([3], 0)])
    ids = np.concatenate((train[0], judged[0]))
    shifted = Spans(judged[1].begins + len(train[0]), judged[1].ends + len(train[0]))
    losses = label_baselines(ids, LineSamples(train[1]), LineSamples(shifted), LABELLING)
    assert losses["random"] == pytest.approx(np.log(3))
    assert losses["unigram"] == pytest.approx(-(np.log(0.6) + np.log(0.3)) / 2)
    assert losses["unigram_accuracy"] == 0.5

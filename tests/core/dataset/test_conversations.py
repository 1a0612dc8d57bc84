"""Tokens of conversations: what is learnt, and where long ones are cut."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dataset.conversations import cut_conversations
from core.dataset.token_store import TokenFile, build_tokens
from core.paths import find_home
from core.text.corpus import Corpus
from core.tokenizer.special_tokens import EOS, PAD, SOS
from core.tokenizer.tokenizer import Tokenizer
from core.train.batches import Batches, LineSamples, cut_samples

WORDS = Tokenizer.train("word", ["a b c d e f g h"]).with_roles()
ROLES = WORDS.roles
assert ROLES


def tokens_of(tmp_path: Path, conversations: list[list[str]]) -> TokenFile:
    """The tokens of conversations, given by messages; of an odd number the system's is first."""
    lines = []
    for texts in conversations:
        roles = ["system"] * (len(texts) % 2) + ["user", "assistant"] * (len(texts) // 2)
        messages = [{"role": r, "content": t} for r, t in zip(roles, texts, strict=True)]
        lines.append(json.dumps({"messages": messages}))
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines))
    corpus = Corpus(name="it", files=(path,))
    return build_tokens(corpus, "conversations", WORDS, find_home(tmp_path / "home"))


def rows_of(tokens: TokenFile, samples: LineSamples) -> list[list[int]]:
    return [
        [*tokens.ids[head].tolist(), *tokens.ids[body].tolist()] for head, body in samples.pieces
    ]


def test_only_what_the_assistant_says_is_learnt(tmp_path: Path) -> None:
    tokens = tokens_of(tmp_path, [["a b", "c", "d", "e f"]])
    samples = cut_samples(tokens, "train", 32)
    inputs, targets = Batches(tokens.ids, samples, 1, 0).batch(0)
    learnt = targets[targets != PAD].tolist()
    assert learnt == [*WORDS.encode("c"), EOS, *WORDS.encode("e f"), EOS]
    assert inputs[0, 0] == SOS
    assert (targets[0] != PAD).sum() == Batches(tokens.ids, samples, 1, 0).count_targets(0)
    before = inputs[0][targets[0] == WORDS.encode("c")[0]]
    assert before.tolist() == [ROLES.assistant]
    all_of_it = Batches(tokens.ids, cut_samples(tokens, "train", 32, only_replies=False), 1, 0)
    assert (all_of_it.batch(0)[1] != PAD).all()
    assert all_of_it.count_targets(0) == len(tokens.ids) - 1


def test_a_long_conversation_is_cut_between_exchanges_and_keeps_its_system(tmp_path: Path) -> None:
    tokens = tokens_of(tmp_path, [["h", "a", "b", "c", "d", "e", "f"]])
    cut = cut_conversations(tokens, tokens.train_samples, 16)
    rows = rows_of(tokens, LineSamples(cut.pieces))
    texts = [WORDS.decode(row) for row in rows]
    assert texts == ["h a b c d", "h e f"]
    assert all(row[:2] == [SOS, ROLES.system] for row in rows)
    assert (cut.divided, cut.cut_replies) == (1, 0)
    assert cut.describe("conversations", 16) == (
        "1 conversation does not fit into 16 tokens and is cut between exchanges; "
        "within an exchange: 0"
    )
    assert cut.describe("pairs", 16) == "1 pair does not fit into 16 tokens and is cut"
    targets = Batches(tokens.ids, LineSamples(cut.pieces, tokens.is_reply), 2, 0).batch(0)[1]
    learnt = [WORDS.decode([id for id in row if id != PAD]) for row in targets.tolist()]
    assert sorted(learnt) == ["b d", "f"]


def test_an_exchange_longer_than_the_context_is_cut_within_and_counted(tmp_path: Path) -> None:
    tokens = tokens_of(tmp_path, [["a", "b " * 40, "c", "d"]])
    cut = cut_conversations(tokens, tokens.train_samples, 16)
    rows = rows_of(tokens, LineSamples(cut.pieces))
    assert max(map(len, rows)) <= 17
    assert cut.cut_replies == 1
    learnt = sum(LineSamples(cut.pieces, tokens.is_reply).pieces.count_targets(tokens.is_reply))
    assert learnt == int(tokens.is_reply.sum())  # type: ignore[union-attr]


@settings(max_examples=30)
@given(
    st.lists(
        st.lists(st.text("abcdefgh ", min_size=1).filter(str.strip), min_size=2, max_size=9),
        min_size=1,
        max_size=4,
    ),
    st.integers(8, 40),
)
def test_every_word_of_the_assistant_is_a_target_once(
    tmp_path_factory: pytest.TempPathFactory, conversations: list[list[str]], context: int
) -> None:
    conversations = [[" ".join(text.replace(" ", "")) for text in c] for c in conversations]
    tokens = tokens_of(tmp_path_factory.mktemp("cut"), conversations)
    samples = cut_samples(tokens, "train", context)
    assert isinstance(samples, LineSamples)
    rows = rows_of(tokens, samples)
    assert max(map(len, rows)) <= context + 1
    cut = cut_conversations(tokens, tokens.train_samples, context)
    assert cut.cut_replies or all(row[0] == SOS for row in rows)
    assert samples.count_targets() == int(np.asarray(tokens.is_reply).sum())
    batches = Batches(tokens.ids, samples, samples.size, seed=3)
    _, targets = batches.batch(0)
    assert int((targets != PAD).sum()) == samples.count_targets() == batches.count_targets(0)

"""Scores, forks and records of a session, with and without a head mask."""

from __future__ import annotations

import pytest
import torch

from core.inference.session import Session
from tests.support.sessions import (
    CONTEXT,
    VOCAB,
    architectures,
    both,
    close,
    count_tokens,
    feed,
    feed_rows,
    last,
    plain,
    some_ids,
    tiny,
)


@architectures
@both
def test_forked_rows_equal_separate_sessions(architecture: str, keep_first: int) -> None:
    """Also across a slide and a truncation."""
    model, start = tiny(architecture), [1, 5, 6, 7]
    session = Session(model, keep_first=keep_first)
    feed(session, start)
    twin = session.fork(3)
    assert torch.equal(twin.next_logits(), session.next_logits().expand(3, -1))
    tails = [some_ids(2 * CONTEXT, seed) for seed in (1, 2, 3)]
    for column in zip(*tails, strict=True):
        logits = feed_rows(twin, [[id] for id in column])
    for row, tail in zip(logits, tails, strict=True):
        assert close(row, plain(model, start + tail, keep_first))
    twin.truncate(9)
    twin.extend_rows([[3], [4], [5]])
    for row, tail, id in zip(twin.next_logits(), tails, (3, 4, 5), strict=True):
        assert close(row, plain(model, [*start, *tail[:5], id], keep_first))
    assert session.ids == start
    assert close(feed(session, [8])[0], plain(model, [*start, 8], keep_first))


def test_a_fork_of_a_fork_repeats_each_row_in_place() -> None:
    session = Session(tiny("qwen3"))
    feed(session, [4])
    twin = session.fork(2)
    feed_rows(twin, [[5], [6]])
    assert [list(row) for row in twin.fork(2).rows] == [[4, 5], [4, 5], [4, 6], [4, 6]]
    assert torch.equal(twin.fork(2).next_logits(), twin.next_logits().repeat_interleave(2, dim=0))


@architectures
def test_a_head_mask_applies_to_every_kind_of_forward_pass(architecture: str) -> None:
    model, ids = tiny(architecture), [4, 5, 6]
    mask = torch.ones(2, 2)
    mask[1, 0] = 0.0
    whole, masked = Session(model), Session(model, head_mask=mask)
    for session in (whole, masked):
        feed(session, ids)
    assert not close(whole.next_logits(), masked.next_logits())
    assert close(feed_rows(masked.fork(2), [[7], [7]])[1:], feed(masked, [7]))
    feed(whole, [7])
    assert close(last(model, whole.inspect(head_mask=mask)), masked.next_logits()[0])
    assert close(last(model, masked.inspect()), masked.next_logits()[0])


@architectures
def test_a_record_has_every_layer_over_the_window(architecture: str) -> None:
    session = Session(tiny(architecture), keep_first=1)
    feed(session, some_ids(11))
    before, record = session.next_logits(), session.inspect()
    seen = len(session.window())
    assert session.window() == [0, 4, 5, 6, 7, 8, 9, 10]
    assert [tuple(a.shape) for a in record.attention] == [(1, 2, seen, seen)] * 2
    assert [tuple(h.shape) for h in record.hidden] == [(1, seen, 16)] * 3
    assert close(last(session.model, record), before[0])
    assert close(feed(session, [3])[0], plain(session.model, [*some_ids(11), 3], 1))


@architectures
@both
@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_scores_are_the_log_probabilities_of_the_ids(
    architecture: str, keep_first: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In any division into parts."""
    monkeypatch.setattr("core.inference.session.MAX_LOGITS_BYTES", at_once * 4 * VOCAB)
    model, ids = tiny(architecture), some_ids(3 * CONTEXT)
    expected = [
        plain(model, ids[:i], keep_first).log_softmax(-1)[ids[i]] for i in range(1, len(ids))
    ]
    session = Session(model, keep_first=keep_first)
    scores = session.score(ids[:5]), session.score(ids[5:]), session.score([])
    assert [len(part) for part in scores] == [4, 19, 0]
    assert close(torch.cat(scores), torch.stack(expected))
    assert close(session.next_logits()[0], plain(model, ids, keep_first))


def test_scoring_reads_as_much_as_fits_per_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    session, read = Session(tiny("qwen3")), count_tokens(monkeypatch)
    session.score(some_ids(24))
    assert read == [1, 7, 8, 8, 8, 8]

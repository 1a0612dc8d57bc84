"""Replies to many prompts at once: scored by one forward pass, or decoded greedily.

The greedy reply to a prompt is a given one exactly if each of its tokens is the most likely after
those before it. One forward pass over prompt and reply shows that, without decoding.

Shapes: B rows, T tokens of the longest row, S all tokens so far, N tokens of all replies, D width,
V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch

from core.errors import Cancelled
from core.inference.sampling import check_finite, remove_special
from core.inference.session import MAX_LOGITS_BYTES
from core.model.attention import ForwardPass, causal_mask
from core.model.decoder import Decoder
from core.model.kv_cache import KVCache
from core.progress import CancelCheck, never_cancelled
from core.tokenizer.special_tokens import EOS, PAD

TOKENS_PER_PASS = 8192
MAX_CACHE_BYTES = 1 << 30


class ReplyScore(NamedTuple):
    """How likely a reply is.

    Attributes:
        log_probability: of all of its tokens, in nats.
        is_greedy: whether each token is the most likely one that may be generated.
    """

    log_probability: float
    is_greedy: bool


class GreedyReply(NamedTuple):
    """The most likely token after the most likely token, and so on.

    Attributes:
        ids: with `<|end|>` if the reply ends by itself.
        log_probability: of all of them, in nats.
    """

    ids: list[int]
    log_probability: float


class PromptedReply(NamedTuple):
    """A reply after the ids of its prompt; neither is empty."""

    prompt: Sequence[int]
    reply: Sequence[int]

    @property
    def length(self) -> int:
        """Ids that are read: all but the last, which is only predicted."""
        return len(self.prompt) + len(self.reply) - 1


def iter_passes(
    rows: Sequence[PromptedReply], tokens_per_pass: int = TOKENS_PER_PASS
) -> Iterator[list[int]]:
    """Yield the numbers of the rows of each forward pass, of similar length each."""
    batch: list[int] = []
    for number in sorted(range(len(rows)), key=lambda number: rows[number].length):
        if batch and rows[number].length * (len(batch) + 1) > tokens_per_pass:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


@torch.inference_mode()
def score_replies(
    model: Decoder,
    rows: Sequence[PromptedReply],
    never_generated: Sequence[int],
    cancelled: CancelCheck = never_cancelled,
) -> list[ReplyScore]:
    """Score each reply after its prompt.

    Args:
        model: in evaluation mode.
        rows: none longer than the context.
        never_generated: ids that greedy decoding never chooses.

    Raises:
        Cancelled: `cancelled` returned true before a forward pass.
        RunFailedError: the model's predictions are not finite.
    """
    scores = [ReplyScore(0.0, False)] * len(rows)
    for numbers in iter_passes(rows):
        if cancelled():
            raise Cancelled
        for number, score in zip(
            numbers, score_pass(model, [rows[n] for n in numbers], never_generated), strict=True
        ):
            scores[number] = score
    return scores


@torch.inference_mode()
def score_pass(
    model: Decoder, rows: Sequence[PromptedReply], never_generated: Sequence[int]
) -> list[ReplyScore]:
    """Score replies in one forward pass; arguments and errors as of `score_replies`."""
    assert not model.training, "dropout would be on"
    longest = max(row.length for row in rows)
    tokens = torch.full((len(rows), longest), PAD)  # (B, T)
    for number, (prompt, reply) in enumerate(rows):
        ids = [*prompt, *reply[:-1]]
        tokens[number, : len(ids)] = torch.tensor(ids)
    # Padding follows each row, and no token attends to later ones.
    hidden = model(tokens.to(model.device))  # (B, T, D)
    lengths = [len(row.reply) for row in rows]
    row_index = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor(lengths))  # (N,)
    position = torch.cat(
        [torch.arange(len(row.prompt) - 1, row.length) for row in rows]
    )  # (N,) of the id before each token of a reply
    chosen = torch.tensor([id for row in rows for id in row.reply])  # (N,)
    picked = hidden[row_index.to(hidden.device), position.to(hidden.device)]  # (N, D)
    scores, greedy = [], []
    step = max(1, MAX_LOGITS_BYTES // (4 * model.config.vocab_size))
    for part, wanted in zip(torch.split(picked, step), torch.split(chosen, step), strict=True):
        logits = model.head(part).float().cpu()  # (n, V)
        check_finite(logits)
        scores.append(logits.log_softmax(-1).gather(1, wanted[:, None])[:, 0].double())
        greedy.append(remove_special(logits, never_generated).argmax(-1) == wanted)
    return [
        ReplyScore(float(row_scores.sum()), bool(row_greedy.all()))
        for row_scores, row_greedy in zip(
            torch.split(torch.cat(scores), lengths),
            torch.split(torch.cat(greedy), lengths),
            strict=True,
        )
    ]


@torch.inference_mode()
def decode_replies(
    model: Decoder,
    prompts: Sequence[Sequence[int]],
    max_tokens: int,
    never_generated: Sequence[int],
    cancelled: CancelCheck = never_cancelled,
) -> list[GreedyReply]:
    """Decode the greedy reply to each prompt, many in one batch.

    A reply ends with `<|end|>`, after `max_tokens`, or where the context is full.

    Args:
        model: in evaluation mode.
        prompts: ids; none is empty or longer than the context.

    Raises:
        Cancelled: `cancelled` returned true before a token.
        RunFailedError: the model's predictions are not finite.
    """
    assert not model.training, "dropout would be on"
    replies = [GreedyReply([], 0.0)] * len(prompts)
    config = model.config
    token_bytes = 8 * config.layers * config.kv_heads * config.head_dim
    tokens_per_pass = min(TOKENS_PER_PASS, MAX_CACHE_BYTES // token_bytes)
    rows = [PromptedReply(prompt, [EOS] * max_tokens) for prompt in prompts]
    for numbers in iter_passes(rows, tokens_per_pass):
        batch = [prompts[number] for number in numbers]
        decoded = _decode_batch(model, batch, max_tokens, never_generated, cancelled)
        for number, reply in zip(numbers, decoded, strict=True):
            replies[number] = reply
    return replies


def _decode_batch(
    model: Decoder,
    prompts: Sequence[Sequence[int]],
    max_tokens: int,
    never_generated: Sequence[int],
    cancelled: CancelCheck,
) -> list[GreedyReply]:
    """Decode with one cache: prompts are padded on the left, and no token attends to padding."""
    context, rows = model.config.context, len(prompts)
    lengths = torch.tensor([len(prompt) for prompt in prompts])  # (B,)
    width = int(lengths.max())
    padding = (width - lengths).to(model.device)  # (B,)
    limits = [min(max_tokens, context - len(prompt) + 1) for prompt in prompts]
    slots = torch.arange(width + max(limits) - 1, device=model.device)  # (S,)
    is_real = slots >= padding[:, None]  # (B, S)
    weight = next(model.parameters())
    cache = KVCache(model.config, rows, len(slots), weight.device, weight.dtype)
    tokens = torch.full((rows, width), PAD)  # (B, T)
    for row, prompt in enumerate(prompts):
        tokens[row, width - len(prompt) :] = torch.tensor(prompt)
    # Padding attends to itself: without anything to attend to it would become NaN.
    visible = causal_mask(width, width, model.device) & is_real[:, None, :width]  # (B, T, T)
    visible |= torch.eye(width, dtype=torch.bool, device=model.device)
    ids: list[list[int]] = [[] for _ in prompts]
    log_probabilities, is_open = [0.0] * rows, [True] * rows
    for number in range(max(limits)):
        if cancelled():
            raise Cancelled
        begin, end = cache.length, cache.length + tokens.shape[1]
        # Finished rows stay in the batch; clamp their positions to the context.
        positions = (slots[begin:end] - padding[:, None]).clamp(0, context - 1)  # (B, T)
        step = ForwardPass(visible[:, None], cache, None, None, 0.0)
        hidden = model.layers(tokens.to(model.device), positions, step)  # (B, T, D)
        logits = model.head(hidden[:, -1]).float().cpu()  # (B, V)
        check_finite(logits)
        best = remove_special(logits, never_generated).argmax(-1, keepdim=True)  # (B, 1)
        scores = logits.log_softmax(-1).gather(1, best)  # (B, 1)
        for row, (id, score) in enumerate(zip(best[:, 0].tolist(), scores.tolist(), strict=True)):
            if is_open[row]:
                ids[row].append(id)
                log_probabilities[row] += score[0]
                is_open[row] = id != EOS and number + 1 < limits[row]
        if not any(is_open):
            break
        tokens, visible = best, is_real[:, None, : end + 1]  # (B, 1), (B, 1, S)
    return [GreedyReply(*pair) for pair in zip(ids, log_probabilities, strict=True)]

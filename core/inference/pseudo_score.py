"""Scoring a text with an encoder: pseudo-perplexity.

An encoder does not give the probability of a text. Instead each token is masked in turn, alone, and
the log-probability of what stood there is summed up: the pseudo-log-likelihood (Salazar et al.
2020, "Masked Language Model Scoring"). Its figures compare encoders with the same tokens; they are
lower than the perplexity of a decoder, which sees one side only, and are not a code length.

A text is cut as for training: each line between <sos> and <eos>, running text in windows; longer
ones in pieces of the context that share a token. Only tokens of the text are scored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch

from core.errors import Cancelled
from core.inference.load import LoadedEncoder
from core.inference.sampling import check_finite
from core.inference.score import ScoreTotals, TokenScore
from core.progress import CancelCheck, never_cancelled
from core.text.corpus import CorpusSample
from core.tokenizer.special_tokens import EOS, SOS, start_id

TOKENS_PER_PASS = 4096


def pseudo_score_samples(
    loaded: LoadedEncoder,
    samples: Iterable[CorpusSample],
    totals: ScoreTotals,
    cancelled: CancelCheck = never_cancelled,
) -> Iterator[TokenScore]:
    """Score every token of the samples of a text, in order, and add each to the totals.

    Args:
        samples: as `core.text.corpus` cuts the text for the model's `reading`.

    Raises:
        UnknownWordError: words that are not in the vocabulary.
        RunFailedError: the model's predictions are not finite.
        Cancelled: `cancelled` returned true before a forward pass.
    """
    tokenizer = loaded.tokenizer
    for window, first_new in _cut_windows(loaded, samples, totals):
        places = [p for p in range(first_new, len(window)) if window[p] in tokenizer.unit_ids]
        scores = pseudo_scores(loaded, window, places, cancelled)
        for place, score in zip(places, scores, strict=True):
            totals.tokens += 1
            totals.nats -= score
            id = window[place]
            yield TokenScore(id, tokenizer.token_text(id), score)


def _cut_windows(
    loaded: LoadedEncoder, samples: Iterable[CorpusSample], totals: ScoreTotals
) -> Iterator[tuple[list[int], int]]:
    """Yield the ids of each window, and the index of the first that no earlier window had.

    Adds the size of each sample to the totals when it is read.
    """
    context = loaded.model.config.context
    is_line = start_id(loaded.reading) == SOS
    ids: list[int] = []  # read, but not yielded
    first_new = 0
    for sample in samples:
        totals.size += len(sample.text.encode())
        if is_line:
            ids.append(SOS)
        ids += loaded.tokenizer.encode_prompt(sample.text)
        is_end = is_line or sample.ends_document
        if is_end:
            ids.append(EOS)
        while len(ids) > context or (is_end and len(ids) > first_new):
            window, rest = ids[:context], ids[context:]
            yield window, first_new
            ids, first_new = ([window[-1], *rest], 1) if rest else ([], 0)
        if is_end:
            ids, first_new = [], 0


@torch.inference_mode()
def pseudo_scores(
    loaded: LoadedEncoder,
    ids: Sequence[int],
    places: Sequence[int],
    cancelled: CancelCheck = never_cancelled,
) -> Iterator[float]:
    """Yield the log-probability, in nats, of the token at each place if it alone is masked.

    Args:
        ids: (T,) at most as many as the context.

    Raises:
        RunFailedError: the model's predictions are not finite.
        Cancelled: `cancelled` returned true before a forward pass.
    """
    assert loaded.tokenizer.mask_id is not None
    text = torch.tensor(ids, device=loaded.model.device)  # (T,)
    rows = max(1, TOKENS_PER_PASS // max(1, len(ids)))
    for start in range(0, len(places), rows):
        if cancelled():
            raise Cancelled
        masked = torch.tensor(places[start : start + rows], device=text.device)  # (B,)
        row = torch.arange(len(masked), device=text.device)
        tokens = text.repeat(len(masked), 1)  # (B, T)
        tokens[row, masked] = loaded.tokenizer.mask_id
        logits = loaded.model.head(loaded.model(tokens)[row, masked]).float()  # (B, V)
        check_finite(logits)
        yield from logits.log_softmax(-1)[row, text[masked]].tolist()

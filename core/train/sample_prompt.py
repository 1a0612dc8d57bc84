"""The prompt of the samples that are generated during training."""

from __future__ import annotations

import numpy as np
import torch

from core.dataset.spans import Spans
from core.dataset.token_store import TokenFile
from core.inference.fill import text_with_blanks
from core.text.corpus import CHAT_READINGS
from core.text.encoding import normalize_text
from core.tokenizer.special_tokens import EOS, PAD
from core.tokenizer.tokenizer import Tokenizer
from core.train.evaluation import Evaluation
from core.train.masking import Masking
from core.train.objective import Objective

PROMPT_SEARCH_TOKENS = 1_000
MAX_BLANK_PROMPT_TOKENS = 24
MAX_PROMPT_CHARACTERS = 80  # a word may have a million


def choose_sample_prompt(
    requested: str | None,
    proposal: str | None,
    tokens: TokenFile,
    tokenizer: Tokenizer,
    evaluation: Evaluation | None,
    objective: Objective | None,
) -> str:
    """What the samples during training begin with, or for an encoder a text with blanks.

    The user's choice, else the corpus's proposal if all of its words are in the vocabulary, else
    the first words of the text. For an encoder that fills in blanks, the beginning of the first
    sample of the validation part, or of the text where there is none.

    Args:
        requested: by the user.
        proposal: of the corpus.
        objective: of an encoder.
    """
    if requested is not None:
        return normalize_text(requested)
    if isinstance(objective, Masking):
        first = (
            evaluation.samples.pieces[:1]
            if evaluation
            else Spans(np.zeros(1, np.int64), tokens.starts[1:2])
        )
        return _mask_sample(tokens, tokenizer, first, objective)
    if proposal and (
        tokenizer.unk_id is None or tokenizer.unk_id not in tokenizer.encode(proposal)
    ):
        return proposal
    if tokens.reading in CHAT_READINGS:
        return _first_user_message(tokens, tokenizer)
    return _first_words(tokens, tokenizer)


def _mask_sample(tokens: TokenFile, tokenizer: Tokenizer, span: Spans, masking: Masking) -> str:
    """The first tokens of a sample, as many masked as in evaluations."""
    ends = np.minimum(span.ends, span.begins + MAX_BLANK_PROMPT_TOKENS)
    inputs, targets = masking.for_evaluation().batch(
        tokens.ids, Spans(span.begins, ends), np.zeros(1, np.int64)
    )
    ids = torch.where(targets.ne(PAD), masking.mask_id, inputs)[0].tolist()
    return text_with_blanks(tokenizer, ids)


def _first_user_message(tokens: TokenFile, tokenizer: Tokenizer) -> str:
    """What the user says first in the first conversation, of known words, cut if it is long."""
    assert tokenizer.roles
    ids = tokens.ids[:PROMPT_SEARCH_TOKENS].tolist()
    rest = ids[ids.index(tokenizer.roles.user) + 1 :] if tokenizer.roles.user in ids else []
    message = rest[: rest.index(EOS)] if EOS in rest else rest
    known = [id for id in message if id != tokenizer.unk_id][:MAX_PROMPT_CHARACTERS]
    while len(text := tokenizer.decode(known)) > MAX_PROMPT_CHARACTERS:
        known.pop()  # a whole token: part of a word may be unknown
    return text


def _first_words(tokens: TokenFile, tokenizer: Tokenizer) -> str:
    """The first few tokens of the text that can begin a line; empty if there are none."""
    count = 1 if tokenizer.kind == "word" else 6
    prompt: list[int] = []
    for id in tokens.ids[:PROMPT_SEARCH_TOKENS].tolist():
        is_text = id != tokenizer.unk_id and not tokenizer.is_special(id)
        if is_text and len(tokenizer.decode([*prompt, id])) <= MAX_PROMPT_CHARACTERS:
            prompt.append(id)
        elif tokenizer.decode(prompt).strip():
            break
        else:
            prompt = []
        if len(prompt) == count:
            break
    return tokenizer.decode(prompt).strip()

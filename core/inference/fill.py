"""Filling in the blanks of a text with an encoder.

In a text, `[]` is a blank and stands for one token: a word, a character or a piece of byte-level
BPE, whose blank before it belongs to the blank.

Shapes: T tokens of the text, N blanks, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from core.model.encoder import Encoder
from core.tokenizer.special_tokens import EOS, SOS, start_id
from core.tokenizer.tokenizer import Tokenizer

BLANK = "[]"


def encode_blanks(
    tokenizer: Tokenizer, reading: str, text: str, *, allow_unknown: bool = False
) -> list[int]:
    """The ids of a text with `<mask>` for each blank, between <sos> and <eos> if it is a line.

    Args:
        reading: how the encoder's corpus was cut, one of `core.text.corpus.READINGS`.
        allow_unknown: take words outside the vocabulary as <unk>.

    Raises:
        UnknownWordError: words that are not in the vocabulary.
    """
    assert tokenizer.mask_id is not None, "the tokenizer of an encoder"
    encode = tokenizer.encode if allow_unknown else tokenizer.encode_prompt
    parts = text.split(BLANK)
    if tokenizer.kind == "bpe":
        parts[:-1] = [part.removesuffix(" ") for part in parts[:-1]]
    ids = encode(parts[0])
    for part in parts[1:]:
        ids += [tokenizer.mask_id, *encode(part)]
    return [SOS, *ids, EOS] if start_id(reading) == SOS else ids


@torch.inference_mode()
def blank_logits(model: Encoder, ids: Sequence[int], places: Sequence[int]) -> Tensor:
    """What the encoder says belongs at some places of a text: logits (N, V), float32.

    Args:
        ids: (T,) the text, `<mask>` in its blanks.
        places: (N,) of the tokens asked for, masked or not.
    """
    tokens = torch.tensor([list(ids)], device=model.device)  # (1, T)
    hidden = model(tokens)[0, list(places)]  # (N, D)
    return model.head(hidden).float()


def fill_blanks(model: Encoder, tokenizer: Tokenizer, ids: Sequence[int]) -> dict[int, int]:
    """The most likely token of every blank, by its place among the ids; never a special token."""
    places = [place for place, id in enumerate(ids) if id == tokenizer.mask_id]
    if not places:
        return {}
    units = tokenizer.unit_ids
    logits = blank_logits(model, ids, places)[:, units.start : units.stop]
    return dict(zip(places, (logits.argmax(-1) + units.start).tolist(), strict=True))


def text_with_blanks(
    tokenizer: Tokenizer, ids: Sequence[int], fills: Mapping[int, int] | None = None
) -> str:
    """The text of ids, with `[]` for each blank, or with what fills it in the brackets."""
    text, stream = "", tokenizer.stream()
    for place, id in enumerate(ids):
        if id != tokenizer.mask_id:
            text += stream.push(id)
            continue
        fill = (fills or {}).get(place)
        held = "" if fill is None else tokenizer.token_bytes(fill).decode(errors="replace")
        is_separate = tokenizer.kind == "word" or (
            tokenizer.kind == "bpe" and (fill is None or held.startswith(" "))
        )
        text += f"{' ' if text and is_separate else ''}[{held.removeprefix(' ')}]"
        if tokenizer.kind == "word":
            stream = tokenizer.stream([tokenizer.unit_ids.start])  # the next word brings its blank
    return text

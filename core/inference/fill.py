"""Filling in the blanks of a text with an encoder.

In a text, `[]` is a blank and stands for one token: a word, a character or a piece of byte-level
BPE. The space before a piece is a part of it, and so of the blank.

Shapes: T tokens of the text, N blanks, V vocabulary.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from core.inference.session import Session
from core.model.encoder import Encoder
from core.tokenizer.special_tokens import BLANK, EOS, SOS, start_id
from core.tokenizer.tokenizer import Tokenizer


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


def left_logits(
    session: Session, ids: Sequence[int], places: Sequence[int], units: range
) -> Tensor:
    """What a decoder says belongs at some places, from the tokens before: logits (N, V).

    In a place on the left that is masked too, it reads its own most likely token.

    Args:
        session: an empty one of the decoder.
        ids: (T,) the text, anything in those places; the first of them is not at 0.
        places: (N,) in the order of the text, at least one.
        units: the ids that can be in a text, see `Tokenizer.unit_ids`.
    """
    assert places[0] > 0, "a decoder needs a token before"
    rows, begin = [], 0
    for place in places:
        session.extend(ids[begin:place])
        rows.append(session.next_logits()[0])  # (V,)
        session.extend([units.start + int(rows[-1][units.start : units.stop].argmax())])
        begin = place + 1
    return torch.stack(rows).float()


def text_with_blanks(
    tokenizer: Tokenizer, ids: Sequence[int], fills: Mapping[int, int] | None = None
) -> str:
    """The text of ids, with `[]` for each blank, or with what fills it in the brackets.

    Args:
        fills: ids by place, as from `fill_blanks`.
    """
    return "".join(token_texts(tokenizer, ids, fills))


def token_texts(
    tokenizer: Tokenizer, ids: Sequence[int], fills: Mapping[int, int] | None = None
) -> list[str]:
    """The parts of `text_with_blanks` that each id adds."""
    texts, stream = list[str](), tokenizer.stream()
    has_text = False
    for place, id in enumerate(ids):
        if id == tokenizer.mask_id:
            fill = (fills or {}).get(place)
            held = "" if fill is None else tokenizer.token_bytes(fill).decode(errors="replace")
            inside = held.removeprefix(" ") or held  # a space alone stays: [] is unfilled
            is_separate = tokenizer.kind == "word" or (
                tokenizer.kind == "bpe" and (fill is None or inside != held)
            )
            texts.append(f"{' ' if has_text and is_separate else ''}[{inside}]")
            if tokenizer.kind == "word":
                stream = tokenizer.stream([tokenizer.unit_ids.start])  # a space before the next
        else:
            texts.append(stream.push(id))
        has_text = has_text or bool(texts[-1])
    return texts


def word_numbers(
    tokenizer: Tokenizer, ids: Sequence[int], texts: Sequence[str]
) -> list[int | None]:
    """The number of the word that each token is a part of, from 0; None for special tokens.

    A word is a run of letters and digits. Every other character is a word of its own, and so is one
    of a script that is written without spaces.

    Args:
        texts: from `token_texts`.
    """
    numbers: list[int | None] = []
    number, before, is_split = -1, "", False
    for id, text in zip(ids, texts, strict=True):
        if tokenizer.is_special(id) and id != tokenizer.mask_id:
            numbers.append(None)
            before, is_split = "", False
            continue
        if tokenizer.kind == "char" and id == tokenizer.mask_id:
            text = "x"  # stands for a letter
        joins = is_split or (_is_letter(before) and (not text or _is_letter(text[0])))
        if tokenizer.kind == "bpe":  # the space before a word belongs to it
            joins = joins or (before == " " and not text[:1].isspace())
        if tokenizer.kind == "word" or not joins:
            number += 1
        numbers.append(number)
        before, is_split = text[-1:] or before, not text  # no text: half a character
    return numbers


def _is_letter(character: str) -> bool:
    return character.isalnum() and unicodedata.east_asian_width(character) not in ("W", "F")

"""What our model says to three prompts: what an export is compared with.

The prompts are drawn from the model itself, so that they are like its corpus and in its
vocabulary, whether or not the corpus is still there.

Shapes: T new tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.export.programs import CONTINUE, FILL, LABEL, REPLY
from core.inference.classification import labelled_ids
from core.inference.fill import blank_logits, encode_blanks
from core.inference.load import LoadedClassifier, LoadedEncoder, LoadedModel, LoadedRun
from core.inference.sampling import remove_special
from core.inference.session import Session
from core.text.messages import USER, Message
from core.tokenizer.special_tokens import BLANK, EOS, SOS
from core.tokenizer.tokenizer import Tokenizer

# Tokens of each prompt, and whether its continuation may end before it is long enough: of lines,
# those that may are over soon.
PROMPTS = ((8, False), (4, False), (2, True))
CONTINUATION_TOKENS = 32


@dataclass(frozen=True)
class Reference:
    """A prompt, and what our model chooses greedily.

    Attributes:
        kind: CONTINUE; REPLY, to a message of the user; FILL, the blank of an encoder's text; or
            LABEL, with the number of a label in the place of a token.
        text: the prompt, the message, or the text with its blank.
        ids: its tokens, with all that comes before the continuation.
        count: the most tokens to choose.
        ends: whether the continuation may end before.
        hidden_ids: ids that are not chosen.
        end_ids: ids that end a text, the usual one first; none if nothing ends it.
        new_ids: what is chosen, without the end of the text.
        logits: before each of them, and before the end if it came; (T, V) float32.
    """

    kind: str
    text: str
    ids: list[int]
    count: int
    ends: bool
    hidden_ids: tuple[int, ...]
    new_ids: list[int]
    logits: Tensor
    end_ids: tuple[int, ...] = (EOS,)


def make_references(
    loaded: LoadedRun,
    *,
    slides: bool,
    prompts: Sequence[tuple[int, bool]] = PROMPTS,
) -> list[Reference]:
    """Our model's answers to prompts that it draws itself.

    Args:
        prompts: for each its tokens, and whether the continuation may end early.
        slides: whether the other program's context slides when it is full, as ours does; otherwise
            continuations end there.
    """
    if isinstance(loaded, LoadedEncoder):
        return [_fill(loaded, length, seed) for seed, (length, _) in enumerate(prompts)]
    if isinstance(loaded, LoadedClassifier):
        return [_label(loaded, length, seed) for seed, (length, _) in enumerate(prompts)]
    assert isinstance(loaded, LoadedModel), "all kinds of runs"
    return [
        _continue(loaded, _draw_text(loaded, length, seed), ends=ends, slides=slides)
        for seed, (length, ends) in enumerate(prompts)
    ]


def _draw_text(loaded: LoadedModel, length: int, seed: int) -> str:
    """A text that the model writes at temperature 1, all of it in the vocabulary."""
    tokenizer, generator = loaded.tokenizer, torch.Generator().manual_seed(seed)
    roles = tokenizer.roles
    start = [SOS, roles.user] if loaded.is_chat and roles else [loaded.start_id]
    session = Session(loaded.model, keep_first=loaded.keep_first)
    session.extend(start)
    units = tokenizer.unit_ids
    others = [
        id for id in range(tokenizer.vocab_size) if id not in units or tokenizer.is_special(id)
    ]
    for _ in range(min(length, _room(loaded))):
        chances = remove_special(session.next_logits()[0], others).softmax(-1)
        session.extend([int(torch.multinomial(chances, 1, generator=generator))])
    text = tokenizer.decode(session.ids[len(start) :]).strip()
    return text or tokenizer.decode(_printable_ids(tokenizer)[:1]).strip()


def _room(loaded: LoadedRun) -> int:
    """The most tokens of a prompt that leave half of the context free."""
    return max(1, loaded.model.config.context // 2 - 4)


def _printable_ids(tokenizer: Tokenizer) -> list[int]:
    """The units that are whole characters and not blank."""
    names = ((id, tokenizer.token_bytes(id).decode(errors="ignore")) for id in tokenizer.unit_ids)
    return [id for id, name in names if name.strip() and name.isprintable()]


def _continue(loaded: LoadedModel, text: str, *, ends: bool, slides: bool) -> Reference:
    is_chat, tokenizer = loaded.is_chat, loaded.tokenizer
    ids = loaded.encode_messages((Message(USER, text),)).ids if is_chat else loaded.encode(text)
    count = CONTINUATION_TOKENS
    if is_chat or not slides:
        count = max(1, min(count, loaded.model.config.context - len(ids)))
    end_ids = tuple(sorted(tokenizer.end_ids, key=lambda end: end != tokenizer.eos_id))
    hidden = (*tokenizer.never_generated, *(() if ends else end_ids))
    session = Session(loaded.model, keep_first=loaded.keep_first)
    session.extend(ids)
    new_ids: list[int] = []
    rows: list[Tensor] = []
    while len(rows) < count:
        rows.append(session.next_logits()[0].clone())
        id = int(remove_special(rows[-1], hidden).argmax())
        if id in end_ids:
            break
        new_ids.append(id)
        session.extend([id])
    kind = REPLY if is_chat else CONTINUE
    logits = torch.stack(rows)
    return Reference(kind, text, list(ids), count, ends, hidden, new_ids, logits, end_ids)


def _fill(loaded: LoadedEncoder, length: int, seed: int) -> Reference:
    """What the encoder puts into the blank in the middle of a text of random units."""
    tokenizer, drawn = loaded.tokenizer, _draw_units(loaded, length, seed)
    middle = len(drawn) // 2
    before, after = tokenizer.decode(drawn[:middle]), tokenizer.decode(drawn[middle:])
    blank = f" {BLANK} " if tokenizer.kind == "word" else BLANK
    text = f"{before.rstrip()}{blank}{after}".strip()
    ids = encode_blanks(tokenizer, loaded.reading, text)
    logits = blank_logits(loaded.model, ids, [ids.index(tokenizer.mask_id or 0)])
    hidden = [id for id in range(tokenizer.vocab_size) if id not in tokenizer.unit_ids]
    fill = int(remove_special(logits[0], hidden).argmax())
    return Reference(FILL, text, ids, 1, False, tuple(hidden), [fill], logits.cpu())


def _label(loaded: LoadedClassifier, length: int, seed: int) -> Reference:
    """The label of a text of random units."""
    text = loaded.tokenizer.decode(_draw_units(loaded, length, seed)).strip()
    ids = labelled_ids(loaded.tokenizer, text, loaded.model.config.context)
    with torch.inference_mode():
        logits = loaded.model.label_logits(torch.tensor([ids]))
    return Reference(LABEL, text, ids, 1, False, (), [int(logits[0].argmax())], logits)


def _draw_units(loaded: LoadedRun, length: int, seed: int) -> list[int]:
    """Random units of the vocabulary."""
    generator, units = torch.Generator().manual_seed(seed), _printable_ids(loaded.tokenizer)
    places = torch.randint(len(units), (min(length, _room(loaded)),), generator=generator)
    return [units[place] for place in places.tolist()]


def shown_tokens(tokenizer: Tokenizer, ids: Sequence[int], place: int) -> str:
    """A token of a sequence for an error; "the end" after its last."""
    return f"{tokenizer.token_text(ids[place])!r} ({ids[place]})" if place < len(ids) else "the end"

"""The text of a request to an encoder."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import InputError
from core.inference.fill import encode_blanks
from core.server.model_cache import CachedEncoder
from core.server.protocol import check_range


def encode_text(
    model: CachedEncoder, text: str, tokens: Sequence[int] | None, *, allow_unknown: bool
) -> list[int]:
    """The ids of a text with blanks, or those given instead of it.

    Raises:
        InputError: the text is empty or longer than the context, or an id is not in the vocabulary.
        UnknownWordError: words outside the vocabulary, unless they are allowed.
    """
    tokenizer, context = model.loaded.tokenizer, model.facts.context
    if tokens is None:
        ids = encode_blanks(tokenizer, model.loaded.reading, text, allow_unknown=allow_unknown)
    else:
        ids = list(tokens)
    if not ids:
        raise InputError("There is no text to read.", "Type one.")
    if len(ids) > context:
        raise InputError(
            f"The text has {len(ids):,} tokens; {model.facts.name} reads at most {context:,}.",
            "Use a shorter text.",
        )
    return [check_range(id, 0, tokenizer.vocab_size - 1, "An id") for id in ids]

"""What belongs at the masked places of a text, by an encoder, by a decoder and by the corpus."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from core.attribution.neighbour_counts import NeighbourCounts
from core.config.schema import MAX_SEED
from core.errors import InputError
from core.inference.fill import (
    blank_logits,
    left_logits,
    token_texts,
    word_numbers,
)
from core.inference.sampling import check_finite
from core.server.encoder_text import encode_text
from core.server.model_cache import CachedEncoder, CachedModel, ModelCache
from core.server.protocol import MAX_TOP, FillRequest, LoadRequest, check_range
from core.server.replies import FillPlace, FillReply
from core.server.tokens import FillToken, RankedToken, TokenCount, TokenProbability
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.unknown_words import UnknownWordError
from core.tokenizer.vocabulary import is_same_but_for_mask
from core.train.masking import Masking

MAX_LISTED = 1 << 16  # candidates of all blanks: more would not fit into a line of the protocol


def fill(cache: ModelCache, request: FillRequest) -> FillReply:
    """Return what belongs at the masked places of a text.

    Raises:
        InputError: the text is empty or longer than the context, a place cannot be masked, or the
            decoder has another vocabulary.
        UnknownWordError: words outside the vocabulary, unless they are allowed.
    """
    start = time.perf_counter()
    check_range(request.top, 1, MAX_TOP, "top")
    decoder = None
    if request.decoder is None:
        model, _ = cache.get_encoder(request)
    else:
        other = LoadRequest(run=request.decoder, device=request.device, reload=request.reload)
        model, decoder = cache.get_both(request, other)
    tokenizer = model.loaded.tokenizer
    original, unknown = _read_text(model, request)
    ids, places = _mask(model, original, request)
    model.set_process_threads()
    by_encoder: Iterable[Tensor] = ()
    by_decoder: Iterable[Tensor | None] = [None] * len(places)
    if len(places) * request.top > MAX_LISTED:
        raise InputError(
            f"{len(places):,} blanks with {request.top:,} candidates each are too many for a "
            f"reply: at most {MAX_LISTED:,} candidates.",
            "List fewer of each, or use fewer blanks.",
        )
    if places:
        logits = blank_logits(model.loaded.model, ids, places).cpu()  # (N, V)
        check_finite(logits)
        by_encoder = logits
        if decoder is not None:
            by_decoder = _decoder_logits(decoder, model, ids, places)
    texts = token_texts(tokenizer, original)
    words = word_numbers(tokenizer, original, texts)
    rows = zip(places, by_encoder, by_decoder, strict=True)
    describer = PlaceDescriber(cache, model, ids, request.top)
    return FillReply(
        tokens=[FillToken(*token) for token in zip(original, texts, words, strict=True)],
        places=[
            describer.describe(place, original[place], logits, other)
            for place, logits, other in rows
        ],
        context=model.facts.context,
        unknown=unknown,
        seconds=round(time.perf_counter() - start, 4),
        step=model.facts.step,
    )


def _read_text(model: CachedEncoder, request: FillRequest) -> tuple[list[int], list[str]]:
    """The ids of a text with what was put in, and its words outside the vocabulary.

    Raises:
        InputError, UnknownWordError: as `fill` does.
    """
    if request.text and request.tokens is not None:
        raise InputError("fill needs one of text and tokens, not both.", "Pass one of the two.")
    unknown = list[str]()
    try:
        ids = encode_text(model, request.text, request.tokens, allow_unknown=False)
    except UnknownWordError as error:
        if not request.allow_unknown:
            raise
        unknown = list(error.near)
        ids = encode_text(model, request.text, None, allow_unknown=True)
    for entry in request.fill:
        if len(entry) != 2:
            raise InputError(f"fill has {entry}.", "Pass an index and an id each.")
        place = check_range(entry[0], 0, len(ids) - 1, "An index in fill")
        _check_is_word(model.loaded.tokenizer, ids, place, "replaced")
        ids[place] = _check_unit(model.loaded.tokenizer, entry[1])
    return ids, unknown


def _check_is_word(tokenizer: Tokenizer, ids: Sequence[int], place: int, what: str) -> None:
    """Refuse the special tokens that frame a text."""
    if tokenizer.is_special(ids[place]) and ids[place] != tokenizer.mask_id:
        raise InputError(
            f"{tokenizer.token_text(ids[place])} at {place} cannot be {what}.",
            "Choose a word of the text.",
        )


def _check_unit(tokenizer: Tokenizer, id: int) -> int:
    """Return an id that can be put in; InputError for special tokens and <unk>."""
    if id not in tokenizer.unit_ids:
        raise InputError(f"The token {id} cannot be put in.", "Choose one of the candidates.")
    return id


def _mask(
    model: CachedEncoder, original: Sequence[int], request: FillRequest
) -> tuple[list[int], list[int]]:
    """The ids with `<mask>` in the places to fill, and these places in order."""
    tokenizer, ids = model.loaded.tokenizer, list(original)
    assert tokenizer.mask_id is not None
    filled = {place for place, _ in request.fill}
    for place in request.masked:
        check_range(place, 0, len(ids) - 1, "An index in masked")
        _check_is_word(tokenizer, ids, place, "masked")
        if place not in filled:
            ids[place] = tokenizer.mask_id
    if request.mask_random is not None:
        check_range(request.mask_random, 0, MAX_SEED, "mask_random")
        masking = Masking(tokenizer.mask_id, tokenizer.unit_ids, seed=request.mask_random)
        for place in masking.choose(original):
            if place not in filled:
                ids[place] = tokenizer.mask_id
    return ids, [place for place, id in enumerate(ids) if id == tokenizer.mask_id]


def _decoder_logits(
    decoder: CachedModel, encoder: CachedEncoder, ids: Sequence[int], places: Sequence[int]
) -> Tensor:
    """What the decoder says belongs in the places: logits (N, V).

    Raises:
        InputError: its ids are of another vocabulary.
    """
    own, other = encoder.loaded.tokenizer, decoder.loaded.tokenizer
    if other.kind != own.kind or not is_same_but_for_mask(
        other.backend.get_vocab(), own.backend.get_vocab()
    ):
        raise InputError(
            f"{decoder.facts.name} has another vocabulary than {encoder.facts.name}.",
            "Compare with a decoder of the same text and tokenizer.",
        )
    if decoder.loaded.reading != encoder.loaded.reading:
        raise InputError(
            f"{decoder.facts.name} reads {decoder.loaded.reading}, "
            f"{encoder.facts.name} reads {encoder.loaded.reading}.",
            "Compare with a decoder that reads the same.",
        )
    if places[0] == 0:  # only of running text, which has no <sos> that the decoder could read
        ids = [decoder.loaded.start_id, *ids]
        places = [place + 1 for place in places]
    return left_logits(decoder.new_session(), ids, places, own.unit_ids)


@dataclass(frozen=True)
class PlaceDescriber:
    """Describes what belongs in the masked places of a text.

    Attributes:
        cache: for the index of the encoder's corpus.
        model: the encoder.
        ids: of the text, `<mask>` in its places.
        top: number of candidates to list per place.
    """

    cache: ModelCache
    model: CachedEncoder
    ids: Sequence[int]
    top: int

    def describe(
        self, place: int, original: int, by_encoder: Tensor, by_decoder: Tensor | None
    ) -> FillPlace:
        """What belongs in a place.

        Args:
            original: the id that was masked, or `<mask>`.
            by_encoder, by_decoder: logits (V,).
        """
        tokenizer = self.model.loaded.tokenizer
        known = None if original == tokenizer.mask_id else original
        between = self._count_between(place)
        counts = between.counts if between else Counter[int]()
        counts = Counter({id: n for id, n in counts.items() if id in tokenizer.unit_ids})
        return FillPlace(
            place=place,
            candidates=_most_likely(tokenizer, by_encoder, self.top),
            original=_rank(tokenizer, by_encoder, known),
            decoder=None if by_decoder is None else _most_likely(tokenizer, by_decoder, self.top),
            decoder_original=_rank(tokenizer, by_decoder, known),
            counts=_most_frequent(tokenizer, counts, self.top) if between else None,
            total=counts.total(),
            at_least=between is not None and between.at_least,
        )

    def _count_between(self, place: int) -> NeighbourCounts | None:
        """The tokens that the corpus has between the neighbours of a place.

        None at the ends of a text, beside another blank, or if the corpus has no tokens on disk.
        """
        if not 0 < place < len(self.ids) - 1:
            return None
        left, right = self.ids[place - 1], self.ids[place + 1]
        if self.model.loaded.tokenizer.mask_id in (left, right):
            return None
        return self.cache.indexes.count_between(self.model.facts.name, left, right)


def _most_frequent(tokenizer: Tokenizer, counts: Mapping[int, int], top: int) -> list[TokenCount]:
    listed = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:top]
    return [TokenCount(id, tokenizer.token_text(id), count) for id, count in listed]


def _most_likely(tokenizer: Tokenizer, logits: Tensor, top: int) -> list[TokenProbability]:
    """The most likely tokens by logits (V,), without special tokens and <unk>."""
    units = tokenizer.unit_ids
    best = logits.softmax(-1)[units.start : units.stop].topk(min(top, len(units)))
    return [
        TokenProbability(units.start + place, tokenizer.token_text(units.start + place), value)
        for place, value in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def _rank(tokenizer: Tokenizer, logits: Tensor | None, id: int | None) -> RankedToken | None:
    """Rank, from 1, and probability of a token by logits (V,), among those that can be listed."""
    if logits is None or id is None:
        return None
    listed = logits[tokenizer.unit_ids.start : tokenizer.unit_ids.stop]
    rank = 1 + int((listed > logits[id]).sum())
    probability = float(logits.softmax(-1)[id])
    return RankedToken(id, tokenizer.token_text(id), rank, probability)

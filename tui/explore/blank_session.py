"""A text on the Blank screen with what the model server says about its blanks."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import replace

from core.errors import InputError, MiniGPTError
from core.server.protocol import FillRequest, LoadRequest
from core.server.replies import FillPlace, FillReply
from tui.common.client import ModelClient, ServerExitedError
from tui.explore.blank_game import Round, Score, choose_words, start_round
from tui.explore.blank_text import BlankText

MAX_CACHED_VIEWS = 64
TOP_TOKENS = 50
SEEDS = 1 << 31  # of the random masking of a round
MAX_DRAWS = 8  # of seeds, until one chooses a word without typed blanks


class BlankSession:
    """The text, the weights, the last replies, and the game.

    Attributes:
        client: of the model server.
        run, weights: the encoder.
        decoder: the run beside it; None without one.
        decoder_error: why it can no longer be asked; None once that was said.
        text: with its blanks and choices.
        round: of the game; None outside it.
        score: over all rounds.
        step: training step of the weights; None if unknown.
        unknown: words of the text outside the vocabulary.
        typed: the text as it was opened, with those words.
    """

    def __init__(
        self, client: ModelClient, run: str, weights: str, decoder: str | None = None
    ) -> None:
        self.client, self.run, self.weights, self.decoder = client, run, weights, decoder
        self.text = BlankText()
        self.round: Round | None = None
        self.score = Score()
        self.step: int | None = None
        self.unknown: list[str] = []
        self.typed = ""
        self.decoder_error: MiniGPTError | None = None
        self._views: OrderedDict[Hashable, list[FillPlace]] = OrderedDict()

    # What is known

    @property
    def places(self) -> Sequence[FillPlace] | None:
        """What belongs at the masked places; None if it was not requested yet."""
        return self._views.get(self._key())

    @property
    def place(self) -> FillPlace | None:
        """What belongs at the cursor; None if it was not requested yet."""
        at = self.text.place
        return next((place for place in self.places or () if place.place == at), None)

    @property
    def is_guessing(self) -> bool:
        """Whether words of the game are still to be guessed."""
        return self.round is not None and not self.round.is_over

    @property
    def source(self) -> str:
        """The text to edit: with its choices, or as it was typed if it has words read as unknown.

        Once it was changed, unknown words are as the model reads them.
        """
        is_typed = self.unknown and not self.text.is_changed
        return self.typed if is_typed else self.text.text() if self.text.words else ""

    # Requests

    async def open_text(self, text: str) -> None:
        """Open a text with the cursor on its first blank, or its first word.

        Raises:
            MiniGPTError: it cannot be read; the present text stays.
        """
        reply = await self._ask(replace(self._empty_request(), text=text))
        opened = BlankText(reply.tokens)
        if not opened.words:
            raise InputError("There is no word in this text.", "Type some; [] is a blank.")
        opened.at = next(iter(opened.masked_words), 0)
        self.text, self.round, self.unknown, self.typed = opened, None, reply.unknown, text
        self._keep(reply)

    async def refresh(self) -> None:
        """Request what belongs at the cursor and at the blanks, unless it is known."""
        if self.text.words and self.places is None:
            self._keep(await self._ask(self._view_request()))

    async def use_weights(self, weights: str) -> None:
        """Use other weights, as they are on disk now; after an error nothing has changed."""
        request = replace(self._view_request(), weights=weights, reload=True)
        reply = await self._ask(request)
        self.weights = weights
        self._views.clear()
        self._keep(reply)

    async def use_decoder(self, name: str | None) -> None:
        """Ask this decoder too, or none; after an error nothing has changed."""
        before, self.decoder = self.decoder, name
        try:
            await self.refresh()
        except BaseException:
            self.decoder = before
            raise

    async def _ask(self, request: FillRequest) -> FillReply:
        """Send a request; without the decoder from now on if that one cannot be loaded."""
        try:
            return await self.client.request(request)
        except ServerExitedError:
            raise
        except MiniGPTError as error:
            if request.decoder is None or not await self._lacks_decoder(request.decoder):
                raise
            self.decoder, self.decoder_error = None, error
            return await self.client.request(replace(request, decoder=None))

    async def _lacks_decoder(self, name: str) -> bool:
        try:
            await self.client.request(LoadRequest(run=name))
        except MiniGPTError as error:
            return not isinstance(error, ServerExitedError)
        return False

    def _view_request(self) -> FillRequest:
        """The request for what belongs at the cursor and at the blanks."""
        text = self.text
        return replace(
            self._empty_request(), tokens=text.ids, masked=text.asked_places, fill=text.fill
        )

    def _empty_request(self) -> FillRequest:
        """A request to the encoder and the decoder, without a text."""
        return FillRequest(run=self.run, weights=self.weights, top=TOP_TOKENS, decoder=self.decoder)

    def _key(self) -> Hashable:
        text = self.text
        fill = tuple(map(tuple, text.fill))
        return tuple(text.ids), tuple(text.asked_places), fill, self.decoder

    def _keep(self, reply: FillReply) -> None:
        """Keep a reply about the present text; those of other weights are forgotten."""
        if reply.step != self.step:
            self.step = reply.step
            self._views.clear()
        if [place.place for place in reply.places] == self.text.asked_places:
            self._views[self._key()] = reply.places
            if len(self._views) > MAX_CACHED_VIEWS:
                self._views.popitem(last=False)

    # The game

    async def start_round(self) -> None:
        """Restore the text, mask words of it at random, and have the models guess them.

        Raises:
            MiniGPTError: there is nothing to mask, or the models cannot be asked; the text stays.
        """
        text = self.text
        for _ in range(MAX_DRAWS):
            seed = random.randrange(SEEDS)
            request = replace(self._empty_request(), tokens=text.ids, mask_random=seed)
            reply = await self._ask(request)
            chosen = [place.place for place in reply.places]
            if words := choose_words(text, chosen, random.Random(seed)):
                break
        else:
            raise InputError("There is no word to mask.", "Type a longer text.")
        before = set(text.blanks), dict(text.choices), text.at
        text.restore()
        text.mask(words)
        text.at = words[0]
        try:
            await self.refresh()
        except BaseException:
            text.blanks, text.choices, text.at = before
            raise
        self.round = start_round(text, self.places or ())

    def answer(self, word: str) -> None:
        """Answer for the word at the cursor; the cursor goes to the next one without an answer."""
        assert self.round is not None
        self.round.answers[self.text.at] = word.strip()
        if self.round.is_over:
            self.score.add(self.round)
        else:
            self.text.go_to(self.round.next_word(self.text.at) or 0)

    def end_round(self) -> None:
        """End the game; the words return."""
        self.round = None
        self.text.restore()

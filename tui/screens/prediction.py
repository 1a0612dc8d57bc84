"""Predictions at a position of a text: what Step and Cursor have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual import work

from core.errors import MiniGPTError
from core.run.weights_ref import BEST
from core.server.replies import NextTokensReply
from tui.chat.conversation import ReadyModel
from tui.common.sampling_settings import SamplingControls
from tui.screens.generation import NOT_READY, GenerationScreen

NEWER_WEIGHTS = "Newer weights available: l loads them."
NEWER_BEST_WEIGHTS = "Better weights available: {key} loads them."
NO_PREDICTIONS = "No predictions yet: e for another text; , and . for other weights."


class PredictionScreen(GenerationScreen):
    """A screen of what a model predicts at a position of a text.

    Title and status name the weights of the predictions shown. These stay until others are chosen,
    also while newer ones are saved. Keys act one after another, also those pressed while the model
    is loading.

    Args:
        name, weights: the run and its weights.
        controls: the sampling settings.
    """

    BEST_KEY = "b"

    def __init__(self, name: str, weights: str, controls: SamplingControls | None) -> None:
        super().__init__(name, weights, controls)
        self._action_lock = asyncio.Lock()
        self._unfinished_actions = 0

    # For subclasses

    @property
    def view(self) -> NextTokensReply | None:
        """The predictions shown; None before the first."""
        raise NotImplementedError

    @property
    def weights_in_use(self) -> tuple[str, str]:
        """The run and the weights of the predictions shown and of the requests to come."""
        raise NotImplementedError

    async def load_weights(self, run: str, weights: str) -> None:
        """Predict with the weights that are on disk now; after an error nothing has changed."""
        raise NotImplementedError

    async def refresh_view(self) -> None:
        """Request what is shown after an action, unless it is known."""

    def show_view(self) -> None:
        """Show the predictions."""
        raise NotImplementedError

    # Actions one after another

    @property
    def is_busy(self) -> bool:
        """Whether an action has not ended."""
        return self._unfinished_actions > 0

    def perform(
        self, action: Callable[[], Awaitable[object]] | None = None, *, needs_view: bool = True
    ) -> None:
        """Perform an action after those of earlier keys, and show the predictions after it.

        Args:
            action: None only shows the predictions.
            needs_view: whether to refuse the action where there are no predictions.
        """

        async def perform() -> None:
            if needs_view and self.view is None:
                self.show_note(NO_PREDICTIONS)
                return
            if action is not None:
                await action()
            await self.refresh_view()

        self._unfinished_actions += 1
        self._perform_in_turn(perform)

    def perform_locally(self, action: Callable[[], object]) -> None:
        """Perform an action without requests: at once, or after those of earlier keys."""

        async def perform() -> None:
            if self.view is None:
                self.show_note(NO_PREDICTIONS)
            else:
                action()

        if self.view is not None and not self.is_busy:
            action()
            return
        self._unfinished_actions += 1
        self._perform_in_turn(perform)

    @work(group="action", exit_on_error=False)
    async def _perform_in_turn(self, action: Callable[[], Awaitable[None]]) -> None:
        """Perform an action; after an error the position stays."""
        try:
            async with self._action_lock:
                try:
                    await action()
                except MiniGPTError as error:
                    self.conversation.note = ""
                    self.show_error(error)
                if self.is_attached:
                    self._name_weights()
                    self.show_view()
                    self.show_facts()
        finally:
            self._unfinished_actions -= 1

    # Weights

    def _name_weights(self) -> None:
        """Name the weights that predicted what is shown, unless others are being loaded."""
        view, conversation = self.view, self.conversation
        is_shown = (conversation.run, conversation.weights) == self.weights_in_use
        conversation.model = ReadyModel(view.step, view.context) if view and is_shown else None
        has_failed = view is None and self._unfinished_actions == 1
        conversation.problem = NOT_READY if has_failed else ""

    def weights_chosen(self) -> None:
        """Load the chosen weights; if that fails, those shown stay chosen."""
        conversation = self.conversation
        chosen = conversation.run, conversation.weights

        async def load_weights() -> None:
            try:
                await self.load_weights(*chosen)
            except MiniGPTError:
                if chosen == (conversation.run, conversation.weights):
                    conversation.use_weights(*self.weights_in_use)
                raise

        self.perform(load_weights, needs_view=False)

    def newer_weights_saved(self) -> None:
        """Offer the newer weights."""
        is_best = self.conversation.weights == BEST
        self.show_note(NEWER_BEST_WEIGHTS.format(key=self.BEST_KEY) if is_best else NEWER_WEIGHTS)

"""Predictions at a position of a text, their settings and weights: what Step and Cursor share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import work

from core.config.configs import SamplingConfig
from core.errors import MiniGPTError
from core.run.weights_ref import BEST, LAST
from core.server.replies import NextTokensReply
from tui.chat.conversation import ReadyModel
from tui.common.sampling_settings import SamplingControls
from tui.screens.dialogs import RunDialog
from tui.screens.generation import NOT_READY, GenerationScreen
from tui.widgets.candidate_table import CandidateTable
from tui.widgets.sampling_panel import SamplingPanel
from tui.widgets.weights_panel import WeightsPanel

NEWER_WEIGHTS = "Newer weights available: . loads them."
NEWER_BEST_WEIGHTS = "Better weights available: b loads them."
NO_PREDICTIONS = "No predictions: F2 another text, , and . other weights."
LOADING = "Loading the weights of {run}…"


class PredictionScreen(GenerationScreen):
    """A screen of what a model predicts at a position of a text.

    The header names the weights of the predictions shown. These stay until others are chosen,
    also while newer ones are saved. Keys act one after another, also those pressed while the model
    is loading. Subclasses yield a `CandidateTable`, a `SamplingPanel` and a `WeightsPanel`.

    Args:
        name, weights: the run and its weights.
        controls: the sampling settings.
    """

    AUTO_FOCUS = "CandidateTable"
    PANEL_KEYS = ("tab",)
    COMMANDS_WITHOUT_KEY: ClassVar[Sequence[tuple[str, str]]] = ()

    def __init__(self, name: str, weights: str, controls: SamplingControls | None) -> None:
        super().__init__(name, weights, controls)
        self._shown_title = ("", "")
        self._action_lock = asyncio.Lock()
        self._unfinished_actions = 0
        self._is_newer_saved = False

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

    # Panels

    @property
    def table(self) -> CandidateTable:
        """The candidate tokens."""
        return self.query_one(CandidateTable)

    @property
    def settings(self) -> SamplingConfig:
        """The sampling settings."""
        return self.conversation.controls.config

    @property
    def standing_note(self) -> str:
        """A note about the predictions shown, where there is no other one."""
        return ""

    def shown_controls(self) -> SamplingControls:
        """The settings as the panel shows them."""
        return self.conversation.controls

    def show_facts(self) -> None:
        """Update header, panels and note where they changed."""
        facts = self.facts()
        state = facts.weights_text
        if facts.context is not None and facts.used is not None and not facts.loading:
            state = f"{state} · context {facts.used:,}/{facts.context:,}"
        title = facts.run, state
        if title != self._shown_title:
            self._shown_title = title
            self.set_header(facts.run, state=state)
        self.query_one(SamplingPanel).show(self.shown_controls())
        conversation, step = self.conversation, facts.step
        self.query_one(WeightsPanel).show(self._points, conversation.weights, step)
        self.table.show_note(self._note())

    def _note(self) -> str:
        if self.conversation.note or self.view is not None:
            return self.conversation.note or self.standing_note
        if self.is_busy:
            return LOADING.format(run=self.conversation.run)
        return NO_PREDICTIONS

    def action_other_run(self) -> None:
        """Choose another run that has weights, for the same text."""

        def use(name: str | None) -> None:
            if name is not None:
                self.use_weights(name, LAST)

        words = "Another run, same text", "use it"
        dialog = RunDialog(self.services.home, self.conversation.run, *words)
        self.app.push_screen(dialog, use)

    def on_sampling_panel_explained(self, event: SamplingPanel.Explained) -> None:
        """Show why a key of the panel changes nothing."""
        event.stop()
        self.show_note(event.text)

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
        self._is_newer_saved = False
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
        self._is_newer_saved = not is_best
        self.show_note(NEWER_BEST_WEIGHTS if is_best else NEWER_WEIGHTS)

    def action_newer(self) -> None:
        """Use the snapshot after the present one, or the newest weights that were saved since."""
        if self._is_newer_saved and self.conversation.weights == LAST:
            self.action_newest()
        else:
            super().action_newer()

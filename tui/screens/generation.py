"""Weights and sampling settings: what Chat, Step and Cursor have in common."""

from __future__ import annotations

import asyncio
from functools import cached_property

from textual import work
from textual.timer import Timer

from core.errors import MiniGPTError
from core.run.directory import Run
from core.run.weights_ref import BEST, LAST
from tui.chat.conversation import Conversation
from tui.chat.facts import GenerationFacts
from tui.chat.sampling_memory import initial_controls, remember_controls, remembered_values
from tui.chat.timeline import WeightsPoint, read_timeline
from tui.common.messages import ErrorRaised
from tui.common.sampling_settings import SamplingControls
from tui.screens.base import BaseScreen
from tui.screens.dialogs import RunDialog
from tui.widgets.sampling_panel import SamplingPanel
from tui.widgets.weights_panel import WeightsPanel

WEIGHTS_POLL_SECONDS = 2.0
NOT_READY = "not ready"  # in place of the weights, after they could not be loaded


class GenerationScreen(BaseScreen):
    """A screen whose text is generated with weights and settings that its keys change.

    Args:
        name: of the run.
        weights: "last", "best" or the step of a snapshot.
        controls: the sampling settings at first; None means those last used with the run.
    """

    def __init__(
        self, name: str, weights: str = LAST, controls: SamplingControls | None = None
    ) -> None:
        super().__init__()
        self.opened_for = name, weights
        self._initial_controls = controls
        self._weights_watcher: Timer | None = None
        self._points: list[WeightsPoint] = []

    @cached_property
    def conversation(self) -> Conversation:
        """The run, its weights, the settings and the turns."""
        name, weights = self.opened_for
        home, config = self.services.home, self.services.user_config
        controls = self._initial_controls or initial_controls(Run(home.runs / name), config)
        self._remembered = remembered_values(controls)
        return Conversation(home, name, name, weights, controls=controls)

    def on_mount(self) -> None:
        """Watch for newer weights, and read which there are."""
        seconds = self.services.terminal.interval(WEIGHTS_POLL_SECONDS, WEIGHTS_POLL_SECONDS)
        self._weights_watcher = self.set_interval(seconds, self.check_for_newer)
        self._weights_stamp = self.conversation.weights_stamp()
        self.show_facts()
        self._read_timeline()

    def on_unmount(self) -> None:
        """Keep the settings for the next time."""
        self._remember_settings()

    def _remember_settings(self) -> None:
        """Keep the settings with the run if they were changed while it was used."""
        values = remembered_values(self.conversation.controls)
        if values == self._remembered:
            return
        self._remembered = values
        try:
            remember_controls(self.conversation.folder, self.conversation.controls)
        except MiniGPTError as error:
            self.app.post_message(ErrorRaised(error))

    def on_screen_suspend(self) -> None:
        """Pause the watcher while another screen is on top, and keep the settings."""
        if self._weights_watcher is not None:
            self._weights_watcher.pause()
        self._remember_settings()

    def on_screen_resume(self) -> None:
        """Resume the watcher; weights may have been saved meanwhile."""
        if self._weights_watcher is None:  # closed while it opens
            return
        self._weights_watcher.resume()
        self.check_for_newer()

    def on_resize(self) -> None:
        """Show the facts as they fit this width."""
        self.show_facts()

    def add_note(self, text: str) -> None:
        """Add a line between the turns, where the screen shows turns."""

    def facts(self) -> GenerationFacts:
        """Return the facts about weights, settings and counts."""
        return self.conversation.facts()

    def show_facts(self) -> None:
        """Update what describes weights, settings and counts, where it changed."""
        raise NotImplementedError

    def show_note(self, note: str) -> None:
        """Show a short note until the next one."""
        self.conversation.note = note
        self.show_facts()

    # Weights

    @work(group="timeline", exclusive=True, exit_on_error=False)
    async def _read_timeline(self) -> None:
        """Show the run's weights in time; a long log is read aside."""
        folder = self.conversation.folder
        points = await asyncio.to_thread(read_timeline, folder)
        if folder == self.conversation.folder and self.is_attached:
            self._points = points
            self.show_facts()

    def on_weights_panel_chosen(self, event: WeightsPanel.Chosen) -> None:
        """Use the weights chosen in the panel."""
        self.use_weights(self.conversation.run, event.weights)

    def check_for_newer(self) -> None:
        """Notice weights that were saved anew since they were chosen."""
        stamp = self.conversation.weights_stamp()
        if stamp not in (None, self._weights_stamp):
            self._weights_stamp = stamp
            self._read_timeline()
            self.newer_weights_saved()

    def newer_weights_saved(self) -> None:
        """Use the newer weights, or offer them."""

    def use_weights(self, run: str, weights: str) -> None:
        """Use other weights, or those of the same name as they are on disk now."""
        if run != self.conversation.run:
            self._remember_settings()
            self.add_note(f"Switched to {run}.")
        self.conversation.use_weights(run, weights)
        self._weights_stamp = self.conversation.weights_stamp()
        self.show_note("")
        self._read_timeline()
        self.weights_chosen()

    def weights_chosen(self) -> None:
        """Load the weights, and compute what is shown with them."""

    def action_older(self) -> None:
        """Use the snapshot before the present one."""
        weights = self.conversation.older_weights()
        if weights is None:
            self.show_note("No older snapshot.")
        else:
            self.use_weights(self.conversation.run, weights)

    def action_newer(self) -> None:
        """Use the snapshot after the present one."""
        weights = self.conversation.newer_weights()
        if weights is None:
            self.show_note("These are the newest weights.")
        else:
            self.use_weights(self.conversation.run, weights)

    def action_best(self) -> None:
        """Use the best weights, by the validation part."""
        if self.conversation.folder.best_weights.is_file():
            self.use_weights(self.conversation.run, BEST)
        else:
            self.show_note("No best weights: this run has no validation data.")

    def action_newest(self) -> None:
        """Use the newest weights; those on disk may be newer than the ones shown."""
        self.use_weights(self.conversation.run, LAST)

    def action_other_run(self) -> None:
        """Choose another run that has weights."""

        def use(name: str | None) -> None:
            if name is not None:
                self.use_weights(name, LAST)

        self.app.push_screen(RunDialog(self.services.home, self.conversation.run), use)

    # Settings

    def settings_changed(self) -> None:
        """Recompute what depends on the sampling settings, if anything is shown."""

    def use_controls(self, controls: SamplingControls) -> None:
        """Use other sampling settings."""
        self.conversation.controls = controls
        self.show_note("")
        self.settings_changed()

    def on_sampling_panel_changed(self, event: SamplingPanel.Changed) -> None:
        """Use the settings of the panel."""
        self.use_controls(event.controls)

    def action_greedy(self) -> None:
        """Reset all settings to greedy decoding."""
        self.use_controls(self.conversation.controls.reset_to_greedy())

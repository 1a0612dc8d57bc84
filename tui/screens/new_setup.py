"""New run, second screen: optional settings with a forecast of time, memory and disk."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable
from contextlib import aclosing
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from core.config.configs import ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts
from core.dataset.preview import preview
from core.errors import MiniGPTError, SettingsError
from core.run.store import propose_name
from core.server.protocol import ProbeRequest
from core.server.replies import TrainingForecast
from core.system.machine import free_disk, free_memory, usable_threads
from core.text.resolve import resolve_corpus
from tui.common.format import count, duration, size
from tui.common.messages import OpenTrain
from tui.common.sanitize import one_line
from tui.runs.setup import RunDraft, RunForecast, forecast_run, start_run
from tui.screens.base import BaseScreen
from tui.widgets.config_form import ConfigForm
from tui.widgets.line_input import LineInput

MAIN_SETTINGS = ("preset", "tokenizer", "device", "epochs", "minutes", "seed")
OTHER_SETTINGS = tuple(
    field.name for field in dataclasses.fields(TrainConfig) if field.name not in MAIN_SETTINGS
)
MODEL_SETTINGS = tuple(
    field.name for field in dataclasses.fields(ModelConfig) if field.name != "vocab_size"
)
LABEL_CELLS = 12


class NewSetupScreen(BaseScreen):
    """The settings of a new run.

    Args:
        spec, encoding, reading: the text, as accepted by `core.run.create.create_run`.
        typed: values of the inputs, restored on opening and updated in place on going back.
    """

    TRAIL, HEADING = ("New run",), "Settings"
    HELP = (
        "Every setting has a suitable value already; Enter starts training. Tab moves through the "
        "settings, o shows all of them. The right side shows the forecast and the reasons."
    )
    CSS_PATH = "../styles/new_setup.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "start", "Start", tooltip="Start training"),
        Binding("tab", "app.focus_next", "Settings", tooltip="Next setting"),
        Binding("o", "toggle_all", "All", tooltip="Show all settings, or the main ones"),
    ]

    def __init__(
        self, spec: str, encoding: str | None, reading: str | None, typed: list[str] | None = None
    ) -> None:
        super().__init__()
        self._typed = [] if typed is None else typed
        self._spec, self._encoding, self._reading = spec, encoding, reading
        self._draft: RunDraft | None = None
        self._is_start_pending = False  # Enter was pressed before the draft was complete
        self._device = DeviceFacts(
            device="cpu", name="CPU", free_memory=free_memory(), threads=usable_threads()
        )

    def body(self) -> ComposeResult:
        """The form on the left, the forecast on the right."""
        with Horizontal():
            with VerticalScroll(id="form", can_focus=False):
                with Horizontal(id="naming"):
                    yield Static("Name", classes="label", markup=False)
                    yield LineInput(compact=True, id="name")
                yield ConfigForm(TrainConfig, MAIN_SETTINGS, id="main")
                with Vertical(id="more"):
                    yield ConfigForm(TrainConfig, OTHER_SETTINGS, id="training")
                    yield ConfigForm(ModelConfig, MODEL_SETTINGS, id="shape")
            with VerticalScroll(id="outlook", can_focus=False):
                yield Static(id="forecast")
                yield Static(id="reasons")

    def on_mount(self) -> None:
        """Restore typed values and preview the text."""
        for line, text in zip(self.query(Input), self._typed, strict=False):
            line.value = text
        more = self.query_one("#more")
        more.display = any(line.value for line in more.query(Input))
        self._preview_text()

    @work(exclusive=True, group="preview", exit_on_error=False)
    async def _preview_text(self) -> None:
        try:
            corpus = await asyncio.to_thread(
                resolve_corpus, self._spec, self.services.home, encoding=self._encoding
            )
            config, shape = self._settings()
            text = await asyncio.to_thread(preview, corpus, settings=config)
        except MiniGPTError as error:
            self.show_error(error)
            return
        name = self.query_one("#name", Input)
        if not name.value:
            name.value = propose_name(self.services.home, corpus.name)
        self.set_header(state=corpus.name)
        self._draft = RunDraft(corpus=corpus, preview=text, config=config, shape=shape)
        self._update_forecast()
        if self._is_start_pending:
            self.action_start()

    def _settings(self) -> tuple[TrainConfig, dict[str, Any]]:
        """The typed training and model settings; empty inputs are left out.

        Raises:
            SettingsError: invalid values.
        """
        values = {
            **self.query_one("#main", ConfigForm).values,
            **self.query_one("#training", ConfigForm).values,
        }
        return TrainConfig(**values), dict(self.query_one("#shape", ConfigForm).values)

    @on(ConfigForm.Changed)
    def _use_change(self, event: ConfigForm.Changed) -> None:
        if self._draft is None:
            return
        try:
            config, shape = self._settings()
        except SettingsError as error:
            self._show_problem(error)
            return
        self._draft = dataclasses.replace(self._draft, config=config, shape=shape)
        if event.name in ("tokenizer", "vocab_size"):
            self._preview_text()
        else:
            self._update_forecast()

    def _update_forecast(self) -> None:
        """Show an estimate for the CPU at once, then the server's for the real device."""
        assert self._draft
        try:
            plan = self._draft.plan(self._device)
        except MiniGPTError as error:
            self._show_problem(error)
        else:
            self._show(forecast_run(plan, free_disk(self.services.home.runs)), plan.reasons)
        self._measure()

    def _show(self, estimate: RunForecast, reasons: Iterable[str]) -> None:
        assert self._draft
        text = self._draft.preview
        self.query_one("#forecast", Static).update(forecast_text(estimate))
        lines = [
            *(Content.styled(f"! {one_line(each)}", "bold $warning") for each in text.warnings),
            *(
                Content.styled(f"· {one_line(reason)}", "dim")
                for reason in (text.tokenizer_reason, *reasons)
            ),
        ]
        self.query_one("#reasons", Static).update(Content("\n").join(lines))

    def _show_problem(self, error: MiniGPTError) -> None:
        text = Content.styled(one_line(error.message), "bold $error")
        self.query_one("#forecast", Static).update(text)
        self.query_one("#reasons", Static).update(Content(one_line(error.hint)))

    @work(exclusive=True, group="measure", exit_on_error=False)
    async def _measure(self) -> None:
        """Have the model server plan for the real device and time some training steps."""
        assert self._draft
        request = ProbeRequest(
            train=self._draft.config, model=dict(self._draft.shape), tokens=self._draft.tokens
        )
        try:
            replies = self.services.client.stream(request)
            async with aclosing(replies):
                async for reply in replies:
                    assert reply.forecast is not None
                    self._show(forecast_from_reply(reply.forecast), reply.forecast.reasons)
        except MiniGPTError as error:
            self._show_problem(error)

    @work(exclusive=True, group="start", exit_on_error=False)
    async def action_start(self) -> None:
        """Create the run and start its trainer, once the text is read."""
        self._is_start_pending = self._draft is None
        if self._draft is None:
            return
        name = self.query_one("#name", Input).value.strip()
        try:
            config, shape = self._settings()
            run = await asyncio.to_thread(
                start_run,
                self.services.home,
                self._spec,
                config,
                shape,
                name=name or None,
                encoding=self._encoding,
                reading=self._reading,
            )
        except MiniGPTError as error:
            self.show_error(error)
            return
        self._typed.clear()
        self.post_message(OpenTrain(run.name, started=True))

    def action_toggle_all(self) -> None:
        """Show all settings, or the main ones."""
        more = self.query_one("#more")
        more.display = not more.display

    def action_back(self) -> None:
        """Leave the input, else go back."""
        if self.focused is not None:
            self.set_focus(None)
        else:
            self._typed[:] = [line.value for line in self.query(Input)]
            super().action_back()


def forecast_from_reply(forecast: TrainingForecast) -> RunForecast:
    """The model server's forecast."""
    return RunForecast(
        parameters=forecast.parameters,
        memory=forecast.memory_bytes,
        disk=forecast.disk_bytes,
        steps=forecast.steps,
        seconds=forecast.seconds,
    )


def forecast_text(estimate: RunForecast) -> Content:
    """A forecast as lines of label and value."""
    seconds = estimate.seconds
    rows = [
        ("parameters", count(estimate.parameters)),
        ("steps", "known once timed" if estimate.steps is None else f"{estimate.steps:,}"),
        ("time", "timing some steps…" if seconds is None else f"~{duration(seconds)}"),
        ("memory", f"~{size(estimate.memory)}"),
        ("disk", f"~{size(estimate.disk)}"),
    ]
    lines = [
        Content.assemble((label.ljust(LABEL_CELLS), "dim"), (value, "bold"))
        for label, value in rows
    ]
    return Content("\n").join(lines)

"""Setting up a run: all is chosen already; what one changes is seen in the forecast at once."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable, Mapping
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
from core.config.schema import to_json
from core.dataset.preview import preview
from core.errors import MiniGPTError, SettingsError
from core.run.store import propose_name
from core.system.machine import free_disk, free_memory, usable_threads
from core.text.resolve import resolve_corpus
from tui.common.format import count, duration, size
from tui.common.messages import OpenTrain
from tui.common.sanitize import one_line
from tui.runs.setup import RunDraft, RunForecast, begin, forecast
from tui.screens.base import BaseScreen
from tui.widgets.config_form import ConfigForm

MAIN = ("preset", "tokenizer", "device", "epochs", "minutes", "seed")
SHAPE = tuple(field.name for field in dataclasses.fields(ModelConfig) if field.name != "vocab_size")
LABEL = 12


class NewSetupScreen(BaseScreen):
    """The settings of a new run.

    Args:
        spec, encoding, reading: the text, as `core.run.create.create_run` takes them.
        typed: what stood in the lines when one last went back from here; kept in this very list.
    """

    HEADING = "New run: settings"
    HELP = (
        "Everything is chosen already: Enter starts. Tab goes through the settings, o shows all "
        "of them. The right side says what follows from them, and why."
    )
    CSS_PATH = "../styles/new_setup.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "start", "Start", tooltip="Start the training"),
        Binding("tab", "app.focus_next", "Settings", tooltip="To the next setting"),
        Binding("o", "more", "All", tooltip="Show every setting, or the main ones"),
    ]

    def __init__(
        self, spec: str, encoding: str | None, reading: str | None, typed: list[str] | None = None
    ) -> None:
        super().__init__()
        self._typed = [] if typed is None else typed
        self._spec, self._encoding, self._reading = spec, encoding, reading
        self._draft: RunDraft | None = None
        self._device = DeviceFacts(
            device="cpu", name="CPU", free_memory=free_memory(), threads=usable_threads()
        )

    def body(self) -> ComposeResult:
        """The form on the left, what follows from it on the right."""
        rest = [f.name for f in dataclasses.fields(TrainConfig) if f.name not in MAIN]
        with Horizontal():
            with VerticalScroll(id="form", can_focus=False):
                with Horizontal(id="naming"):
                    yield Static("Name", classes="label", markup=False)
                    yield Input(compact=True, id="name")
                yield ConfigForm(TrainConfig, MAIN, id="main")
                with Vertical(id="more"):
                    yield ConfigForm(TrainConfig, rest, id="training")
                    yield ConfigForm(ModelConfig, SHAPE, id="shape")
            with VerticalScroll(id="follows", can_focus=False):
                yield Static(id="forecast")
                yield Static(id="why")

    def on_mount(self) -> None:
        """Puts back what was typed, and looks into the text."""
        for line, text in zip(self.query(Input), self._typed, strict=False):
            line.value = text
        more = self.query_one("#more")
        more.display = any(line.value for line in more.query(Input))
        self._look()

    @work(exclusive=True, group="look", exit_on_error=False)
    async def _look(self) -> None:
        try:
            corpus = await asyncio.to_thread(
                resolve_corpus, self._spec, self.services.home, encoding=self._encoding
            )
            config, shape = self._chosen()
            found = await asyncio.to_thread(preview, corpus, settings=config)
        except MiniGPTError as error:
            self.show_error(error)
            return
        name = self.query_one("#name", Input)
        if not name.value:
            name.value = propose_name(self.services.home, corpus.name)
        self.set_title(corpus.name)
        self._draft = RunDraft(corpus=corpus, preview=found, config=config, shape=shape)
        self._reckon()
        self._time()

    def _chosen(self) -> tuple[TrainConfig, dict[str, Any]]:
        """What stands in the forms; what is left open is not in them.

        Raises:
            SettingsError: values out of their limits.
        """
        values = {
            **self.query_one("#main", ConfigForm).values,
            **self.query_one("#training", ConfigForm).values,
        }
        return TrainConfig(**values), dict(self.query_one("#shape", ConfigForm).values)

    @on(ConfigForm.Changed)
    def _changed(self, event: ConfigForm.Changed) -> None:
        if self._draft is None:
            return
        try:
            config, shape = self._chosen()
        except SettingsError as error:
            self._show_problem(error)
            return
        relearn = {"tokenizer", "vocab_size"} & {event.name}
        self._draft = dataclasses.replace(self._draft, config=config, shape=shape)
        if relearn:
            self._look()
        else:
            self._reckon()
            self._time()

    def _reckon(self) -> None:
        """What follows, by arithmetic for this processor; the sampler knows the devices better."""
        assert self._draft
        try:
            made = self._draft.plan(self._device)
        except MiniGPTError as error:
            self._show_problem(error)
            return
        self._show(forecast(made, free_disk(self.services.home.runs)), made.reasons)

    def _show(self, found: RunForecast, reasons: Iterable[str]) -> None:
        assert self._draft
        seen = self._draft.preview
        self.query_one("#forecast", Static).update(forecast_text(found))
        why = Content("\n").join(
            Content.styled(f"· {one_line(reason)}", "dim")
            for reason in (seen.tokenizer_reason, *reasons)
        )
        warned = [Content.styled(f"! {one_line(text)}", "bold $warning") for text in seen.warnings]
        self.query_one("#why", Static).update(Content("\n").join([*warned, why]))

    def _show_problem(self, error: MiniGPTError) -> None:
        said = Content.styled(one_line(error.message), "bold $error")
        self.query_one("#forecast", Static).update(said)
        self.query_one("#why", Static).update(Content(one_line(error.hint)))

    @work(exclusive=True, group="time", exit_on_error=False)
    async def _time(self) -> None:
        """Has the sampler reckon for the real device and time real steps."""
        assert self._draft
        asked = {
            "train": to_json(self._draft.config),
            "model": dict(self._draft.shape),
            "tokens": dataclasses.asdict(self._draft.tokens),
        }
        try:
            async with aclosing(self.services.client.stream("probe", **asked)) as replies:
                async for reply in replies:
                    self._show(forecast_from_reply(reply), reply["reasons"])
        except MiniGPTError as error:
            self._show_problem(error)

    @work(exclusive=True, group="start", exit_on_error=False)
    async def action_start(self) -> None:
        """Makes the run and starts its trainer."""
        if self._draft is None:
            return
        name = self.query_one("#name", Input).value.strip()
        try:
            config, shape = self._chosen()
            run = await asyncio.to_thread(
                begin,
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

    def action_more(self) -> None:
        """All settings, or the main ones."""
        more = self.query_one("#more")
        more.display = not more.display

    def action_back(self) -> None:
        """First out of a field, then back."""
        if self.focused is not None:
            self.set_focus(None)
        else:
            self._typed[:] = [line.value for line in self.query(Input)]
            super().action_back()


def forecast_from_reply(reply: Mapping[str, Any]) -> RunForecast:
    """The forecast in a reply of the sampler."""
    return RunForecast(
        parameters=reply["parameters"],
        memory=reply["memory_bytes"],
        disk=reply["disk_bytes"],
        steps=reply["steps"],
        seconds=reply["seconds"],
    )


def forecast_text(found: RunForecast) -> Content:
    """What it will take, a line each."""
    steps = "timed when it starts" if found.steps is None else f"{found.steps:,}"
    time = "timing some steps…" if found.seconds is None else f"about {duration(found.seconds)}"
    rows = [
        ("parameters", count(found.parameters)),
        ("steps", steps),
        ("time", time),
        ("memory", f"about {size(found.memory)}"),
        ("disk", f"about {size(found.disk)}"),
    ]
    lines = [
        Content.assemble((label.ljust(LABEL), "dim"), (value, "bold")) for label, value in rows
    ]
    return Content("\n").join(lines)

"""New run, second screen: settings with what auto chose, and a forecast of what training takes."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.config.plan_inputs import DeviceFacts
from core.dataset.preview import Preview, preview
from core.errors import Cancelled, MiniGPTError
from core.paths import Home
from core.run.directory import Run
from core.run.parents import list_parents
from core.run.store import check_free, check_name, find_run, propose_name
from core.server.protocol import ProbeRequest
from core.system.machine import free_disk, free_memory, usable_threads
from core.text.corpus import Corpus, possible_readings
from core.text.resolve import resolve_corpus
from core.tokenizer.tokenizer import Tokenizer
from tui.common.messages import OpenTrain
from tui.common.sanitize import one_line
from tui.common.task_text import unknown_text
from tui.runs.auto_values import auto_text, automatic_values, device_text, values_instead
from tui.runs.forecast_text import (
    compact_forecast,
    forecast_lines,
    reason_lines,
    setup_state,
    warning_lines,
)
from tui.runs.form import NAME, FormChoices, SettingsForm, texts_of
from tui.runs.form_fields import (
    ENCODING,
    FIELDS,
    NUMBER,
    PARENT,
    READING,
    TOKENIZER,
    VOCABULARY,
)
from tui.runs.setup import RunDraft, RunForecast, forecast_from_reply, forecast_run, start_run
from tui.screens.base import BaseScreen
from tui.screens.dialogs import LineDialog
from tui.widgets.config_form import ConfigForm
from tui.widgets.panel import Panel, is_wide

REREAD_SETTINGS = (TOKENIZER, VOCABULARY, READING, ENCODING, PARENT)  # they change the preview
MAX_NAMED_PARENTS = 5  # below the form
MIN_CELLS = 40  # of a line of the forecast, used before the first layout
MEASURE_DELAY_S = 0.2  # so that a held arrow key does not time every step of a ladder
FORM_HINT = "F2 rename · o all settings · a back to auto"


class NewSetupScreen(BaseScreen):
    """The settings of a new run.

    Args:
        spec, encoding, reading: the text, as accepted by `core.run.create.create_run`.
        typed: texts of the form by setting, and the name of the run; updated in place, so that
            invalid ones too are there again after going back.
        settings: values to begin with instead, such as those of another run.
    """

    TRAIL, HEADING = ("New run",), "Settings"
    FIRST_KEYS = ("enter",)  # Start: what most people press here
    HELP = (
        "Every setting has a suitable value already; Enter starts training, from anywhere. Arrows "
        "choose a setting and change it, digits type a value, a is auto again, o shows all "
        "settings. The forecast is for this machine; below it is why auto chose these values."
    )
    CSS_PATH = "../styles/new_setup.tcss"
    AUTO_FOCUS = "ConfigForm"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "start", "Start", tooltip="Start training"),
        Binding("f2", "rename", "Name", key_display="F2", tooltip="Rename the run"),
        Binding("o", "toggle_all", "All", tooltip="Show all settings, or the main ones"),
        Binding("tab", "app.focus_next", "Panel", key_display="Tab", tooltip="Next panel"),
    ]

    def __init__(
        self,
        spec: str,
        encoding: str | None,
        reading: str | None,
        typed: dict[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._spec = spec
        self._form = SettingsForm(texts_of(settings) if settings else typed)
        for name, value in ((ENCODING, encoding), (READING, reading)):
            if value:
                self._form.texts.setdefault(name, value)
        self._draft: RunDraft | None = None
        self._forecast: RunForecast | None = None
        self._cancel = threading.Event()
        self._parents_cancel = threading.Event()
        self._is_starting = False
        self._is_start_pending = False  # Enter was pressed before the draft was complete
        self._device = DeviceFacts(
            device="cpu", name="CPU", free_memory=free_memory(), threads=usable_threads()
        )

    def body(self) -> ComposeResult:
        """The form and its help on the left, the forecast on the right."""
        with Vertical(id="setup"):
            with Vertical(id="settings"):
                with (
                    Panel(title="Settings", hint=FORM_HINT, id="form-panel"),
                    VerticalScroll(id="form-scroll", can_focus=False),
                ):
                    yield ConfigForm(self._form)
                with Panel(title="What it means", id="meaning-panel"):
                    yield Static(id="meaning")
            with VerticalScroll(id="outlook"):
                with Panel(title="Forecast", id="forecast-panel"):
                    yield Static(id="forecast")
                with Panel(title="Worth knowing", id="warnings-panel"):
                    yield Static(id="warnings")
                with (
                    Panel(title="Why these", id="reasons-panel"),
                    VerticalScroll(id="reasons-scroll"),
                ):
                    yield Static(id="reasons")

    def set_header(self, *subjects: str, state: Content | str = "") -> None:
        """Show which step of setting up this is."""
        super().set_header(*subjects, state=state or setup_state(1))

    def on_mount(self) -> None:
        """Read the text."""
        self._show_meaning()
        self.query_one("#warnings-panel").display = False
        self._preview_text()

    def on_resize(self) -> None:
        """Fit the forecast to the new width; without panels, Tab opens all of the outlook."""
        self.query_one("#reasons-scroll").can_focus = is_wide(self)
        self.query_one("#outlook").can_focus = not is_wide(self)
        self.call_after_refresh(self._show)

    @property
    def _config_form(self) -> ConfigForm:
        return self.query_one(ConfigForm)

    # The text and its plan

    @work(exclusive=True, group="preview", exit_on_error=False)
    async def _preview_text(self) -> None:
        self._cancel.set()
        self._cancel = cancel = threading.Event()
        try:
            choices = self._form.choices(skip_invalid=True)
            corpus, text = await asyncio.to_thread(
                read_text, self.services.home, self._spec, choices, cancel
            )
            self._form.readings = await asyncio.to_thread(possible_readings, corpus)
        except Cancelled:
            return
        except MiniGPTError as error:
            self._is_start_pending = False
            self.show_error(error)
            return
        is_new = self._draft is None or self._draft.preview.sample != text.sample
        self._form.texts.setdefault(NAME, propose_name(self.services.home, corpus.name))
        self._draft = RunDraft(corpus=corpus, preview=text)
        self._show_title()
        self._update_draft()
        if is_new:
            self._find_parents()
        if self._is_start_pending:
            self.action_start()

    def _show_title(self) -> None:
        assert self._draft
        self.query_one("#form-panel", Panel).set_title(
            Content.assemble(
                "Settings for ",
                (one_line(self._form.texts.get(NAME, "")), "bold $ink"),
                " on ",
                (one_line(self._draft.corpus.name), "bold $ink"),
            )
        )

    @work(exclusive=True, group="parents", exit_on_error=False)
    async def _find_parents(self) -> None:
        """Find the runs that can be started from."""
        assert self._draft
        text, is_cancelled = self._draft.preview, self._parents_cancel.is_set
        parents = await asyncio.to_thread(
            list_parents,
            self.services.home,
            text.sample,
            text.reading,
            is_cancelled,
            labels=len(text.labels),
        )
        self._form.set_parents(parents)
        if self._form.parent:
            self._update_draft()
        self._config_form.redraw()
        self._show_meaning()

    @on(ConfigForm.Changed)
    def _use_change(self, event: ConfigForm.Changed) -> None:
        self._show_meaning()
        if event.name in REREAD_SETTINGS and not self._form.problem(event.name):
            self._preview_text()
        elif self._draft is not None:
            self._update_draft()

    def _update_draft(self) -> None:
        """Plan with the present settings: an estimate at once, then the model server's.

        Invalid ones are left out; their rows show what is wrong.
        """
        assert self._draft
        choices = self._form.choices(skip_invalid=True)
        parent = self._form.chosen_parent()
        self._draft = dataclasses.replace(
            self._draft,
            config=choices.config,
            shape=choices.shape,
            parent=parent.model if parent else None,
        )
        try:
            plan = self._draft.plan(self._device)
        except MiniGPTError as error:
            self._show_problem(error)
        else:
            disk = free_disk(self.services.home.runs)
            forecast = forecast_run(plan, self._draft.tokens, self._device, disk)
            self._use_forecast(forecast, plan.preset)
        self._measure()

    def _use_forecast(self, forecast: RunForecast, preset: str) -> None:
        """Show a forecast and the values it is made with."""
        assert self._draft
        self._forecast = forecast
        form = self._form
        form.automatic = automatic_values(forecast, preset, self._draft)
        form.words = {name: auto_text(name, form.automatic, forecast) for name in FIELDS}
        own = {name: text for name, text in form.texts.items() if form.is_own(name)}
        form.instead = values_instead(self._draft, own, forecast.device)
        self._config_form.redraw()
        self._show()

    @work(exclusive=True, group="measure", exit_on_error=False)
    async def _measure(self) -> None:
        """Have the model server plan for the real device and time some training steps."""
        assert self._draft
        await asyncio.sleep(MEASURE_DELAY_S)
        draft = self._draft
        request = ProbeRequest(
            train=draft.config, model=dict(draft.shape), tokens=draft.tokens, parent=draft.parent
        )
        try:
            replies = self.services.client.stream(request)
            async with aclosing(replies):
                async for reply in replies:
                    assert reply.forecast is not None
                    forecast = forecast_from_reply(reply.forecast, reply.devices)
                    self._device = forecast.device
                    self._form.devices = tuple(device.device for device in reply.devices)
                    self._use_forecast(forecast, reply.forecast.preset)
        except MiniGPTError as error:
            self._show_problem(error)

    # What is shown

    def _show(self) -> None:
        """Show the last forecast with its reasons and warnings."""
        if self._draft is None or self._forecast is None:
            return
        forecast, text = self._forecast, self._draft.preview
        target = self.query_one("#forecast", Static)
        is_ascii = self.app.has_class("-ascii")
        draw = forecast_lines if is_wide(self) else compact_forecast
        target.update(draw(forecast, max(MIN_CELLS, target.size.width), is_ascii=is_ascii))
        device = device_text(forecast.device.device, forecast.device.name)
        self.query_one("#forecast-panel", Panel).set_hint(f"on {device}")
        reasons = self.query_one("#reasons", Static)
        width = max(MIN_CELLS, reasons.size.width)
        reasons.update(reason_lines([text.tokenizer_reason, *forecast.reasons], width))
        self.query_one("#warnings-panel").display = bool(text.warnings)
        self.query_one("#warnings", Static).update(warning_lines(text.warnings))

    def _show_problem(self, error: MiniGPTError) -> None:
        text = Content.assemble(
            ("! ", "bold $error"), (one_line(error.message), "bold $error"), "\n",
            (one_line(error.hint), "$muted"),
        )  # fmt: skip
        self._forecast = None
        self.query_one("#forecast", Static).update(text)
        self.query_one("#reasons", Static).update("")

    @on(ConfigForm.Chosen)
    def _show_meaning(self, note: str = "") -> None:
        """Show the help of the chosen setting, or why a key changed nothing."""
        field, form = self._form.field, self._form
        parts: list[tuple[str, str] | str] = [(field.label, "bold $ink"), f"  {field.spec.help}."]
        if field.limits and (is_wide(self) or field.kind == NUMBER):
            parts.append(f" Allowed: {field.limits}.")
        if form.is_fixed(field.name):
            parts.append(f" Taken from {one_line(form.parent_name or '')}.")
        if field.name == PARENT and form.parents is not None:
            names = ", ".join(
                f"{one_line(parent.name)} ({unknown_text(parent.unknown_share)})"
                for parent in form.parents[:MAX_NAMED_PARENTS]
            )
            parts.append(f" Best first: {names}." if names else " Possible: none, for this text.")
        if isinstance(note, str) and note:
            parts = [("! ", "bold $warning"), (one_line(note), "$warning")]
        self.query_one("#meaning", Static).update(Content.assemble(*parts))

    @on(ConfigForm.Explained)
    def _explain(self, event: ConfigForm.Explained) -> None:
        self._show_meaning(event.text)

    # Keys

    @work(group="start", exit_on_error=False)  # not exclusive: the thread cannot be cancelled
    async def action_start(self) -> None:
        """Create the run and start its trainer, once the text is read."""
        self._form.end_typing()
        if (name := self._form.first_problem()) is not None:
            problem = self._form.problem(name)
            self._form.choose(name)
            self._config_form.redraw()
            self._show_meaning(f"{FIELDS[name].label} {problem}")
            return
        self._is_start_pending = self._draft is None
        if self._draft is None or self._is_starting:
            return
        self._is_starting = True
        run: Run | None = None
        try:
            choices = self._form.choices()
            run = await asyncio.to_thread(
                start_run,
                self.services.home,
                self._spec,
                choices.config,
                choices.shape,
                name=self._form.texts.get(NAME) or None,
                encoding=choices.encoding,
                reading=choices.reading,
                parent=choices.parent,
            )
        except MiniGPTError as error:
            self.show_error(error)
            return
        finally:
            self._is_starting = run is not None  # another Enter may come before the next screen
        self._form.texts.clear()
        self.post_message(OpenTrain(run.name, started=True))

    @work(exclusive=True, group="rename", exit_on_error=False)
    async def action_rename(self) -> None:
        """Ask for another name of the run."""

        def check(name: str) -> None:
            check_name(name.strip())
            check_free(self.services.home, name.strip())

        dialog = LineDialog("Name of the run", self._form.texts.get(NAME, ""), check)
        name = await self.app.push_screen_wait(dialog)
        if name:
            self._form.texts[NAME] = name.strip()
            if self._draft is not None:
                self._show_title()

    def action_toggle_all(self) -> None:
        """Show all settings, or the main ones."""
        form = self._config_form
        form.shows_all = not form.shows_all
        form.redraw()

    def on_unmount(self) -> None:
        """Stop reading the text and looking for parents."""
        self._cancel.set()
        self._parents_cancel.set()


def read_text(
    home: Home, spec: str, choices: FormChoices, cancel: threading.Event
) -> tuple[Corpus, Preview]:
    """Read the beginning of a text as these settings say.

    Raises:
        MiniGPTError: it is no text, or the run to start from cannot be used.
        Cancelled: `cancel` was set.
    """
    corpus = resolve_corpus(spec, home, encoding=choices.encoding)
    if choices.reading is not None:
        corpus = dataclasses.replace(corpus, reading=choices.reading)
    tokenizer = None
    if choices.parent is not None:
        tokenizer = Tokenizer.load(find_run(home, choices.parent.partition("@")[0]).folder)
    return corpus, preview(corpus, cancel.is_set, choices.config, tokenizer)

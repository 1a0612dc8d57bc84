"""Test: how often a model's replies are right, what it mixes up, and which replies are wrong."""

from __future__ import annotations

from contextlib import aclosing
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.timer import Timer
from textual.worker import Worker

from core.errors import MiniGPTError, StateError
from core.run.directory import Run
from core.run.record import read_record
from core.run.weights_ref import BEST, LAST, newer_weights, older_weights, weights_label
from core.server.protocol import AccuracyRequest, IndexRequest, OriginRequest
from core.server.replies import AccuracyProgress, AccuracyReply, IndexProgress
from core.text.messages import messages_to_json
from core.text.task_report import JudgedItem
from tui.chat.origin import MARKS, PLAIN_MARKS
from tui.common.keys import hidden_key
from tui.common.messages import CopyRequested, OpenChat, OpenInside, OpenStep
from tui.common.sanitize import clean, one_line
from tui.runs.accuracy import WrongAnswers, explain_no_task, input_text
from tui.runs.accuracy_text import copied_item, nearest_lines, progress_lines, state_text
from tui.screens.base import BaseScreen
from tui.widgets.accuracy_view import AccuracyView
from tui.widgets.line_input import LineInput
from tui.widgets.row_list import RowList
from tui.widgets.wrong_list import OPEN_TOOLTIP

LIMIT = 1000  # items of a test unless all are asked for
NEAREST_DELAY_SECONDS = 0.15  # after the cursor has moved, so that holding a key asks for nothing
MIN_COPY_TOKENS = 2
NO_ITEM = "There is no wrong answer to open."
NO_INDEX = "No corpus index yet; k builds it, for the nearest lines."


class AccuracyScreen(BaseScreen):
    """A test of a run on what was held out from its training.

    Args:
        name: of the run.
        weights: "last", "best" or the step of a snapshot.
    """

    HEADING = "Test"
    HELP = (
        "How often replies are right on items that were held out from training, beside always "
        "giving the most frequent reply and guessing; the interval holds the true share in 95 of "
        "100 tests. What it mixes up: a row for each true label. As sure as it should be: of "
        "replies with this probability, so many are right. Enter steps through a wrong reply."
    )
    CSS_PATH = "../styles/accuracy.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "step", "Step", tooltip=OPEN_TOOLTIP),
        Binding("t", "chat", "Chat", tooltip="Chat with these weights"),
        Binding("x", "step", "Step", show=False, tooltip=OPEN_TOOLTIP),
        Binding("i", "inside", "Inside", tooltip="Look inside the model before its reply"),
        Binding("slash", "find", "Find", key_display="/", tooltip="Find a text in wrong answers"),
        Binding("f", "only_sure", "Only sure ones", tooltip="Only wrong answers it was sure of"),
        Binding("tab", "panel(1)", "Panel", key_display="Tab", tooltip="Next panel"),
        hidden_key("shift+tab", "panel(-1)", "Panel", "Previous panel"),
        Binding("b", "best", "Best", tooltip="Test the best weights"),
        Binding(
            *("comma", "weights(-1)", "Older"),
            key_display=",",
            show=False,
            tooltip="Test older weights",
            id="older",
        ),
        Binding(
            *("full_stop", "weights(1)", "Newer"),
            key_display=".",
            show=False,
            tooltip="Test newer weights",
            id="newer",
        ),
        Binding("r", "again", "Again", tooltip="Test again"),
        Binding("a", "all", "All", show=False, tooltip="Test on all items there are"),
        Binding("k", "index", "Index", show=False, tooltip="Build the corpus index"),
        Binding("y", "copy", "Copy", show=False, tooltip="Copy the item"),
        Binding("escape", "stop", "Stop", tooltip="Stop the test; its part is not shown"),
        Binding("escape", "back", "Back", tooltip="Go back"),
    ]

    def __init__(self, name: str, weights: str = LAST) -> None:
        super().__init__()
        self._run_name, self._weights = name, weights
        self._limit: int | None = LIMIT
        self._test: Worker[None] | None = None
        self._reply: AccuracyReply | None = None
        self._refusal: str | None = None
        self._wrong = WrongAnswers()
        self._listed: list[JudgedItem] = []
        self._nearest: dict[int, Content] = {}  # by position in the report
        self._has_no_index = False
        self._nearest_timer: Timer | None = None

    def body(self) -> ComposeResult:
        yield LineInput(placeholder="a word in a wrong answer", compact=True, id="find")
        yield AccuracyView(is_ascii=self.services.terminal.is_ascii)

    def on_mount(self) -> None:
        """Test the run, if it has a task."""
        self._run = Run(self.services.home.runs / self._run_name)
        self._view.answers.focus()
        try:
            corpus = read_record(self._run)["corpus"]
        except MiniGPTError as error:
            self._refuse(error.message)
            return
        refusal = explain_no_task(self._run_name, corpus["reading"])
        self._refuse(refusal) if refusal else self._measure()

    @property
    def _view(self) -> AccuracyView:
        return self.query_one(AccuracyView)

    # Testing

    def _refuse(self, why: str) -> None:
        """Show why there is no test."""
        self._refusal = why
        self.set_header(self._run_name)
        self._view.show_message(lambda _: Content.styled(clean(why), "$muted"))
        self.refresh_bindings()

    def _measure(self) -> None:
        """Begin a test, instead of one that runs."""
        self._reply, self._listed, self._nearest = None, [], {}
        self._show_progress(AccuracyProgress(finished=0, total=0, right=0))
        self._test = self._receive()
        self.refresh_bindings()

    @work(group="test", exclusive=True, exit_on_error=False)
    async def _receive(self) -> None:
        request = AccuracyRequest(run=self._run_name, weights=self._weights, limit=self._limit)
        stream = self.services.client.stream(request)
        try:
            async with aclosing(stream):
                async for message in stream:
                    if isinstance(message, AccuracyProgress):
                        self._show_progress(message)
                    else:
                        self._finish(message)
        except MiniGPTError as error:
            self._test = None
            self._refuse(f"Not tested: {error.message} {error.hint}".strip())
            self.show_error(error)

    def _show_progress(self, progress: AccuracyProgress) -> None:
        label = weights_label(self._weights, None)
        self.set_header(self._run_name, state=f"testing the {label} weights…")
        if not progress.total:
            text = "Loading the weights and the items… Esc stops."
            self._view.show_message(lambda _: Content.styled(text, "$muted"))
            return
        counts = progress.finished, progress.total, progress.right
        plain = self.services.terminal.is_ascii
        self._view.show_message(lambda width: progress_lines(*counts, width, is_ascii=plain))

    def _finish(self, reply: AccuracyReply) -> None:
        self._test, self._reply, self._refusal = None, reply, None
        self._wrong.items = reply.report.wrong
        self._listed = self._wrong.listed
        self._show_state()
        self._view.show(reply, self._wrong, self._listed)
        self._follow_cursor()
        self.refresh_bindings()

    def _show_state(self) -> None:
        if self._reply is not None:
            state = state_text(self._reply.report, self.size.width)
            self.set_header(self._run_name, state=state)

    def on_resize(self) -> None:
        """Fit the first row."""
        self._show_state()

    def action_stop(self) -> None:
        """Cancel the test; what was judged so far is not shown, as it may not be typical."""
        if self._test is not None:
            self._test.cancel()
        self._test = None
        self._refuse("Stopped: a part of a test is not shown. r tests again.")

    def action_again(self) -> None:
        """Test again, with the weights as they are on disk now."""
        self._measure()

    def action_all(self) -> None:
        """Test on all items."""
        self._limit = None
        self._measure()

    def action_best(self) -> None:
        """Test the best weights."""
        self._use_weights(BEST)

    def action_weights(self, by: int) -> None:
        """Test older or newer weights."""
        if weights := self._neighbour(by):
            self._use_weights(weights)

    def _neighbour(self, by: int) -> str | None:
        step = self._reply.step if self._reply else None
        find = newer_weights if by > 0 else older_weights
        return find(self._run.snapshot_steps(), self._weights, step)

    def _use_weights(self, weights: str) -> None:
        self._weights = weights
        self._measure()

    # Wrong answers

    def _show_list(self) -> None:
        """List the wrong answers that match."""
        self._listed = self._wrong.listed
        self._view.show_list(self._wrong, self._listed)
        self._follow_cursor()
        self.refresh_bindings()

    @property
    def _item(self) -> JudgedItem | None:
        return self._view.answers.selected if self._listed else None

    @on(RowList.Moved)
    def _follow_cursor(self) -> None:
        """Show the item under the cursor, and look for its nearest training lines soon."""
        if self._nearest_timer is not None:
            self._nearest_timer.stop()
        item = self._item
        nearest = self._nearest.get(id(item))
        self._view.show_item(item, nearest or Content(""))
        if item is not None and nearest is None:
            self._nearest_timer = self.set_timer(NEAREST_DELAY_SECONDS, self._find_nearest)

    @work(group="nearest", exclusive=True, exit_on_error=False)
    async def _find_nearest(self) -> None:
        """Find the parts of the item's text that are in the training text."""
        item = self._item
        if item is None:
            return
        request = OriginRequest(
            run=self._run_name,
            text=input_text(item.messages),
            min_tokens=MIN_COPY_TOKENS,
            max_places=1,
        )
        marks = PLAIN_MARKS if self.services.terminal.is_ascii else MARKS
        try:
            nearest = nearest_lines(await self.services.client.request(request), marks)
            self._has_no_index = False
        except MiniGPTError as error:
            self._has_no_index = error.title == StateError.title
            text = NO_INDEX if self._has_no_index else f"Not found: {error.message}"
            nearest = Content.styled(clean(text), "$muted")
        if not self._has_no_index:
            self._nearest[id(item)] = nearest
        if item is self._item:
            self._view.show_item(item, nearest)
        self.refresh_bindings()

    def action_index(self) -> None:
        """Build the corpus index, then show the nearest lines."""
        self._build_index()

    @work(group="nearest", exclusive=True, exit_on_error=False)
    async def _build_index(self) -> None:
        stream = self.services.client.stream(IndexRequest(run=self._run_name))
        try:
            async with aclosing(stream):
                async for message in stream:
                    if isinstance(message, IndexProgress):
                        share = message.finished / (message.total or 1)
                        text = f"Index: {one_line(message.phase)}, {share:.0%}"
                        self._view.show_item(self._item, Content.styled(text, "$muted"))
        except MiniGPTError as error:
            self.show_error(error)
            return
        self._has_no_index = False
        self._find_nearest()

    @on(RowList.Opened)
    def _open(self) -> None:
        self.action_step()

    def action_step(self) -> None:
        """Step through the reply to the item."""
        if (item := self._item) is not None:
            text, messages = input_text(item.messages), messages_to_json(item.messages)
            self.post_message(OpenStep(self._run_name, self._weights, text, messages=messages))

    def action_inside(self) -> None:
        """Look inside the model at the end of the item's messages."""
        if (item := self._item) is not None:
            text, messages = input_text(item.messages), messages_to_json(item.messages)
            self.post_message(OpenInside(self._run_name, self._weights, text, messages=messages))

    def action_chat(self) -> None:
        self.post_message(OpenChat(self._run_name, self._weights))

    def action_copy(self) -> None:
        if (item := self._item) is not None:
            self.post_message(CopyRequested(copied_item(item), "item"))

    def action_only_sure(self) -> None:
        """List only wrong answers that the model was sure of, or all."""
        self._wrong.only_sure = not self._wrong.only_sure
        self._show_list()

    def action_find(self) -> None:
        """Show the line to find a text, and focus it."""
        field = self.query_one("#find", LineInput)
        field.display = True
        field.focus()

    def on_input_changed(self, event: LineInput.Changed) -> None:
        """List what contains the typed text."""
        self._wrong.query = event.value
        self._show_list()

    def on_input_submitted(self) -> None:
        """Return to the list."""
        self._view.focus_panel("wrong")

    def action_panel(self, by: int) -> None:
        """Give the next panel the focus."""
        self._view.next_panel(by)

    def action_back(self) -> None:
        """List all wrong answers again, or go back."""
        field = self.query_one("#find", LineInput)
        if not field.display and not self._wrong.only_sure:
            super().action_back()
            return
        field.display, self._wrong.only_sure = False, False
        field.value = ""
        self._wrong.query = ""
        self._show_list()
        self._view.focus_panel("wrong")

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable what is possible now."""
        if not self.is_mounted:
            return True
        if action in ("stop", "back"):
            return (self._test is not None) == (action == "stop")
        name = f"{action}({parameters[0]})" if parameters else action
        return self.explain_refusal(name) is None

    def explain_refusal(self, action: str) -> str | None:
        """Why an action is not possible now; None if it is."""
        name = action.partition("(")[0]
        if name in ("again", "all", "best", "weights"):
            return self._explain_no_test(name, -1 if "-" in action else 1)
        if name not in ("step", "inside", "copy", "find", "only_sure", "index"):
            return None
        if self._reply is None:
            return "The test is still running." if self._test else self._refusal
        if name in ("step", "inside", "copy"):
            return None if self._item is not None else NO_ITEM
        if name == "index":
            return None if self._has_no_index else "The corpus index exists already."
        return None if self._wrong.items else "There is no wrong answer."

    def _explain_no_test(self, name: str, by: int) -> str | None:
        """Why no other test can be begun; None if it can."""
        if self._test is not None:
            return "The test is still running; Esc stops it."
        report = self._reply.report if self._reply else None
        if name == "all" and report and report.items == report.available:
            return "All items have been tested."
        if name == "best" and self._weights == BEST:
            return "These are the best weights."
        if name == "best" and not self._run.best_weights.is_file():
            return f"{self._run_name} has no best weights."
        if name == "weights" and self._neighbour(by) is None:
            return "These are the newest weights." if by > 0 else "No older weights were kept."
        return None

"""Compare: curves, settings and replies of two to four runs side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from textual.worker import Worker

from core.run.compare import MAX_RUNS, RunReader
from core.run.directory import Run
from core.run.status import LIVE_STATUSES
from core.run.weights_ref import LAST
from tui.common.messages import OpenChat, OpenInside, OpenStep
from tui.common.special_ids import special_ids
from tui.runs.comparison import Comparison
from tui.runs.same_prompt import (
    REPLY_TOKENS,
    PromptReply,
    continue_prompt,
    first_reply,
)
from tui.screens.base import BaseScreen
from tui.widgets.chart_panel import ChartPanel
from tui.widgets.comparison_table import LEGEND, ComparisonTable, run_name
from tui.widgets.line_input import LineInput
from tui.widgets.panel import Panel
from tui.widgets.prompt_reply import ReplyPanel

PANEL_CELLS = 5  # beside the text of a panel: border, padding, scrollbar
POLL_SECONDS, REMOTE_POLL_SECONDS = 2.0, 6.0


class CompareScreen(BaseScreen):
    """Two to four runs side by side.

    Args:
        names: of the runs; the others are compared with the first.

    Attributes:
        comparison: what is shown.
        replies: of each run to the prompt.
    """

    HEADING = "Compare"
    HELP = (
        "The losses of the runs, the settings that differ, and their replies to one prompt. Where "
        "tokenizers differ, losses are in bits per byte: nats per token, divided by ln 2 and by "
        "the bytes per token of the whole text. Underlined is the first word that differs from the "
        "first run's reply. The keys of Chat, Step and Inside open the selected run, which › marks."
    )
    CSS_PATH = "../styles/compare.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "run", "Run again", tooltip="Run the prompt again"),
        Binding("f2", "edit", "Prompt", key_display="F2", tooltip="Edit the prompt"),
        Binding(
            "space",
            "hide",
            "Hide",
            key_display="Space",
            tooltip="Hide the curve of the selected run, or show it",
        ),
        Binding("v", "loss", "Train loss", tooltip="Validation or training loss"),
        Binding("l", "scale", "Log scale", tooltip="Linear axes, log loss, or both"),
        Binding("u", "unit", "Axis", tooltip="Steps, tokens or time on the horizontal axis"),
        Binding("t", "chat", "Chat", tooltip="Chat with the selected run"),
        Binding("x", "step", "Step", tooltip="Step through the reply from where it parts"),
        Binding("i", "inside", "Inside", tooltip="Look inside where the reply parts"),
        *(
            Binding(str(n), f"select({n - 1})", "Run", show=False, tooltip=f"Select run {n}")
            for n in range(1, MAX_RUNS + 1)
        ),
    ]

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.comparison = Comparison(tuple(names))
        self.replies = [PromptReply(name) for name in names]
        self._reading = asyncio.Lock()  # a thread cannot be cancelled
        self._prompt: str | None = None  # the one the replies are to
        self._generation: Worker[None] | None = None

    def body(self) -> ComposeResult:
        """Chart and table, the prompt, the replies."""
        terminal = self.services.terminal
        with VerticalScroll(id="body", can_focus=False):
            with Container(id="top"):
                yield ChartPanel(terminal.charset, "Validation", id="chart")
                yield Panel(ComparisonTable(), title="What differs", hint=LEGEND, id="differs")
            with Panel(title="Same prompt", id="asked"):
                with Horizontal(id="ask"):
                    yield Static("› ", id="mark", markup=False)
                    yield LineInput(placeholder="a prompt; Enter runs it", compact=True)
                yield Static(id="about", markup=False)
            with Container(id="replies"):
                for index, mark in enumerate(self.comparison.marks):
                    name = self.comparison.names[index]
                    yield ReplyPanel(index, run_name(mark, 30, full=name))

    def on_mount(self) -> None:
        """Read the runs, then run the prompt."""
        home = self.services.home
        self._readers = [RunReader(Run(home.runs / name)) for name in self.comparison.names]
        seconds = self.services.terminal.interval(POLL_SECONDS, REMOTE_POLL_SECONDS)
        self._poll_timer = self.set_interval(seconds, self._poll, pause=True)
        self._show_header()
        self.query_one(ChartPanel).plot.focus()
        self._read()

    def on_unmount(self) -> None:
        """Stop what runs."""
        self._stop()

    def on_screen_suspend(self) -> None:
        """Pause reading while another screen is on top."""
        self._poll_timer.pause()

    def on_screen_resume(self) -> None:
        """Read again what was added meanwhile."""
        if self.comparison.runs:
            self._poll_timer.resume()
            self._poll()

    # Reading

    def _poll(self) -> None:
        if not self._reading.locked() and any(
            run.status in LIVE_STATUSES for run in self.comparison.runs
        ):
            self._read()

    @work(group="read", exit_on_error=False)
    async def _read(self) -> None:
        """Read the runs in a thread, and show what is new."""
        async with self._reading:
            runs = tuple([await asyncio.to_thread(reader.read) for reader in self._readers])
        is_first = not self.comparison.runs
        if not self.is_attached or runs == self.comparison.runs:
            return
        self.comparison.runs = runs
        if is_first and not any(len(run.val_loss) for run in runs):
            self.comparison.toggle_loss()  # there is training loss only
        self._show()
        if is_first:
            self._poll_timer.resume()
            field = self.query_one(LineInput)
            field.value = field.value or self.comparison.default_prompt.partition("\n")[0]
            self.action_run()

    # Showing

    def _show(self) -> None:
        """Show the runs in the chart and in the table."""
        panel = self.query_one(ChartPanel)
        panel.plot.show(self.comparison.chart())
        panel.rename(self.comparison.chart_name)
        panel.set_note(" · ".join(self.comparison.chart_notes))
        table = self.query_one(ComparisonTable)
        table.show(self.comparison)
        self.query_one("#differs").styles.max_width = table.wanted_width + PANEL_CELLS
        self._show_header()
        self.refresh_bindings()

    def _show_header(self) -> None:
        comparison, parts = self.comparison, []
        is_wide = self.size.width >= sum(map(len, comparison.names)) + 60
        for number, (mark, name) in enumerate(
            zip(comparison.marks, comparison.names, strict=False)
        ):
            hidden = number in comparison.hidden
            parts.append(run_name(mark, 26, hidden=hidden, full=name if is_wide else ""))
        self.set_header(state=Content("   " if is_wide else "  ").join(parts))

    def _show_replies(self) -> None:
        first = first_reply(self.replies)
        index = self.replies.index(first) if first else 0
        sign = self.comparison.marks[index].sign
        about = f"greedy · {REPLY_TOKENS} tokens · underlined: where each first parts from"
        self.query_one("#about", Static).update(f"{about} {sign} {self.comparison.names[index]}")
        for panel, reply in zip(self.query(ReplyPanel), self.replies, strict=True):
            panel.show(self._prompt or "", reply, first, sign)

    def on_resize(self) -> None:
        """Fit the names in the first row."""
        self._show_header()

    def on_descendant_focus(self) -> None:
        """Bring the panel with the focus into view."""
        focused = self.focused
        panels = [node for node in focused.ancestors if isinstance(node, Panel)] if focused else []
        if panels:
            self.call_after_refresh(panels[0].scroll_visible, animate=False)

    # The prompt

    @property
    def _is_running(self) -> bool:
        return self._generation is not None and self._generation.is_running

    def _stop(self) -> None:
        if self._generation is not None:
            self._generation.cancel()
            self._generation = None

    def action_run(self) -> None:
        """Run the prompt with all runs."""
        self._stop()
        self._prompt = self.query_one(LineInput).value
        home = self.services.home
        self.replies = [
            PromptReply(name, end_ids=special_ids(home, name).ends)
            for name in self.comparison.names
        ]
        self._show_replies()
        self._generation = self._continue_prompt(self._prompt, self.replies)

    @work(group="generate", exit_on_error=False)
    async def _continue_prompt(self, prompt: str, replies: list[PromptReply]) -> None:
        """Have one run after another continue the prompt: one model at a time is in use."""
        services = self.services

        def show(_: PromptReply) -> None:
            if self.is_attached and replies is self.replies:
                self._show_replies()

        for reply in replies:
            await continue_prompt(services.client, services.home, prompt, reply, show)

    def action_edit(self) -> None:
        """Edit the prompt."""
        self.query_one(LineInput).focus()

    def on_input_submitted(self, event: Message) -> None:
        """Run the edited prompt."""
        event.stop()
        self.action_run()

    # Runs

    def _select(self, index: int) -> None:
        if index != self.comparison.selected and index < len(self.comparison.names):
            self.comparison.selected = index
            self.query_one(ComparisonTable).show(self.comparison)

    def action_select(self, index: int) -> None:
        """Select a run."""
        self._select(index)

    def on_comparison_table_selected(self, event: ComparisonTable.Selected) -> None:
        """Select a run; of a double click, open it."""
        self._select(event.index)
        if event.is_opened:
            self.action_chat()

    def on_reply_panel_selected(self, event: ReplyPanel.Selected) -> None:
        """Select a run; of a double click, open it."""
        self._select(event.index)
        if event.is_opened:
            self.action_chat()

    def _has_weights(self) -> bool:
        """Whether the selected run has weights; if not, say so."""
        name = self.comparison.names[self.comparison.selected]
        if Run(self.services.home.runs / name).weights.is_file():
            return True
        self.notify(f"{name} has no weights.", severity="warning", markup=False)
        return False

    @property
    def _place(self) -> tuple[str, str, str, list[int]]:
        """The selected run, its weights, the prompt, and the tokens up to where its reply parts."""
        reply = self.replies[self.comparison.selected]
        parting = reply.parting(first_reply(self.replies))
        prompt = self._prompt if self._prompt is not None else self.comparison.default_prompt
        return reply.run, LAST, prompt, reply.ids_before(parting)

    def action_chat(self) -> None:
        """Chat with the selected run."""
        if self._has_weights():
            self.post_message(OpenChat(self.comparison.names[self.comparison.selected]))

    def action_step(self) -> None:
        """Step through the selected run's reply."""
        if self._has_weights():
            self.post_message(OpenStep(*self._place))

    def action_inside(self) -> None:
        """Look inside the selected run's model."""
        if self._has_weights():
            self.post_message(OpenInside(*self._place))

    # The chart

    def action_hide(self) -> None:
        """Hide the curve of the selected run, or show it."""
        self.comparison.toggle_hidden()
        self._show()

    def action_loss(self) -> None:
        """Change between validation and training loss."""
        self.comparison.toggle_loss()
        self._show()

    def action_unit(self) -> None:
        """Change the unit of the x axis."""
        self.comparison.next_unit()
        self._show()

    def action_scale(self) -> None:
        """Change to the next combination of linear and logarithmic axes."""
        self.query_one(ChartPanel).plot.cycle_scale()

    def action_back(self) -> None:
        """Leave the prompt, stop what runs, or go back."""
        if isinstance(self.focused, LineInput):
            self.query_one(ChartPanel).plot.focus()
        elif self._is_running:
            self._stop()
            for reply in self.replies:
                reply.stop()
            self._show_replies()
        else:
            super().action_back()

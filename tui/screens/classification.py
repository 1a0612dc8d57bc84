"""Chat with a run that labels texts: the probability of every label, and which word decides."""

from __future__ import annotations

from textual import work
from textual.content import Content

from core.errors import MiniGPTError
from core.server.protocol import ClassifyRequest
from tui.chat.classification import explain, task_facts
from tui.chat.record import Turn
from tui.chat.reply import Reply
from tui.chat.timeline import shown_index
from tui.screens.chat_actions import ChatActions
from tui.widgets.panel import Panel, is_wide
from tui.widgets.task_panels import TaskPanel, WhyPanel

NOT_A_CLASSIFIER = "o is for runs that label texts: which word decides the label."
MARKED = "what is likeliest is marked › and bold"
MARKED_ASCII = "what is likeliest is marked > and bold"
SENT_AS = "sent as <|user|> … <|end|> <|assistant|>"
PROMPT_MARGIN_CELLS = 6
LEGEND_CELLS = 80  # of the panel, for the whole legend


def legend(width: int) -> Content:
    """What shades and raised digits mean, for a panel of `width` cells."""
    if width < LEGEND_CELLS:
        return Content("shaded: below 60 % · digit: tenths")
    return Content.assemble(
        "tokens shaded by probability  ",
        (" <60 ", "$ink on $shade1"),
        " ",
        (" <35 ", "$ink on $shade2"),
        " ",
        (" <10 % ", "$ink on $shade3"),
        "  raised digit: tenths",
    )


class Classification(ChatActions):
    """The panels of a task, and what replaces the generated reply where it is one of few labels."""

    def show_task(self) -> None:
        """Show what the prompt is for, and the panels of the task."""
        task = self.conversation.task
        room = self.size.width - PROMPT_MARGIN_CELLS
        words = task.placeholders
        self.prompt.placeholder = next((each for each in words if len(each) <= room), words[-1])
        self.set_class(task.is_classifier, "-classify")
        talk = self.query_one("#talk", Panel)
        talk.set_title("Sentences" if task.is_classifier else "Chat")
        if task.is_classifier:
            talk.set_hint(MARKED_ASCII if self.services.terminal.is_ascii else MARKED)
        else:
            talk.set_hint(legend(talk.size.width))
        self.query_one("#ask", Panel).set_hint(SENT_AS if task.is_chat else "")
        self._show_why_panel()
        self.show_task_facts()

    def show_task_facts(self) -> None:
        """Show labels and accuracy, if there are any."""
        conversation, panel = self.conversation, self.query_one(TaskPanel)
        shown = shown_index(self._points, conversation.weights, conversation.step)
        rows = (
            task_facts(conversation.task, self._points, shown) if conversation.task.is_chat else []
        )
        panel.display = bool(rows)
        panel.show(rows)

    def _show_why_panel(self) -> None:
        """Where the screen is narrow, there is room for the effects of words only once asked."""
        panel = self.query_one(WhyPanel)
        is_asked = is_wide(self) or panel.explanation is not None
        panel.display = self.conversation.task.is_classifier and is_asked

    async def classify(self, reply: Reply) -> None:
        """Ask for the labels of a prompt.

        Raises:
            MiniGPTError: it cannot be classified.
        """
        self.query_one(WhyPanel).show(None)
        self._show_why_panel()
        request = ClassifyRequest(
            run=reply.run,
            weights=reply.weights,
            text=reply.prompt,
            allow_unknown=self.conversation.allow_unknown,
        )
        reply.classify(await self.services.client.request(request))

    def action_why(self) -> None:
        """Show which word of the chosen text decides."""
        if not self.conversation.task.is_classifier:
            self.show_note(NOT_A_CLASSIFIER)
        elif (turn := self._turn_or_note()) is not None:
            self._explain(turn)

    @work(group="why", exclusive=True, exit_on_error=False)
    async def _explain(self, turn: Turn) -> None:
        conversation = self.conversation
        run, weights = conversation.run, conversation.weights
        request = ClassifyRequest(
            run=run, weights=weights, text=turn.prompt, allow_unknown=True, explain=True
        )
        try:
            explanation = explain(await self.services.client.request(request))
        except MiniGPTError as error:
            self.show_error(error)
            return
        self.query_one(WhyPanel).show(explanation)
        self._show_why_panel()
        self.show_note("")

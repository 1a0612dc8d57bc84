"""A run's continuation of the prompt, with the place underlined where it parts from the first's."""

from __future__ import annotations

from textual import events
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tui.common.sanitize import clean
from tui.runs.same_prompt import PromptReply, reply_facts
from tui.widgets.panel import Panel


class ReplyPanel(Panel):
    """A panel with the reply of one run.

    Args:
        index: of the run.
    """

    class Selected(Message):
        """The panel was clicked, or has got the focus.

        Attributes:
            is_opened: whether it was clicked twice.
        """

        def __init__(self, index: int, *, is_opened: bool = False) -> None:
            super().__init__()
            self.index, self.is_opened = index, is_opened

    def __init__(self, index: int, title: Content) -> None:
        self._text = Static(markup=False)
        self._scroll = VerticalScroll(self._text)
        self._facts = Static(classes="facts", markup=False)
        super().__init__(self._scroll, self._facts, title=title, classes="reply")
        self._index = index
        self._shown: Content | None = None

    def show(
        self, prompt: str, reply: PromptReply, first: PromptReply | None, first_sign: str
    ) -> None:
        """Show the reply to a prompt as far as it is known.

        Args:
            first: the reply it is compared with.
            first_sign: the sign of its run.
        """
        content = reply_content(prompt, reply, first)
        if self._shown is None or not content.is_same(self._shown):
            self._shown = content
            self._text.update(content)
        self._facts.update(reply_facts(reply, first, first_sign))

    def on_descendant_focus(self) -> None:
        """Mark the panel, and select its run."""
        super().on_descendant_focus()
        self.post_message(self.Selected(self._index))

    def on_click(self, event: events.Click) -> None:
        """Select the run; a double click opens it."""
        self._scroll.focus()
        self.post_message(self.Selected(self._index, is_opened=event.chain == 2))


def reply_content(prompt: str, reply: PromptReply, first: PromptReply | None) -> Content:
    """Prompt in bold, reply with its parting underlined, and why there is no more of it."""
    text = reply.text
    parts: list[Content | str | tuple[str, str]] = []
    if text or not reply.problem:
        parts.append((clean(prompt), "bold"))
    parting = reply.parting(first)
    if parting is None:
        parts.append(clean(text))
    else:
        start, end = parting
        parts += [clean(text[:start]), (clean(text[start:end]), "underline"), clean(text[end:])]
    if reply.problem:
        gap = "\n\n" if text else ""
        parts += [gap, (f"! {clean(reply.problem)}", "bold $warning")]
        if reply.hint:
            parts += ["\n", (clean(reply.hint), "$muted")]
    return Content.assemble(*parts)

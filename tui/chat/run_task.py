"""What a run's model is for, in the words of Chat: a conversation, a task, or continuing a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import MiniGPTError
from core.run.directory import Run
from core.run.record import read_record, task_of_record
from core.text.corpus import CHAT_READINGS, LINES
from core.text.messages import CLASSIFY, CONTINUE, CONVERSE, FILL, TRANSLATE

CONTINUES = "The model continues your text; it does not answer. Earlier prompts are not remembered."
FILLS = "The model fills in the blanks of a text; it cannot continue one."
CONVERSES = "The model answers you, and reads the earlier turns as far as they fit its context."
ALONE = "The model {verb} each {input} on its own; earlier ones are not remembered."
VERBS = {TRANSLATE: "translates", CLASSIFY: "labels"}
NEW_LINE_KEY = "Ctrl+J starts a new line."


@dataclass(frozen=True)
class RunTask:
    """The task of a run.

    Attributes:
        reading: how its corpus is cut, one of `core.text.corpus.READINGS`.
        task: one of `core.text.messages.TASKS`.
        labels: of a task "classify".
    """

    reading: str = LINES
    task: str = CONTINUE
    labels: tuple[str, ...] = ()

    @property
    def is_chat(self) -> bool:
        """Whether the model replies to messages; else it continues a text."""
        return self.reading in CHAT_READINGS

    @property
    def fills_blanks(self) -> bool:
        """Whether the model is an encoder."""
        return self.task == FILL

    @property
    def is_conversation(self) -> bool:
        """Whether a reply depends on the turns before it."""
        return self.is_chat and self.task == CONVERSE

    @property
    def is_classifier(self) -> bool:
        """Whether a reply is one of a few labels."""
        return self.is_chat and self.task == CLASSIFY and bool(self.labels)

    @property
    def input(self) -> str:
        """What a task is given."""
        return "sentence" if self.task in (CLASSIFY, TRANSLATE) else "question"

    @property
    def about(self) -> str:
        """What the model does with a prompt, in a sentence."""
        if self.fills_blanks:
            return FILLS
        if not self.is_chat:
            return CONTINUES
        if self.is_conversation:
            return CONVERSES
        return ALONE.format(verb=VERBS.get(self.task, "answers"), input=self.input)

    @property
    def state(self) -> tuple[str, str, str]:
        """The same in a few words, of which those in the middle are the value."""
        if self.fills_blanks:
            return "", "fills in blanks", ""
        if not self.is_chat:
            return "", "continues your text", ""
        if self.is_conversation:
            return "", "conversation", ""
        labels = f" · {len(self.labels)} labels" if self.is_classifier else ""
        return "task ", self.task, f"{labels} · each {self.input} on its own"

    @property
    def placeholders(self) -> Sequence[str]:
        """What an empty prompt says, the longest first."""
        if not self.is_chat:
            text = "Begin a text. Enter continues it"
            return f"{text}, {NEW_LINE_KEY}", f"{text}."
        if self.is_conversation:
            return (
                f"Say something. Enter sends it, {NEW_LINE_KEY}",
                "Say something. Enter sends it.",
            )
        text = f"Type a {self.input}"
        return (
            f"{text}; minigpt-tui adds what the task needs around it.",
            f"{text}. Enter sends it.",
        )


def task_of_run(run: Run) -> RunTask:
    """The task in a run's record; continuing a text if it cannot be read."""
    try:
        corpus = read_record(run)["corpus"]
    except MiniGPTError:
        return RunTask()
    return RunTask(corpus["reading"], *task_of_record(corpus))

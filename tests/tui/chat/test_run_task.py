"""What a run's model is for, in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.run.directory import Run
from tests.support.conversations import home_with_lang, home_with_task
from tui.chat.facts import GenerationFacts, chat_state
from tui.chat.run_task import RunTask, task_of_run
from tui.common.sampling_settings import SamplingControls


@pytest.mark.parametrize(
    ("task", "state", "about", "placeholder"),
    [
        (
            RunTask(),
            "continues your text",
            "The model continues your text; it does not answer.",
            "Begin a text. Enter continues it, Ctrl+J",
        ),
        (
            RunTask("conversations", "converse"),
            "conversation",
            "The model answers you, and reads the earlier turns",
            "Say something.",
        ),
        (
            RunTask("pairs", "translate"),
            "task translate · each sentence on its own",
            "The model translates each sentence on its own;",
            "Type a sentence; minigpt-tui adds what the task needs around it.",
        ),
        (
            RunTask("pairs", "answer"),
            "task answer · each question on its own",
            "The model answers each question on its own;",
            "Type a question; minigpt-tui adds",
        ),
        (
            RunTask("pairs", "classify", ("good", "bad")),
            "task classify · 2 labels · each sentence on its own",
            "The model labels each sentence on its own;",
            "Type a sentence; minigpt-tui adds",
        ),
        (
            RunTask("lines", "translate"),  # its lines are written like a task, and continued
            "continues your text",
            "The model continues your text;",
            "Begin a text.",
        ),
    ],
)
def test_each_task_is_named(task: RunTask, state: str, about: str, placeholder: str) -> None:
    """Detects a screen that promises an answer where a text is continued, or the reverse."""
    assert "".join(task.state) == state
    assert task.about.startswith(about)
    assert task.placeholders[0].startswith(placeholder)
    assert len(task.placeholders[-1]) < 50


def test_the_task_is_in_the_record_of_the_run(tmp_path: Path) -> None:
    """Detects a run on conversations that is treated as running text; an error for "{}"."""
    home = home_with_task(tmp_path / "a", "pairs", "classify", ["good", "bad"])
    task = task_of_run(Run(home.runs / "lang"))
    assert task == RunTask("pairs", "classify", ("good", "bad"))
    assert task.is_classifier
    assert not task.is_conversation
    damaged = home_with_lang(tmp_path / "b")
    assert task_of_run(Run(damaged.runs / "lang")) == RunTask()


@pytest.mark.parametrize(
    ("dropped", "is_wide", "state"),
    [
        (0, False, "conversation · context 97/128"),
        (1, False, "context 97/128 · 1 earlier turn dropped"),
        (
            2,
            True,
            "conversation · context 97/128 ━━━━━━── · 2 earlier turns dropped · cpu",
        ),
    ],
)
def test_dropped_turns_are_counted(dropped: int, is_wide: bool, state: str) -> None:
    """Detects turns that are left out without a word."""
    facts = GenerationFacts(
        run="lang",
        weights="last",
        step=5,
        loading=False,
        problem="",
        controls=SamplingControls(),
        tokens=3,
        speed=10.0,
        used=97,
        context=128,
        dropped=dropped,
    )
    task = RunTask("conversations", "converse")
    assert chat_state(facts, task, 4, "cpu", is_wide=is_wide).plain == state

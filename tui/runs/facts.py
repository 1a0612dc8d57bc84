"""Baselines of a run, and why it failed, in words. Pure."""

from __future__ import annotations

from core.errors import MiniGPTError
from core.run.events import FAILED
from core.run.history import History
from core.run.status import CRASHED

BASELINES = (
    ("random", "uniform"),
    ("unigram", "unigram"),
    ("bigram", "bigram"),
    ("trigram", "two-sided trigram"),
)


def list_baselines(history: History) -> list[tuple[str, float]]:
    """Names and losses of the baselines, highest first."""
    losses = [(name, history.reference.get(key)) for key, name in BASELINES]
    return [(name, loss) for name, loss in losses if loss is not None]


def baseline_data(history: History) -> str:
    """The data the baselines were computed on, in words."""
    names = {"validation": "the validation data", "train": "the training data"}
    return names.get(history.reference_on or "", "")


def describe_failure(
    history: History, status: str, problem: MiniGPTError | None
) -> tuple[str, str] | None:
    """What went wrong, and what to do; None if nothing did."""
    if problem is not None:
        return problem.message, problem.hint
    if status == CRASHED:
        return "The trainer has disappeared without an error message.", _resume_hint(history)
    failure = history.failure
    if status != FAILED or failure is None:
        return None
    text = f"{failure.title}: {failure.message}" if failure.title else failure.message
    return text or "Training failed.", failure.hint or _resume_hint(history)


def _resume_hint(history: History) -> str:
    step = history.checkpoint_step
    if step is None:
        return "No checkpoint was saved; resuming starts from the beginning (r)."
    return f"Saved at step {step:,}; resume from there with r."

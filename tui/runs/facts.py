"""The lines of the Train screen: progress, facts, baselines and outcome. Widths are in cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.content import Content

from core.errors import MiniGPTError
from core.run.events import FAILED
from core.run.history import History
from core.run.status import CRASHED, PREPARING, RUNNING, STARTING
from tui.common.format import count, duration, size
from tui.common.sanitize import one_line
from tui.plot.sparkline import sparkline
from tui.runs.machine_usage import MachineUsage

LABEL = "dim"
FACT_GAP = "   "
BARS = {"ascii": ("#", "."), "block": ("█", "░")}
THIN_BAR = ("━", "─")  # distinguished by weight, not by colour alone
COPIED_WIDTH = 8
BASELINES = (("random", "uniform"), ("unigram", "unigram"), ("bigram", "bigram"))


class Fact(NamedTuple):
    """A value with a short label, which may be empty."""

    label: str
    value: str


def progress_bar(share: float, width: int, charset: str) -> Content:
    """A bar of `width` cells, filled to `share` of 1."""
    full, empty = BARS.get(charset, THIN_BAR)
    filled = round(max(0.0, min(1.0, share)) * width)
    return Content.assemble((full * filled, "$primary"), (empty * (width - filled), LABEL))


def progress_line(history: History, status: str, width: int, charset: str) -> Content:
    """A bar with percentage and time, or a few words while no share is known."""
    share, text = _progress(history, status)
    if share is None:
        return Content(text)
    right = f"{100 * share:4.0f} %" + (FACT_GAP + text if text else "")
    return progress_bar(share, max(4, width - len(right) - 1), charset) + Content(" " + right)


def _progress(history: History, status: str) -> tuple[float | None, str]:
    """The share done, None if unknown, and a few words."""
    if status == STARTING:
        return None, "starting: loading PyTorch"
    if status == PREPARING:
        progress = history.preparation
        phase = one_line(progress.phase) if progress else ""
        done, total = (progress.done, progress.total) if progress else (None, None)
        return ((done or 0.0) / total if total else None), phase or "preparing the text"
    if status == RUNNING and history.eta is not None:
        return history.progress or 0.0, f"{duration(history.eta)} left"
    trained = f"{duration(history.elapsed)} trained" if history.elapsed is not None else ""
    return history.progress or 0.0, trained


def log_progress_line(share: float, width: int, charset: str) -> Content:
    """How much of a long event log has been read."""
    right = f" reading… {100 * share:.0f} %"
    return progress_bar(share, max(4, width - len(right)), charset) + Content(right)


def list_facts(
    history: History, status: str, usage: MachineUsage | None, charset: str = "braille"
) -> list[Fact]:
    """Facts about a run, the most important first; unknown ones are left out."""
    speed = history.tokens_per_second
    memory = history.memory if history.memory is not None else usage and usage.memory
    parameters = history.prepared.get("parameters")
    facts = [
        Fact("step", _step(history)),
        Fact("epoch", _epochs(history)),
        Fact("", f"{count(speed)} tokens/s" if speed and status == RUNNING else ""),
        Fact("", _device(history, usage)),
        Fact("memory", size(memory) if memory else ""),
        Fact("rate", _number(history.learning_rate.last)),
        Fact("replies copied", _copied(history, charset)),
        Fact("model", count(parameters) if isinstance(parameters, int) else ""),
    ]
    return [fact for fact in facts if fact.value]


def _step(history: History) -> str:
    step, steps = history.step, history.steps
    return f"{step:,}/{steps:,}" if steps else f"{step:,}" if step else ""


def _epochs(history: History) -> str:
    if history.epoch is None:
        return ""
    per_epoch, steps = history.steps_per_epoch, history.steps
    total = f"/{_epoch_number(steps / per_epoch)}" if per_epoch and steps else ""
    return _epoch_number(history.epoch) + total


def _epoch_number(epochs: float) -> str:
    """With one decimal where it is informative."""
    return f"{epochs:.0f}" if epochs >= 100 or epochs == int(epochs) else f"{epochs:.1f}"


def _device(history: History, usage: MachineUsage | None) -> str:
    """The device and its utilisation, if known."""
    device = str(history.train.get("device") or "")
    if not device or usage is None:
        return one_line(device)
    percent = usage.gpu if device.startswith("cuda") else usage.cpu
    return one_line(device) + (f" {percent:.0f} %" if percent is not None else "")


def _copied(history: History, charset: str) -> str:
    """The share of sampled replies that occurs in the corpus: a curve and the last value."""
    shares = [sample.copied for sample in history.samples if sample.copied is not None]
    if not shares:
        return ""
    return f"{sparkline(shares, COPIED_WIDTH, charset)} {shares[-1]:.0%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"


def facts_line(facts: Sequence[Fact], width: int) -> Content:
    """As many of the facts as fit, side by side."""
    parts: list[Content] = []
    used = 0
    for label, value in facts:
        part = Content.assemble((label + " " if label else "", LABEL), value)
        needed = part.cell_length + (len(FACT_GAP) if parts else 0)
        if used + needed > width:
            break
        parts.append(part)
        used += needed
    return Content(FACT_GAP).join(parts)


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

"""What the Train screen says in lines: progress, facts, references. Pure; widths are in cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.content import Content

from core.run import status
from tui.common.sanitize import one_line
from core.errors import MiniGPTError
from core.run.events import FAILED
from core.run.history import History
from tui.cli.console import count, duration, size
from tui.runs.machine_use import Use
from tui.plot.sparkline import sparkline

LABEL = "dim"
GAP = "   "
BARS = {"ascii": ("#", "."), "block": ("█", "░")}
COPIED_WIDTH = 8
THIN_BAR = ("━", "─")  # told apart by weight, not by colour alone
REFERENCES = (
    ("random", "random guess"),
    ("unigram", "words only"),
    ("bigram", "previous token only"),
)
OUTLOOK = "Resume goes on from there (r)."


class Fact(NamedTuple):
    """A value with a few words that say what it is; `label` may be empty."""

    label: str
    value: str


def bar(share: float, width: int, charset: str) -> Content:
    """A bar of `width` cells, filled to `share` of 1."""
    full, empty = BARS.get(charset, THIN_BAR)
    filled = round(max(0.0, min(1.0, share)) * width)
    return Content.assemble((full * filled, "$primary"), (empty * (width - filled), LABEL))


def progress_line(history: History, word: str, width: int, charset: str) -> Content:
    """How far it is: a bar with the share and the time behind it."""
    share, said = _progress(history, word)
    if share is None:
        return Content(said)
    right = f"{100 * share:4.0f} %" + (GAP + said if said else "")
    return bar(share, max(4, width - len(right) - 1), charset) + Content(" " + right)


def _progress(history: History, word: str) -> tuple[float | None, str]:
    """Share done, None where nobody knows, and a few words beside it."""
    if word == status.STARTING:
        return None, "starting: the trainer loads PyTorch"
    if word == status.PREPARING:
        phase, done, total = _phase(history)
        return (done / total if total else None), phase
    if word == status.RUNNING and history.eta is not None:
        return history.progress or 0.0, f"{duration(history.eta)} left"
    took = f"{duration(history.elapsed)} trained" if history.elapsed is not None else ""
    return history.progress or 0.0, took


def _phase(history: History) -> tuple[str, float, float]:
    found = history.preparation
    if found is None:
        return "preparing the text", 0.0, 0.0
    return one_line(found.phase) or "preparing the text", found.done or 0.0, found.total or 0.0


def reading_line(share: float, width: int, charset: str) -> Content:
    """How much of a long past has been read."""
    right = f" reading… {100 * share:.0f} %"
    return bar(share, max(4, width - len(right)), charset) + Content(right)


def facts(history: History, word: str, use: Use | None, charset: str = "braille") -> list[Fact]:
    """What one wants to know of a run while it learns, the most important first."""
    found = [Fact("step", _of(history.step, history.steps)), Fact("epoch", _epochs(history))]
    if word == status.RUNNING:
        found.append(Fact("", f"{count(history.rate)} tokens/s" if history.rate else ""))
    found.append(Fact("", _device(history, use)))
    memory = history.memory if history.memory is not None else use and use.memory
    found.append(Fact("memory", size(memory) if memory else ""))
    found.append(Fact("rate", _number(history.learning_rate.last)))
    found.append(Fact("copied", _copied(history, charset)))
    parameters = history.prepared.get("parameters")
    found.append(Fact("model", count(parameters) if isinstance(parameters, int) else ""))
    return [fact for fact in found if fact.value]


def _of(done: int, total: int | None) -> str:
    return f"{done:,}/{total:,}" if total else f"{done:,}" if done else ""


def _epochs(history: History) -> str:
    if history.epoch is None:
        return ""
    per = history.steps_per_epoch
    total = f"/{_passes(history.steps / per)}" if per and history.steps else ""
    return _passes(history.epoch) + total


def _passes(epochs: float) -> str:
    """With one place behind the point where it tells something."""
    return f"{epochs:.0f}" if epochs >= 100 or epochs == int(epochs) else f"{epochs:.1f}"


def _device(history: History, use: Use | None) -> str:
    """The device, and how busy it is where that is known."""
    device = str(history.train.get("device") or "")
    if not device or use is None:
        return one_line(device)
    busy = use.gpu if device.startswith("cuda") else use.cpu
    return one_line(device) + (f" {busy:.0f} %" if busy is not None else "")


def _copied(history: History, charset: str) -> str:
    """The share of sampled replies that stands in the corpus: a curve, and the last value."""
    shares = [sample.copied for sample in history.samples if sample.copied is not None]
    if not shares:
        return ""
    return f"{sparkline(shares, COPIED_WIDTH, charset)} {shares[-1]:.0%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"


def facts_line(found: Sequence[Fact], width: int) -> Content:
    """The facts side by side, without the last ones where there is no room."""
    parts: list[Content] = []
    used = 0
    for label, value in found:
        part = Content.assemble((label + " " if label else "", LABEL), value)
        needed = part.cell_length + (len(GAP) if parts else 0)
        if used + needed > width:
            break
        parts.append(part)
        used += needed
    return Content(GAP).join(parts)


def references(history: History) -> list[tuple[str, float]]:
    """Names and values of the losses to compare with, from the highest down."""
    found = [(name, history.reference.get(key)) for key, name in REFERENCES]
    return [(name, loss) for name, loss in found if loss is not None]


def reference_text(history: History) -> str:
    """What text the references were computed on, in a few words."""
    on = {"validation": "the validation part", "train": "the training part"}
    return on.get(history.reference_on or "", "")


def rate_marks(history: History) -> list[tuple[int, str]]:
    """Steps at which the learning rate was changed by hand, and to what."""
    return [
        (change.step, f"rate {_number(new)}")
        for change in history.changes
        if isinstance(new := change.values.get("learning_rate", (None, None))[1], int | float)
    ]


def ending(history: History, word: str, problem: MiniGPTError | None) -> tuple[str, str] | None:
    """What went wrong and what to do, if something did."""
    if problem is not None:
        return problem.message, problem.hint
    if word == status.CRASHED:
        return "The trainer is gone and has said nothing of it.", _outlook(history)
    failure = history.failure
    if word != FAILED or failure is None:
        return None
    told = f"{failure.title}: {failure.message}" if failure.title else failure.message
    return told or "The training failed.", failure.hint or _outlook(history)


def _outlook(history: History) -> str:
    saved = history.saved_step
    if saved is None:
        return "Nothing was saved yet; resume begins anew (r)."
    return f"Saved at step {saved:,}. {OUTLOOK}"

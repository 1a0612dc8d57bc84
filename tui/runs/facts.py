"""What the Train screen says in lines: progress, facts, references. Pure; widths are in cells.

What a run's losses mean, in one sentence of words with the numbers behind it. Pure.

A model that guesses at random has the loss ln V. One that only knows how often each token comes
(`unigram`) cannot get below the entropy of the counts, and one that only looks at the token before
(`bigram`) not below that of the pairs: whoever is below has used more than that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from textual.content import Content

from core.errors import MiniGPTError
from core.run import events, status
from core.run.events import FAILED
from core.run.history import History, Series
from tui.common.format import count, duration, size
from tui.common.sanitize import one_line
from tui.plot.sparkline import sparkline
from tui.runs.machine_use import Use

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
        found.append(
            Fact(
                "",
                f"{count(history.tokens_per_second)} tokens/s" if history.tokens_per_second else "",
            )
        )
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
    saved = history.checkpoint_step
    if saved is None:
        return "Nothing was saved yet; resume begins anew (r)."
    return f"Saved at step {saved:,}. {OUTLOOK}"


WAITING = "waiting"
FALLING = "falling"
NOT_LEARNING = "not learning"
RISING = "rising"
WORDS_ONLY = "words only"
CONTEXT = "context"
MORE_CONTEXT = "more context"
MEMORISING = "memorising"

FIRST_STEPS = 50  # before these nobody can say that it does not learn
RECENT_POINTS = 20
NEAR = 0.03  # share of a reference that still counts as at it
FALLEN = 0.05  # share below a random guess that shows something was learnt
WORSE = 0.01  # share of a rise above the best that counts
RISEN = 1.5
FEW_TOKENS = 500  # the mean loss of fewer is known to no better than a tenth of a nat


@dataclass(frozen=True)
class Verdict:
    """What can be said.

    Attributes:
        kind: one of the words above.
        text: one sentence.
        aside: what makes it doubtful, a second sentence; mostly empty.
        alarm: whether a person should do something.
    """

    kind: str
    text: str
    aside: str = ""
    alarm: bool = False


def verdict(history: History, word: str) -> Verdict:
    """What the losses of a run mean.

    Args:
        history: of the run.
        word: its status, one of `status.WORDS`.
    """
    if not len(history.train_loss):
        return Verdict(WAITING, "")
    found = _trouble(history) or _memorising(history) or _level(history)
    text = (
        f"Done: {found.text[0].lower()}{found.text[1:]}" if word == events.FINISHED else found.text
    )
    alarm = found.alarm and word in (status.RUNNING, events.FINISHED)
    aside = "" if found.alarm else _doubt(history)
    return Verdict(found.kind, text, aside, alarm)


def recent(series: Series) -> float:
    """The mean of the last twentieth of a curve, at least one value and at most 20."""
    values = series.values[-_size(series) :]
    return sum(values) / len(values)


def _size(series: Series) -> int:
    return max(1, min(RECENT_POINTS, len(series) // 20))


def _trouble(history: History) -> Verdict | None:
    """Not below a random guess after a while, or far above what it had reached."""
    loss, random = recent(history.train_loss), history.reference.get("random")
    if history.step < max(FIRST_STEPS, _warmup(history)):
        return None
    if random is not None and loss > random * (1 - FALLEN):
        said = f"Not learning: loss {_short(loss)}, a random guess has {_short(random)}."
        return Verdict(NOT_LEARNING, said, alarm=True)
    if loss <= min(history.train_loss.values) * RISEN:
        return None
    step, low = _lowest(history.train_loss)
    if loss > low * RISEN and loss - low > 1.0:
        said = (
            f"Rising: loss {_short(loss)}, it was {_short(low)} at step {step}; - halves the rate."
        )
        return Verdict(RISING, said, alarm=True)
    return None


def _warmup(history: History) -> int:
    warmup = history.train.get("warmup_steps")
    return 2 * warmup if isinstance(warmup, int) else 0


def _lowest(series: Series) -> tuple[int, float]:
    """Step and value of the lowest mean of 20 points in a row; of fewer where there are fewer."""
    size = _size(series)
    starts = range(0, len(series) - size + 1, size)
    means = [(sum(series.values[at : at + size]) / size, series.steps[at]) for at in starts]
    value, step = min(means)
    return step, value


def _memorising(history: History) -> Verdict | None:
    """Validation has risen since its best twice, while training went on falling."""
    best, values = history.best, history.val_loss.values
    if best is None or too_few(history) or len(values) < 3:
        return None
    step, low = best
    before, now = loss_at(history.train_loss, step), recent(history.train_loss)
    if before is None or min(values[-2:]) <= low * (1 + WORSE) or now >= before:
        return None
    said = (
        f"Memorising since {_when(history, step)}: validation {_short(low)} → "
        f"{_short(values[-1])}, training {_short(before)} → {_short(now)}."
    )
    return Verdict(MEMORISING, said)


def loss_at(series: Series, step: int) -> float | None:
    """The mean of the curve up to a step, as `recent` takes it; None before its first point."""
    end = bisect_right(series.steps, step)
    values = series.values[max(0, end - _size(series)) : end]
    return sum(values) / len(values) if values else None


def _when(history: History, step: int) -> str:
    """A step as an epoch, where passes are known."""
    if not history.steps_per_epoch:
        return f"step {step}"
    return f"epoch {step / history.steps_per_epoch:.3g}"


def _level(history: History) -> Verdict:
    """Where the loss stands among the references, on the text they were computed on."""
    name, loss = _compared(history)
    said = f"{name} {_short(loss)}"
    refer = history.reference
    random, words, pairs = (refer.get(key) for key in ("random", "unigram", "bigram"))
    if pairs is not None and loss < pairs * (1 - NEAR):
        text = f"Uses more than the previous token: {said}, that alone {_short(pairs)}."
        return Verdict(MORE_CONTEXT, text)
    if words is not None and loss < words * (1 - NEAR):
        text = f"Now uses context: {said}, word counts alone {_short(words)}."
        return Verdict(CONTEXT, text)
    if words is not None and loss < words * (1 + NEAR):
        text = f"Knows only how often words come: {said}, word counts alone {_short(words)}."
        return Verdict(WORDS_ONLY, text)
    guess = f", a random guess has {_short(random)}" if random is not None else ""
    return Verdict(FALLING, f"Learning how often words come: {said}{guess}.")


def _short(loss: float) -> str:
    return f"{loss:.3g}"


def _compared(history: History) -> tuple[str, float]:
    """Name and value of the loss that is of the same text as the references."""
    if history.reference_on == "validation" and history.val_loss.last is not None:
        return "validation loss", history.val_loss.last
    alone = history.reference_on == "train"
    return "loss" if alone else "training loss", recent(history.train_loss)


def too_few(history: History) -> bool:
    """Whether the validation part is missing or too small for its loss to mean anything."""
    tokens = history.prepared.get("val_tokens")
    return isinstance(tokens, int) and tokens < FEW_TOKENS


def _doubt(history: History) -> str:
    """That nobody can tell learning from memorising, where that is so."""
    return "Text too small for a validation loss to mean anything." if too_few(history) else ""

"""What a run's losses mean, in one sentence of words with the numbers behind it. Pure.

A model that guesses at random has the loss ln V. One that only knows how often each token comes
(`unigram`) cannot get below the entropy of the counts, and one that only looks at the token before
(`bigram`) not below that of the pairs: whoever is below has used more than that.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from core.run import events
from core.run import status
from core.run.history import History
from core.run.series import Series

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

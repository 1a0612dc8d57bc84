"""What the losses of a run mean, as one sentence.

A model without knowledge of the text has the loss ln V (the uniform baseline). One that knows only
token frequencies (unigram) cannot go below the entropy of these frequencies, and one that sees only
the previous token (bigram) not below their conditional entropy: a model below a baseline uses more.
An encoder is compared with counts of tokens between both neighbours (two-sided trigram).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum

from textual.content import Content

from core.run.events import FINISHED, as_whole
from core.run.history import History, Series
from core.run.status import RUNNING
from tui.common.format import exact_percent
from tui.common.sanitize import clean

MIN_JUDGED_STEPS = 50  # before these a model may just not have learned yet
MAX_RECENT_POINTS = 20
BASELINE_TOLERANCE = 0.03  # share of a baseline within which a loss counts as equal to it
MIN_DROP = 0.05  # share below the uniform baseline that shows some learning
MIN_VAL_RISE = 0.01  # share above the best validation loss that counts as a rise
RISE_FACTOR = 1.5
MIN_VAL_TOKENS = 500  # with fewer the validation loss is uncertain by more than 0.1 nats


class VerdictKind(StrEnum):
    """The kinds of verdict."""

    WAITING = "waiting"
    FALLING = "falling"
    NOT_LEARNING = "not learning"
    RISING = "rising"
    AT_UNIGRAM = "at unigram"
    BELOW_UNIGRAM = "below unigram"
    BELOW_COUNTS = "below counts"
    MEMORISING = "memorising"
    ANSWERING = "answering"
    PAST_BEST = "past best"
    FILLING = "filling"


@dataclass(frozen=True)
class Verdict:
    """A judgement of the losses.

    Attributes:
        text: one sentence.
        caveat: a second sentence that qualifies it; mostly empty.
        is_alarming: whether the user should do something.
    """

    kind: VerdictKind
    text: str
    caveat: str = ""
    is_alarming: bool = False


def judge_run(history: History, status: str) -> Verdict:
    """The verdict on a run.

    Args:
        status: of the run, one of `status.STATUSES`.
    """
    if not len(history.train_loss):
        return Verdict(VerdictKind.WAITING, "")
    verdict = _find_trouble(history) or _judge_replies(history)
    verdict = verdict or _find_memorising(history) or _compare_baselines(history)
    text = verdict.text
    if status == FINISHED:
        text = f"Done: {text[0].lower()}{text[1:]}"
    is_alarming = verdict.is_alarming and status in (RUNNING, FINISHED)
    caveat = ""
    if not verdict.is_alarming and has_small_validation(history):
        caveat = "Text too small for a meaningful validation loss."
    return Verdict(verdict.kind, text, caveat, is_alarming)


def recent_loss(series: Series) -> float:
    """The mean of the last twentieth of a curve, of 1 to 20 points."""
    values = series.values[-_window(series) :]
    return sum(values) / len(values)


def _window(series: Series) -> int:
    return max(1, min(MAX_RECENT_POINTS, len(series) // 20))


def _find_trouble(history: History) -> Verdict | None:
    """A loss still at the uniform baseline, or far above its minimum."""
    loss, uniform = recent_loss(history.train_loss), history.reference.get("random")
    warmup = history.train.get("warmup_steps")
    if history.step < max(MIN_JUDGED_STEPS, 2 * warmup if isinstance(warmup, int) else 0):
        return None
    if uniform is not None and loss > uniform * (1 - MIN_DROP):
        text = f"Not learning: loss {_format(loss)}, uniform baseline {_format(uniform)}."
        return Verdict(VerdictKind.NOT_LEARNING, text, is_alarming=True)
    if loss <= min(history.train_loss.values) * RISE_FACTOR:
        return None
    step, low = _lowest_mean(history.train_loss)
    if loss > low * RISE_FACTOR and loss - low > 1.0:
        text = (
            f"Loss is rising: {_format(loss)}, was {_format(low)} at step {step}; "
            "- halves the learning rate."
        )
        return Verdict(VerdictKind.RISING, text, is_alarming=True)
    return None


def _lowest_mean(series: Series) -> tuple[int, float]:
    """First step and value of the lowest mean over a window of the curve."""
    size = _window(series)
    starts = range(0, len(series) - size + 1, size)
    means = [(sum(series.values[at : at + size]) / size, series.steps[at]) for at in starts]
    value, step = min(means)
    return step, value


def _judge_replies(history: History) -> Verdict | None:
    """How often replies, or an encoder's choices for blanks, are right, where some are.

    Of such runs "best" means most right ones.
    """
    last, best, step = history.task_accuracy.last, history.best_accuracy, history.best_step
    if last is None or step is None or not best:
        return None
    shown = f"best accuracy {exact_percent(best)} at {_moment(history, step)}"
    if history.task_items and best - last > _chance_difference(best, last, history.task_items):
        what = "blanks" if history.fills_blanks else "replies"
        text = f"Past its best: {exact_percent(last)} of {what} right, {shown}."
        return Verdict(VerdictKind.PAST_BEST, text)
    if history.fills_blanks:
        counted = history.reference_accuracy.get("trigram")
        rest = "" if counted is None else f", {exact_percent(counted)} by counting (trigram)"
        return Verdict(VerdictKind.FILLING, f"Blanks: {exact_percent(last)} right{rest}; {shown}.")
    text = f"Replies: {exact_percent(last)} right, {shown}."
    return Verdict(VerdictKind.ANSWERING, text)


def _chance_difference(best: float, last: float, items: int) -> float:
    """The difference of two shares that chance alone seldom exceeds: twice its standard error."""
    return 2 * math.sqrt((best * (1 - best) + last * (1 - last)) / items)


def _moment(history: History, step: int) -> str:
    """The epoch of a step; the step if epochs have no known length."""
    per_epoch = history.steps_per_epoch
    return f"epoch {step / per_epoch:.3g}" if per_epoch else f"step {step:,}"


def _find_memorising(history: History) -> Verdict | None:
    """A validation loss above its minimum twice in a row while the training loss fell."""
    best, values = history.best, history.val_loss.values
    if best is None or has_small_validation(history) or len(values) < 3:
        return None
    step, low = best
    train_then, train_now = loss_at(history.train_loss, step), recent_loss(history.train_loss)
    is_rising = min(values[-2:]) > low * (1 + MIN_VAL_RISE)
    if train_then is None or not is_rising or train_now >= train_then:
        return None
    when = _moment(history, step)
    text = (
        f"Memorising since {when}: validation {_format(low)} → {_format(values[-1])}, "
        f"training {_format(train_then)} → {_format(train_now)}."
    )
    return Verdict(VerdictKind.MEMORISING, text)


def loss_at(series: Series, step: int) -> float | None:
    """The mean of the curve before a step, as in `recent_loss`; None before its first point."""
    end = bisect_right(series.steps, step)
    values = series.values[max(0, end - _window(series)) : end]
    return sum(values) / len(values) if values else None


def _compare_baselines(history: History) -> Verdict:
    """The loss compared with the baselines, on the data they were computed on."""
    name, loss = "training", recent_loss(history.train_loss)
    if history.reference_on == "validation" and history.val_loss.last is not None:
        name, loss = "validation", history.val_loss.last
    uniform, unigram = map(history.reference.get, ("random", "unigram"))
    counts = "trigram" if history.fills_blanks else "bigram"
    counted = history.reference.get(counts)
    shown = f"{name} {_format(loss)}"
    if counted is not None and loss < counted * (1 - BASELINE_TOLERANCE):
        text = f"Beats the {counts} baseline: {shown} against {_format(counted)}."
        return Verdict(VerdictKind.BELOW_COUNTS, text)
    if unigram is not None and loss < unigram * (1 - BASELINE_TOLERANCE):
        text = f"Beats the unigram baseline: {shown} against {_format(unigram)}."
        return Verdict(VerdictKind.BELOW_UNIGRAM, text)
    if unigram is not None and loss < unigram * (1 + BASELINE_TOLERANCE):
        text = f"At the unigram baseline: {shown} against {_format(unigram)}."
        return Verdict(VerdictKind.AT_UNIGRAM, text)
    baseline = f", uniform baseline {_format(uniform)}" if uniform is not None else ""
    return Verdict(VerdictKind.FALLING, f"Learning token frequencies: {shown}{baseline}.")


def _format(loss: float) -> str:
    return f"{loss:#.3g}".rstrip(".")


def has_small_validation(history: History) -> bool:
    """Whether the validation data is missing or too small for a meaningful loss."""
    tokens = as_whole(history.prepared.get("val_tokens"))
    return tokens is not None and tokens < MIN_VAL_TOKENS


STYLES = {
    VerdictKind.BELOW_COUNTS: "bold $success",
    VerdictKind.FILLING: "bold $success",
    VerdictKind.MEMORISING: "bold $warning",
    VerdictKind.ANSWERING: "bold $success",
    VerdictKind.PAST_BEST: "bold $warning",
    VerdictKind.AT_UNIGRAM: "bold $warning",
}


def verdict_content(verdict: Verdict) -> Content:
    """The sentence, its beginning in bold, and the caveat."""
    style = "bold $error" if verdict.is_alarming else STYLES.get(verdict.kind, "bold")
    head, colon, rest = verdict.text.partition(": ")
    if verdict.text.startswith("Done: "):
        more, colon, rest = rest.partition(": ")
        head += ": " + more
    caveat = f" {verdict.caveat}" if verdict.caveat else ""
    return Content.assemble(
        (clean(head + colon.strip()), style),
        clean(" " + rest if rest else ""),
        (clean(caveat), "$muted"),
    )

"""The figures of the Train screen: four tiles or one line, and the bars of the machine. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from textual.content import Content

from core.run.events import as_whole
from core.run.history import History
from core.run.status import PREPARING, RUNNING, STARTING
from core.text.corpus import CHAT_READINGS
from tui.common.format import exact_percent, format_count, format_size, loss, percent
from tui.common.sanitize import one_line
from tui.plot.bars import bar
from tui.plot.sparkline import sparkline
from tui.runs.machine_usage import MachineUsage
from tui.runs.preview import saved_ago
from tui.runs.verdict import loss_at, recent_loss

SPARKLINE_WIDTH = 12
SPARKLINE_POINTS = 48
LINE_BAR_WIDTH = 12
UNKNOWN = "—"
LABEL_WIDTH = 7


class Tile(NamedTuple):
    """The two lines of a tile."""

    value: Content
    detail: Content

    @property
    def content(self) -> Content:
        return self.value + "\n" + self.detail


def list_tiles(
    history: History,
    status: str,
    corpus_bytes: int | None,
    width: int,
    charset: str,
) -> tuple[Tile, Tile, Tile, Tile]:
    """Training loss, validation loss, step and speed.

    Args:
        corpus_bytes: size of the text; None if unknown.
        width: of a tile in cells.
    """
    return (
        _train_tile(history, charset),
        _val_tile(history, corpus_bytes, width),
        _step_tile(history, status, width, charset),
        _speed_tile(history, width),
    )


def _train_tile(history: History, charset: str) -> Tile:
    value = history.train_loss.last
    if value is None:
        return Tile(Content.styled(UNKNOWN, "$faint"), Content(""))
    spark = Content.styled(spark_text(history, charset), "$primary")
    change = epoch_change(history)
    detail = "" if change is None else f"{change:+.3f} this epoch"
    shown = Content.assemble((loss(value), "bold $primary"), "  ", spark)
    return Tile(shown, Content.styled(detail, "$muted"))


def spark_text(history: History, charset: str) -> str:
    """The training loss as a sparkline."""
    losses = history.train_loss.values
    spread = losses[:: max(1, len(losses) // SPARKLINE_POINTS)] + losses[-1:]
    return sparkline(spread, SPARKLINE_WIDTH, charset)


def epoch_change(history: History) -> float | None:
    """How much the mean training loss has changed since the end of the epoch before."""
    if not len(history.train_loss):
        return None
    ends = [row.step for row in history.epochs if row.step < history.step]
    before = loss_at(history.train_loss, ends[-1]) if ends else None
    return None if before is None else recent_loss(history.train_loss) - before


def _val_tile(history: History, corpus_bytes: int | None, width: int) -> Tile:
    value, best = history.val_loss.last, history.best
    if value is None or best is None:
        why = "no validation data" if history.prepared.get("val_tokens") == 0 else ""
        return Tile(Content.styled(UNKNOWN, "$faint"), Content.styled(why, "$muted"))
    if history.task_accuracy.last is not None:
        return _accuracy_tile(value, history.task_accuracy.last, history.best_accuracy, width)
    shown = Content.assemble((loss(value), "bold $accent"), ("  best ", "$muted"), loss(best[1]))
    bits = bits_per_byte(history, value, corpus_bytes)
    detail = "" if bits is None else f"~{bits:.2f} bits per byte"
    return Tile(shown + Content.styled(" ★", "$accent"), Content.styled(detail, "$muted"))


def _accuracy_tile(val_loss: float, accuracy: float, best: float | None, width: int) -> Tile:
    """The validation loss and the share of right replies; best is that with most of them."""
    right = (exact_percent(accuracy), "bold $secondary")
    shown = Content.assemble(
        *(("loss ", "$muted"), (loss(val_loss), "bold $accent"), (" · ", "$muted")),
        *(right, (" right", "$muted")),
    )
    if shown.cell_length > width:
        shown = Content.assemble((loss(val_loss), "bold $accent"), (" · ", "$muted"), right)
    if best is None:
        return Tile(shown, Content(""))
    star = ("★", "$secondary")
    detail = Content.assemble(("best accuracy ", "$muted"), exact_percent(best), " ", star)
    if detail.cell_length > width:
        detail = Content.assemble(("best ", "$muted"), exact_percent(best), " ", star)
    return Tile(shown, detail)


def bits_per_byte(history: History, nats: float, corpus_bytes: int | None) -> float | None:
    """A loss per token as bits per byte, by the mean length of a token in the whole text.

    None for pairs and conversations: their loss is that of the replies only.
    """
    if history.prepared.get("reading") in CHAT_READINGS:
        return None
    counts = [history.prepared.get("train_tokens"), history.prepared.get("val_tokens")]
    tokens = sum(as_whole(value) or 0 for value in counts)
    return nats / math.log(2) * tokens / corpus_bytes if corpus_bytes and tokens > 0 else None


def _step_tile(history: History, status: str, width: int, charset: str) -> Tile:
    is_ascii = charset == "ascii"
    if status in (STARTING, PREPARING):
        share, words = preparation(history, status)
        shown = Content(words)
        if share is not None:
            shown = Content.assemble((percent(share), "bold $ink"), " ", (words, "$muted"))
        return Tile(shown, bar(share or 0.0, width, is_ascii=is_ascii))
    steps = f" of {history.steps:,}" if history.steps else ""
    shown = Content.assemble((f"{history.step:,}", "bold $ink"), (steps, "$muted"))
    if history.epoch is not None:
        epoch = Content.styled(f"epoch {epoch_text(history)}", "$muted")
        shown = fit_parts([shown, epoch], width, " · ")
    return Tile(shown, bar(history.progress or 0.0, width, is_ascii=is_ascii))


def epoch_text(history: History) -> str:
    """Epochs done, of how many."""
    if history.epoch is None:
        return ""
    per_epoch, steps = history.steps_per_epoch, history.steps
    total = f"/{_epochs(steps / per_epoch)}" if per_epoch and steps else ""
    return _epochs(history.epoch) + total


def _epochs(epochs: float) -> str:
    """With one decimal where it is informative."""
    is_whole = epochs >= 100 or abs(epochs - round(epochs)) < 0.005
    return f"{epochs:.0f}" if is_whole else f"{epochs:.1f}"


def preparation(history: History, status: str) -> tuple[float | None, str]:
    """The share of the preparation done, None if unknown, and its phase."""
    if status == STARTING:
        return None, "loading PyTorch"
    progress = history.preparation
    phase = one_line(progress.phase) if progress else ""
    done, total = (progress.done, progress.total) if progress else (None, None)
    return ((done or 0.0) / total if total and total > 0 else None), phase or "preparing the text"


def _speed_tile(history: History, width: int) -> Tile:
    speed, seconds = history.tokens_per_second, history.seconds_per_step
    shown = Content.styled(UNKNOWN, "$faint")
    if speed:
        shown = Content.assemble((format_count(speed), "bold $ink"), (" tokens/s", "$muted"))
    parts = [] if seconds is None else [f"{_milliseconds(seconds)} per step"]
    rate = history.learning_rate.last
    parts += [] if rate is None else [f"rate {rate:.2g}"]
    return Tile(shown, fit_parts([Content.styled(part, "$muted") for part in parts], width, " · "))


def _milliseconds(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def figures_line(history: History, status: str, width: int, charset: str) -> Content:
    """The most important figures in one line; those that do not fit are left out."""
    is_ascii = charset == "ascii"
    if status in (STARTING, PREPARING):
        share, words = preparation(history, status)
        head = "" if share is None else f"{percent(share)} "
        return Content.assemble(
            bar(share or 0.0, LINE_BAR_WIDTH, is_ascii=is_ascii), f"  {head}{words}"
        )
    parts: list[Content] = []
    if history.train_loss.last is not None:
        value = loss(history.train_loss.last)
        parts.append(Content.assemble(("train ", "$muted"), (value, "bold $primary")))
    if history.val_loss.last is not None and history.best is not None:
        parts.append(_val_figures(history, history.val_loss.last, history.best[1]))
    steps = f"/{history.steps:,}" if history.steps else ""
    step = Content.assemble((f"{history.step:,}", "bold $ink"), (steps, "$muted"))
    parts.append(bar(history.progress or 0.0, LINE_BAR_WIDTH, is_ascii=is_ascii) + " " + step)
    if (speed := history.tokens_per_second) and status == RUNNING:
        parts.append(Content.assemble((format_count(speed), "bold $ink"), (" tok/s", "$muted")))
    return fit_parts(parts, width)


def _val_figures(history: History, value: float, best: float) -> Content:
    """The validation loss with the lowest; of a task with the accuracy and the best one."""
    shown = Content.assemble(("val ", "$muted"), (loss(value), "bold $accent"))
    accuracy, most = history.task_accuracy.last, history.best_accuracy
    if accuracy is None:
        return shown + Content.assemble((" best ", "$muted"), loss(best), ("★", "$accent"))
    shown += Content.assemble((" right ", "$muted"), (exact_percent(accuracy), "bold $secondary"))
    if most is None:
        return shown
    return shown + Content.assemble((" best ", "$muted"), exact_percent(most), ("★", "$secondary"))


def log_progress(share: float, charset: str) -> Content:
    """How much of a long event log has been read."""
    filled = bar(share, LINE_BAR_WIDTH, is_ascii=charset == "ascii")
    return Content.assemble(filled, f"  reading… {100 * share:.0f} %")


def fit_parts(parts: list[Content], width: int, gap: str = "  ") -> Content:
    """As many of the parts as fit, side by side."""
    shown: list[Content] = []
    used = 0
    for part in parts:
        needed = part.cell_length + (len(gap) if shown else 0)
        if used + needed > width:
            break
        shown.append(part)
        used += needed
    return Content(gap).join(shown)


class Meter(NamedTuple):
    """A resource in use; the share of 1 is None where the whole is unknown."""

    label: str
    share: float | None
    text: str


def list_meters(history: History, usage: MachineUsage | None) -> list[Meter]:
    """The processor or GPU of a trainer on this machine, and its memory."""
    meters: list[Meter] = []
    if usage is None:
        if history.memory is not None and history.status == RUNNING:
            meters.append(Meter("memory", None, format_size(history.memory)))
        return meters
    if usage.gpu is not None:
        meters.append(Meter("gpu", usage.gpu / 100, f"{usage.gpu:.0f} %"))
        used, total = usage.gpu_memory or history.memory, usage.gpu_memory_total
        meters += [_memory_meter("gpu mem", used, total)] if used else []
    if usage.cpu is not None:
        share = usage.cpu / 100 / usage.threads
        meters.append(Meter("cpu", share, f"{100 * share:.0f} %"))
    if usage.memory:
        meters.append(_memory_meter("memory", usage.memory, usage.memory_total))
    return meters


def _memory_meter(label: str, used: float, total: float | None) -> Meter:
    if not total:
        return Meter(label, None, format_size(used))
    return Meter(label, used / total, f"{used / 1e9:.1f}/{total / 1e9:.0f} GB")


def machine_lines(
    history: History, status: str, usage: MachineUsage | None, width: int, charset: str, now: float
) -> Content:
    """Bars, two in a line, then the learning rate and when the run was saved."""
    meters = list_meters(history, usage)
    lines = []
    for index in range(0, len(meters), 2):
        pair = meters[index : index + 2]
        cells = [_meter_cell(meter, (width - 2) // 2, charset) for meter in pair]
        lines.append(Content("  ").join(cells))
    words = [Content.styled(word, "$muted") for word in _places(history, status, now)]
    lines.append(fit_parts(words, width, " · "))
    return Content("\n").join(lines)


def machine_line(
    history: History, status: str, usage: MachineUsage | None, width: int, charset: str, now: float
) -> Content:
    """The same in one line."""
    meters = list_meters(history, usage)
    cells = [_meter_cell(meter, 20, charset, label_width=0) for meter in meters]
    words = _places(history, status, now)
    return fit_parts([*cells, *(Content.styled(word, "$muted") for word in words)], width)


def _places(history: History, status: str, now: float) -> list[str]:
    rate = history.learning_rate.last
    words = ["" if rate is None else f"rate {rate:.2g}", saved_ago(history, now)]
    if status == RUNNING:
        words.append("continues without this terminal")
    return [word for word in words if word]


def _meter_cell(
    meter: Meter, width: int, charset: str, *, label_width: int = LABEL_WIDTH
) -> Content:
    """Label, bar and text in about `width` cells."""
    label = Content.styled(meter.label.ljust(label_width) + " ", "$muted")
    text = meter.text.rjust(len("100 %")) if label_width else meter.text
    room = max(4, width - label.cell_length - max(len(text), 10 if label_width else 0) - 1)
    if meter.share is None:
        return label + text
    filled = bar(meter.share, room, "$secondary", is_ascii=charset == "ascii")
    return Content.assemble(label, filled, " ", (text, "$ink"))

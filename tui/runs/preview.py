"""What the list of runs shows of the run under the cursor: its facts, losses and samples."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from textual.content import Content

from core.errors import MiniGPTError
from core.run.directory import Run
from core.run.event_log import read_sparse_events
from core.run.events import as_whole
from core.run.history import History
from core.run.record import read_record
from core.run.summary import RunSummary
from core.system.files import JsonObject
from core.text.messages import CONTINUE
from tui.common.format import exact_percent, format_count, format_size, percent
from tui.common.imported_text import imported_text
from tui.common.sanitize import one_line
from tui.common.task_text import format_text
from tui.runs.library import LibraryRow, format_age

CURVE_POINTS = 600
LABEL_CELLS = 11
TOKENIZERS = {"bpe": "BPE", "word": "words", "char": "characters", "byte": "bytes"}


@dataclass(frozen=True)
class RunPreview:
    """What is read of a run for its preview.

    Attributes:
        record: its run.json; empty if it cannot be read.
        history: from its events, without most steps.
        snapshots: how many are on disk.
    """

    record: JsonObject = field(default_factory=dict)
    history: History = field(default_factory=History)
    snapshots: int = 0


def read_preview(run: Run) -> RunPreview:
    """Read the preview of a run; what cannot be read is missing."""
    record: JsonObject = {}
    history, snapshots = History(), 0
    with suppress(MiniGPTError):
        record = read_record(run)
    with suppress(MiniGPTError, OSError):
        history.apply_all(read_sparse_events(run.events, CURVE_POINTS))
    with suppress(OSError):
        snapshots = len(run.snapshot_steps())
    return RunPreview(record, history, snapshots)


def list_preview_facts(
    row: LibraryRow, preview: RunPreview, children: Sequence[str], now: float
) -> list[tuple[str, str]]:
    """Labels and values; unknown ones are left out.

    Args:
        children: names of the runs that started from it.
        now: Unix seconds.
    """
    summary, history = row.summary, preview.history
    context = as_whole(history.model.get("context"))
    corpus = preview.record.get("corpus", {})
    model, prepared = history.model, history.prepared
    origin = imported_text(preview.record)
    counts = {"parameters": summary.parameters} if origin else prepared
    parts = {
        "imported": [origin],
        "text": []
        if origin
        else [
            corpus.get("name", ""),
            format_size(corpus["size"]) if corpus else "",
            _format(corpus, summary),
            _tokens(prepared),
        ],
        "model": [_shape(model), _number_of(counts, "parameters", "weights")],
        "tokenizer": [
            _tokenizer(prepared),
            _number_of(model, "vocab_size", "tokens", exact=True),
            "" if context is None else f"context {context}",
        ],
        "parent": [summary.parent or ""],
        "children": [", ".join(children)],
        "replies": [_accuracy(history)],
        "copied": [_copied(history)],
        "disk": [
            "" if row.size is None else format_size(row.size),
            _plural(preview.snapshots, "snapshot") if preview.snapshots else "",
            saved_ago(history, now),
        ],
        "note": [summary.note],
        "tags": [" ".join(summary.tags)],
    }
    if summary.problem:
        parts = {"problem": [summary.problem], "disk": parts["disk"]}
    facts = [(label, " · ".join(filter(None, values))) for label, values in parts.items()]
    return [(label, one_line(value)) for label, value in facts if value]


def _format(corpus: JsonObject, summary: RunSummary) -> str:
    """Format and task; empty where it continues a text, which the table of runs shows."""
    if not corpus or summary.task == CONTINUE:
        return ""
    return format_text(corpus["reading"], summary.task, summary.labels)


def preview_content(facts: Sequence[tuple[str, str]]) -> Content:
    """The facts as lines of label and value."""
    lines = [
        Content.assemble((label.ljust(LABEL_CELLS), "$muted"), value) for label, value in facts
    ]
    return Content("\n").join(lines)


def brief_facts(row: LibraryRow, preview: RunPreview, now: float) -> str:
    """The most important facts in one line of about 75 cells."""
    if row.summary.problem:
        return one_line(row.summary.problem)
    history = preview.history
    model, prepared = history.model, history.prepared
    corpus = preview.record.get("corpus", {})
    tokenizer, vocabulary = _tokenizer(prepared), _number_of(model, "vocab_size", "", exact=True)
    shape = f"{model['layers']} × {model['d_model']}, " if _shape(model) else ""
    parts = [
        f"{corpus['name']} {format_size(corpus['size'])}" if corpus else "",
        f"{tokenizer} {vocabulary}".strip(),
        shape + _number_of(prepared, "parameters", ""),
        "" if row.size is None else format_size(row.size),
        saved_ago(history, now),
    ]
    return one_line(" · ".join(part.strip() for part in parts if part))


def brief_sample(preview: RunPreview, note: str = "") -> Content:
    """The newest sample in one line, or the note if there is none."""
    if not preview.history.samples:
        return Content.styled(one_line(note), "$muted")
    sample = preview.history.samples[-1]
    prompt, text = one_line(sample.lead.strip()), one_line(sample.text[:500].rstrip())
    text = text.lstrip() if sample.is_reply else text
    return Content.assemble("“", (prompt, "bold"), f"{sample.joint}{text}”")


def _tokenizer(prepared: JsonObject) -> str:
    kind = str(prepared.get("tokenizer") or "")
    return TOKENIZERS.get(kind, kind)


def _tokens(prepared: JsonObject) -> str:
    numbers = [prepared.get("train_tokens"), prepared.get("val_tokens")]
    total = sum(as_whole(number) or 0 for number in numbers)
    return f"{format_count(total)} tokens" if total else ""


def _shape(model: JsonObject) -> str:
    layers, width, heads = (as_whole(model.get(name)) for name in ("layers", "d_model", "heads"))
    if layers is None or width is None or heads is None:
        return ""
    return f"{layers} layers × {width}, {heads} heads"


def _number_of(values: JsonObject, name: str, unit: str, *, exact: bool = False) -> str:
    number = as_whole(values.get(name))
    if number is None:
        return ""
    return f"{number:,} {unit}" if exact else f"{format_count(number)} {unit}"


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + "s" * (number != 1)


def _copied(history: History) -> str:
    shares = [sample.copied for sample in history.samples if sample.copied is not None]
    return f"{percent(shares[-1])} of its replies are in its text" if shares else ""


def _accuracy(history: History) -> str:
    """The last share of right replies, and the best one."""
    last, best = history.task_accuracy.last, history.best_accuracy
    if last is None or best is None:
        return ""
    return f"{exact_percent(last)} right, best accuracy {exact_percent(best)}"


def saved_ago(history: History, now: float) -> str:
    """How long ago something was last written to disk; empty if nothing was."""
    times = [row.time for row in history.saves]
    if not times:
        return ""
    seconds = max(0.0, now - times[-1])
    return f"saved {seconds:.0f} s ago" if seconds < 60 else f"saved {format_age(seconds)} ago"

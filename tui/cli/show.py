"""What `minigpt-tui show` prints: everything about a run."""

from __future__ import annotations

import dataclasses

from core.run.directory import Run
from core.run.event_log import read_sparse_events
from core.run.history import History
from core.run.record import read_record
from core.run.summary import RunSummary, summarize_run
from core.system.files import JsonObject
from tui.cli.console import print_json, print_message, print_result
from tui.common.format import format_count, format_duration, format_number, format_size
from tui.common.imported_text import imported_text
from tui.common.sanitize import one_line
from tui.common.task_text import format_text, labels_text

MAX_SAMPLES = 8
BASELINE_NAMES = {
    "random": "uniform",
    "trigram": "two-sided trigram",
}  # where they differ from those in the events


def show_run(run: Run, as_json: bool) -> None:
    """Print everything about a run."""
    summary, record, history = summarize_run(run), read_record(run), History()
    history.apply_all(read_sparse_events(run.events))
    if as_json:
        print_json(
            {
                **dataclasses.asdict(summary),
                "folder": str(run.folder),
                "record": record,
                "model": history.model,
                "train": history.train,
                "reference": history.reference,
                "reference_accuracy": history.reference_accuracy,
                "snapshots": run.snapshot_steps(),
                "samples": [dataclasses.asdict(sample) for sample in history.samples],
            }
        )
        return
    print_result(f"{run.name}: {summary.status}")
    for label, value in _facts(run, summary, record, history):
        if value:
            print_result(f"  {label:<11} {one_line(value)}")
    for reason in history.reasons:
        print_result(f"  {'why':<11} {one_line(reason)}")
    for sample in history.samples[-MAX_SAMPLES:]:
        text = sample.text if sample.is_filled else f"{sample.prompt}|{sample.text}"
        print_result(f"  {f'step {sample.step}':<11} {one_line(text)}")
    if history.failure:
        print_message(f"{history.failure.message}\n{history.failure.hint}")


def _facts(
    run: Run, summary: RunSummary, record: JsonObject, history: History
) -> list[tuple[str, str]]:
    corpus, model = record["corpus"], history.model
    shape = ", ".join(f"{name} {model[name]}" for name in model)
    losses = ", ".join(
        f"{BASELINE_NAMES.get(name, name)} {format_number(loss)}"
        for name, loss in history.reference.items()
    )
    data = "validation" if history.reference_on == "validation" else "training"
    right = ""
    if history.task_accuracy.last is not None:
        what = f"the replies to {history.task_items} messages"
        if history.fills_blanks:
            what = f"{history.task_items} masked tokens"
        right = f"{history.task_accuracy.last:.1%} of {what}"
        right += " of the validation data"
    parent = record.get("parent") or {}
    format = format_text(corpus["reading"], summary.task, summary.labels)
    return [
        ("imported", imported_text(record)),
        (
            "text",
            f"{corpus['name']}, {format_size(corpus['size'])}, read as {format}"
            if corpus["name"]
            else "",
        ),
        ("labels", labels_text(summary.labels)),
        ("from", str(parent.get("run", ""))),
        ("created", summary.created or ""),
        ("note", summary.note),
        ("tags", " ".join(summary.tags)),
        (
            "progress",
            f"step {summary.step} of {history.steps or '?'}, epoch {format_number(summary.epoch)}"
            if corpus["name"]
            else "",
        ),
        ("took", format_duration(history.elapsed) if history.elapsed is not None else ""),
        (
            "loss",
            f"{format_number(summary.train_loss)}, "
            f"validation {format_number(summary.val_loss) or 'none'}"
            if corpus["name"]
            else "",
        ),
        ("right", right),
        ("baselines", f"{losses} (on the {data} data)" if losses else ""),
        ("parameters", format_count(summary.parameters)),
        ("model", shape),
        ("snapshots", " ".join(map(str, run.snapshot_steps()))),
        ("size", format_size(summary.size)),
        ("folder", str(run.folder)),
    ]

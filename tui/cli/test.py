"""`minigpt-tui test`: how often a run's replies are right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from core.errors import InputError
from core.paths import Home
from core.progress import never_cancelled
from tui.cli.console import print_json, print_message, print_result, print_table
from tui.cli.options import complete_weights, device_option

if TYPE_CHECKING:
    from core.server.replies import AccuracyProgress, AccuracyReply
    from core.text.task_report import JudgedItem, TaskReport

DEFAULT_WRONG_ITEMS = 10
MAX_CELL_CHARACTERS = 48
MAX_TABLE_LABELS = 12  # of more, the confusions are only in --json
SOURCES = {
    "heldout": "held out, never trained on",
    "validation": "of the validation part, never trained on",
    "file": "of the file",
}


@click.command()
@click.argument("run", metavar="RUN[@best|@STEP]", shell_complete=complete_weights)
@click.argument("file", required=False, metavar="[FILE]", type=click.Path())
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(1),
    help="judge at most N items, spread over all",
)
@click.option(
    "--wrong",
    metavar="N",
    default=DEFAULT_WRONG_ITEMS,
    show_default=True,
    type=click.IntRange(0),
    help="number of wrong replies to list",
)
@device_option
@click.option("--json", "as_json", is_flag=True, help="one JSON object with all figures")
@click.pass_obj
def test(
    home: Home,
    /,
    run: str,
    file: str | None,
    limit: int | None,
    wrong: int,
    device: str,
    as_json: bool,
) -> None:
    """Test how often RUN's replies are right, for runs on pairs or conversations.

    The last reply of each record of FILE is the right one: conversations in .jsonl, or pairs in
    .csv, .tsv or .jsonl. Without FILE the items are those kept from training: the held-out file of
    a bundled text, else the validation part of the run's own text. Labels are answered by the most
    probable one, all else by greedy decoding.
    """
    from core.run import store
    from core.run.record import read_record
    from core.run.task_items import FILE_HINT, check_has_task
    from core.run.weights_ref import LAST, weights_file
    from core.text.resolve import STDIN, resolve_corpus

    if file == STDIN:
        raise InputError("A test reads a file, not standard input.", FILE_HINT)
    name, _, weights = run.partition("@")
    folder = store.find_run(home, name)
    weights_file(folder, weights)
    check_has_task(name, read_record(folder)["corpus"])
    if file is not None:
        resolve_corpus(file, home)  # a wrong name is reported before torch is loaded
    from core.server.dispatch import Dispatcher
    from core.server.protocol import AccuracyRequest

    request = AccuracyRequest(
        run=name, weights=weights or LAST, device=device, path=file, limit=limit
    )
    with _progress_bar() as show:
        reply = Dispatcher(home).answer(0, request, show, never_cancelled)
    if as_json:
        print_json({"run": name, **_to_json(reply)})
    else:
        _print_report(run, reply.report, wrong)


def _to_json(reply: AccuracyReply) -> dict[str, object]:
    """The reply as JSON, with each message as an object of role and content."""
    from core.server.codec import to_json
    from core.text.messages import messages_to_json

    report = reply.report
    wrong = [to_json(item) | {"messages": messages_to_json(item.messages)} for item in report.wrong]
    fields: dict[str, object] = to_json(report) | {"accuracy": report.accuracy, "wrong": wrong}
    return {"weights": reply.weights, "step": reply.step, **fields}


def _print_report(run: str, report: TaskReport, wrong: int) -> None:
    from core.text.messages import TRANSLATE
    from core.text.task_metrics import CHRF_HINT

    print_result(
        f"{run}: {report.right:,} of {report.items:,} right = {report.accuracy:.1%} "
        f"(95 % interval {report.low:.1%} to {report.high:.1%})"
    )
    if report.by_most_frequent is not None:
        print_result(f"always “{_clip(report.most_frequent or '')}”: {report.by_most_frequent:.1%}")
    if report.by_chance is not None:
        print_result(f"by chance: {report.by_chance:.1%}")
    if report.task == TRANSLATE and report.chrf is not None:
        print_result(f"chrF: {report.chrf:.1f}")
    print_result(_describe_source(report))
    _print_labels(report)
    _print_calibration(report)
    _print_wrong(report, wrong)
    if report.task == TRANSLATE and report.chrf is None:
        print_message(CHRF_HINT)


def _describe_source(report: TaskReport) -> str:
    """Return where the items are from, how they were read, and how long it took."""
    count = f"{report.items:,}"
    if report.items < report.available:
        count += f" of {report.available:,}"
    parts = [f"{count} items {SOURCES[report.source]}: {', '.join(report.files)}"]
    if report.with_unknown_words:
        parts.append(f"{report.with_unknown_words:,} with words outside the vocabulary")
    if report.too_long:
        parts.append(f"{report.too_long:,} longer than the context, counted as wrong")
    parts.append(f"{report.seconds:.1f} s on {report.device}")
    return "; ".join(parts)


def _print_labels(report: TaskReport) -> None:
    """Print recall and precision of each label, and the confusion table."""
    if not report.labels:
        return
    from core.text.task_metrics import describe_confusion

    print_result()
    columns = ("LABEL", "ITEMS", "RIGHT", "ACCURACY", "PRECISION")
    rows = [
        (
            _clip(row.label),
            f"{row.items:,}",
            f"{row.right:,}",
            _percent(row.recall),
            _percent(row.precision),
        )
        for row in report.label_accuracies
    ]
    print_table(columns, rows, right=(1, 2, 3, 4))
    if len(report.labels) <= MAX_TABLE_LABELS:
        _print_confusions(report)
    print_result(f"mistakes: {describe_confusion(report.most_confused)}")


def _print_confusions(report: TaskReport) -> None:
    """Print how many items of each label got each label."""
    print_result()
    names = [_clip(label) for label in report.labels]
    table = [
        (name, *(f"{count:,}" for count in counts))
        for name, counts in zip(names, report.confusion, strict=True)
    ]
    print_table(("RIGHT ↓  REPLY →", *names), table, right=range(1, len(names) + 1))


def _print_calibration(report: TaskReport) -> None:
    """Print how often replies of some probability are right."""
    print_result()
    rows = [
        (
            f"{row.low:.0%} to {row.high:.0%}" if row.low else f"below {row.high:.0%}",
            _percent(row.right / row.items if row.items else None),
            f"{row.items:,}",
        )
        for row in report.calibration
    ]
    print_table(("SURE", "RIGHT", "ITEMS"), rows, right=(1, 2))


def _print_wrong(report: TaskReport, limit: int) -> None:
    """Print the wrong replies, the surest first."""
    count = report.items - report.right
    shown = report.wrong[:limit]
    if not shown:
        return
    print_result()
    print_table(
        ("SURE", "LINE", "TEXT", "REPLY", "RIGHT"),
        [_wrong_row(item) for item in shown],
        right=(0, 1),
        optional=(1,),
    )
    if count > len(shown):
        print_result(f"{count - len(shown):,} more wrong; --wrong N lists more.")


def _wrong_row(item: JudgedItem) -> tuple[str, ...]:
    reply = _clip(item.reply) if item.is_fitting else "(too long)"
    text = _clip(item.messages[-1].content)
    return f"{item.probability:.1%}", str(item.line), text, reply, _clip(item.expected)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _clip(text: str) -> str:
    """Return the beginning of a text in one line."""
    from tui.common.sanitize import one_line

    line = one_line(text.strip())
    if len(line) <= MAX_CELL_CHARACTERS:
        return line
    return f"{line[: MAX_CELL_CHARACTERS - 1]}…"


@contextmanager
def _progress_bar() -> Iterator[Callable[[AccuracyProgress], None]]:
    """Show the progress of a test: a bar on a terminal, otherwise nothing."""
    import os

    from rich.console import Console
    from rich.progress import BarColumn, Progress

    from tui.common.plain_mode import is_plain_mode

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    is_hidden = not console.is_terminal or is_plain_mode(os.environ)
    columns = ("{task.description}", BarColumn(), "{task.completed} of {task.total}")
    with Progress(*columns, console=console, transient=True, disable=is_hidden) as bar:
        task = bar.add_task("Testing", total=None)

        def show(progress: AccuracyProgress) -> None:
            share = progress.right / max(1, progress.finished)
            bar.update(
                task,
                description=f"Testing, {share:.0%} right",
                completed=progress.finished,
                total=progress.total,
            )

        yield show

"""`minigpt-tui export`: write a run's model for another program, and prove that it is the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from core.export.report import ExportReport
from core.export.targets import DTYPES, TARGETS
from core.paths import Home
from core.progress import ProgressCallback
from tui.cli.console import print_json, print_message, print_result
from tui.cli.options import complete_weights


@click.command()
@click.argument("run", metavar="RUN[@best|@STEP]", shell_complete=complete_weights)
@click.option(
    "--to", "target", required=True, type=click.Choice(TARGETS), help="the kind of export"
)
@click.option(
    "--out",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="where to; by default a name like the run's in the current folder",
)
@click.option("--dtype", type=click.Choice(DTYPES), help="precision of the weights")
@click.option("--force", is_flag=True, help="replace an earlier export")
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@click.pass_obj
def export(
    home: Home,
    /,
    run: str,
    target: str,
    out: Path | None,
    dtype: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write RUN's model for another program.

    hf is a folder for transformers and the Hugging Face Hub, gguf a file for llama.cpp, script a
    Python file that needs only torch and safetensors, onnx a model for onnxruntime and browsers.

    The program that is meant opens the result and answers three prompts. If it does so otherwise
    than the run, nothing is kept.
    """
    from core.export.plan import plan_export
    from core.run import store

    name, _, weights = run.partition("@")
    folder = store.find_run(home, name)
    plan = plan_export(folder, weights, target, out=out, dtype=dtype, force=force)
    from core.export.export import export_run

    with _interruptible(), _progress() as progress:
        report = export_run(plan, progress)
    if as_json:
        print_json(report.to_json())
    else:
        _print_report(report)


def _print_report(report: ExportReport) -> None:
    from tui.runs.export_text import describe_proof, describe_result

    print_result(f"{describe_result(report)}: {report.path}")
    if report.verification is None:
        print_message(describe_proof(report))
    else:
        print_result(describe_proof(report))


@contextmanager
def _interruptible() -> Iterator[None]:
    """Have SIGTERM and SIGHUP interrupt as Ctrl+C does, so that nothing half-made stays."""
    import signal

    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in previous.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def _progress() -> Iterator[ProgressCallback]:
    """Show what is being done: a bar on a terminal, otherwise nothing."""
    import os

    from rich.console import Console
    from rich.progress import BarColumn, Progress

    from tui.common.plain_mode import is_plain_mode

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    is_hidden = not console.is_terminal or is_plain_mode(os.environ)
    with Progress(
        "{task.description}", BarColumn(), console=console, transient=True, disable=is_hidden
    ) as bar:
        task = bar.add_task("", total=None)

        def show(done: int, total: int, phase: str) -> None:
            bar.update(task, description=phase.capitalize(), completed=done, total=total)

        yield show

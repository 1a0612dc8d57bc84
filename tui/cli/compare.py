"""`minigpt-tui compare`: runs side by side, as a table and their replies to one prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from core.paths import Home
from core.run.compare import (
    ComparedRun,
    RunReader,
    check_names,
    differing_settings,
)
from core.run.store import find_run
from core.system.files import JsonObject
from tui.cli.console import print_json, print_message, print_result, print_table
from tui.cli.options import complete_run, normalize_argument
from tui.common.client import BlockingClient

if TYPE_CHECKING:
    from tui.runs.comparison import Comparison
    from tui.runs.same_prompt import PromptReply

UNIT_WORDS = ("step", "tokens", "time")


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...", shell_complete=complete_run)
@click.option(
    "--prompt",
    callback=lambda context, option, text: text and normalize_argument(context, option, text),
    help="text that each run continues (default: the sample prompt of the first)",
)
@click.option(
    "--by",
    default=UNIT_WORDS[0],
    type=click.Choice(UNIT_WORDS),
    help="what the curves are over",
)
@click.option("--json", "as_json", is_flag=True, help="one JSON object, with the curves")
@click.pass_obj
def compare(
    home: Home, /, runs: tuple[str, ...], prompt: str | None, by: str, as_json: bool
) -> None:
    """Compare two to four RUNs: settings that differ, losses, sizes, speed, and their replies.

    All continue the same prompt greedily. Where tokenizers differ, losses are also in bits per
    byte. A run whose model cannot be read is compared without a reply.
    """
    check_names(runs)
    folders = [find_run(home, name) for name in runs]
    from tui.runs.comparison import UNITS, Comparison

    read = tuple(RunReader(run).read() for run in folders)
    comparison = Comparison(tuple(runs), read, unit=UNITS[by])
    if prompt is None:
        prompt = comparison.default_prompt
    replies = _continue_prompt(home, prompt, runs)
    if as_json:
        print_json(_comparison_to_json(comparison, by, prompt, replies))
    else:
        _print_comparison(comparison)
        _print_replies(prompt, replies)


def _continue_prompt(home: Home, prompt: str, runs: tuple[str, ...]) -> list[PromptReply]:
    """The reply of each run, one after another; what fails is its problem."""
    from tui.runs.same_prompt import PromptReply, continue_prompt

    replies = [PromptReply(name) for name in runs]
    with BlockingClient(home) as client:
        for reply in replies:
            client.wait(continue_prompt(client.client, home, prompt, reply))
    return replies


def _print_comparison(comparison: Comparison) -> None:
    """Print the table, and what has to be known to read it."""
    from tui.runs.comparison_table import result_rows, setting_rows

    runs = comparison.runs
    rows = [*setting_rows(runs), *result_rows(runs)]
    print_table(
        ["", *comparison.names],
        [[row.label, *(cell.sign + cell.text for cell in row.cells)] for row in rows],
        right=range(1, len(runs) + 1),
    )
    for run in runs:
        if run.problem:
            print_message(f"{run.name}: {run.problem}")
    for note in comparison.chart_notes:
        print_message(f"{note[0].upper()}{note[1:]}.")


def _print_replies(prompt: str, replies: list[PromptReply]) -> None:
    """Print the texts, each with speed and perplexity, and where it parts from the first."""
    from tui.runs.same_prompt import DONE, first_reply, reply_facts

    first = first_reply(replies)
    for reply in replies:
        print_result()
        print_result(f"{reply.run}:")
        if reply.text or reply.state == DONE:
            print_result(f"{prompt}{reply.text}")
            print_result(f"({reply_facts(reply, first)})")
        if reply.problem:
            print_result("\n".join(filter(None, [f"! {reply.problem}", reply.hint])))


def _comparison_to_json(
    comparison: Comparison, by: str, prompt: str, replies: list[PromptReply]
) -> JsonObject:
    from tui.runs.same_prompt import first_reply

    rows, same = differing_settings(comparison.runs)
    first = first_reply(replies)
    return {
        "by": by,
        "bits_per_byte": comparison.is_per_byte,
        "notes": comparison.chart_notes,
        "differing": [row.name for row in rows],
        "same": same,
        "prompt": prompt,
        "runs": [
            _run_to_json(comparison, run) | {"reply": _reply_to_json(reply, first)}
            for run, reply in zip(comparison.runs, replies, strict=True)
        ],
    }


def _run_to_json(comparison: Comparison, run: ComparedRun) -> JsonObject:
    from tui.runs.comparison import curves_to_json

    step, loss = run.best or (None, None)
    factor = run.bits_factor
    return {
        "name": run.name,
        "status": run.status,
        "problem": run.problem,
        "settings": dict(run.settings),
        "parameters": run.parameters,
        "disk": run.disk,
        "step": run.step,
        "seconds": run.seconds,
        "tokens_per_second": run.speed,
        "best": {
            "step": step,
            "loss": loss,
            "bits_per_byte": loss * factor if loss is not None and factor else None,
        },
        "train_loss": run.train_loss.last,
        "copied": run.copied,
        "bytes_per_token": run.bytes_per_token,
        "baselines": dict(run.baselines),
        "curves": curves_to_json(comparison, run),
    }


def _reply_to_json(reply: PromptReply, first: PromptReply | None) -> JsonObject:
    """A reply; `parts_at` is the index of the first word that differs from the first reply's."""
    parting = reply.parting(first)
    return {
        "text": reply.text,
        "tokens": len(reply.ids),
        "tokens_per_second": reply.speed,
        "perplexity": reply.perplexity,
        "step": reply.step,
        "ended": reply.ended,
        "parts_at": parting.start if parting else None,
        "problem": reply.problem,
        "hint": reply.hint,
    }

"""`minigpt-tui origin`: passages of a text that occur verbatim in a run's corpus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from core.errors import InputError
from core.paths import Home
from core.progress import ProgressCallback, throttled
from tui.cli.console import print_json, print_message, print_result
from tui.cli.options import complete_run, normalize_argument

if TYPE_CHECKING:
    from core.server.replies import OriginReply

EXCERPT_CHARACTERS = 60


@click.command()
@click.argument("run", shell_complete=complete_run)
@click.argument(
    "text", required=False, default="-", callback=normalize_argument, metavar="[TEXT|-]"
)
@click.option(
    "--min-tokens",
    default=4,
    type=click.IntRange(1),
    show_default=True,
    help="length of the shortest passage",
)
@click.option(
    "--places",
    default=3,
    type=click.IntRange(0, 20),
    show_default=True,
    help="places to list per passage",
)
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@click.pass_obj
def origin(home: Home, run: str, text: str, min_tokens: int, places: int, as_json: bool) -> None:
    """Find the passages of TEXT that occur verbatim in RUN's corpus, and where.

    Without TEXT, standard input is read. The corpus index is built the first time.
    """
    from core.attribution.attribution import find_source
    from core.run import store
    from core.server.codec import to_json
    from core.server.origin import find_origin, tokenize
    from core.server.protocol import OriginRequest

    source = find_source(home, store.find_run(home, run))
    if text == "-":
        from core.text.resolve import read_stdin

        text = read_stdin()
    tokens = tokenize(source.tokenizer, text)
    with _progress_bar() as progress:
        corpus, _ = source.build(progress)
    request = OriginRequest(run=run, text=text, min_tokens=min_tokens, max_places=places)
    reply = find_origin(corpus, tokens, request, lambda: None)
    if not tokens.ids:
        raise InputError("There is no text to search for.", "Name it, or pipe it in.")
    if as_json:
        print_json(to_json(reply))
    else:
        _print_reply(reply)


def _print_reply(reply: OriginReply) -> None:
    # Imports Textual: too slow for `--help`.
    from tui.chat.origin import (
        MARKS,
        excerpt,
        has_several_files,
        marked_text,
        occurrences,
        summary,
    )

    for note in reply.notes:
        print_message(note)
    print_result(marked_text(reply))
    print_result()
    print_result(summary(reply))
    with_files = has_several_files(reply)
    left, right = MARKS
    # A passage that occurs several times in TEXT is described once.
    for passage, span in {reply.text[span.from_ : span.to]: span for span in reply.spans}.items():
        print_result(f"\n{occurrences(span)}: {passage}")
        places: dict[str, list[str]] = {}  # by excerpt: repeated lines are printed once
        for place in span.places:
            before, copy, after = excerpt(place, EXCERPT_CHARACTERS)
            name = f"{place.file}:{place.line}" if with_files else str(place.line)
            places.setdefault(f"{before}{left}{copy}{right}{after}", []).append(name)
        for text, names in places.items():
            unit = "" if with_files else "lines " if len(names) > 1 else "line "
            print_result(f"  {unit}{', '.join(names)}  {text}")


@contextmanager
def _progress_bar() -> Iterator[ProgressCallback]:
    """Show the progress of the index: a bar on a terminal, otherwise a line per phase."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    columns = ("{task.description}", BarColumn(), "{task.percentage:>3.0f} %")
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    shown_phase, task = "", TaskID(-1)

    def show(done: int, total: int, phase: str) -> None:
        nonlocal shown_phase, task
        if phase != shown_phase:
            if bar.disable:
                print_message(f"{phase.capitalize()}…")
            elif not shown_phase:
                task = bar.add_task(phase.capitalize())
            shown_phase = phase
        if not bar.disable:
            bar.update(task, description=phase.capitalize(), completed=done, total=total)

    with bar:
        yield throttled(show)

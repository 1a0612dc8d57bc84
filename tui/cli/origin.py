"""`minigpt-tui origin`: which parts of a text stand verbatim in what a run was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import click

from core.errors import InputError
from core.paths import Home
from core.progress import ProgressCallback, throttled
from core.server.codec import to_json
from core.server.protocol import OriginRequest as Ask
from tui.cli.console import print_json, print_message, print_result
from tui.cli.options import complete_run
from tui.talk import origin as copied

EXCERPT = 60


@click.command()
@click.argument("run", shell_complete=complete_run)
@click.argument("text", required=False, default="-", metavar="[TEXT|-]")
@click.option(
    "--min-tokens", default=4, type=click.IntRange(1), help="of the shortest part; 4 if not given"
)
@click.option(
    "--places", default=3, type=click.IntRange(0, 20), help="of each part that are named; 3"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def origin(home: Home, run: str, text: str, min_tokens: int, places: int, as_json: bool) -> None:
    """Say which parts of TEXT stand word for word in the text RUN was trained on, and where.

    Without TEXT it is read from standard input. The first time an index of that text is made.
    """
    from core.attribution.attribution import find_source
    from core.run import store
    from core.server.origin import find_origin, tokenize

    source = find_source(home, store.find_run(home, run))
    if text == "-":
        from core.text.resolve import open_stdin

        text = open_stdin().read().decode(errors="surrogateescape").removesuffix("\n")
    said = tokenize(source.tokenizer, text)
    with _progress() as progress:
        corpus, _ = source.build(progress)
    ask = Ask(run=run, text=text, min_tokens=min_tokens, max_places=places)
    reply = to_json(find_origin(corpus, said, ask, lambda: None))
    if not said.ids:
        raise InputError("There is no text to look for.", "Name it, or pipe it in.")
    if as_json:
        print_json(reply)
    else:
        _print(copied.read_origin(reply))


def _print(found: copied.ReplyOrigin) -> None:
    for note in found.notes:
        print_message(note)
    print_result(found.marked())
    print_result()
    print_result(found.header)
    several = copied.several(found.spans)
    for span in found.spans:
        print_result(f"\n{span.tokens:,} tokens, {span.times}: {found.text[span.begin : span.end]}")
        for place in span.places:
            name = f"{place.file}:" if several else "line "
            print_result(f"  {name}{place.line}  {''.join(_marked(place))}")


def _marked(place: copied.CorpusPlace) -> tuple[str, ...]:
    left, right = copied.MARKS
    before, text, after = copied.around(place, EXCERPT)
    return before, left, text, right, after


@contextmanager
def _progress() -> Iterator[ProgressCallback]:
    """How far the index is: a bar on a terminal, elsewhere a line a phase."""
    from rich.console import Console
    from rich.progress import BarColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    columns = ("{task.description}", BarColumn(), "{task.percentage:>3.0f} %")
    bar = Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
    state: Any = SimpleNamespace(phase="", task=None)

    def tell(done: int, total: int, phase: str) -> None:
        if phase != state.phase:
            state.phase = phase
            if bar.disable:
                print_message(f"{phase.capitalize()}…")
            elif state.task is None:
                state.task = bar.add_task(phase.capitalize())
        if state.task is not None:
            bar.update(state.task, description=phase.capitalize(), completed=done, total=total)

    with bar:
        yield throttled(tell)

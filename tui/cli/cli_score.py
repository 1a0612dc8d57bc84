"""`minigpt-tui score`: how well a run's model foresees a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from core.paths import Home
from tui.cli.options import complete_weights
from tui.cli.console import put, put_json

if TYPE_CHECKING:
    from core.inference.score import Scored, Sum


@click.command()
@click.argument("run", metavar="RUN[@best|@STEP]", shell_complete=complete_weights)
@click.argument("file", metavar="FILE|-")
@click.option("--encoding", help="encoding of the text; utf-8 if not given")
@click.option("--tokens", "each", is_flag=True, help="a line for each token, too")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
@click.option("--json", "as_json", is_flag=True, help="JSON objects")
@click.pass_obj
def score(
    home: Home, /, run: str, file: str, encoding: str | None, each: bool, device: str, as_json: bool
) -> None:
    """Say how well RUN's model foresees FILE: loss and perplexity a token, total, bits a byte.

    FILE is a text as `train` takes it; it is cut into lines or read as one text as the run's own
    text was.
    """
    from core.run import store as runs
    from core.text.corpus import samples
    from core.text.resolve import find
    from core.run.weights_ref import weights_of

    name, _, which = run.partition("@")
    found = runs.find(home, name)
    weights_of(found, which)
    corpus = find(file, home, encoding=encoding)
    from core.inference.load import load
    from core.inference.score import Sum, scored

    loaded, total = load(found, which, device), Sum()
    _tell_each(scored(loaded, samples(corpus, loaded.reading), total), each, as_json)
    _tell(total, as_json)


def _tell_each(tokens: Iterator[Scored], each: bool, as_json: bool) -> None:
    """Reads them all; says them where that was asked for."""
    from math import exp

    for token in tokens:
        if each and as_json:
            put_json({"id": token.id, "text": token.text, "loss": -token.score})
        elif each:
            put(f"{token.text!r:<20} {exp(token.score):8.2%}  {-token.score:8.4f} nats")


def _tell(total: Sum, as_json: bool) -> None:
    if as_json:
        put_json(
            {
                "tokens": total.tokens,
                "total": total.nats,
                "loss": total.loss,
                "perplexity": total.perplexity,
                "bytes": total.size,
                "bits_per_byte": total.bits_per_byte,
            }
        )
        return
    assert total.loss is not None, "a text without tokens is refused"
    perplexity = "–" if total.perplexity is None else f"{total.perplexity:,.4g}"
    put(f"{total.tokens:,} tokens, {total.size:,} bytes")
    put(f"loss        {total.loss:.4f} nats a token, {total.nats:,.1f} in all")
    put(f"perplexity  {perplexity} a token")
    put(f"bits a byte {total.bits_per_byte:.4f}")

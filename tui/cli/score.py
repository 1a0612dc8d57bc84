"""`minigpt-tui score`: loss and perplexity of a text under a run's model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from core.paths import Home
from tui.cli.console import print_json, print_result
from tui.cli.options import complete_weights

if TYPE_CHECKING:
    from core.inference.score import ScoreTotals, TokenScore


@click.command()
@click.argument("run", metavar="RUN[@best|@STEP]", shell_complete=complete_weights)
@click.argument("file", metavar="FILE|-")
@click.option("--encoding", help="encoding of the text; utf-8 if not given")
@click.option("--tokens", "each", is_flag=True, help="also a line per token")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
@click.option("--json", "as_json", is_flag=True, help="JSON objects")
@click.pass_obj
def score(
    home: Home, /, run: str, file: str, encoding: str | None, each: bool, device: str, as_json: bool
) -> None:
    """Measure how well RUN's model predicts FILE: nats and perplexity per token, bits per byte.

    FILE is a text as `train` takes it; it is read by lines or as one text, as the run's own corpus
    was.
    """
    from core.run import store
    from core.run.weights_ref import weights_file
    from core.text.corpus import read_samples
    from core.text.resolve import open_corpus

    name, _, weights = run.partition("@")
    folder = store.find_run(home, name)
    weights_file(folder, weights)
    with open_corpus(file, home, encoding=encoding) as corpus:
        from core.inference.load import load_model
        from core.inference.score import ScoreTotals, score_samples

        loaded, total = load_model(folder, weights, device), ScoreTotals()
        for token in score_samples(loaded, read_samples(corpus, loaded.reading), total):
            if each:
                _print_token(token, as_json=as_json)
    _print_total(total, as_json=as_json)


def _print_token(token: TokenScore, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": token.id, "text": token.text, "loss": -token.score})
    else:
        print_result(f"{token.text!r:<20} {math.exp(token.score):8.2%}  {-token.score:8.4f} nats")


def _print_total(total: ScoreTotals, *, as_json: bool) -> None:
    if as_json:
        print_json(
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
    print_result(f"{total.tokens:,} tokens, {total.size:,} bytes")
    print_result(f"loss           {total.loss:.4f} nats per token, {total.nats:,.1f} in total")
    print_result(f"perplexity     {perplexity} per token")
    print_result(f"bits per byte  {total.bits_per_byte:.4f}")

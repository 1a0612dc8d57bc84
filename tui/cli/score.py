"""`minigpt-tui score`: loss and perplexity of a text under a run's model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from core.paths import Home
from tui.cli.console import print_json, print_result
from tui.cli.options import complete_weights, device_option

if TYPE_CHECKING:
    from core.inference.score import ScoreTotals, TokenScore
    from core.run.directory import Run
    from core.text.corpus import Corpus

BITS_PER_BYTE = "bits per byte"


@click.command()
@click.argument("run", metavar="RUN[@best|@STEP]", shell_complete=complete_weights)
@click.argument("file", metavar="FILE|-")
@click.option("--encoding", help="encoding of the text; utf-8 if not given")
@click.option("--tokens", "each", is_flag=True, help="also a line per token")
@device_option
@click.option("--json", "as_json", is_flag=True, help="JSON objects")
@click.pass_obj
def score(
    home: Home, /, run: str, file: str, encoding: str | None, each: bool, device: str, as_json: bool
) -> None:
    """Measure how well RUN's model predicts FILE: nats and perplexity per token, bits per byte.

    FILE is a text as `train` takes it; it is read by lines or as one text, as the run's own corpus
    was. Of an encoder it is the pseudo-perplexity (Salazar et al. 2020): each token is masked in
    turn, so that the encoder sees all others. It compares encoders only, not them with decoders.
    """
    from core.run import store
    from core.run.model_files import read_model_config
    from core.run.weights_ref import weights_file
    from core.text.resolve import open_corpus

    name, _, weights = run.partition("@")
    folder = store.find_run(home, name)
    weights_file(folder, weights)
    is_encoder = read_model_config(folder.config).is_encoder
    with open_corpus(file, home, encoding=encoding) as corpus:
        from core.inference.score import ScoreTotals

        total = ScoreTotals()
        score_corpus = _score_with_encoder if is_encoder else _score_with_decoder
        for token in score_corpus(folder, weights, device, corpus, total):
            if each:
                _print_token(token, as_json=as_json)
    _print_total(total, is_encoder=is_encoder, as_json=as_json)


def _score_with_decoder(
    run: Run, weights: str, device: str, corpus: Corpus, total: ScoreTotals
) -> Iterator[TokenScore]:
    from core.inference.load import load_model
    from core.inference.score import score_samples
    from core.text.corpus import read_samples

    loaded = load_model(run, weights, device)
    return score_samples(loaded, read_samples(corpus, loaded.reading), total)


def _score_with_encoder(
    run: Run, weights: str, device: str, corpus: Corpus, total: ScoreTotals
) -> Iterator[TokenScore]:
    from core.inference.load import load_encoder
    from core.inference.pseudo_score import pseudo_score_samples
    from core.text.corpus import read_samples

    loaded = load_encoder(run, weights, device)
    return pseudo_score_samples(loaded, read_samples(corpus, loaded.reading), total)


def _print_token(token: TokenScore, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": token.id, "text": token.text, "loss": -token.score})
    else:
        print_result(f"{token.text!r:<20} {math.exp(token.score):8.2%}  {-token.score:8.4f} nats")


def _print_total(total: ScoreTotals, *, is_encoder: bool, as_json: bool) -> None:
    """Print the totals; those of an encoder without bits per byte: they are no code length."""
    measure = "pseudo-perplexity" if is_encoder else "perplexity"
    if as_json:
        fields = {
            "tokens": total.tokens,
            "total": total.nats,
            "loss": total.loss,
            measure.replace("-", "_"): total.perplexity,
            "bytes": total.size,
        }
        print_json(fields if is_encoder else fields | {"bits_per_byte": total.bits_per_byte})
        return
    assert total.loss is not None, "a text without tokens is refused"
    perplexity = "–" if total.perplexity is None else f"{total.perplexity:,.4g}"
    cells = len(measure if is_encoder else BITS_PER_BYTE) + 2
    masked = ", each token masked in turn" if is_encoder else ""
    print_result(f"{total.tokens:,} tokens, {total.size:,} bytes{masked}")
    loss = f"{total.loss:.4f} nats per token, {total.nats:,.1f} in total"
    print_result(f"{'loss':<{cells}}{loss}")
    print_result(f"{measure:<{cells}}{perplexity} per token")
    if not is_encoder:
        print_result(f"{BITS_PER_BYTE:<{cells}}{total.bits_per_byte:.4f}")

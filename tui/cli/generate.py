"""`minigpt-tui generate`: streams what a run's model goes on with.

`minigpt-tui score`: how well a run's model foresees a text.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from core.config.configs import PRECISIONS, SamplingConfig
from core.config.schema import setting_specs
from core.errors import InputError
from core.paths import Home
from tui.cli.console import print_json, print_message, print_result
from tui.cli.options import complete_weights
from tui.common.sanitize import clean

if TYPE_CHECKING:
    from core.inference.load import LoadedModel
    from core.inference.score import ScoreTotals, TokenScore

FIELDS = setting_specs(SamplingConfig)
NUMBERS = {
    "max_tokens": int,
    "temperature": float,
    "top_k": int,
    "top_p": float,
    "min_p": float,
    "repetition_penalty": float,
    "seed": int,
}
MOST = 64

Command = TypeVar("Command", bound=Callable[..., Any])


def _sampling(name: str, kind: type) -> Callable[[Command], Command]:
    option = f"--{name.replace('_', '-')}"
    return click.option(option, name, type=kind, help=FIELDS[name].help)


def sampling_options(command: Command) -> Command:
    """An option for each number of the settings."""
    for name, kind in reversed(NUMBERS.items()):
        command = _sampling(name, kind)(command)
    return command


@click.command()
@click.argument("run", metavar="RUN[@best|@STEP]", shell_complete=complete_weights)
@click.argument("prompt", required=False, default="", metavar="[PROMPT|-]")
@sampling_options
@click.option("--stop", multiple=True, metavar="TEXT", help=f"{FIELDS['stop'].help}; repeatable")
@click.option(
    "--top", default=0, metavar="N", type=click.IntRange(0), help="a line a token: the N likeliest"
)
@click.option(
    "-n", "count", default=1, type=click.IntRange(1, MOST), help="continuations, side by side"
)
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
@click.option(
    "--precision",
    default=PRECISIONS[0],
    type=click.Choice(PRECISIONS),
    help="of the weights; fewer bits are quicker and less exact",
)
@click.option("--json", "as_json", is_flag=True, help="a JSON object for each token, then one more")
@click.pass_obj
def generate(
    home: Home,
    /,
    run: str,
    prompt: str,
    top: int,
    count: int,
    device: str,
    precision: str,
    as_json: bool,
    **sampling: Any,
) -> None:
    """Let RUN's model go on from PROMPT (- reads it from standard input); greedy by default."""
    given = {name: value for name, value in sampling.items() if value is not None}
    config = SamplingConfig(**given)
    if count > 1:
        _check_several(config, top)
    if prompt == "-":
        from core.text.resolve import open_stdin

        # Bytes that are no UTF-8 become half characters, as in an argument, and are refused so.
        prompt = open_stdin().read().decode(errors="surrogateescape").removesuffix("\n")
    from core.run import store
    from core.run.weights_ref import weights_file

    name, _, which = run.partition("@")
    found = store.find_run(home, name)
    weights_file(found, which)
    from core.inference.load import load_model

    loaded = load_model(found, which, device, precision=precision)
    if count > 1:
        _print_several(loaded, prompt, config, count, as_json=as_json)
    elif as_json:
        _print_json(loaded, prompt, config, top)
    elif top:
        _print_choices(loaded, prompt, config, top)
    else:
        _print_text(loaded, prompt, config)


def _print_text(loaded: LoadedModel, prompt: str, config: SamplingConfig) -> None:
    """Each piece as it comes; a piece is whole characters, so cleaning cuts none in two."""
    from core.inference.generate import generate as steps

    written = ""
    for step in steps(_session(loaded), loaded.encode(prompt), loaded.tokenizer, config):
        text = step.text if written else step.text.lstrip(" ")
        written += text
        click.echo(clean(text), nl=False)
        sys.stdout.flush()
    click.echo()
    if not written:
        print_message("The model ends here: it has nothing to add to this.")


def _print_choices(loaded: LoadedModel, prompt: str, config: SamplingConfig, top: int) -> None:
    """A line a token: what was chosen and how likely it was, then what else was likely."""
    from core.inference.generate import generate as steps

    name = loaded.tokenizer.token_text
    for step in steps(_session(loaded), loaded.encode(prompt), loaded.tokenizer, config, top=top):
        others = "  ".join(f"{other.text!r} {other.probability:.1%}" for other in step.top)
        print_result(f"{name(step.id)!r:<16} {step.probability:6.1%}  of  {others}")


def _print_json(loaded: LoadedModel, prompt: str, config: SamplingConfig, top: int) -> None:
    from core.inference.generate import generate as steps

    session, count, text, ended = _session(loaded), 0, "", None
    for step in steps(session, loaded.encode(prompt), loaded.tokenizer, config, top=top):
        count, text, ended = count + 1, text + step.text, step.end_reason
        print_json(
            {
                "id": step.id,
                "text": step.text,
                "probability": step.probability,
                "top": [
                    {
                        "id": other.id,
                        "text": other.text,
                        "probability": other.probability,
                        "chance": other.chance,
                    }
                    for other in step.top
                ],
                "window_start": step.window_start,
            }
        )
    print_json({"prompt": prompt, "text": text, "tokens": count, "ended": ended})


def _check_several(config: SamplingConfig, top: int) -> None:
    """Refuses what makes no sense for more than one continuation."""
    if config.temperature == 0.0:
        raise InputError(
            "At temperature 0 all continuations would be the same.", "Add --temperature 0.8."
        )
    if top:
        raise InputError("--top looks at one continuation.", "Leave out --top or -n.")


def _print_several(
    loaded: LoadedModel, prompt: str, config: SamplingConfig, count: int, *, as_json: bool
) -> None:
    """A continuation each, the n-th drawn with the seed + n - 1, once all have ended."""
    from core.inference.generate import generate_many

    ids = loaded.encode(prompt)
    replies = generate_many(_session(loaded), ids, loaded.tokenizer, config, count)
    for number, tokens in enumerate(replies, 1):
        text = "".join(token.text for token in tokens)
        if as_json:
            facts = {"tokens": len(tokens), "ended": tokens[-1].end_reason}
            print_json({"n": number, "prompt": prompt, "text": text, **facts})
        else:
            print_result(f"[{number}] {clean(text).lstrip(' ')}")


def _session(loaded: LoadedModel) -> Any:
    from core.inference.session import Session

    return Session(loaded.model, keep_first=loaded.keep_first)


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
    from core.run import store
    from core.run.weights_ref import weights_file
    from core.text.corpus import read_samples
    from core.text.resolve import resolve_corpus

    name, _, which = run.partition("@")
    found = store.find_run(home, name)
    weights_file(found, which)
    corpus = resolve_corpus(file, home, encoding=encoding)
    from core.inference.load import load_model
    from core.inference.score import ScoreTotals, score_samples

    loaded, total = load_model(found, which, device), ScoreTotals()
    _tell_each(score_samples(loaded, read_samples(corpus, loaded.reading), total), each, as_json)
    _tell(total, as_json)


def _tell_each(tokens: Iterator[TokenScore], each: bool, as_json: bool) -> None:
    """Reads them all; says them where that was asked for."""
    from math import exp

    for token in tokens:
        if each and as_json:
            print_json({"id": token.id, "text": token.text, "loss": -token.score})
        elif each:
            print_result(f"{token.text!r:<20} {exp(token.score):8.2%}  {-token.score:8.4f} nats")


def _tell(total: ScoreTotals, as_json: bool) -> None:
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
    print_result(f"loss        {total.loss:.4f} nats a token, {total.nats:,.1f} in all")
    print_result(f"perplexity  {perplexity} a token")
    print_result(f"bits a byte {total.bits_per_byte:.4f}")

"""`minigpt-tui generate`: print a run's continuation of a prompt."""

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
from tui.cli.options import complete_weights, normalize_argument
from tui.common.sanitize import StreamCleaner, clean

if TYPE_CHECKING:
    from core.inference.generate import GeneratedToken
    from core.inference.load import LoadedModel
    from core.inference.session import Session

SETTINGS = setting_specs(SamplingConfig)
NUMERIC_SETTINGS = {
    "max_tokens": int,
    "temperature": float,
    "top_k": int,
    "top_p": float,
    "min_p": float,
    "repetition_penalty": float,
    "seed": int,
}
MAX_CONTINUATIONS = 64

Command = TypeVar("Command", bound=Callable[..., Any])


def sampling_options(command: Command) -> Command:
    """Add an option for each numeric sampling setting."""
    for name, kind in reversed(NUMERIC_SETTINGS.items()):
        option = f"--{name.replace('_', '-')}"
        command = click.option(option, name, type=kind, help=SETTINGS[name].help)(command)
    return command


@click.command()
@click.argument("run", metavar="RUN[@best|@STEP]", shell_complete=complete_weights)
@click.argument(
    "prompt", required=False, default="", callback=normalize_argument, metavar="[PROMPT|-]"
)
@sampling_options
@click.option("--stop", multiple=True, metavar="TEXT", help=f"{SETTINGS['stop'].help}; repeatable")
@click.option(
    "--top",
    default=0,
    metavar="N",
    type=click.IntRange(0),
    help="a line per token, with the N likeliest",
)
@click.option(
    "-n",
    "count",
    default=1,
    type=click.IntRange(1, MAX_CONTINUATIONS),
    help="number of continuations, generated in one batch",
)
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
@click.option(
    "--precision",
    default=PRECISIONS[0],
    type=click.Choice(PRECISIONS),
    help="of the weights; fewer bits are faster and less exact",
)
@click.option("--json", "as_json", is_flag=True, help="a JSON object per token, then one more")
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
    """Have RUN's model continue PROMPT (- reads standard input); greedy by default."""
    config = SamplingConfig(
        **{name: value for name, value in sampling.items() if value is not None}
    )
    if count > 1:
        _check_options_for_several(config, top)
    if prompt == "-":
        from core.text.resolve import read_stdin

        prompt = read_stdin()
    from core.run import store
    from core.run.weights_ref import weights_file

    name, _, weights = run.partition("@")
    folder = store.find_run(home, name)
    weights_file(folder, weights)
    from core.inference.load import load_model

    loaded = load_model(folder, weights, device, precision=precision)
    if count > 1:
        _print_several(loaded, prompt, config, count, as_json=as_json)
    elif as_json:
        _print_json_lines(loaded, prompt, config, top)
    elif top:
        _print_alternatives(loaded, prompt, config, top)
    else:
        _print_text(loaded, prompt, config)


def _generate(
    loaded: LoadedModel, prompt: str, config: SamplingConfig, top: int = 0
) -> Iterator[GeneratedToken]:
    from core.inference.generate import generate

    ids = loaded.encode(prompt)
    return generate(_new_session(loaded), ids, loaded.tokenizer, config, top=top)


def _new_session(loaded: LoadedModel) -> Session:
    from core.inference.session import Session

    return Session(loaded.model, keep_first=loaded.keep_first)


def _print_text(loaded: LoadedModel, prompt: str, config: SamplingConfig) -> None:
    """Print each piece as it comes."""
    has_text, reason, cleaner = False, None, StreamCleaner()
    for token in _generate(loaded, prompt, config):
        text = token.text if has_text else token.text.lstrip(" ")
        has_text, reason = has_text or bool(text), token.end_reason
        click.echo(cleaner.add(text), nl=False)
        sys.stdout.flush()
    click.echo(cleaner.finish())
    if not has_text:
        print_message(_no_text_message(reason))


def _no_text_message(reason: str | None) -> str:
    """Say why a reply is empty, with the reason that `--json` reports."""
    from tui.chat.record import END
    from tui.chat.reply import END_REASONS  # imports Textual: too slow for `--help`

    return f"There is no continuation: {END_REASONS[reason or END]}."


def _print_alternatives(loaded: LoadedModel, prompt: str, config: SamplingConfig, top: int) -> None:
    """Print a line per token: its probability, then the likeliest tokens."""
    name = loaded.tokenizer.token_text
    for token in _generate(loaded, prompt, config, top):
        others = "  ".join(f"{other.text!r} {other.probability:.1%}" for other in token.top)
        print_result(f"{name(token.id)!r:<16} {token.probability:6.1%}  of  {others}")


def _print_json_lines(loaded: LoadedModel, prompt: str, config: SamplingConfig, top: int) -> None:
    """Print a JSON object per token, then one with the whole text."""
    count, text, ended = 0, "", None
    for token in _generate(loaded, prompt, config, top):
        count, text, ended = count + 1, text + token.text, token.end_reason
        print_json(
            {
                "id": token.id,
                "text": token.text,
                "probability": token.probability,
                "top": [
                    {
                        "id": other.id,
                        "text": other.text,
                        "probability": other.probability,
                        "chance": other.chance,
                    }
                    for other in token.top
                ],
                "window_start": token.window_start,
            }
        )
    print_json({"prompt": prompt, "text": text, "tokens": count, "ended": ended})


def _check_options_for_several(config: SamplingConfig, top: int) -> None:
    if config.temperature == 0.0:
        raise InputError(
            "At temperature 0 all continuations would be the same.", "Add --temperature 0.8."
        )
    if top:
        raise InputError("--top works with one continuation only.", "Leave out --top or -n.")


def _print_several(
    loaded: LoadedModel, prompt: str, config: SamplingConfig, count: int, *, as_json: bool
) -> None:
    """Print the continuations once all have ended; the n-th uses the seed + n - 1."""
    from core.inference.generate import generate_many

    ids = loaded.encode(prompt)
    replies = generate_many(_new_session(loaded), ids, loaded.tokenizer, config, count)
    for number, tokens in enumerate(replies, 1):
        text = "".join(token.text for token in tokens)
        if as_json:
            fields = {"tokens": len(tokens), "ended": tokens[-1].end_reason}
            print_json({"n": number, "prompt": prompt, "text": text, **fields})
        else:
            shown = clean(text).lstrip(" ") or f"({_no_text_message(tokens[-1].end_reason)})"
            print_result(f"[{number}] {shown}")

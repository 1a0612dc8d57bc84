"""`minigpt-tui talk`, `step` and `trace`: the screens from the command line, or lines instead."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from core.config.configs import SamplingConfig
from core.config.schema import to_json
from core.paths import Home
from tui.cli.console import print_json, print_result, print_table
from tui.cli.generate import sampling_options
from tui.cli.options import complete_weights
from tui.common import plain_mode
from tui.common.client import BlockingClient
from tui.common.sanitize import one_line
from tui.launch import can_open

HIDDEN = ("id", "session", "done", "picked", "tokens")


def _shown(run: str, home: Home) -> tuple[str, str]:
    """The run's name and which weights, if they are there.

    Raises:
        MiniGPTError: they are not.
    """
    from core.run import store
    from core.run.weights_ref import LAST, weights_file

    name, _, which = run.partition("@")
    weights_file(store.find_run(home, name), which or LAST)
    return name, which or LAST


def _on_screen() -> bool:
    return can_open(os.environ)


def _reader() -> Callable[[str], str]:
    """Lines of the person; what asks for them is said only where somebody types."""
    import sys

    return input if sys.stdin.isatty() else lambda _: input()


@click.command()
@click.argument("run", metavar="RUN[@best|@STEP]", shell_complete=complete_weights)
@plain_mode.plain_option
@click.pass_context
def talk(ctx: click.Context, /, run: str) -> int:
    """Talk to RUN's model: on its screen, or line by line where there is none."""
    home: Home = ctx.obj
    name, which = _shown(run, home)
    if _on_screen():
        from tui.common.messages import OpenTalk
        from tui.launch import open_app

        return open_app(home, ascii_only=_ascii(ctx), first=OpenTalk(name, which))
    from tui.cli.plain import PlainTalk
    from tui.talk.conversation import Talk

    with BlockingClient(home) as ask:

        def take_apart(talk: Talk) -> None:
            prompt, chosen = talk.place()
            _walk(ask, talk.run, talk.which, prompt, talk.dials.config, chosen)

        PlainTalk(ask, Talk(home, name, name, which), _reader(), take_apart).go()
    return 0


def _ascii(ctx: click.Context) -> bool:
    return bool(ctx.find_root().params.get("ascii_only"))


def _walk(
    ask: BlockingClient,
    run: str,
    which: str,
    prompt: str,
    config: SamplingConfig,
    chosen: list[int],
) -> None:
    from tui.cli.plain_step import PlainStep
    from tui.explore.walk import Walk

    PlainStep(ask, Walk(ask.sampler, run, which, prompt, chosen), config, _reader()).go()


@click.command()
@click.argument("run", metavar="RUN[@best|@STEP]", shell_complete=complete_weights)
@click.argument("prompt", required=False, default="", metavar="[PROMPT]")
@sampling_options
@click.option("--top", default=10, type=click.IntRange(0, 1000), help="with --json: how many")
@plain_mode.plain_option
@click.option("--json", "as_json", is_flag=True, help="what could come next, as one JSON object")
@click.pass_context
def step(
    ctx: click.Context, /, run: str, prompt: str, top: int, as_json: bool, **sampling: Any
) -> int:
    """Choose the next tokens of RUN's model one by one, beginning with PROMPT."""
    home: Home = ctx.obj
    config = SamplingConfig(**{key: value for key, value in sampling.items() if value is not None})
    name, which = _shown(run, home)
    if not as_json and _on_screen():
        from tui.common.messages import OpenStep
        from tui.common.sampling_settings import SamplingControls
        from tui.launch import open_app

        first = OpenStep(name, which, prompt, (), SamplingControls(config))
        return open_app(home, ascii_only=_ascii(ctx), first=first)
    with BlockingClient(home) as ask:
        if as_json:
            asked = {"run": name, "which": which, "prompt": prompt, "settings": to_json(config)}
            view = ask.request("step", top=top, **asked)
            print_json({key: value for key, value in view.items() if key not in HIDDEN})
        else:
            _walk(ask, name, which, prompt, config, [])
    return 0


@click.command()
@click.argument("run", metavar="RUN[@best|@STEP]", shell_complete=complete_weights)
@click.argument("text", metavar="TEXT")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
@plain_mode.plain_option
@click.option("--json", "as_json", is_flag=True, help="a JSON object for each token, then the next")
@click.pass_obj
def trace(home: Home, /, run: str, text: str, device: str, as_json: bool) -> None:
    """Say of each token of TEXT how likely it was to RUN's model, and what each layer expected."""
    name, which = _shown(run, home)
    with BlockingClient(home) as ask:
        said = ask.request("trace", run=name, which=which, device=device, text=text)
    if as_json:
        for token in (*said["tokens"], said["next"]):
            print_json(token)
    elif plain_mode.is_plain_mode(os.environ):
        for token in (*said["tokens"], said["next"]):
            print_result(_in_words(token))
    else:
        _table([*said["tokens"], said["next"]])


def _in_words(token: dict[str, Any]) -> str:
    """A token of a trace as it is read out."""
    layers = ", ".join(
        f"{one_line(text)} {plain_mode.spoken_percent(p)}" for _, text, p in token["lens"]
    )
    if "id" not in token:
        return f"What comes next: the layers say {layers}."
    share = plain_mode.spoken_percent(token["probability"])
    return f"{one_line(token['text'])}: {share}, rank {token['rank']}; the layers said {layers}."


def _table(tokens: list[dict[str, Any]]) -> None:
    """A row a token; the columns of layers begin with the embedding."""
    from tui.explore.choices import percent

    layers = len(tokens[0]["lens"])
    head = ["TOKEN", "MODEL", "RANK", "BITS", "IN", *(str(n) for n in range(1, layers))]
    rows = []
    for token in tokens:
        known = "id" in token
        row = [token["text"] if known else "", percent(token["probability"]) if known else ""]
        row += [f"{token['rank']:,}" if known else "", f"{token['entropy'] / 0.6931472:.2f}"]
        rows.append([*row, *(f"{text} {percent(p)}" for _, text, p in token["lens"])])
    print_table(head, rows, right=(1, 2, 3))

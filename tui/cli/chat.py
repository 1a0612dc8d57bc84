"""`minigpt-tui chat`, `step` and `trace`: the screens by command, or line by line."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from core.config.configs import SamplingConfig
from core.paths import Home
from core.run.directory import Run
from core.text.encoding import normalize_text
from tui.cli.console import print_json, print_result, print_table
from tui.cli.generate import sampling_options
from tui.cli.options import complete_weights, device_option, normalize_argument, user_config
from tui.common import plain_mode
from tui.common.client import BlockingClient
from tui.common.sanitize import one_line
from tui.launch import can_open

if TYPE_CHECKING:
    from core.server.tokens import TracedEnd, TracedToken
    from tui.common.messages import OpenChat, OpenStep

HIDDEN_FIELDS = ("session", "picked", "tokens", "step")  # of the reply, in `step --json`


def _find_weights(run: str, home: Home) -> tuple[str, str]:
    """Return the run's name and weights from RUN[@WEIGHTS].

    Raises:
        MiniGPTError: there is no such run or no such weights, or they are an encoder's.
    """
    from core.run import store
    from core.run.model_kind import ModelKind, wrong_kind_error
    from core.run.weights_ref import LAST, weights_file
    from tui.chat.run_task import task_of_run

    name, _, weights = run.partition("@")
    folder = store.find_run(home, name)
    weights_file(folder, weights or LAST)
    if task_of_run(folder).fills_blanks:
        raise wrong_kind_error(name, ModelKind.ENCODER, ModelKind.DECODER)
    return name, weights or LAST


def _read_line() -> Callable[[str], str]:
    """Return a function that reads a line; it shows a prompt only on a terminal."""
    return input if sys.stdin.isatty() else lambda _: normalize_text(input())


def _open_app(ctx: click.Context, first: OpenChat | OpenStep) -> int:
    from tui.launch import open_app

    ascii_only = bool(ctx.find_root().params.get("ascii_only"))
    return open_app(ctx.obj, ascii_only=ascii_only, config=user_config(), first=first)


@click.command()
@click.argument("run", metavar="RUN[@best|@STEP]", shell_complete=complete_weights)
@plain_mode.plain_option
@click.pass_context
def chat(ctx: click.Context, /, run: str) -> int:
    """Chat with RUN's model: on a screen, or line by line without a terminal."""
    home: Home = ctx.obj
    name, weights = _find_weights(run, home)
    if can_open(os.environ):
        from tui.common.messages import OpenChat

        return _open_app(ctx, OpenChat(name, weights))
    from tui.chat.conversation import Conversation
    from tui.chat.sampling_memory import initial_controls
    from tui.cli.plain_chat import PlainChat
    from tui.cli.plain_step import PlainStep
    from tui.explore.step_session import StepSession

    with BlockingClient(home) as client:

        def step_from_end(conversation: Conversation) -> None:
            place, run = conversation.end_position(), conversation.run
            session = StepSession(
                client.client,
                run,
                conversation.weights,
                place.prompt,
                list(place.chosen),
                place.messages,
            )
            PlainStep(client, session, conversation.controls.config, _read_line()).run()

        controls = initial_controls(Run(home.runs / name), user_config())
        conversation = Conversation(home, name, name, weights, controls=controls)
        PlainChat(client, conversation, _read_line(), step_from_end).run()
    return 0


@click.command()
@click.argument("run", metavar="RUN[@best|@STEP]", shell_complete=complete_weights)
@click.argument(
    "prompt", required=False, default="", callback=normalize_argument, metavar="[PROMPT]"
)
@sampling_options
@click.option("--top", default=10, type=click.IntRange(0, 1000), help="with --json: how many")
@plain_mode.plain_option
@click.option("--json", "as_json", is_flag=True, help="the next tokens as one JSON object")
@click.pass_context
def step(
    ctx: click.Context, /, run: str, prompt: str, top: int, as_json: bool, **sampling: Any
) -> int:
    """Choose the next tokens of RUN's model one by one, starting with PROMPT."""
    home: Home = ctx.obj
    config = SamplingConfig(**{key: value for key, value in sampling.items() if value is not None})
    name, weights = _find_weights(run, home)
    if not as_json and can_open(os.environ):
        from tui.common.messages import OpenStep
        from tui.common.sampling_settings import SamplingControls

        # Without options, the settings last used with the run apply.
        given = any(
            ctx.get_parameter_source(key) is ParameterSource.COMMANDLINE for key in sampling
        )
        controls = SamplingControls(config) if given else None
        return _open_app(ctx, OpenStep(name, weights, prompt, (), controls))
    from core.server.codec import to_json
    from core.server.protocol import StepRequest

    with BlockingClient(home) as client:
        if as_json:
            view = client.request(
                StepRequest(run=name, weights=weights, prompt=prompt, settings=config, top=top)
            )
            fields = to_json(view)
            print_json({key: value for key, value in fields.items() if key not in HIDDEN_FIELDS})
        else:
            from tui.chat.run_task import task_of_run
            from tui.chat.turn_tree import to_messages
            from tui.cli.plain_step import PlainStep
            from tui.explore.step_session import StepSession

            is_chat = task_of_run(Run(home.runs / name)).is_chat and prompt.strip()
            messages = to_messages((), prompt) if is_chat else None
            session = StepSession(client.client, name, weights, prompt, [], messages)
            PlainStep(client, session, config, _read_line()).run()
    return 0


@click.command()
@click.argument("run", metavar="RUN[@best|@STEP]", shell_complete=complete_weights)
@click.argument("text", callback=normalize_argument, metavar="TEXT")
@device_option
@plain_mode.plain_option
@click.option("--json", "as_json", is_flag=True, help="a JSON object per token, then the next")
@click.pass_obj
def trace(home: Home, /, run: str, text: str, device: str, as_json: bool) -> None:
    """Show the probability of each token of TEXT, and what each layer of RUN's model predicted."""
    from core.server.codec import to_json
    from core.server.protocol import TraceRequest

    name, weights = _find_weights(run, home)
    with BlockingClient(home) as client:
        reply = client.request(TraceRequest(run=name, weights=weights, device=device, text=text))
    tokens: list[TracedToken | TracedEnd] = [*reply.tokens, reply.next]
    if as_json:
        for token in tokens:
            print_json(to_json(token))
    elif plain_mode.is_plain_mode(os.environ):
        for token in tokens:
            print_result(_spoken_token(token))
    else:
        _print_trace_table(tokens)


def _spoken_token(token: TracedToken | TracedEnd) -> str:
    from core.server.tokens import TracedEnd

    layers = ", ".join(
        f"{one_line(predicted.text)} {plain_mode.spoken_percent(predicted.probability)}"
        for predicted in token.lens
    )
    if isinstance(token, TracedEnd):
        return f"Next token: the layers predict {layers}."
    share = plain_mode.spoken_percent(token.probability)
    return f"{one_line(token.text)}: {share}, rank {token.rank}; the layers predicted {layers}."


def _print_trace_table(tokens: Sequence[TracedToken | TracedEnd]) -> None:
    """Print a row per token; the columns of layers begin with the embedding."""
    from core.server.tokens import TracedToken
    from tui.explore.candidates import percent

    layers = len(tokens[0].lens)
    header = ["TOKEN", "MODEL", "RANK", "BITS", "IN", *(str(n) for n in range(1, layers))]
    rows = []
    for token in tokens:
        columns = ["", "", ""]
        if isinstance(token, TracedToken):
            columns = [token.text, percent(token.probability), f"{token.rank:,}"]
        bits = f"{token.entropy / math.log(2):.2f}"
        lens = [f"{predicted.text} {percent(predicted.probability)}" for predicted in token.lens]
        rows.append([*columns, bits, *lens])
    print_table(header, rows, right=(1, 2, 3))

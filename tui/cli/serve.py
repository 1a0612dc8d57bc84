"""`minigpt-tui serve`: a local server with OpenAI's interface."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.config.configs import PRECISIONS
from core.paths import Home
from core.serve.launch import DEFAULT_HOST, DEFAULT_PORT, MAX_PORT, ServeArguments
from tui.cli.console import print_json, print_message, print_result
from tui.cli.options import complete_weights, device_option

if TYPE_CHECKING:
    from core.serve.events import Event

TOKEN_VARIABLE = "MINIGPT_SERVE_TOKEN"  # noqa: S105 - the name of a variable


@click.command()
@click.argument(
    "runs", nargs=-1, required=True, metavar="RUN[@best|@STEP]...", shell_complete=complete_weights
)
@click.option(
    "--port",
    default=DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, MAX_PORT),
    help="port to listen on; 0 is any that is free",
)
@click.option(
    "--host",
    default=DEFAULT_HOST,
    show_default=True,
    help="address to listen on; one that other machines reach needs --token",
)
@click.option(
    "--unix",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help="listen on a socket of the file system instead, for this user only",
)
@click.option(
    "--token",
    envvar=TOKEN_VARIABLE,
    help=f"what requests must send as API key; better in {TOKEN_VARIABLE}, as others see commands",
)
@device_option
@click.option(
    "--precision",
    default=PRECISIONS[0],
    type=click.Choice(PRECISIONS),
    help="of the weights; fewer bits are faster and less exact",
)
@click.option("--json", "as_json", is_flag=True, help="print a JSON object per event")
@click.pass_obj
def serve(
    home: Home,
    /,
    runs: tuple[str, ...],
    port: int,
    host: str,
    unix: Path | None,
    token: str | None,
    device: str,
    precision: str,
    as_json: bool,
) -> None:
    """Serve the models of RUNs to other programs on this machine, until Ctrl+C.

    The interface is OpenAI's: /v1/completions, and /v1/chat/completions for runs on conversations
    and pairs.
    """
    arguments = ServeArguments(
        root=str(home.root.absolute()),
        cache=str(home.cache.absolute()),
        runs=runs,
        host=host,
        port=port,
        unix=None if unix is None else str(unix.absolute()),
        token=token,
        device=device,
        precision=precision,
    )
    try:
        asyncio.run(_follow(arguments, as_json=as_json))
    except KeyboardInterrupt:
        print_message("The server has stopped.")


async def _follow(arguments: ServeArguments, *, as_json: bool) -> None:
    """Print the events of a server until it ends."""
    from tui.common.serve_process import ServeProcess

    process = ServeProcess(arguments)
    try:
        async for event in process.events():
            if as_json:
                print_json({"type": event.type, **asdict(event)})
            else:
                _print_event(event)
    finally:
        await process.close()


def _print_event(event: Event) -> None:
    from core.serve.events import Listening, Replied
    from tui.common.serve_text import describe_reply

    if isinstance(event, Listening):
        print_result(event.address)
        print_message(f"Serving {', '.join(event.models)}. Ctrl+C stops the server.")
    elif isinstance(event, Replied):
        print_message(describe_reply(event))

"""`minigpt-tui blank`: what belongs in the blanks of a text, by an encoder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from core.errors import InputError, MiniGPTError
from core.paths import Home
from core.run.weights_ref import LAST
from core.tokenizer.special_tokens import BLANK
from tui.cli.console import print_json, print_message, print_result, print_table
from tui.cli.options import complete_run, complete_weights, device_option, normalize_argument
from tui.common import plain_mode
from tui.common.client import BlockingClient
from tui.common.format import mark_spaces

if TYPE_CHECKING:
    from core.server.protocol import FillRequest
    from core.server.replies import FillPlace, FillReply
    from core.server.tokens import TokenProbability
    from core.system.files import JsonObject

MAX_SHOWN_CHARACTERS = 30  # of the text on each side of a blank


@click.command()
@click.argument("run", metavar="RUN[@best|@STEP]", shell_complete=complete_weights)
@click.argument("text", callback=normalize_argument, metavar="TEXT|-")
@click.option("--top", default=10, type=click.IntRange(1, 1000), help="candidates to list")
@click.option(
    "--decoder",
    metavar="RUN",
    shell_complete=complete_run,
    help="a run to compare with; by default a decoder of the same text and vocabulary",
)
@click.option("--allow-unknown", is_flag=True, help="read words outside the vocabulary as <unk>")
@device_option
@plain_mode.plain_option
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@click.pass_obj
def blank(
    home: Home,
    /,
    run: str,
    text: str,
    top: int,
    decoder: str | None,
    allow_unknown: bool,
    device: str,
    as_json: bool,
) -> None:
    """Fill in the blanks of TEXT with RUN's encoder; - reads standard input.

    Each [] is a blank for one token, as in "The quick [] fox". Beside the encoder, which reads both
    sides of a blank, are the tokens that a decoder of the same text expects after those on the
    left, and those that the training text has between the same two neighbours.
    """
    from core.run import store
    from core.run.comparable import find_comparable_decoder
    from core.run.weights_ref import weights_file
    from core.server.protocol import FillRequest

    name, _, weights = run.partition("@")
    folder = store.find_run(home, name)
    weights_file(folder, weights or LAST)
    if text == "-":
        from core.text.resolve import read_stdin

        text = read_stdin().removesuffix("\n")
    if BLANK not in text:
        raise InputError(
            f"There is no {BLANK} in the text.",
            f'Put one where a word is missing: minigpt-tui blank {name} "The quick [] fox"',
        )
    request = FillRequest(
        run=name, weights=weights or LAST, device=device, text=text, top=top,
        allow_unknown=allow_unknown, decoder=decoder or find_comparable_decoder(home, folder),
    )  # fmt: skip
    with BlockingClient(home) as client:
        request, reply = _fill(client, request, is_chosen=decoder is not None)
    if reply.unknown:
        print_message(f"Read as <unk>: {', '.join(reply.unknown)}")
    if as_json:
        print_json(_to_json(request, reply))
    elif plain_mode.is_plain_mode(os.environ):
        _print_lines(request, reply)
    else:
        _print_tables(request, reply)


def _fill(
    client: BlockingClient, request: FillRequest, *, is_chosen: bool
) -> tuple[FillRequest, FillReply]:
    """Send the request; without the decoder if it fails with one that the user did not choose."""
    from dataclasses import replace

    try:
        return request, client.request(request)
    except MiniGPTError as error:
        if is_chosen or request.decoder is None:
            raise
        alone = replace(request, decoder=None)
        reply = client.request(alone)
        print_message(f"Not compared with {request.decoder}: {error.message}")
        return alone, reply


def _to_json(request: FillRequest, reply: FillReply) -> JsonObject:
    def named(tokens: Sequence[TokenProbability] | None) -> list[JsonObject] | None:
        return None if tokens is None else [token._asdict() for token in tokens]

    return {
        "run": request.run,
        "weights": request.weights,
        "step": reply.step,
        "decoder": request.decoder,
        "text": request.text,
        "filled": _filled_text(reply),
        "unknown": reply.unknown,
        "blanks": [
            {
                "place": place.place,
                "candidates": named(place.candidates),
                "decoder": named(place.decoder),
                "counts": None
                if place.counts is None
                else [{"id": id, "text": text, "count": count} for id, text, count in place.counts],
                "total": place.total,
                "at_least": place.at_least,
            }
            for place in reply.places
        ],
    }


def _filled_text(reply: FillReply) -> str:
    """The text with the encoder's first choice in every bracket."""
    parts = [text for _, text, _ in reply.tokens]
    for place in reply.places:
        best = place.candidates[0].text
        inside = best.removeprefix(" ") or best
        parts[place.place] = parts[place.place].replace(BLANK, f"[{inside}]")
    return "".join(parts).lstrip(" ")


def _print_tables(request: FillRequest, reply: FillReply) -> None:
    """Print the text with its blanks filled in, then a table per blank."""
    from tui.explore.candidates import percent  # imports Textual: too slow for `--help`

    print_result(_filled_text(reply))
    if request.decoder is not None:
        print_result(f"The decoder {request.decoder} reads only what is on the left.")
    for place in reply.places:
        print_result(f"\n{_surroundings(reply, place.place)}")
        columns = [["ENCODER", *(mark_spaces(token.text) for token in place.candidates)]]
        columns.append(["", *(percent(token.probability) for token in place.candidates)])
        if place.decoder is not None:
            columns.append(["DECODER", *(mark_spaces(token.text) for token in place.decoder)])
            columns.append(["", *(percent(token.probability) for token in place.decoder)])
        if place.counts:
            columns.append(["CORPUS", *(mark_spaces(text) for _, text, _ in place.counts)])
            columns.append(["", *(f"{count:,}" for *_, count in place.counts)])
        count = max(map(len, columns))
        head, *rows = zip(
            *(column + [""] * (count - len(column)) for column in columns), strict=True
        )
        print_table(head, rows, right=range(1, len(columns), 2))
        if note := _corpus_note(place):
            print_result(note)


def _print_lines(request: FillRequest, reply: FillReply) -> None:
    """Print lines for a screen reader."""

    def spoken(tokens: Sequence[TokenProbability]) -> str:
        return ", ".join(
            f"{mark_spaces(token.text)} {plain_mode.spoken_percent(token.probability)}"
            for token in tokens
        )

    print_result(_filled_text(reply))
    for number, place in enumerate(reply.places, 1):
        print_result(f"Blank {number}. The encoder: {spoken(place.candidates)}.")
        if place.decoder is not None:
            print_result(f"The decoder {request.decoder}: {spoken(place.decoder)}.")
        if place.counts:
            counts = ", ".join(
                f"{mark_spaces(text)} {n:,} time{'s' * (n != 1)}" for _, text, n in place.counts
            )
            print_result(f"In the training text: {counts}.")
        if note := _corpus_note(place):
            print_result(note)


def _surroundings(reply: FillReply, place: int) -> str:
    """The blank with some of the text around it, in whole words where there are blanks."""
    texts = [text for _, text, _ in reply.tokens]
    before, after = "".join(texts[:place]), "".join(texts[place + 1 :])
    if len(before) > MAX_SHOWN_CHARACTERS:
        end = before[-MAX_SHOWN_CHARACTERS:]
        before = f"… {end.partition(' ')[2] or end}"
    if len(after) > MAX_SHOWN_CHARACTERS:
        beginning = after[:MAX_SHOWN_CHARACTERS]
        after = f"{beginning.rpartition(' ')[0] or beginning} …"
    return f"{before}{texts[place]}{after}".strip(" ")


def _corpus_note(place: FillPlace) -> str:
    """Why there are no counts of the training text, or only some of them."""
    if place.counts is None:
        return ""
    if not place.counts:
        return "The training text has no word between these two neighbours."
    listed = sum(count for *_, count in place.counts)
    more = "at least " if place.at_least else ""
    return (
        f"{listed:,} of {more}{place.total:,} times in the training text"
        if place.total > listed or more
        else ""
    )

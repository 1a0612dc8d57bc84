"""`minigpt-tui generate`: print a run's continuation of a prompt, or its reply to messages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from core.config.configs import PRECISIONS, SamplingConfig
from core.config.schema import setting_specs
from core.errors import DamagedError, InputError
from core.paths import Home
from core.system.files import read_regular_file
from tui.cli.console import print_json, print_message, print_result
from tui.cli.options import complete_weights, device_option, normalize_argument
from tui.common.sanitize import StreamCleaner, clean

if TYPE_CHECKING:
    from core.inference.generate import GeneratedToken
    from core.inference.load import LoadedModel
    from core.inference.session import Session
    from core.text.messages import Message

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
MAX_MESSAGES_BYTES = 1 << 24

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
@click.option(
    "--messages",
    "messages_file",
    metavar="FILE|-",
    help="reply to a conversation: JSON, a list of messages with role and content",
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
@click.option("--allow-unknown", is_flag=True, help="read words outside the vocabulary as <unk>")
@device_option
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
    messages_file: str | None,
    top: int,
    count: int,
    allow_unknown: bool,
    device: str,
    precision: str,
    as_json: bool,
    **sampling: Any,
) -> None:
    """Have RUN's model continue PROMPT (- reads standard input); greedy by default.

    A model of pairs or conversations replies to PROMPT, or to the last of --messages.
    """
    config = SamplingConfig(
        **{name: value for name, value in sampling.items() if value is not None}
    )
    if count > 1:
        _check_options_for_several(config, top)
    messages = None if messages_file is None else _read_messages(messages_file, prompt)
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
    if not loaded.is_chat and messages is None:
        from core.inference.load import prompt_ids

        ids = prompt_ids(loaded.tokenizer, loaded.reading, prompt, allow_unknown=allow_unknown)
        start = GenerationStart(loaded, ids, config, {"prompt": prompt})
    else:
        start = _start_of_reply(loaded, messages, prompt, config, allow_unknown=allow_unknown)
    unk_id = loaded.tokenizer.unk_id
    if unk_id is not None and (unknown := list(start.ids).count(unk_id)):
        print_message(f"Read as <unk>: {unknown:,} of {len(start.ids):,} tokens.")
    if count > 1:
        _print_several(start, count, as_json=as_json)
    elif as_json:
        _print_json_lines(start, top)
    elif top:
        _print_alternatives(start, top)
    else:
        _print_text(start)


def _read_messages(file: str, prompt: str) -> tuple[Message, ...]:
    """Return the messages of a file, or of standard input.

    Raises:
        InputError: there is a prompt too, or the file cannot be read.
    """
    from core.text.messages import parse_message_text
    from core.text.resolve import read_stdin

    if prompt:
        raise InputError("PROMPT and --messages cannot be combined.", "Pass one of the two.")
    if file == "-":
        return parse_message_text(read_stdin(), "standard input")
    try:
        text = read_regular_file(Path(file), MAX_MESSAGES_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"There is no file {file}.", "Name a file of JSON.") from None
    except UnicodeDecodeError:
        raise InputError(f"{file} is not UTF-8 text.", "Name a file of JSON.") from None
    except DamagedError as error:  # there is no backup of it
        raise InputError(error.message, "Name a file of JSON.") from None
    return parse_message_text(text, file)


@dataclass(frozen=True)
class GenerationStart:
    """What a continuation begins with.

    Attributes:
        ids: the tokens before it.
        config: the sampling settings.
        fields: what `--json` repeats of the request.
    """

    loaded: LoadedModel
    ids: Sequence[int]
    config: SamplingConfig
    fields: Mapping[str, Any]

    def session(self) -> Session:
        """A session for the tokens."""
        from core.inference.session import Session

        return Session(self.loaded.model, keep_first=self.loaded.keep_first)

    def generate(self, top: int = 0) -> Iterator[GeneratedToken]:
        """Generate the continuation."""
        from core.inference.generate import generate

        return generate(self.session(), self.ids, self.loaded.tokenizer, self.config, top=top)


def _start_of_reply(
    loaded: LoadedModel,
    messages: Sequence[Message] | None,
    prompt: str,
    config: SamplingConfig,
    *,
    allow_unknown: bool,
) -> GenerationStart:
    """Return the start of a reply to messages, else to a prompt as the only one.

    Raises:
        InputError: the model does not reply, there is nothing to reply to, or it does not fit.
    """
    from core.text.messages import USER, Message, messages_to_json
    from core.tokenizer.chat_format import reply_room

    if messages is None and not prompt.strip():
        raise InputError("There is no prompt to reply to.", "Pass PROMPT or --messages.")
    fields: dict[str, Any] = {"prompt": prompt}
    if messages is not None:
        fields = {"messages": messages_to_json(messages)}
    context = loaded.model.config.context
    fitted = loaded.encode_messages(
        messages or (Message(USER, prompt),),
        reply_tokens=min(config.max_tokens, reply_room(context)),
        allow_unknown=allow_unknown,
    )
    if len(fitted.ids) > context:
        raise InputError(
            f"The beginning of the reply ends after {len(fitted.ids):,} tokens; the model reads at "
            f"most {context:,}.",
            "Shorten the last message.",
        )
    if fitted.dropped:
        oldest = f"{fitted.dropped:,} oldest exchanges" if fitted.dropped > 1 else "oldest exchange"
        print_message(f"The {oldest} did not fit into the context of {context:,} tokens.")
    room = max(1, context - len(fitted.ids))  # the context of a conversation does not slide
    config = replace(config, max_tokens=min(config.max_tokens, room))
    return GenerationStart(loaded, fitted.ids, config, fields | {"dropped": fitted.dropped})


def _print_text(start: GenerationStart) -> None:
    """Print each piece as it comes."""
    has_text, reason, cleaner = False, None, StreamCleaner()
    for token in start.generate():
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


def _print_alternatives(start: GenerationStart, top: int) -> None:
    """Print a line per token: its probability, then the likeliest tokens."""
    name = start.loaded.tokenizer.token_text
    for token in start.generate(top):
        others = "  ".join(f"{other.text!r} {other.probability:.1%}" for other in token.top)
        print_result(f"{name(token.id)!r:<16} {token.probability:6.1%}  of  {others}")


def _print_json_lines(start: GenerationStart, top: int) -> None:
    """Print a JSON object per token, then one with the whole text."""
    count, text, ended = 0, "", None
    for token in start.generate(top):
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
    print_json({**start.fields, "text": text, "tokens": count, "ended": ended})


def _check_options_for_several(config: SamplingConfig, top: int) -> None:
    if config.temperature == 0.0:
        raise InputError(
            "At temperature 0 all continuations would be the same.", "Add --temperature 0.8."
        )
    if top:
        raise InputError("--top works with one continuation only.", "Leave out --top or -n.")


def _print_several(start: GenerationStart, count: int, *, as_json: bool) -> None:
    """Print the continuations once all have ended; the n-th uses the seed + n - 1."""
    from core.inference.generate import generate_many

    tokenizer = start.loaded.tokenizer
    replies = generate_many(start.session(), start.ids, tokenizer, start.config, count)
    for number, tokens in enumerate(replies, 1):
        text = "".join(token.text for token in tokens)
        if as_json:
            fields = {"tokens": len(tokens), "ended": tokens[-1].end_reason}
            print_json({"n": number, **start.fields, "text": text, **fields})
        else:
            shown = clean(text).lstrip(" ") or f"({_no_text_message(tokens[-1].end_reason)})"
            print_result(f"[{number}] {shown}")

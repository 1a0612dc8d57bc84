"""Commands for runs that are being trained, or are to be trained on."""

from __future__ import annotations

import time
from typing import Any

import click

from core.config.configs import Extension, TrainConfig
from core.config.schema import parse_value, setting_specs
from core.errors import InputError, RunFailedError, SettingsError
from core.paths import Home
from core.run import control_file, status, store
from core.run.directory import Run
from core.run.event_log import EventTail
from core.run.events import FINISHED, TERMINAL, Event
from core.run.store import hold_to_resume
from tui.cli.console import say
from tui.cli.options import complete_run, devices_option
from tui.cli.train import nearest_settings
from tui.cli.watch import Leaving, Listening
from tui.common import plain_mode

PATIENCE = 30.0  # seconds until it is said that the trainer is busy


@click.command()
@click.argument("run", shell_complete=complete_run)
@plain_mode.plain_option
@click.option("--json", "as_json", is_flag=True, help="print the events, one JSON object a line")
@click.pass_obj
def attach(home: Home, run: str, as_json: bool) -> int:
    """Watch RUN being trained; of one that has ended, say how.

    Ctrl+C and other signals end the watching only.
    """
    from tui.cli.watch import watch

    found = store.find(home, run)
    listening = Listening(found, EventTail(found.events))
    with Leaving(stops=False) as leaving:
        return watch(found, leaving, listening, as_json=as_json, silent_before=time.time())


@click.command()
@click.argument("run", shell_complete=complete_run)
@click.option("--no-wait", is_flag=True, help="return at once, before it has stopped")
@click.pass_obj
def stop(home: Home, run: str, no_wait: bool) -> int:
    """Save and stop RUN's training; `resume` goes on at the very step."""
    found = _alive(home, run)
    listening = Listening(found)
    store.request(found, control_file.STOP)
    if no_wait:
        say(f"{found.name} was asked to stop.")
        return 0
    say(f"{found.name} is stopping…")
    ending: Event | None = None
    while not listening.over:
        ending = next((e for e in listening.read() if e.type in TERMINAL), ending)
    if ending is None:
        raise RunFailedError(f"{found.name} crashed while stopping.", _resume(found))
    say(f"{found.name}: {ending.type} at step {ending.step}.")
    return 0


def _asking(type: str, done: str, about: str) -> click.Command:
    """A command that sends a request without fields and waits for its answer."""

    @click.command(name=type, help=about)
    @click.argument("run", shell_complete=complete_run)
    @click.pass_obj
    def command(home: Home, run: str) -> None:
        found = _alive(home, run)
        answer = _ask(found, type)
        say(f"{found.name} {done} at step {answer.step}.")

    return command


save = _asking(control_file.SAVE, "is saved", "Save a checkpoint of RUN now.")
pause = _asking(control_file.PAUSE, "pauses", "Pause RUN's training; it keeps its memory.")
continue_ = _asking(control_file.CONTINUE, "goes on", "Let a paused RUN go on.")


@click.command()
@click.argument("run", shell_complete=complete_run)
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE...")
@click.pass_obj
def change(home: Home, run: str, pairs: tuple[str, ...]) -> None:
    """Change settings of RUN while it is trained, such as learning_rate or epochs."""
    found = _alive(home, run)
    answer = _ask(found, control_file.CHANGE, changes=_live(pairs))
    if problems := answer.table("problems"):
        raise SettingsError({name: str(text) for name, text in problems.items()})
    for name, values in answer.table("changes").items():
        say(f"{found.name}: {name} {values[0]} → {values[1]} from step {answer.step} on")


def _live(pairs: tuple[str, ...]) -> dict[str, Any]:
    """The new values.

    Raises:
        SettingsError: unknown or fixed settings, impossible values; all of them.
    """
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    live = [name for name, setting in setting_specs(TrainConfig).items() if setting.live]
    for pair in pairs:
        name, equals, text = pair.partition("=")
        try:
            if not equals:
                raise SettingsError({name: "is written as KEY=VALUE"})
            values[name] = parse_value(TrainConfig, name, text)
            if values[name] is None:
                raise SettingsError({name: "needs a value while training"})
            if name not in live:
                raise SettingsError({name: f"cannot change while training; {', '.join(live)} can"})
        except SettingsError as error:
            problems |= error.problems
    try:
        TrainConfig(**{name: value for name, value in values.items() if name not in problems})
    except SettingsError as error:
        problems |= error.problems
    if problems:
        raise SettingsError(problems, nearest_settings(problems))
    return values


@click.command()
@click.argument("run", shell_complete=complete_run)
@click.option("--epochs", type=float, help="that many passes more")
@click.option("--steps", type=int, help="that many steps more")
@click.option("--minutes", type=float, help="that many minutes more")
@devices_option
@click.option("--detach", is_flag=True, help="return once the trainer has started")
@click.option("--foreground", is_flag=True, help="train in this process, which then must not end")
@click.option("--force", is_flag=True, help="although it may still be trained on another machine")
@plain_mode.plain_option
@click.option("--json", "as_json", is_flag=True, help="print the events, one JSON object a line")
@click.pass_obj
def resume(
    home: Home,
    /,
    run: str,
    devices: int | None,
    detach: bool,
    foreground: bool,
    force: bool,
    as_json: bool,
    **more: Any,
) -> int:
    """Train RUN on from its last checkpoint, to its planned end or for longer.

    On as many devices as it was made for, unless --devices says otherwise for this time.
    """
    from tui.cli.training import carry_out, help_along, ways_of

    ways = ways_of(detach=detach, foreground=foreground, as_json=as_json, devices=devices)
    if ways.beside:
        return help_along(home, ways.beside)
    found, wanted = store.find(home, run), Extension(**more)
    lock = hold_to_resume(found, wanted, force=force)
    return carry_out(home, found, lock, ways, wanted)


def _alive(home: Home, name: str) -> Run:
    run = store.find(home, name)
    word = store.status_of(run)
    if word not in status.ALIVE:
        longer = " --epochs N" if word == FINISHED else ""
        raise InputError(f"The run {run.name} is not being trained: {word}.", _resume(run) + longer)
    return run


def _resume(run: Run) -> str:
    return f"To train it on: minigpt-tui resume {run.name}"


def _ask(run: Run, type: str, **fields: Any) -> Event:
    """The event that answers a request.

    Raises:
        RunFailedError: the trainer ended before it answered.
    """
    listening = Listening(run)
    id = store.request(run, type, **fields)
    began, told = time.monotonic(), False
    while not listening.over:
        for event in listening.read():
            if id in (event.text("id"), event.text("request")):
                return event
        if not told and time.monotonic() - began > PATIENCE:
            told = True
            say(f"{run.name} has not answered yet; it does between two steps. Ctrl+C gives up.")
    raise RunFailedError(f"{run.name} ended before it answered.", _resume(run))

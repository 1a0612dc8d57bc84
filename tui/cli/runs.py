"""Commands that control training: attach, stop, pause, continue, save, change and resume."""

from __future__ import annotations

import time
from typing import Any

import click

from core.config.configs import Extension, TrainConfig
from core.config.schema import parse_value, setting_specs
from core.errors import RunFailedError, SettingsError, StateError
from core.paths import Home
from core.run import control_file, store
from core.run.directory import Run
from core.run.events import END_EVENTS, FINISHED, IMPORTED, Event
from core.run.follow import RunFollower
from core.run.record import read_record, read_requested_config
from core.run.resume import lock_for_resume
from core.run.status import LIVE_STATUSES, status_of
from core.run.store import send_request
from tui.cli.console import print_message
from tui.cli.options import complete_run, devices_option
from tui.cli.train import suggest_settings
from tui.cli.watch import SuspensionNotice, WatchSignals, follow_events, watch
from tui.common.format import describe_change
from tui.common.plain_mode import plain_option

BUSY_NOTICE_SECONDS = 30.0  # without an answer, after which a note says that the trainer is busy


@click.command()
@click.argument("run", shell_complete=complete_run)
@plain_option
@click.option("--json", "as_json", is_flag=True, help="print events, one JSON object per line")
@click.pass_obj
def attach(home: Home, run: str, as_json: bool) -> int:
    """Watch the training of RUN; if it has ended, report how.

    Ctrl+C and other signals only end the watching.
    """
    target = store.find_run(home, run)
    with WatchSignals(stops_trainer=False) as signals:
        return watch(
            target, signals, RunFollower(target), as_json=as_json, quiet_before=time.time()
        )


@click.command()
@click.argument("run", shell_complete=complete_run)
@click.option("--no-wait", is_flag=True, help="return at once, before training has stopped")
@click.pass_obj
def stop(home: Home, run: str, no_wait: bool) -> int:
    """Save and stop the training of RUN; `resume` continues at the exact step."""
    target, follower = _find_alive(home, run)
    send_request(target, control_file.STOP)
    if no_wait:
        print_message(f"Stop requested: {target.name}.")
        return 0
    print_message(f"Saving and stopping {target.name}…")
    notice = SuspensionNotice(target)
    last: Event | None = None
    for events in follow_events(follower):
        notice.print_if_due()
        last = next((event for event in events if event.type in END_EVENTS), last)
    if last is None:
        raise RunFailedError(f"{target.name} crashed while stopping.", _resume_hint(target))
    print_message(f"{target.name}: {last.type} at step {last.step}.")
    return 0


def _request_command(type: str, past_tense: str, about: str) -> click.Command:
    """A command that sends a request without fields and waits for its answer."""

    @click.command(name=type, help=about)
    @click.argument("run", shell_complete=complete_run)
    @click.pass_obj
    def command(home: Home, run: str) -> None:
        target, follower = _find_alive(home, run)
        answer = _request(target, follower, type)
        print_message(f"{target.name} {past_tense} at step {answer.step}.")

    return command


save = _request_command(control_file.SAVE, "saved", "Save a checkpoint of RUN now.")
pause = _request_command(
    control_file.PAUSE, "paused", "Pause the training of RUN; it stays in memory."
)
continue_ = _request_command(control_file.CONTINUE, "continued", "Continue a paused RUN.")


@click.command()
@click.argument("run", shell_complete=complete_run)
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE...")
@click.pass_obj
def change(home: Home, run: str, pairs: tuple[str, ...]) -> None:
    """Change settings of RUN during training, such as learning_rate or epochs."""
    target, follower = _find_alive(home, run)
    answer = _request(target, follower, control_file.CHANGE, changes=_parse_changes(pairs))
    if problems := answer.table("problems"):
        raise SettingsError({name: str(text) for name, text in problems.items()})
    for name, values in answer.table("changes").items():
        change = describe_change(name, values[0], values[1])
        print_message(f"{target.name}: {change} from step {answer.step}")


def _parse_changes(pairs: tuple[str, ...]) -> dict[str, Any]:
    """The new values by name.

    Raises:
        SettingsError: unknown or fixed settings and impossible values, all of them together.
    """
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    live = [name for name, setting in setting_specs(TrainConfig).items() if setting.live]
    for pair in pairs:
        name, equals, text = pair.partition("=")
        try:
            if not equals:
                raise SettingsError({name: "must be given as KEY=VALUE"})
            values[name] = parse_value(TrainConfig, name, text)
            if values[name] is None:
                raise SettingsError({name: "needs a value during training"})
            if name not in live:
                raise SettingsError({name: f"cannot change during training; {', '.join(live)} can"})
        except SettingsError as error:
            problems |= error.problems
    try:
        TrainConfig(**{name: value for name, value in values.items() if name not in problems})
    except SettingsError as error:
        problems |= error.problems
    if problems:
        raise SettingsError(problems, suggest_settings(problems))
    return values


@click.command()
@click.argument("run", shell_complete=complete_run)
@click.option("--epochs", type=float, help="train this many more epochs")
@click.option("--steps", type=int, help="train this many more steps")
@click.option("--minutes", type=float, help="train this many more minutes")
@devices_option
@click.option("--detach", is_flag=True, help="return once the trainer has started")
@click.option("--foreground", is_flag=True, help="train in this process")
@click.option("--force", is_flag=True, help="even if it may still be training on another machine")
@plain_option
@click.option("--json", "as_json", is_flag=True, help="print events, one JSON object per line")
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
    """Resume RUN from its last checkpoint, to its planned end or for longer.

    Uses as many devices as it was created with, unless --devices is given.
    """
    from tui.cli.training import check_devices, train_as_worker, train_options, train_run

    options = train_options(detach=detach, foreground=foreground, as_json=as_json, devices=devices)
    if options.worker:
        return train_as_worker(home, options.worker)
    target, extension = store.find_run(home, run), Extension(**more)
    if options.rank is None:
        check_devices(devices, read_requested_config(target, read_record(target)))
    lock = lock_for_resume(home, target, extension, force=force)
    return train_run(home, target, lock, options, extension)


def _find_alive(home: Home, name: str) -> tuple[Run, RunFollower]:
    """A run that is being trained, and a follower that has read its events so far.

    Raises:
        StateError: it is not being trained.
    """
    run = store.find_run(home, name)
    status = status_of(run)
    if status not in LIVE_STATUSES:
        if status == IMPORTED:
            hint = f"To train a new run from it: minigpt-tui train TEXT --from {run.name}"
            raise StateError(f"The run {run.name} was imported, not trained.", hint)
        longer = " --epochs N" if status == FINISHED else ""
        raise StateError(
            f"The run {run.name} is not being trained: {status}.", _resume_hint(run) + longer
        )
    follower = RunFollower(run)
    follower.poll()
    return run, follower


def _resume_hint(run: Run) -> str:
    return f"To continue training: minigpt-tui resume {run.name}"


def _request(run: Run, follower: RunFollower, type: str, **fields: Any) -> Event:
    """Send a control request and wait for the event that answers it.

    Raises:
        RunFailedError: the trainer ended before it answered.
    """
    id = send_request(run, type, **fields)
    sent_at: float | None = time.monotonic()
    notice = SuspensionNotice(run)
    for events in follow_events(follower):
        notice.print_if_due()
        for event in events:
            if id in (event.text("id"), event.text("request")):
                return event
        if sent_at is not None and time.monotonic() - sent_at > BUSY_NOTICE_SECONDS:
            sent_at = None
            print_message(
                f"{run.name} has not answered yet; it answers between two steps. "
                "Press Ctrl+C to stop waiting."
            )
    raise RunFailedError(f"{run.name} ended before it answered.", _resume_hint(run))

"""`minigpt-tui train`: create a run and train it, with a progress bar or JSON events."""

from __future__ import annotations

from typing import Any

import click

from core.config.configs import AUTO, ModelConfig, TrainConfig
from core.config.presets import PRESETS
from core.config.schema import find_value_problems, parse_value, setting_specs
from core.errors import SettingsError, nearest
from core.paths import Home
from core.text.corpus import READINGS
from tui.cli.options import complete_corpus, complete_preset, complete_run, devices_option
from tui.common import plain_mode

HELP = {name: setting.help for name, setting in setting_specs(TrainConfig).items()}


def _choices(name: str) -> click.Choice[str]:
    return click.Choice(setting_specs(TrainConfig)[name].choices)


@click.command()
@click.argument("corpus", metavar="CORPUS", shell_complete=complete_corpus)
@click.option("--name", help="name of the run (default: that of the corpus)")
@click.option(
    "--preset",
    shell_complete=complete_preset,
    help=f"{HELP['preset']}: {', '.join([AUTO, *PRESETS])}",
)
@click.option("--tokenizer", type=_choices("tokenizer"), help=HELP["tokenizer"])
@click.option("--vocab-size", type=int, help=HELP["vocab_size"])
@click.option(
    "--format",
    "--reading",
    "reading",
    type=click.Choice(READINGS),
    help="how the text is read; by default decided from the text",
)
@click.option("--encoding", help="encoding of the text (default: utf-8)")
@click.option("--epochs", type=float, help=HELP["epochs"])
@click.option("--steps", type=int, help=HELP["steps"])
@click.option("--minutes", type=float, help=HELP["minutes"])
@click.option("--device", help=HELP["device"])
@devices_option
@click.option("--seed", type=int, help=HELP["seed"])
@click.option("--from", "parent", metavar="RUN", shell_complete=complete_run,
              help="fine-tune this run: start from its weights and tokenizer")  # fmt: skip
@click.option("--force", is_flag=True, help="--from a run that lacks much of the text's vocabulary")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="any other setting")
@click.option("--detach", is_flag=True, help="return once the trainer has started")
@click.option("--foreground", is_flag=True, help="train in this process")
@plain_mode.plain_option
@click.option("--json", "as_json", is_flag=True, help="print events, one JSON object per line")
@click.pass_obj
def train(
    home: Home,
    /,
    corpus: str,
    name: str | None,
    reading: str | None,
    encoding: str | None,
    parent: str | None,
    pairs: tuple[str, ...],
    detach: bool,
    foreground: bool,
    as_json: bool,
    **settings: Any,
) -> int:
    """Train a model on CORPUS: a bundled name, a file, a folder, a glob, or - for stdin.

    Training runs in a process of its own: on a terminal, Ctrl+C only ends the watching. `attach`
    watches it again, `stop` saves and stops it.
    """
    from core.run.create import create_run
    from tui.cli.outcome import delete_if_refused
    from tui.cli.training import check_devices, train_as_worker, train_options, train_run

    options = train_options(
        detach=detach, foreground=foreground, as_json=as_json, devices=settings["devices"]
    )
    if options.worker:
        return train_as_worker(home, options.worker)
    force = settings.pop("force")
    config, shape = parse_settings(settings, pairs)
    if options.rank is None:
        check_devices(None, config)
    run, lock = create_run(
        home,
        corpus,
        config,
        shape,
        name=name,
        reading=reading,
        encoding=encoding,
        parent=parent,
        force=force,
    )
    code = train_run(home, run, lock, options)
    delete_if_refused(home, run, code)
    return code


def parse_settings(
    settings: dict[str, Any], pairs: tuple[str, ...]
) -> tuple[TrainConfig, dict[str, Any]]:
    """The training settings, and the chosen fields of the model's shape.

    Args:
        settings: the options by name; None was not given.
        pairs: of --set, as KEY=VALUE.

    Raises:
        SettingsError: unknown names and invalid values, all of them together.
    """
    fields = {name: value for name, value in settings.items() if value is not None}
    shape: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        config_class, target = _owner(name, fields, shape)
        try:
            if not equals:
                raise SettingsError({name: "must be given as KEY=VALUE"})
            target[name] = parse_value(config_class, name, text)
        except SettingsError as error:
            problems |= error.problems
    problems |= find_value_problems(ModelConfig, shape)
    try:
        config = TrainConfig(**fields)
    except SettingsError as error:
        problems |= error.problems
    if problems:
        raise SettingsError(problems, suggest_settings(problems))
    return config, shape


def _owner(name: str, fields: dict[str, Any], shape: dict[str, Any]) -> tuple[type, dict[str, Any]]:
    """The class of a setting and the dict for its value; `vocab_size` is a training setting."""
    if name in setting_specs(ModelConfig) and name not in setting_specs(TrainConfig):
        return ModelConfig, shape
    return TrainConfig, fields


def suggest_settings(problems: dict[str, str]) -> str:
    """Similar names for the unknown ones among `problems`; empty if there are none."""
    known = [*setting_specs(TrainConfig), *setting_specs(ModelConfig)]
    similar = {name: nearest(name, known) for name in problems if name not in known}
    return "\n".join(
        f"{name}: did you mean {' or '.join(names)}?" for name, names in similar.items() if names
    )

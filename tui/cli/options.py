"""Shell completion of runs, weights, texts and presets, text arguments, and --devices."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    split_arg_string,
)

from core.errors import SettingsError
from core.paths import find_config_file, find_home
from core.run.directory import Run
from core.run.weights_ref import BEST, LAST
from core.text.encoding import normalize_text

if TYPE_CHECKING:
    from tui.common.user_config import UserConfig  # imports all settings: too slow for --help

# The completion function for bash; the program answers with lines of `type,value`.
BASH_SCRIPT = """\
%(complete_func)s() {
    local IFS=$'\\n' response item type value
    response=$(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" \\
%(complete_var)s=bash_complete "$1")
    COMPREPLY=()
    for item in $response; do
        IFS=',' read -r type value <<< "$item"
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


@add_completion_class
class WholeWordBashComplete(BashComplete):
    """Completes words that contain @ or =, at which bash splits them."""

    source_template = BASH_SCRIPT
    _prefix = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The complete words before the cursor, and the unfinished one."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        incomplete = "" if not words or line[-1].isspace() else words.pop()
        breaks = re.escape(os.environ["COMP_BREAKS"])
        match = re.match(rf".*[{breaks}]", incomplete, flags=re.DOTALL) if breaks else None
        self._prefix = match[0] if match else ""
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """The completion without the prefix that bash regards as separate words."""
        return f"{item.type},{item.value.removeprefix(self._prefix)}"


CONFIG = "tui.common.user_config"  # of the user, among the values that commands share
SAMPLING_COMMANDS = ("generate", "step")


def use_config(ctx: click.Context, config: UserConfig) -> None:
    """Share the configuration with all commands; its sampling settings become their defaults."""
    ctx.meta[CONFIG] = config
    from core.config.configs import SamplingConfig
    from core.config.schema import setting_specs
    from tui.common.user_config import SAMPLING

    sampling = {name: getattr(config.sampling, name) for name in setting_specs(SamplingConfig)}
    chosen = {key[1]: sampling[key[1]] for key in config.entries if key[0] == SAMPLING}
    ctx.default_map = dict.fromkeys(SAMPLING_COMMANDS, chosen)


def user_config() -> UserConfig:
    """The configuration of the command that is running."""
    config = click.get_current_context().meta[CONFIG]
    from tui.common.user_config import UserConfig

    assert isinstance(config, UserConfig)
    return config


def normalize_argument(_: click.Context, __: click.Parameter, text: str) -> str:
    """The callback of arguments that are texts: no byte order mark, LF for CRLF."""
    return normalize_text(text)


def complete_run(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of runs."""
    return [run.name for run in _runs(ctx) if run.name.startswith(incomplete)]


def complete_weights(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of runs; after an @, references to the run's weights."""
    name, at, prefix = incomplete.partition("@")
    if not at:
        return [run.name for run in _runs(ctx) if run.name.startswith(name)]
    references = [ref for run in _runs(ctx) if run.name == name for ref in _weights_of(run)]
    return [f"{name}@{ref}" for ref in references if ref.startswith(prefix)]


def complete_corpus(
    ctx: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Bundled texts, and files, which the shell completes itself."""
    from core.text.corpus import bundled_corpora

    names = [corpus.name for corpus in bundled_corpora() if corpus.name.startswith(incomplete)]
    return [*map(CompletionItem, names), CompletionItem(incomplete, type="file")]


def complete_preset(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of presets."""
    from core.config.configs import AUTO
    from core.config.presets import PRESETS

    return [name for name in (AUTO, *PRESETS) if name.startswith(incomplete)]


def _runs(ctx: click.Context) -> list[Run]:
    from core.run.store import list_runs

    # An error message would end up in the command line being typed.
    with suppress(OSError):
        options = ctx.find_root().params
        from tui.common.user_config import load_user_config

        config = load_user_config(find_config_file(options.get("config_file")))
        return list_runs(find_home(options.get("home"), configured=config.general.home))
    return []


def _weights_of(run: Run) -> list[str]:
    """References to the weights of a run."""
    references = [LAST] if run.weights.is_file() else []
    references += [BEST] if run.best_weights.is_file() else []
    return references + [str(step) for step in run.snapshot_steps()]


ALL_DEVICES = "all"


def parse_devices(text: str) -> int:
    """A number of devices; `all` is 0, as in the setting.

    Raises:
        SettingsError: it is neither.
    """
    from core.config.configs import TrainConfig
    from core.config.schema import find_value_problems

    number = 0 if text == ALL_DEVICES else int(text) if text.isdecimal() and text.isascii() else -1
    if number < 0 or find_value_problems(TrainConfig, {"devices": number}):
        raise SettingsError({"devices": f"must be a number of devices or all, not {text!r}"})
    return number


devices_option = click.option(
    "--devices", type=parse_devices, metavar="N|all", help="number of devices to train on"
)


device_option = click.option("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")

"""What the shell's Tab key proposes: names of runs, texts and presets. Never fails, never talks.

The option --devices of `train` and `resume`: a number, or all.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    split_arg_string,
)

from core.config.configs import TrainConfig
from core.config.schema import find_value_problems
from core.errors import SettingsError
from core.paths import find_home
from core.run.directory import Run
from core.run.weights_ref import BEST, LAST

# What bash runs at the Tab key, in click's terms: `type,value` a line comes back.
BASH = """\
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
class WholeWords(BashComplete):
    """bash parts words at @ and = too, and puts what is proposed behind the last of them."""

    source_template = BASH
    _before = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The whole words before the cursor, and the one that is being typed."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        incomplete = "" if not words or line[-1].isspace() else words.pop()
        breaks = re.escape(os.environ["COMP_BREAKS"])
        found = re.match(rf".*[{breaks}]", incomplete, flags=re.DOTALL) if breaks else None
        self._before = found[0] if found else ""
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """What is to be put behind the part that bash takes for words of their own."""
        return f"{item.type},{item.value.removeprefix(self._before)}"


def complete_run(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of runs."""
    return [run.name for run in _runs(ctx) if run.name.startswith(incomplete)]


def complete_weights(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of runs; behind an @, which of the run's weights."""
    name, at, which = incomplete.partition("@")
    if not at:
        return [run.name for run in _runs(ctx) if run.name.startswith(name)]
    found = [run for run in _runs(ctx) if run.name == name]
    return [f"{name}@{kept}" for run in found for kept in _kept(run) if kept.startswith(which)]


def complete_corpus(
    ctx: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Bundled texts; the shell adds files, or proposes them where no bundled name fits."""
    from core.text.corpus import bundled_corpora

    names = [corpus.name for corpus in bundled_corpora() if corpus.name.startswith(incomplete)]
    return [*map(CompletionItem, names), CompletionItem(incomplete, type="file")]


def complete_preset(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Sizes by name."""
    from core.config.configs import AUTO
    from core.config.presets import PRESETS

    return [name for name in (AUTO, *PRESETS) if name.startswith(incomplete)]


def _runs(ctx: click.Context) -> list[Run]:
    from core.run.store import list_runs

    # A folder that cannot be read has nothing to propose; a message would land in the typed line.
    with suppress(OSError):
        return list_runs(find_home(ctx.find_root().params.get("home")))
    return []


def _kept(run: Run) -> list[str]:
    """Which weights there are, as they are written behind an @."""
    kept = [LAST] if run.weights.is_file() else []
    kept += [BEST] if run.best_weights.is_file() else []
    return kept + [str(step) for step in run.snapshot_steps()]


ALL = "all"


def count(text: str) -> int:
    """The number of devices written so; `all` is 0, as the setting has it.

    Raises:
        SettingsError: it is none.
    """
    number = 0 if text == ALL else int(text) if text.isdecimal() and text.isascii() else -1
    if number < 0 or find_value_problems(TrainConfig, {"devices": number}):
        raise SettingsError({"devices": f"must be a number of devices or all, is {text!r}"})
    return number


devices_option = click.option(
    "--devices", type=count, metavar="N|all", help="devices that train together"
)

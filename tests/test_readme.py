"""README.md: the test command that `.ci/run` reads from it, and its commands."""

from __future__ import annotations

import re
import subprocess

import click

from core.config.configs import AUTO, ModelConfig, TrainConfig
from core.config.presets import PRESETS
from core.config.schema import setting_specs
from tests.support.pages import PROGRAM, ROOT, commands_of
from tui.cli.group import cli

README = (ROOT / "README.md").read_text()
COMMANDS = commands_of(README)
TEST_COMMAND = (
    "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e '.[dev]'"
    " && .venv/bin/python -m pytest"
)
NOT_OURS = {"--quick", "--torch-backend"}  # of the benchmarks and of uv


def test_it_shows_every_command_of_the_program() -> None:
    shown = {arguments[0] for arguments in COMMANDS if arguments}
    shown |= set(re.findall(rf"`{PROGRAM} ([a-z-]+)", README))
    assert shown >= set(cli.list_commands(click.Context(cli)))


def test_options_settings_and_presets_named_in_sentences_exist() -> None:
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.DOTALL | re.MULTILINE)
    options = set(re.findall(r"`(--[a-z][a-z-]*)", prose))
    assert options
    assert options <= _options() | NOT_OURS
    settings = {*setting_specs(TrainConfig), *setting_specs(ModelConfig), "key"}
    assert set(re.findall(r"--set ([a-z_]+)=", prose)) <= settings
    for preset in re.findall(r"preset (?:but )?`([a-z]+)`", prose):
        assert preset in {AUTO, *PRESETS}


def _options() -> set[str]:
    context = click.Context(cli)
    names = cli.list_commands(context)
    commands = [cli, *filter(None, (cli.get_command(context, name) for name in names))]
    parameters = [p for command in commands for p in command.get_params(context)]
    return {name for parameter in parameters for name in parameter.opts}


def test_ci_runs_its_test_command() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("command=$(awk ") and line.endswith(")")]
    extract = line.removeprefix("command=$(").removesuffix(")")
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", extract], cwd=ROOT, capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == TEST_COMMAND + "\n"
    assert 'bash -euo pipefail -c "$command"' in lines


def test_the_corpora_of_its_examples_are_bundled() -> None:
    corpora = {arguments[1] for arguments in COMMANDS if arguments[:1] == ["train"]}
    bundled = {path.parent.name for path in (ROOT / "data").glob("*/about.toml")}
    assert {corpus for corpus in corpora if "." not in corpus} <= bundled

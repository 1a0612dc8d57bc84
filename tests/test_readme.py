"""The README says what is there: commands, options, files, and the command that `.ci/run` takes."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from core.config.configs import ModelConfig, SamplingConfig, TrainConfig
from core.config.presets import AUTO, PRESETS
from core.config.schema import parse_value, setting_specs
from tui.cli.group import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROGRAM = "minigpt-tui"
TEST_COMMAND = (
    "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e '.[dev]'"
    " && .venv/bin/python -m pytest"
)


def _blocks(text: str, language: str) -> list[str]:
    """What stands between fences of this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def _section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, flags=re.DOTALL | re.MULTILINE)
    assert found, f"README.md has no section {title!r}"
    return found[1]


def _pieces() -> Iterator[list[str]]:
    """The words of every command in the shell blocks, parted at && and |."""
    for line in "".join(_blocks(README, "sh")).splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
        lexer.whitespace_split, lexer.commenters = True, "#"
        piece: list[str] = []
        for word in lexer:
            if set(word) <= set("&|;"):
                yield piece
                piece = []
            else:
                piece.append(word)
        yield piece


def _command_lines() -> list[list[str]]:
    """The arguments of each call of the program."""
    return [piece[1:] for piece in _pieces() if piece and Path(piece[0]).name == PROGRAM]


def _parsed(arguments: list[str]) -> click.Context:
    """A command line parsed and not run; click raises what it does not know."""
    name, *rest = arguments
    context = click.Context(cli, info_name=PROGRAM)
    command = cli.get_command(context, name)
    assert command is not None, f"there is no command {name}"
    return command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("arguments", _command_lines(), ids=" ".join)
def test_every_command_it_shows_can_be_typed(arguments: list[str]) -> None:
    """A command or an option that was renamed, or never was."""
    context = _parsed(arguments)
    for pair in context.params.get("pairs", ()):
        name, _, value = pair.partition("=")
        owner = TrainConfig if name in setting_specs(TrainConfig) else ModelConfig
        parse_value(owner, name, value)
    for command, config in (("train", TrainConfig), ("generate", SamplingConfig)):
        if context.info_name == command:
            given = {name: context.params.get(name) for name in setting_specs(config)}
            config(**{name: value for name, value in given.items() if value is not None})


def test_it_shows_every_command() -> None:
    """A command that nobody finds; a check that finds no command to check."""
    shown = {arguments[0] for arguments in _command_lines() if arguments}
    shown |= set(re.findall(rf"`{PROGRAM} ([a-z-]+)", README))
    assert shown >= set(cli.list_commands(click.Context(cli)))


def test_options_and_settings_named_in_sentences_exist() -> None:
    """A sentence about an option that was renamed."""
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.DOTALL | re.MULTILINE)
    names = set(re.findall(r"`(--[a-z][a-z-]*)", prose))
    assert names, "the README names no option in its sentences"
    assert names <= _options() | {"--quick"}
    settings = {*setting_specs(TrainConfig), *setting_specs(ModelConfig), "key"}
    assert set(re.findall(r"--set ([a-z_]+)=", prose)) <= settings
    for preset in re.findall(r"preset `([a-z]+)`", prose):
        assert preset in {AUTO, *PRESETS}


def _options() -> set[str]:
    context = click.Context(cli)
    commands = [
        cli,
        *filter(None, (cli.get_command(context, n) for n in cli.list_commands(context))),
    ]
    parameters = [p for command in commands for p in command.get_params(context)]
    return {name for parameter in parameters for name in parameter.opts}


def test_ci_takes_the_test_command_from_it() -> None:
    """A check that runs another command than people are told, or none."""
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("command=$(awk ") and line.endswith(")")]
    extract = line.removeprefix("command=$(").removesuffix(")")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", extract], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == TEST_COMMAND + "\n"
    assert 'bash -euo pipefail -c "$command"' in lines


@pytest.mark.parametrize("package", ["core", "tui"])
def test_its_map_names_exactly_the_files_there_are(package: str) -> None:
    """A new file that the map lacks; a file that is gone and still on it."""
    text = "".join(_blocks(_section("The files"), ""))
    named = re.findall(rf"(?<![\w/]){package}/(\w+)(?:\.py)?(?![\w/])", text)
    real = sorted(path.stem for path in (ROOT / package).glob("*.py") if path.stem != "__init__")
    assert sorted(named) == real


def test_files_and_links_it_names_exist() -> None:
    """A link to a page that was moved."""
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_text_of_the_examples_is_bundled() -> None:
    """A first command that fails because a corpus was renamed."""
    texts = {arguments[1] for arguments in _command_lines() if arguments[:1] == ["train"]}
    bundled = {path.parent.name for path in (ROOT / "data").glob("*/corpus.txt")}
    assert {text for text in texts if "." not in text} <= bundled


def test_its_keys_are_the_ones_that_are_bound() -> None:
    """A key that does something else by now; `python docs/keys.py` makes the tables anew."""
    spec = importlib.util.spec_from_file_location("keys_page", ROOT / "docs" / "keys.py")
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    assert page.with_table(README) == README

"""The command group and its light commands, which import what they need when they run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from core.errors import nearest
from core.paths import CONFIG_VARIABLE, HOME_VARIABLE, Home, find_config_file, find_home
from tui.cli.console import discard_output, print_message
from tui.cli.options import complete_corpus, use_config
from tui.cli.options import complete_run as complete_run

CHAT, RUNS, MANAGE = "tui.cli.chat", "tui.cli.runs", "tui.cli.manage"
# Per command its module, "" for this one, and its line in --help, which so imports no command. In
# the order in which a new user needs them.
COMMANDS = {
    "train": ("tui.cli.train", "Train a model on a text and save it as a run."),
    "generate": ("tui.cli.generate", "Have a run's model continue a prompt."),
    "chat": (CHAT, "Chat with a run's model."),
    "step": (CHAT, "Choose the next tokens of a run's model one by one."),
    "trace": (CHAT, "Show the probability of each token of a text."),
    "blank": ("tui.cli.blank", "Fill in the blanks of a text with a run's encoder."),
    "score": ("tui.cli.score", "Measure how well a run's model predicts a file."),
    "test": ("tui.cli.test", "Test how often a run's replies are right."),
    "serve": ("tui.cli.serve", "Serve models to other programs on this machine."),
    "compare": ("tui.cli.compare", "Compare runs: settings, losses, sizes and replies."),
    "export": ("tui.cli.export", "Write a run's model for another program."),
    "origin": ("tui.cli.origin", "Find the passages of a text in a run's training text."),
    "import": ("tui.cli.import_", "Import a model of another program as a run."),
    "corpora": ("", "List the bundled texts, or describe a text of your own."),
    "attach": (RUNS, "Watch the training of a run."),
    "wait": ("tui.cli.wait", "Wait until the training of a run ends or reaches a loss."),
    "stop": (RUNS, "Save and stop the training of a run."),
    "pause": (RUNS, "Pause the training of a run; it stays in memory."),
    "continue": (RUNS, "Continue a paused run."),
    "save": (RUNS, "Save a checkpoint of a run now."),
    "change": (RUNS, "Change settings of a run while it trains."),
    "resume": (RUNS, "Resume a run from its last checkpoint, or train it longer."),
    "ls": ("", "List the runs with status and losses."),
    "show": ("", "Show everything about a run."),
    "logs": (MANAGE, "Print the output and errors of a run's trainer."),
    "path": ("", "Print the path of a run."),
    "rename": (MANAGE, "Rename a run."),
    "note": (MANAGE, "Print or replace the note on a run and its tags."),
    "rm": (MANAGE, "Delete runs permanently."),
    "config": ("tui.cli.config", "Show, read or change the configuration."),
    "doctor": ("tui.cli.doctor", "Check this machine."),
}
ALIASES = {"talk": "chat"}  # the names of earlier versions


class LazyGroup(click.Group):
    """A group that imports a command only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command or option."""
        names = [
            CompletionItem(name, help=summary)
            for name, (_, summary) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; if a reader such as `head` closes the output, exit with 0, not 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            discard_output()
            return 0

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of this name; an unknown name is an error that suggests similar ones."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            similar = nearest(args[0], self.list_commands(ctx))
            hint = f" Did you mean {' or '.join(similar)}?" if similar else ""
            ctx.fail(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, or None."""
        cmd_name = ALIASES.get(cmd_name, cmd_name)
        module, _ = COMMANDS.get(cmd_name, ("", ""))
        if not module:
            return super().get_command(ctx, cmd_name)
        import importlib

        name = f"{cmd_name}_" if cmd_name in ("continue", "import") else cmd_name
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    envvar=HOME_VARIABLE,
    help="Folder for runs, corpora and caches (default: the user data directory).",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar=CONFIG_VARIABLE,
    help="Configuration file (default: config.toml in the user configuration directory).",
)
@click.option("--ascii", "ascii_only", is_flag=True, help="Use ASCII characters only.")
@click.version_option(package_name="minigpt-tui", message="%(package)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, home: Path | None, config_file: Path | None, ascii_only: bool) -> int:
    """Train a GPT from scratch on your own text and talk to it, in the terminal.

    Without a command, the application opens.
    """
    from core.text.piped import remove_leftovers
    from tui.common.user_config import describe_problems, load_user_config
    from tui.launch import NO_TERMINAL_TEXT, can_open, open_app

    config = load_user_config(find_config_file(config_file))
    use_config(ctx, config)
    ctx.obj = find_home(home, configured=config.general.home)
    remove_leftovers(ctx.obj)
    if ctx.invoked_subcommand is not None:
        if config.problems and ctx.invoked_subcommand != "config":  # which names them itself
            print_message(describe_problems(config.path, config.problems))
        return 0
    if can_open(os.environ):
        return open_app(ctx.obj, ascii_only=ascii_only, config=config)
    click.echo(NO_TERMINAL_TEXT)
    return 0


@cli.command()
@click.argument("text", required=False, metavar="[NAME|PATH]", shell_complete=complete_corpus)
@click.option("--encoding", help="Encoding of your text (default: utf-8).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def corpora(home: Home, text: str | None, encoding: str | None, as_json: bool) -> None:
    """List the bundled texts, or describe one of them or a text of your own."""
    from tui.cli.corpora import describe_corpus, list_bundled_corpora

    if text is None:
        list_bundled_corpora(as_json)
    else:
        describe_corpus(home, text, encoding, as_json)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def ls(home: Home, as_json: bool) -> None:
    """List the runs with status and losses."""
    import dataclasses

    from core.run.summary import summarize_runs
    from tui.cli.console import print_json, print_table
    from tui.common.format import format_count, format_number, format_size

    rows = summarize_runs(home)
    if as_json:
        for row in rows:
            print_json(dataclasses.asdict(row))
        return
    if not rows:
        print_message("There are no runs yet. `minigpt-tui train lang` trains one in seconds.")
        return
    print_table(
        ("NAME", "STATUS", "STEP", "EPOCH", "LOSS", "VAL LOSS", "PARAMETERS", "SIZE", "CORPUS"),
        [
            (
                row.name,
                (row.problem and "damaged") or row.status,
                str(row.step),
                format_number(row.epoch),
                format_number(row.train_loss),
                format_number(row.val_loss),
                format_count(row.parameters),
                format_size(row.size),
                row.corpus or "",
            )
            for row in rows
        ],
        right=(2, 3, 4, 5, 6, 7),
        optional=(8, 6, 3, 7, 4, 2),
    )


@cli.command()
@click.argument("run", shell_complete=complete_run)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show(home: Home, run: str, as_json: bool) -> None:
    """Show everything about a run: its text, model, settings, losses and samples."""
    from core.run.store import find_run
    from tui.cli.show import show_run

    show_run(find_run(home, run), as_json)


@cli.command()
@click.argument("run", shell_complete=complete_run)
@click.pass_obj
def path(home: Home, run: str) -> None:
    """Print the path of a run."""
    from core.run.store import find_run
    from tui.cli.console import print_result

    print_result(str(find_run(home, run).folder))

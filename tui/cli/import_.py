"""`minigpt-tui import`: a model of another program becomes a run of the library."""

from __future__ import annotations

from pathlib import Path

import click

from core.paths import Home
from core.system.machine import free_memory
from tui.cli.console import print_json, print_message, print_result
from tui.common.format import format_count, format_size


@click.command("import")
@click.argument("source", metavar="FOLDER|FILE.gguf", type=click.Path(path_type=Path))
@click.option("--name", help="name of the run (default: that of the folder)")
@click.option("--source", "origin", help="where the model is from, to be noted (default: the path)")
@click.option("--licence", help="its licence, to be noted (default: what its files say)")
@click.option("--json", "as_json", is_flag=True, help="print the facts as a JSON object")
@click.pass_obj
def import_(
    home: Home,
    source: Path,
    name: str | None,
    origin: str | None,
    licence: str | None,
    as_json: bool,
) -> None:
    """Import the model in FOLDER or FILE.gguf, of GPT-2, Llama, Qwen2, Qwen3 or GPT-NeoX layout.

    A folder is one of transformers, with safetensors; its weights are linked, not copied, where
    that is possible. Everything but the history of its training works as with a run of yours, and
    `train TEXT --from` fine-tunes it.
    """
    from core.importing.model import import_model, read_foreign_model
    from core.run import store

    if name is not None:
        store.check_free(home, name)
    model = read_foreign_model(source)
    run = import_model(home, model, name=name, source=origin, licence=licence)
    if as_json:
        print_json(
            {
                "name": run.name,
                "folder": str(run.folder),
                "model_type": model.config.architecture,
                "parameters": model.parameters,
                "context": model.config.context,
                "memory": model.memory_bytes,
                "licence": model.licence if licence is None else licence,
            }
        )
        return
    free = free_memory()
    print_message(
        f"Imported {run.name}: {model.config.architecture}, "
        f"{format_count(model.parameters)} parameters, context of {model.config.context:,} tokens."
    )
    memory = f"In use it takes about {format_size(model.memory_bytes)} of memory"
    print_message(f"{memory}; {format_size(free)} are free.")
    if model.memory_bytes > free:
        print_message("That is more than is free: it can be loaded only on a larger machine.")
    print_result(run.name)

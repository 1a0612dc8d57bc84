"""Ways to damage the files of a run, and a fixture with a copy of a trained run to damage."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.paths import find_home
from core.run.directory import Run
from core.run.store import find_run
from tests.support.runners import TINY, small_text
from tui.__main__ import run

Damage = Callable[[Run], None]


@pytest.fixture(scope="module")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a text, and a home with a run of six steps and two checkpoints."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = ["train", str(small_text(folder)), "--name", "pets", "--foreground"]
    settings = ["--steps", "6", *TINY, "--set", "checkpoint_seconds=0"]
    assert run(["--home", str(folder / "home"), *arguments, *settings]) == 0
    return folder


@pytest.fixture
def run_copy(trained_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A copy of that run."""
    shutil.copytree(trained_home / "home", tmp_path / "home", symlinks=True)
    shutil.copy(trained_home / "pets.txt", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    return find_run(find_home(tmp_path / "home"), "pets")


def read_files(folder: Path) -> dict[Path, bytes]:
    """The content of every regular file, the target of every link; without locks and cache."""
    return {
        path: str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if (path.is_symlink() or path.is_file()) and not {"cache", "trainer.lock"} & {*path.parts}
    }


def replace_content(name: str, data: bytes) -> Damage:
    def damage(run: Run) -> None:
        (run.folder / name).unlink()  # it may be a hard link to a file of a checkpoint
        (run.folder / name).write_bytes(data)

    return damage


def replace_by_link(name: str, target: str) -> Damage:
    return replace_by(name, lambda path: path.symlink_to(target))


def replace_by(name: str, make: Callable[[Path], Any]) -> Damage:
    def damage(run: Run) -> None:
        (run.folder / name).unlink()
        make(run.folder / name)

    return damage


def edit_json(name: str, change: Callable[[dict[str, Any]], Any]) -> Damage:
    def damage(run: Run) -> None:
        values = json.loads((run.folder / name).read_text())
        change(values)
        replace_content(name, json.dumps(values).encode())(run)

    return damage


def edit_tensors(change: Callable[[torch.Tensor], torch.Tensor]) -> Damage:
    def damage(run: Run) -> None:
        tensors = {name: change(tensor) for name, tensor in load_file(run.weights).items()}
        run.weights.unlink()
        save_file(tensors, run.weights)

    return damage


# Damage to any file, by what it becomes.
ANY_FILE_DAMAGES: dict[str, Callable[[str], Damage]] = {
    "missing": lambda name: replace_by(name, lambda path: None),
    "folder": lambda name: replace_by(name, Path.mkdir),
    "pipe": lambda name: replace_by(name, os.mkfifo),
    "dangling link": lambda name: replace_by_link(name, "/nowhere/at/all"),
    "circular link": lambda name: replace_by_link(name, name),
    "unreadable": lambda name: replace_by_link(name, "/proc/self/mem"),
    "empty": lambda name: replace_content(name, b""),
    "null": lambda name: replace_content(name, b"null"),
    "empty object": lambda name: replace_content(name, b"{}"),
    "deeply nested": lambda name: replace_content(name, b"[" * 200_000),
    "huge number": lambda name: replace_content(name, b'{"format":' + b"9" * 5000 + b"}"),
    "infinite number": lambda name: replace_content(name, b'{"format": 1, "size": 1e999}'),
}

"""Ways to damage a run; the fixture `one` is a copy of a run that was trained for six steps."""

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
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a text, and a home with a run of six steps and two checkpoints."""
    folder = tmp_path_factory.mktemp("trained")
    asked = ["train", str(small_text(folder)), "--name", "pets", "--foreground", "--steps", "6"]
    often = ["--set", "checkpoint_seconds=0"]
    assert run(["--home", str(folder / "home"), *asked, *TINY, *often]) == 0
    return folder


@pytest.fixture
def one(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A copy of it, to be damaged."""
    shutil.copytree(trained / "home", tmp_path / "home", symlinks=True)
    shutil.copy(trained / "pets.txt", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    return find_run(find_home(tmp_path / "home"), "pets")


def contents(folder: Path) -> dict[Path, bytes]:
    """Every plain file, but locks and token maps; of a link what it says."""
    return {
        path: str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if (path.is_symlink() or path.is_file()) and not {"cache", "trainer.lock"} & {*path.parts}
    }


def put(name: str, data: bytes) -> Damage:
    def damage(one: Run) -> None:
        (one.folder / name).unlink()  # it may share its content with a checkpoint's
        (one.folder / name).write_bytes(data)

    return damage


def link(name: str, target: str) -> Damage:
    def damage(one: Run) -> None:
        (one.folder / name).unlink()
        (one.folder / name).symlink_to(target)

    return damage


def instead(name: str, make: Callable[[Path], Any]) -> Damage:
    def damage(one: Run) -> None:
        (one.folder / name).unlink()
        make(one.folder / name)

    return damage


def edit(name: str, change: Callable[[dict[str, Any]], Any]) -> Damage:
    def damage(one: Run) -> None:
        values = json.loads((one.folder / name).read_text())
        change(values)
        put(name, json.dumps(values).encode())(one)

    return damage


def tensors(change: Callable[[torch.Tensor], torch.Tensor]) -> Damage:
    def damage(one: Run) -> None:
        found = {name: change(tensor) for name, tensor in load_file(one.weights).items()}
        one.weights.unlink()
        save_file(found, one.weights)

    return damage


# A file that is not there, or is none.
ANYWHERE: dict[str, Callable[[str], Damage]] = {
    "gone": lambda name: instead(name, lambda path: None),
    "folder": lambda name: instead(name, Path.mkdir),
    "pipe": lambda name: instead(name, os.mkfifo),
    "dangling": lambda name: link(name, "/nowhere/at/all"),
    "loop": lambda name: link(name, name),
    "unreadable": lambda name: link(name, "/proc/self/mem"),
    "empty": lambda name: put(name, b""),
    "null": lambda name: put(name, b"null"),
    "object": lambda name: put(name, b"{}"),
    "deep": lambda name: put(name, b"[" * 200_000),
    "digits": lambda name: put(name, b'{"format":' + b"9" * 5000 + b"}"),
    "infinite": lambda name: put(name, b'{"format": 1, "size": 1e999}'),
}

"""A refused request changes nothing on the disk, not even a time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from core.paths import find_home
from core.run.directory import Run, numbered_folders
from core.run.status import status_of
from tests.support.damage import run_copy, trained_home
from tui.__main__ import run

__all__ = ["run_copy", "trained_home"]

Files = dict[str, tuple[int, int, bytes]]


def read_disk(folder: Path) -> Files:
    """Every file and folder with its size, time and content."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_size,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


def forget_text(run: Run) -> None:
    for path in find_home().corpora.iterdir():
        path.unlink()


def change_text(run: Run) -> None:
    """The text has another size than when the run was trained."""
    for path in find_home().corpora.glob("*.json"):
        record = json.loads(path.read_text())
        changed = run.folder.parents[1] / "changed.txt"
        changed.write_text("another text\n")
        record["files"][0]["path"] = str(changed)
        path.write_text(json.dumps(record))


def damage_config(run: Run) -> None:
    run.config.write_text("{}")


def damage_tokenizer(run: Run) -> None:
    run.tokenizer.write_text("{}")


def cut_checkpoints(run: Run) -> None:
    for step in numbered_folders(run.checkpoints):
        path = run.checkpoint(step).optimizer
        os.truncate(path, path.stat().st_size - 1)


def damage_checkpoint_states(run: Run) -> None:
    for step in numbered_folders(run.checkpoints):
        run.checkpoint(step).state.write_text("{}")


def set_newer_checkpoint_format(run: Run) -> None:
    for step in numbered_folders(run.checkpoints):
        run.checkpoint(step).state.write_text('{"format": 99}')


@pytest.mark.parametrize(
    "damage",
    [
        forget_text,
        change_text,
        damage_config,
        damage_tokenizer,
        cut_checkpoints,
        damage_checkpoint_states,
        set_newer_checkpoint_format,
    ],
)
@pytest.mark.parametrize("where", [[], ["--detach"], ["--foreground"]])
def test_a_refused_resume_changes_nothing(
    run_copy: Run, damage: Callable[[Run], None], where: list[str]
) -> None:
    damage(run_copy)
    before, home = read_disk(run_copy.folder.parents[1]), run_copy.folder.parents[1]
    assert run(["resume", run_copy.name, "--steps", "5", *where]) == 2
    assert read_disk(home) == before
    assert status_of(run_copy) == "finished"


@pytest.mark.parametrize(
    "arguments",
    [
        ["resume", "RUN"],
        ["resume", "RUN", "--steps", "0"],
        ["resume", "RUN", "--steps", "5", "--devices", "3"],
        ["resume", "RUN", "--steps", "5", "--devices", "3", "--foreground"],
        ["change", "RUN", "learning_rate=1"],
        ["change", "RUN", "layers=1"],
        ["stop", "RUN"],
        ["rename", "RUN", "RUN"],
        ["rename", "RUN", "other"],
        ["rename", "RUN", "../other"],
        ["train", "lang", "--from", "RUN", "--preset", "tiny"],
        ["train", "lang", "--from", "RUN@best@1"],
        ["train", "lang", "--from", "RUN@123"],
        ["train", "lang", "--name", "RUN"],
        ["train", "lang", "--devices", "3", "--name", "new"],
        ["train", "none.txt"],
    ],
    ids=" ".join,
)
def test_what_is_refused_changes_nothing(
    run_copy: Run, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    other = run_copy.folder.with_name("other")
    other.mkdir()
    (other / "run.json").write_text("{}")
    home = run_copy.folder.parents[1]
    before = read_disk(home)
    assert run([argument.replace("RUN", run_copy.name) for argument in arguments]) == 2
    assert read_disk(home) == before

"""Where the files of a run are."""

from __future__ import annotations

import inspect
from pathlib import Path

from core.run.directory import CheckpointFiles, Run, numbered_folders


def test_the_layout_is_the_contract() -> None:
    """Other programs and copied runs rely on these names."""
    run = Run(Path("home/runs/lang"))
    paths = {
        name: getattr(run, name).relative_to(run.folder).as_posix()
        for name, _ in inspect.getmembers(Run, lambda member: isinstance(member, property))
        if name != "name"
    }
    assert run.name == "lang"
    assert paths == {
        "record": "run.json",
        "config": "config.json",
        "generation_config": "generation_config.json",
        "tokenizer": "tokenizer.json",
        "tokenizer_config": "tokenizer_config.json",
        "weights": "model.safetensors",
        "best_weights": "best/model.safetensors",
        "events": "events.jsonl",
        "requests": "requests.jsonl",
        "log": "trainer.log",
        "lock": "trainer.lock",
        "writer_lock": "writer.lock",
        "chat": "talk.jsonl",
        "notes": "notes.json",
        "sampling": "sampling.json",
        "checkpoints": "checkpoint",
        "last_checkpoint": "checkpoint/last",
        "snapshots": "snapshots",
    }
    assert run.checkpoint(7) == CheckpointFiles(run.folder / "checkpoint" / "7")


def test_numbered_folders_in_order(tmp_path: Path) -> None:
    """Temporary folders and foreign files are not steps."""
    for name in ("10", "9", ".new-11", "x1", "²"):
        (tmp_path / name).mkdir()
    (tmp_path / "8").touch()
    assert numbered_folders(tmp_path) == [9, 10]
    assert numbered_folders(tmp_path / "none") == []


def test_snapshots_without_weights_do_not_count(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.snapshot_weights(4).parent.mkdir(parents=True)
    run.snapshot_weights(2).parent.mkdir()
    run.snapshot_weights(2).touch()
    assert run.snapshot_steps() == [2]

"""A run directory: where each file of a run is.

This is the only module that knows the names of the files in a run; other modules are given a
`Run`, or paths. It touches no file but to look which steps there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """A run directory. Every path below it is a property here and nowhere else."""

    folder: Path

    @property
    def name(self) -> str:
        """The run's name, which is the folder's."""
        return self.folder.name

    @property
    def record(self) -> Path:
        """What was asked for; written once."""
        return self.folder / "run.json"

    @property
    def config(self) -> Path:
        """The model's own configuration, as transformers reads it."""
        return self.folder / "config.json"

    @property
    def generation_config(self) -> Path:
        """How transformers should generate by default."""
        return self.folder / "generation_config.json"

    @property
    def tokenizer(self) -> Path:
        """The tokenizer; its configuration stands beside it."""
        return self.folder / "tokenizer.json"

    @property
    def tokenizer_config(self) -> Path:
        """What transformers needs to know of the tokenizer."""
        return self.folder / "tokenizer_config.json"

    @property
    def weights(self) -> Path:
        """The newest saved weights."""
        return self.folder / "model.safetensors"

    @property
    def best_weights(self) -> Path:
        """The weights with the lowest validation loss."""
        return self.folder / "best" / "model.safetensors"

    @property
    def events(self) -> Path:
        """What the trainer said."""
        return self.folder / "events.jsonl"

    @property
    def requests(self) -> Path:
        """What the trainer was asked."""
        return self.folder / "requests.jsonl"

    @property
    def log(self) -> Path:
        """The trainer's output and error streams."""
        return self.folder / "trainer.log"

    @property
    def lock(self) -> Path:
        """Held while a trainer lives."""
        return self.folder / "trainer.lock"

    @property
    def writer_lock(self) -> Path:
        """Held by the one process of several that writes."""
        return self.folder / "writer.lock"

    @property
    def talk(self) -> Path:
        """What was said to the model."""
        return self.folder / "talk.jsonl"

    @property
    def checkpoints(self) -> Path:
        """One folder a checkpoint, named by its step."""
        return self.folder / "checkpoint"

    @property
    def last_checkpoint(self) -> Path:
        """The file that names the newest whole checkpoint."""
        return self.checkpoints / "last"

    def checkpoint(self, step: int | str) -> CheckpointFiles:
        """The files of one checkpoint."""
        return CheckpointFiles(self.checkpoints / str(step))

    @property
    def snapshots(self) -> Path:
        """One folder a snapshot, named by its step."""
        return self.folder / "snapshots"

    def snapshot_weights(self, step: int) -> Path:
        """The weights as they were at a step."""
        return self.snapshots / str(step) / "model.safetensors"

    def snapshot_steps(self) -> list[int]:
        """The steps there are snapshots of, in order."""
        steps = numbered_folders(self.snapshots)
        return [step for step in steps if self.snapshot_weights(step).is_file()]


@dataclass(frozen=True)
class CheckpointFiles:
    """The files of one checkpoint."""

    folder: Path

    @property
    def weights(self) -> Path:
        """The model."""
        return self.folder / "model.safetensors"

    @property
    def optimizer(self) -> Path:
        """The optimiser's tensors."""
        return self.folder / "optimizer.safetensors"

    @property
    def state(self) -> Path:
        """The small state of the loop."""
        return self.folder / "state.json"


def numbered_folders(folder: Path) -> list[int]:
    """The numbers that name folders in `folder`, in order; none if it does not exist."""
    if not folder.is_dir():
        return []
    names = [entry.name for entry in folder.iterdir() if entry.is_dir()]
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())

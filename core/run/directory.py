"""The layout of a run directory: the path of each file.

Only this module knows the names of these files; other modules get a `Run` or paths. It reads
nothing but the names of folders.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MAX_STEP_BYTES = 64  # of the file that names the newest checkpoint


@dataclass(frozen=True)
class Run:
    """A run directory and the paths below it."""

    folder: Path

    @property
    def name(self) -> str:
        """The run's name is that of its folder."""
        return self.folder.name

    @property
    def record(self) -> Path:
        """The settings requested at creation; written once."""
        return self.folder / "run.json"

    @property
    def config(self) -> Path:
        """The model's configuration, in the format of transformers."""
        return self.folder / "config.json"

    @property
    def generation_config(self) -> Path:
        """Default generation settings for transformers."""
        return self.folder / "generation_config.json"

    @property
    def tokenizer(self) -> Path:
        """The tokenizer, in the format of the tokenizers library."""
        return self.folder / "tokenizer.json"

    @property
    def tokenizer_config(self) -> Path:
        """The tokenizer's configuration for transformers."""
        return self.folder / "tokenizer_config.json"

    @property
    def weights(self) -> Path:
        """The newest saved weights."""
        return self.folder / "model.safetensors"

    @property
    def best_weights(self) -> Path:
        """The weights of the best evaluation."""
        return self.folder / "best" / "model.safetensors"

    @property
    def events(self) -> Path:
        """The event log, written by the trainer."""
        return self.folder / "events.jsonl"

    @property
    def requests(self) -> Path:
        """Control requests to the trainer."""
        return self.folder / "requests.jsonl"

    @property
    def log(self) -> Path:
        """The trainer's standard output and errors."""
        return self.folder / "trainer.log"

    @property
    def lock(self) -> Path:
        """Held while a trainer is alive."""
        return self.folder / "trainer.lock"

    @property
    def writer_lock(self) -> Path:
        """Held by the process that writes, if several train together."""
        return self.folder / "writer.lock"

    @property
    def chat(self) -> Path:
        """The chats with the model."""
        return self.folder / "talk.jsonl"

    @property
    def sampling(self) -> Path:
        """The sampling settings last used with the model."""
        return self.folder / "sampling.json"

    @property
    def checkpoints(self) -> Path:
        """One folder per checkpoint, named by its step."""
        return self.folder / "checkpoint"

    @property
    def last_checkpoint(self) -> Path:
        """The file that names the newest complete checkpoint."""
        return self.checkpoints / "last"

    def checkpoint(self, step: int | str) -> CheckpointFiles:
        return CheckpointFiles(self.checkpoints / str(step))

    @property
    def snapshots(self) -> Path:
        """One folder per snapshot, named by its step."""
        return self.folder / "snapshots"

    def snapshot_weights(self, step: int) -> Path:
        """The weights at a step."""
        return self.snapshots / str(step) / "model.safetensors"

    @property
    def notes(self) -> Path:
        """The user's note and tags."""
        return self.folder / "notes.json"

    def written_files(self) -> tuple[Path, ...]:
        """The files that are appended to or locked, rather than replaced."""
        return (self.events, self.requests, self.log, self.lock, self.writer_lock, self.chat)

    def written_folders(self) -> tuple[Path, ...]:
        """The folders in which files are created and removed."""
        return (self.checkpoints, self.snapshots, self.best_weights.parent)

    def snapshot_steps(self) -> list[int]:
        """The steps of the snapshots, in order."""
        steps = numbered_folders(self.snapshots)
        return [step for step in steps if self.snapshot_weights(step).is_file()]


@dataclass(frozen=True)
class CheckpointFiles:
    """The files of one checkpoint."""

    folder: Path

    @property
    def weights(self) -> Path:
        return self.folder / "model.safetensors"

    @property
    def optimizer(self) -> Path:
        return self.folder / "optimizer.safetensors"

    @property
    def state(self) -> Path:
        """The state of the training loop besides tensors."""
        return self.folder / "state.json"


def numbered_folders(folder: Path) -> list[int]:
    """The numbers that are names of folders in `folder`, in order; none if it is missing."""
    if not folder.is_dir():
        return []
    names = [entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink()]
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())

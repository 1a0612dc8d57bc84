"""`torch.compile` in training: switched on once it pays, and never a failure.

Compiled, the many small operations between the products become few. That takes a minute or so, so
it waits until the run itself shows how long it still has to go; where the compiler is missing or
fails, the run goes on as before, and says so. Only what is called in training is compiled: the
blocks, each by the same code, and the loss.

Source: Ansel et al. 2024, "PyTorch 2: Faster Machine Learning Through Dynamic Python Bytecode
Transformation and Graph Compilation".
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from core.config.configs import AUTO, OFF, ON
from core.model.decoder import Decoder, call_directly
from core.train.state import TrainState

ASSUMED_TIME_SAVING = 0.2  # of a step, that compiling is trusted to save
COMPILE_SECONDS = 90.0
INDUCTOR = "inductor"
# Headers would be kept in a folder with a name that anybody can guess.
CPU_OPTIONS: dict[str, str | int | bool | Callable[..., Any]] = {
    "cpp_cache_precompile_headers": False
}
CACHE_FOLDER_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"
MIN_TIMED_STEPS, MIN_TIMED_SECONDS = 10, 5.0  # until the time of a step is known


def should_compile(device: torch.device, seconds_left: float) -> bool:
    """Whether compiling would save more of what is left than it takes.

    On processors it was measured to save too little (docs/training_log.md).
    """
    return device.type == "cuda" and ASSUMED_TIME_SAVING * seconds_left > COMPILE_SECONDS


def _keep_to_itself() -> None:
    """Has the compiler keep its files where nobody else can put some: it loads what it finds."""
    if CACHE_FOLDER_VARIABLE not in os.environ:
        os.environ[CACHE_FOLDER_VARIABLE] = tempfile.mkdtemp(prefix="minigpt-tui-")
        atexit.register(shutil.rmtree, os.environ[CACHE_FOLDER_VARIABLE], ignore_errors=True)


@dataclass
class CompiledCall:
    """A decoder whose training is compiled once it is started, until that fails.

    Attributes:
        on: whether it is compiled now.
        failure: in short why it is not any more.
    """

    model: Decoder
    backend: str | Callable[..., Any] = INDUCTOR
    on: bool = False
    failure: str = ""

    def start(self) -> bool:
        """Whether it is compiled from now on, the next call being the one that compiles."""
        if self.on or self.failure:
            return False
        _keep_to_itself()
        by_headers = self.backend == INDUCTOR and self.model.device.type == "cpu"
        options = CPU_OPTIONS if by_headers else None
        self.on = True
        try:
            self.model.call_in_training = torch.compile(
                call_directly, backend=self.backend, options=options
            )
        except (ImportError, RuntimeError) as error:  # no compiler for this version of Python, say
            self.give_up(error)
        return self.on

    def give_up(self, error: Exception) -> bool:
        """Whether what failed was compiled and is not from now on, so that it is worth a retry."""
        if not self.on:
            return False
        self.model.call_in_training, self.on = call_directly, False
        said = " ".join(str(error).splitlines()[:2]).strip()  # who raised it, and what
        self.failure = said or type(error).__name__
        return True


@dataclass
class StepCompiler:
    """The setting as it should be, by what a run shows while it goes on."""

    compiled: CompiledCall
    device: torch.device
    _since: tuple[int, float] | None = None

    def wish(self, choice: str, progress: TrainState, steps: int) -> tuple[str, str]:
        """The setting from now on, and why where it is another.

        Args:
            choice: the setting as it is.
            steps: updates in all.
        """
        if choice == ON and self.compiled.failure:
            return OFF, f"cannot be compiled: {self.compiled.failure}"
        if choice != AUTO:
            return choice, ""
        left = self._seconds_left(progress, steps)
        if not should_compile(self.device, left):
            return choice, ""
        return ON, f"{left / 60.0:.0f} minutes are left"

    def _seconds_left(self, progress: TrainState, steps: int) -> float:
        """Zero as long as nobody knows."""
        self._since = self._since or (progress.step, progress.elapsed)
        done, taken = progress.step - self._since[0], progress.elapsed - self._since[1]
        if done < MIN_TIMED_STEPS or taken < MIN_TIMED_SECONDS:
            return 0.0
        return (steps - progress.step) * taken / done

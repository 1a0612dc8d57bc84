"""`torch.compile` in training: switched on once it pays, switched off if it fails.

Compilation fuses the many small operations between matrix products. It takes about a minute, so
with `compile=auto` it waits until the measured speed shows how long training will still take. If
the compiler is missing or fails, training continues without it. Only what training calls is
compiled: the blocks, all by the same code, and the loss.

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
from core.model.language_model import LanguageModel, call_directly
from core.train.state import TrainState

ASSUMED_TIME_SAVING = 0.2  # of the time of a step
COMPILE_SECONDS = 90.0
MIN_TIMED_STEPS, MIN_TIMED_SECONDS = 10, 5.0  # before the time of a step is known

INDUCTOR = "inductor"
# On a CPU, precompiled headers would be kept in a folder whose name others can guess.
CPU_OPTIONS: dict[str, str | int | bool | Callable[..., Any]] = {
    "cpp_cache_precompile_headers": False
}
CACHE_FOLDER_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"


@dataclass
class CompiledCall:
    """A decoder whose training can be compiled, until that fails once.

    Attributes:
        on: whether training is compiled now.
        failure: why compilation failed, in short.
    """

    model: LanguageModel
    backend: str | Callable[..., Any] = INDUCTOR
    on: bool = False
    failure: str | None = None

    def start(self) -> bool:
        """Compile at the next call; return whether that changes anything."""
        if self.on or self.failure is not None:
            return False
        _use_private_cache_folder()
        uses_headers = self.backend == INDUCTOR and self.model.device.type == "cpu"
        options = CPU_OPTIONS if uses_headers else None
        self.on = True
        try:
            self.model.call_in_training = torch.compile(
                call_directly, backend=self.backend, options=options
            )
        except (ImportError, RuntimeError) as error:  # e.g. no compiler for this Python version
            self.disable(error)
        return self.on

    def disable(self, error: Exception) -> bool:
        """Switch compilation off for good; return whether it was on, so that a retry helps."""
        if not self.on:
            return False
        self.model.call_in_training, self.on = call_directly, False
        # The first line names the backend, the second one the error.
        self.failure = " ".join(str(error).splitlines()[:2]).strip() or type(error).__name__
        return True


def _use_private_cache_folder() -> None:
    """Keep the compiler's files where no other user can put some: it executes what it finds."""
    if CACHE_FOLDER_VARIABLE not in os.environ:
        os.environ[CACHE_FOLDER_VARIABLE] = tempfile.mkdtemp(prefix="minigpt-tui-")
        atexit.register(shutil.rmtree, os.environ[CACHE_FOLDER_VARIABLE], ignore_errors=True)


@dataclass
class CompileScheduler:
    """Decide during training when to switch compilation on or off."""

    compiled: CompiledCall
    device: torch.device
    _first_timed: tuple[int, float] | None = None

    def next_setting(self, setting: str, state: TrainState, steps: int) -> tuple[str, str] | None:
        """The new value of the setting `compile` and the reason; None if it stays.

        Args:
            steps: updates of the whole training.
        """
        if setting == ON and self.compiled.failure is not None:
            return OFF, f"cannot be compiled: {self.compiled.failure}"
        if setting != AUTO:
            return None
        seconds_left = self._seconds_left(state, steps)
        if not should_compile(self.device, seconds_left):
            return None
        return ON, f"{seconds_left / 60.0:.0f} minutes are left"

    def _seconds_left(self, state: TrainState, steps: int) -> float:
        """Estimated seconds left; 0 until enough steps were timed."""
        self._first_timed = self._first_timed or (state.step, state.elapsed)
        timed_steps = state.step - self._first_timed[0]
        timed_seconds = state.elapsed - self._first_timed[1]
        if timed_steps < MIN_TIMED_STEPS or timed_seconds < MIN_TIMED_SECONDS:
            return 0.0
        return (steps - state.step) * timed_seconds / timed_steps


def should_compile(device: torch.device, seconds_left: float) -> bool:
    """Whether compilation would save more time than it takes.

    On CPUs it was measured to save too little (docs/training_log.md).
    """
    return device.type == "cuda" and ASSUMED_TIME_SAVING * seconds_left > COMPILE_SECONDS

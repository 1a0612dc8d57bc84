"""Copying to the terminal's clipboard: OSC 52, and tmux's own command because tmux drops OSC 52."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress

from textual.app import App

TMUX_TIMEOUT_S = 2.0


def copy_to_clipboard(app: App[None], text: str) -> None:
    """Send the text to the terminal, which does not report whether it accepted it."""
    data = text.encode("utf-8", "replace")  # lone surrogates become question marks
    app.copy_to_clipboard(data.decode())
    if os.environ.get("TMUX") and (tmux := shutil.which("tmux")):
        # As with OSC 52, a failure is not reported.
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                [tmux, "load-buffer", "-w", "-"],
                input=data,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=TMUX_TIMEOUT_S,
                check=False,
            )

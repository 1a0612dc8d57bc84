"""The clipboard of a terminal: OSC 52, and tmux's own way where tmux swallows that."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress

from textual.app import App

SECONDS = 2.0


def put_on_clipboard(app: App[None], text: str) -> None:
    """Offers the text to the terminal; nobody tells whether it took it."""
    whole = text.encode("utf-8", "replace")  # half a character is none
    app.copy_to_clipboard(whole.decode())
    if os.environ.get("TMUX") and (tmux := shutil.which("tmux")):
        # A tmux that fails is a terminal that does not take it: nobody tells, either.
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                [tmux, "load-buffer", "-w", "-"],
                input=whole,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                check=False,
            )

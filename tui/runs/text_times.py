"""How long training on each text takes on this machine, kept in the cache."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any

from core.errors import MiniGPTError
from core.paths import Home
from core.system.files import make_private_folder, read_json, write_json
from core.system.machine import this_host
from core.text.corpus import Corpus

FILE = "text_times.json"
MAX_TEXTS = 500  # kept


@dataclass(frozen=True, kw_only=True)
class TextTime:
    """The forecast for a text with automatic settings.

    Attributes:
        seconds: of training.
        device: where, as the planner calls it, such as cuda:0.
    """

    seconds: float
    device: str


class TextTimes:
    """Forecasts by text, for this machine and this version of the program.

    A cache that cannot be read or written is ignored: every forecast can be made again.
    """

    def __init__(self, home: Home) -> None:
        self._file = home.cache / FILE
        self._entries: dict[str, Any] = {}
        try:
            if self._file.is_file():
                self._entries = dict(read_json(self._file))
        except (MiniGPTError, OSError):
            pass

    def find(self, corpus: Corpus) -> TextTime | None:
        """The forecast for a text, if there is one."""
        entry: Any = self._entries.get(_key(corpus), {})
        try:
            return TextTime(seconds=float(entry["seconds"]), device=str(entry["device"]))
        except (LookupError, TypeError, ValueError):
            return None

    def add(self, corpus: Corpus, time: TextTime) -> None:
        """Keep a forecast."""
        entries = {**self._entries, _key(corpus): {"seconds": time.seconds, "device": time.device}}
        self._entries = dict(list(entries.items())[-MAX_TEXTS:])
        try:
            make_private_folder(self._file.parent)
            write_json(self._file, self._entries)
        except (MiniGPTError, OSError):
            pass


def _key(corpus: Corpus) -> str:
    """Identifies a text as it is now, the machine and its visible devices, and the version."""
    files = []
    for path in corpus.files:
        status = path.stat() if path.exists() else None
        files.append((os.fspath(path), status and status.st_size, status and status.st_mtime_ns))
    machine = this_host().name, os.environ.get("CUDA_VISIBLE_DEVICES"), os.cpu_count()
    from importlib.metadata import version  # slow to import: not for the first frame

    facts = json.dumps([version("minigpt-tui"), machine, corpus.encoding, files])
    return hashlib.sha256(facts.encode()).hexdigest()[:32]

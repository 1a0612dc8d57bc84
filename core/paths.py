"""Where runs, corpora and caches are kept; pure functions, nothing is created here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from core.errors import InputError

APP = "minigpt-tui"
HOME_VARIABLE = "MINIGPT_HOME"


@dataclass(frozen=True, kw_only=True)
class Home:
    """The folders that hold everything the program keeps.

    Attributes:
        root: the user data directory; runs and corpora are below it.
        cache: what can be made again at any time (token files).
    """

    root: Path
    cache: Path

    @property
    def runs(self) -> Path:
        """One folder a run."""
        return self.root / "runs"

    @property
    def corpora(self) -> Path:
        """Facts of texts seen, and texts that came through standard input."""
        return self.root / "corpora"


def find_home(override: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Home:
    """The home to use: `override`, else `$MINIGPT_HOME`, else the user data directory.

    With an override or the variable the cache moves along, to `cache` below it.

    Raises:
        InputError: it begins with ~ and the name of nobody.
    """
    chosen = override or environ.get(HOME_VARIABLE)
    if chosen:
        root = _expanded(Path(chosen)).absolute()
        return Home(root=root, cache=root / "cache")
    return Home(
        root=platformdirs.user_data_path(APP, appauthor=False),
        cache=platformdirs.user_cache_path(APP, appauthor=False),
    )


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise InputError(
            f"There is no user {path.parts[0][1:]!r} here.",
            f"Choose another folder with --home or {HOME_VARIABLE}.",
        ) from None

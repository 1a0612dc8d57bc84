"""Where runs, corpora and caches are kept. Nothing is created here."""

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
    """The folders of everything the program keeps.

    Attributes:
        root: user data directory, with runs and corpora.
        cache: files that can be rebuilt at any time (tokens of a corpus).
    """

    root: Path
    cache: Path

    @property
    def runs(self) -> Path:
        """One folder per run."""
        return self.root / "runs"

    @property
    def corpora(self) -> Path:
        """Statistics of known corpora, and texts read from standard input."""
        return self.root / "corpora"


def find_home(override: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Home:
    """The home to use: `override`, else `$MINIGPT_HOME`, else the user data directory.

    With an override or the variable, the cache is its subfolder `cache`.

    Raises:
        InputError: the path begins with ~ and an unknown user name.
    """
    chosen = override or environ.get(HOME_VARIABLE)
    if not chosen:
        return Home(
            root=platformdirs.user_data_path(APP, appauthor=False),
            cache=platformdirs.user_cache_path(APP, appauthor=False),
        )
    path = Path(chosen)
    try:
        root = path.expanduser().absolute()
    except RuntimeError:
        raise InputError(
            f"There is no user {path.parts[0][1:]!r} on this machine.",
            f"Choose another folder with --home or {HOME_VARIABLE}.",
        ) from None
    return Home(root=root, cache=root / "cache")

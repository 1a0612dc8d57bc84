"""Where runs, corpora, caches and the configuration file are. Nothing is created here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from core.errors import InputError

APP = "minigpt-tui"
HOME_VARIABLE = "MINIGPT_HOME"
CONFIG_VARIABLE = "MINIGPT_CONFIG"


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


def find_home(
    override: str | Path | None = None,
    environ: Mapping[str, str] = os.environ,
    configured: str | None = None,
) -> Home:
    """The home: `override`, `$MINIGPT_HOME`, `configured`, or else the user data directory.

    With any of the first three, the cache is its subfolder `cache`.

    Args:
        configured: the entry `home` of the configuration file.

    Raises:
        InputError: the path begins with ~ and an unknown user name.
    """
    chosen = override or environ.get(HOME_VARIABLE) or configured
    if not chosen:
        return Home(
            root=platformdirs.user_data_path(APP, appauthor=False),
            cache=platformdirs.user_cache_path(APP, appauthor=False),
        )
    root = _expand(Path(chosen), f"Choose another folder with --home or {HOME_VARIABLE}.")
    return Home(root=root, cache=root / "cache")


def find_config_file(
    override: str | Path | None = None, environ: Mapping[str, str] = os.environ
) -> Path:
    """The configuration file: `override`, `$MINIGPT_CONFIG`, or that of the user.

    Raises:
        InputError: the path begins with ~ and an unknown user name.
    """
    chosen = override or environ.get(CONFIG_VARIABLE)
    if not chosen:
        return platformdirs.user_config_path(APP, appauthor=False) / "config.toml"
    return _expand(Path(chosen), f"Choose another file with --config or {CONFIG_VARIABLE}.")


def _expand(path: Path, hint: str) -> Path:
    """The absolute path, with ~ replaced.

    Raises:
        InputError: it begins with ~ and an unknown user name.
    """
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise InputError(f"There is no user {path.parts[0][1:]!r} on this machine.", hint) from None

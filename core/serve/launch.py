"""What the server is to serve, checked before its process starts."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from core.config.configs import FLOAT32
from core.errors import InputError, MiniGPTError
from core.paths import Home
from core.run import store
from core.run.model_files import read_model_config
from core.run.weights_ref import weights_file
from core.serve.guard import is_loopback

MODULE = "core.serve"
PACKAGES = ("starlette", "uvicorn", "h11")
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8765
MAX_PORT = 65_535
PORT_IN_USE = "Port in use"  # title of the error, by which another process knows it


class PortInUseError(InputError):
    title = PORT_IN_USE


class NotInstalledError(MiniGPTError):
    title = "Not installed"


@dataclass(frozen=True, kw_only=True)
class ServeArguments:
    """The first line that the server's process reads, as JSON; the token is in no command line.

    Attributes:
        root, cache: as of `Home`.
        runs: names, each with @best or @STEP for other weights than the newest.
        host, port: to listen on; port 0 is any that is free.
        unix: the path of a socket to listen on instead.
        token: that requests must bear, or None.
        device, precision: as of `core.inference.load.load_model`.
    """

    root: str
    cache: str
    runs: tuple[str, ...]
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    unix: str | None = None
    token: str | None = None
    device: str = "auto"
    precision: str = FLOAT32

    @property
    def home(self) -> Home:
        """Where the runs are."""
        return Home(root=Path(self.root), cache=Path(self.cache))

    def to_line(self) -> bytes:
        """The arguments as a line; ASCII, also for paths that are not UTF-8."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> ServeArguments:
        """The inverse of `to_line`."""
        values = json.loads(line)
        return cls(**values | {"runs": tuple(values["runs"])})


def command() -> list[str]:
    """The command that starts the process."""
    return [sys.executable, "-m", MODULE]


def check_arguments(arguments: ServeArguments) -> None:
    """Raise if something cannot be served, before torch is loaded.

    Raises:
        NotInstalledError: the packages of the extra are missing.
        InputError: no such run or weights, an encoder, an address without a token.
    """
    check_installed()
    _check_address(arguments)
    if len(set(arguments.runs)) < len(arguments.runs):
        raise InputError("A run is named twice.", "Name each once; @best and @STEP are others.")
    for name in arguments.runs:
        _check_run(arguments.home, name)


def check_installed(packages: Sequence[str] = PACKAGES) -> None:
    """Raise NotInstalledError if a package of the extra is missing."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise NotInstalledError(
            f"Serving needs the package{'s' * (len(missing) > 1)} {' and '.join(missing)}.",
            "Install them from the checkout: pip install -c constraints.txt '.[serve]'",
        )


def _check_address(arguments: ServeArguments) -> None:
    token = arguments.token
    if token is not None and (not token.isascii() or not token.isprintable() or not token.strip()):
        raise InputError("The token must be printable ASCII and not empty.", "Choose another.")
    if token is not None and (" " in token):
        raise InputError("The token has a blank in it.", "Choose another.")
    if arguments.unix is not None:
        return
    if not 0 <= arguments.port <= MAX_PORT:
        raise InputError(f"There is no port {arguments.port}.", f"Ports: 0 to {MAX_PORT}.")
    if not is_loopback(arguments.host) and not token:
        raise InputError(
            f"{arguments.host} can be reached from other machines, which needs a token.",
            "Add --token, or leave --host out to serve this machine only.",
        )


def _check_run(home: Home, name: str) -> None:
    run_name, _, weights = name.partition("@")
    run = store.find_run(home, run_name)
    weights_file(run, weights)
    if read_model_config(run.config).is_encoder:
        raise InputError(
            f"{run_name} is an encoder: it fills in blanks and cannot continue a text.",
            "Serve a run that continues texts or converses.",
        )

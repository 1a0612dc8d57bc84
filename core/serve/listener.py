"""The socket that the server listens on: an address of this machine, or a file."""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError
from core.serve.launch import PortInUseError, ServeArguments

BACKLOG = 512
SOCKET_UMASK = 0o177  # read and write for the owner only
PROBE_TIMEOUT_S = 1.0


@dataclass
class Listener:
    """An open socket.

    Attributes:
        address: of the interface, or the path of the socket.
        inode: of the socket's file, to remove only that.
    """

    socket: socket.socket
    address: str
    path: Path | None = None
    inode: int = 0

    def close(self) -> None:
        """Close it and remove its file."""
        self.socket.close()
        if self.path is not None:
            with suppress(OSError):
                if self.path.lstat().st_ino == self.inode:
                    self.path.unlink()


def open_listener(arguments: ServeArguments) -> Listener:
    """Open the socket that the arguments name.

    Raises:
        InputError: it is in use, not allowed, or no address of this machine.
    """
    if arguments.unix is not None:
        return _open_file(Path(arguments.unix))
    return _open_address(arguments.host, arguments.port)


def _open_address(host: str, port: int) -> Listener:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, proto)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not the name of a machine"
        raise InputError(f"{host[:80]} is no address of this machine: {reason}.") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(
                f"Port {port} of {host} is in use.", "Choose another with --port; 0 is any."
            ) from None
        raise InputError(
            f"The server cannot listen on port {port} of {host}: {error.strerror}.",
            "Choose others with --host and --port.",
        ) from None
    shown = f"[{host}]" if ":" in host else host
    return Listener(listener, f"http://{shown}:{listener.getsockname()[1]}/v1")


def _open_file(path: Path) -> Listener:
    _remove_stale_socket(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(SOCKET_UMASK)
    try:
        listener.bind(str(path))
        listener.listen(BACKLOG)
        inode = path.lstat().st_ino
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise InputError(
            f"The server cannot listen on {path}: {reason}.", "Choose another path with --unix."
        ) from None
    finally:
        os.umask(before)
    return Listener(listener, str(path), path, inode)


def _remove_stale_socket(path: Path) -> None:
    """Remove the socket of a server that has ended.

    Raises:
        InputError: there is another file, or a server that listens.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise InputError(f"{path} exists and is not a socket.", "Choose another path with --unix.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_TIMEOUT_S)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            with suppress(OSError):
                path.unlink()
            return
        except OSError:
            pass
    raise InputError(f"A server listens on {path} already.", "Choose another path with --unix.")

"""Where the server listens: addresses, ports, and a socket that only its owner reaches."""

from __future__ import annotations

import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from core.serve.launch import ServeArguments
from core.serve.listener import open_listener


def arguments(**fields: Any) -> ServeArguments:
    return ServeArguments(root="", cache="", runs=("a",), **fields)


def test_port_0_is_any_and_the_address_names_it() -> None:
    listener = open_listener(arguments(port=0))
    port = listener.socket.getsockname()[1]
    assert listener.address == f"http://127.0.0.1:{port}/v1"
    with pytest.raises(InputError, match=f"Port {port} of 127.0.0.1 is in use"):
        open_listener(arguments(port=port))
    listener.close()


@pytest.mark.parametrize("host", ["198.51.100.7", "no.such.host.invalid", "a..b", "x" * 70])
def test_an_address_of_another_machine_is_refused_in_words(host: str) -> None:
    with pytest.raises(InputError, match=host):
        open_listener(arguments(host=host, port=0))


def test_a_socket_is_for_its_owner_and_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "serve.sock"
    listener = open_listener(arguments(unix=str(path)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(InputError, match="already"):
        open_listener(arguments(unix=str(path)))
    listener.close()
    assert not path.exists()


def test_the_socket_of_a_server_that_was_killed_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "serve.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as killed:
        killed.bind(str(path))
    listener = open_listener(arguments(unix=str(path)))
    other = path.with_name("other")
    path.rename(other)
    path.write_text("mine")
    listener.close()
    assert path.read_text() == "mine", "the file of someone else"


@pytest.mark.parametrize("name", ["file", "no/such/folder", "x" * 200])
def test_a_path_that_cannot_be_a_socket_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(InputError, match="--unix"):
        open_listener(arguments(unix=str(tmp_path / name)))
    assert (tmp_path / "file").read_text() == "text"

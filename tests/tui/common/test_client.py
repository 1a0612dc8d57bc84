"""The client with a server process that never finishes importing torch."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from core.errors import InputError
from core.paths import Home
from core.server.protocol import CancelRequest, GenerateRequest, LoadRequest
from tests.support.fake_server import FakeServer
from tests.support.runners import alive
from tui.common import client
from tui.common.client import ModelClient, ServerClient, ServerError, ServerExitedError

ROOT = Path(__file__).parents[3]
TIMEOUT_S = 30.0
REFUSED = GenerateRequest(prompt=3)  # type: ignore[arg-type]  # refused without torch


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return Home(root=tmp_path / "home", cache=tmp_path / "home" / "cache")


@pytest.fixture
def without_torch(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose server never finishes importing torch, and so answers no valid request."""
    torch = tmp_path / "first" / "torch"
    torch.mkdir(parents=True)
    (torch / "__init__.py").write_text(
        "import sys, time\nprint('importing torch', file=sys.stderr, flush=True)\ntime.sleep(1e6)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(torch.parent), str(ROOT))))
    return home


def _run(home: Home, test: Callable[[ServerClient], Awaitable[None]]) -> None:
    """Run a test with a client, and close it."""

    async def run() -> None:
        server = ServerClient(home)
        try:
            await asyncio.wait_for(test(server), TIMEOUT_S)
        finally:
            await server.close()

    asyncio.run(run())


def test_the_fake_server_has_every_method_of_a_client(home: Home) -> None:
    """Detects a method that only one of them has."""
    for one in (FakeServer(), ServerClient(home)):
        for name in ("start", "request", "stream", "cancel", "close"):
            assert callable(getattr(one, name)), name
            assert hasattr(ModelClient, name)


def test_an_error_of_the_server_is_raised(without_torch: Home) -> None:
    """Detects an error without its title or message."""

    async def test(server: ServerClient) -> None:
        with pytest.raises(ServerError, match="prompt") as caught:
            await server.request(REFUSED)
        assert caught.value.title == "Invalid input"

    _run(without_torch, test)


def test_a_text_that_is_too_long_is_not_sent(without_torch: Home) -> None:
    """Detects a request without a reply."""

    async def test(server: ServerClient) -> None:
        with pytest.raises(InputError, match="too long"):
            await server.request(GenerateRequest(prompt="猫" * 3_000_000))

    _run(without_torch, test)


def test_the_exit_of_the_server_fails_every_open_request_and_the_next_one_restarts_it(
    without_torch: Home,
) -> None:
    """Detects a screen that waits forever; a request that fails because of another process."""

    async def test(server: ServerClient) -> None:
        loads = [LoadRequest(run=name) for name in ("a", "b")]
        open_requests = [asyncio.create_task(server.request(load)) for load in loads]
        with pytest.raises(ServerError):
            await server.request(REFUSED)
        first = server.pid
        assert first is not None
        while "importing torch" not in server.log.read_text():
            await asyncio.sleep(0)
        os.kill(first, signal.SIGKILL)
        for one in open_requests:
            with pytest.raises(ServerExitedError, match="signal 9") as caught:
                await one
            assert "importing torch" in caught.value.message
        assert server.pid is None
        with pytest.raises(ServerError):
            await server.request(REFUSED)
        assert server.pid not in (first, None)

    _run(without_torch, test)


def test_closing_ends_the_process_and_open_requests(without_torch: Home) -> None:
    """Detects a process that stays; a request that waits forever."""

    async def test(server: ServerClient) -> None:
        load = asyncio.create_task(server.request(LoadRequest(run="a")))
        with pytest.raises(ServerError):
            await server.request(REFUSED)
        pid = server.pid
        assert pid is not None
        await server.close()
        assert not alive(pid)
        with pytest.raises(ServerExitedError):
            await load
        with pytest.raises(ServerExitedError, match="closed"):
            await server.request(LoadRequest(run="a"))
        await server.close()

    _run(without_torch, test)


def test_a_process_that_ignores_sigterm_is_killed(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detects an app that cannot be closed because a library hangs."""
    stuck = tmp_path / "stuck.py"
    stuck.write_text(
        "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        'os.write(1, b\'{"id":1,"target":9,"active":false,"done":true}\\n\')\n'
        "while True:\n    signal.pause()\n"
    )
    monkeypatch.setattr(client, "MODULE", "stuck")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    async def test(server: ServerClient) -> None:
        await server.request(CancelRequest(target=9))
        pid = server.pid
        assert pid is not None
        await server.close()
        assert not alive(pid)

    _run(home, test)


def test_output_that_is_no_reply_ends_the_process(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detects a request that waits forever."""
    (tmp_path / "odd.py").write_text("print('Welcome!', flush=True)\nwhile True: input()\n")
    monkeypatch.setattr(client, "MODULE", "odd")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    async def test(server: ServerClient) -> None:
        with pytest.raises(ServerExitedError):
            await server.request(LoadRequest())

    _run(home, test)


def test_where_no_log_can_be_written_the_server_runs_without_and_the_user_is_warned_once(
    without_torch: Home,
) -> None:
    """Detects runs of a read-only home that cannot be talked to, as if reading needed writing."""
    home, warnings = without_torch, list[str]()
    home.root.mkdir()
    home.cache.touch()

    async def test() -> None:
        server = ServerClient(home, warn=warnings.append)
        for _ in range(2):
            with pytest.raises(ServerError):
                await server.request(REFUSED)
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            while server.pid is not None:
                await asyncio.sleep(0.01)
        await server.close()

    asyncio.run(test())
    (warning,) = warnings
    assert "without a log" in warning
    assert str(home.cache / "server.log") in warning


def test_a_folder_named_core_in_the_working_directory_is_not_imported(
    without_torch: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detects a user's package instead of ours."""
    without_torch.cache.mkdir(parents=True)
    for folder in (tmp_path, without_torch.cache):
        (folder / "core").mkdir()
        (folder / "core" / "__init__.py").write_text("raise RuntimeError('not ours')\n")
    monkeypatch.chdir(tmp_path)

    async def test(server: ServerClient) -> None:
        with pytest.raises(ServerError):
            await server.request(REFUSED)

    _run(without_torch, test)

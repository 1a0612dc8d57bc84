"""The client of the sampler: with a process that waits for torch for ever, and with a real one."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError, StorageError
from core.paths import Home
from tests.support.samplers import FakeSampler
from tui.common import client
from tui.common.client import ModelClient, ServerClient, ServerDied, ServerError

ROOT = Path(__file__).parents[3]
PATIENCE = 30.0
ENDLESS: dict[str, Any] = {
    "run": "chars",
    "prompt": "the",
    "settings": {"max_tokens": 10**9},
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return Home(root=tmp_path / "home", cache=tmp_path / "home" / "cache")


@pytest.fixture
def waiting(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Where the sampler's torch is never there: it is quick to start, and only listens."""
    torch = tmp_path / "first" / "torch"
    torch.mkdir(parents=True)
    (torch / "__init__.py").write_text(
        "import sys, time\nprint('so far so good', file=sys.stderr, flush=True)\ntime.sleep(1e6)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(torch.parent), str(ROOT))))
    return home


def _within(home: Home, test: Callable[[ServerClient], Awaitable[None]]) -> None:
    async def whole() -> None:
        sampler = ServerClient(home)
        try:
            await asyncio.wait_for(test(sampler), PATIENCE)
        finally:
            await sampler.close()

    asyncio.run(whole())


def _is_there(pid: int) -> bool:
    """Whether a process lives; a dead one that nobody asked about does not."""
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    except (ProcessLookupError, FileNotFoundError):
        return False


def _await_end(pid: int) -> None:
    until = time.monotonic() + PATIENCE
    while _is_there(pid):
        assert time.monotonic() < until, f"{pid} is still there"
        os.sched_yield()


def test_the_fake_and_the_real_one_can_stand_for_each_other(home: Home) -> None:
    """Checked by mypy where it runs; here that no method is missing."""
    for one in (FakeSampler(), ServerClient(home)):
        for name in ("start", "request", "stream", "cancel", "close"):
            assert callable(getattr(one, name)), name
            assert hasattr(ModelClient, name)


def test_an_error_is_raised_with_what_was_said(waiting: Home) -> None:
    async def test(sampler: ServerClient) -> None:
        with pytest.raises(ServerError, match="laod") as caught:
            await sampler.request("laod")
        assert caught.value.title == "Invalid input"
        assert "load" in caught.value.hint
        with pytest.raises(ServerError, match="prompt"):
            await sampler.request("generate", prompt=3)

    _within(waiting, test)


def test_what_does_not_fit_on_a_line_is_not_sent(waiting: Home) -> None:
    """A request that is never answered."""

    async def test(sampler: ServerClient) -> None:
        with pytest.raises(InputError, match="too long"):
            await sampler.request("generate", prompt="猫" * 3_000_000)

    _within(waiting, test)


def test_a_death_fails_every_open_request_once_and_the_next_starts_anew(waiting: Home) -> None:
    """A screen that waits for ever; one request that fails for another's process."""

    async def test(sampler: ServerClient) -> None:
        open_ones = [asyncio.create_task(sampler.request("load", run=n)) for n in ("a", "b")]
        with pytest.raises(ServerError):
            await sampler.request("laod")
        first = sampler.pid
        assert first is not None
        while "so far so good" not in sampler.log.read_text():
            await asyncio.sleep(0)
        os.kill(first, signal.SIGKILL)
        for one in open_ones:
            with pytest.raises(ServerDied, match="signal 9") as caught:
                await one
            assert "so far so good" in caught.value.message
        assert sampler.pid is None
        with pytest.raises(ServerError):
            await sampler.request("laod")
        assert sampler.pid not in (first, None)

    _within(waiting, test)


def test_closing_ends_the_process_and_what_waits_for_it(waiting: Home) -> None:
    async def test(sampler: ServerClient) -> None:
        waits = asyncio.create_task(sampler.request("load", run="a"))
        with pytest.raises(ServerError):
            await sampler.request("laod")
        pid = sampler.pid
        assert pid is not None
        await sampler.close()
        assert not _is_there(pid)
        with pytest.raises(ServerDied):
            await waits
        with pytest.raises(ServerDied, match="closed"):
            await sampler.request("load", run="a")
        await sampler.close()

    _within(waiting, test)


def test_a_process_that_does_not_listen_is_ended_all_the_same(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An app that cannot be left because a library hangs."""
    stuck = tmp_path / "stuck.py"
    stuck.write_text(
        "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        'os.write(1, b\'{"id":1,"done":true}\\n\')\n'
        "while True:\n    signal.pause()\n"
    )
    monkeypatch.setattr(client, "MODULE", "stuck")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    async def test(sampler: ServerClient) -> None:
        await sampler.request("load")
        pid = sampler.pid
        assert pid is not None
        await sampler.close()
        assert not _is_there(pid)

    _within(home, test)


def test_what_no_sampler_says_ends_it(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd.py").write_text("print('Welcome!', flush=True)\nwhile True: input()\n")
    monkeypatch.setattr(client, "MODULE", "odd")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    async def test(sampler: ServerClient) -> None:
        with pytest.raises(ServerDied):
            await sampler.request("load")

    _within(home, test)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_is_said(home: Home) -> None:
    home.root.mkdir()
    home.root.chmod(0o500)

    async def test(sampler: ServerClient) -> None:
        with pytest.raises(StorageError, match=r"sampler\.log"):
            await sampler.start()

    _within(home, test)


def test_a_file_where_the_cache_should_be_is_said(home: Home) -> None:
    home.root.mkdir()
    home.cache.touch()

    async def test(sampler: ServerClient) -> None:
        with pytest.raises(StorageError, match=r"sampler\.log"):
            await sampler.request("load", run="a")

    _within(home, test)


def test_a_folder_of_our_name_where_the_user_stands_is_not_imported(
    waiting: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting.cache.mkdir(parents=True)
    for folder in (tmp_path, waiting.cache):
        (folder / "core").mkdir()
        (folder / "core" / "__init__.py").write_text("raise RuntimeError('not ours')\n")
    monkeypatch.chdir(tmp_path)

    async def test(sampler: ServerClient) -> None:
        with pytest.raises(ServerError):
            await sampler.request("laod")

    _within(waiting, test)

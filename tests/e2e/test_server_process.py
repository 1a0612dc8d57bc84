"""The client with a real model server, and with apps that are killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from core.config.configs import SamplingConfig, TrainConfig
from core.errors import InputError
from core.paths import Home, find_home
from core.server.protocol import (
    GenerateRequest,
    LoadRequest,
    ProbeRequest,
    ScoreRequest,
)
from core.server.replies import GenerateBatch, GenerateReply
from tests.support.fake_server import REPLY_TOKENS, FakeServer
from tests.support.runners import alive
from tests.support.runs import tiny_run
from tests.support.wait import wait_until
from tui.__main__ import run
from tui.common.client import ServerClient, ServerError

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 30.0
ENDLESS = GenerateRequest(run="chars", prompt="the", settings=SamplingConfig(max_tokens=10**9))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return Home(root=tmp_path / "home", cache=tmp_path / "home" / "cache")


@pytest.fixture
def without_torch(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose server never finishes importing torch, and so answers no valid request."""
    torch = tmp_path / "first" / "torch"
    torch.mkdir(parents=True)
    (torch / "__init__.py").write_text("import time\ntime.sleep(1e6)\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(torch.parent), str(ROOT))))
    return home


def _run(home: Home, test: Callable[[ServerClient], Awaitable[None]]) -> None:
    """Run a test with a client, and close it."""

    async def run() -> None:
        client = ServerClient(home)
        try:
            await asyncio.wait_for(test(client), TIMEOUT_S)
        finally:
            await client.close()

    asyncio.run(run())


APP = """
import asyncio, sys
from pathlib import Path
from core.config.configs import SamplingConfig
from core.paths import Home
from core.server.protocol import GenerateRequest
from tui.common.client import ServerClient, ServerError

async def main():
    root = Path(sys.argv[1])
    client = ServerClient(Home(root=root, cache=root / "cache"))
    try:
        await client.request(GenerateRequest(prompt=3))
    except ServerError:
        print(client.pid, flush=True)
    await asyncio.sleep(1e6)

asyncio.run(main())
"""
CHAT_APP = APP.replace(
    "await client.request(GenerateRequest(prompt=3))",
    """settings = SamplingConfig(max_tokens=10**9)
        request = GenerateRequest(run="chars", prompt="the", settings=settings)
        async for _ in client.stream(request):
            print(client.pid, flush=True)
            await asyncio.sleep(1e6)""",
)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_the_server_ends_with_an_app_that_is_killed(without_torch: Home, number: int) -> None:
    """Detects a server that keeps its memory until the machine is restarted."""
    command = [sys.executable, "-c", APP, str(without_torch.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as app:
        assert app.stdout is not None
        pid = int(app.stdout.readline())
        assert alive(pid)
        app.send_signal(number)
    wait_until(lambda: not alive(pid), "the server ends", TIMEOUT_S)


def test_a_real_server_streams_cancels_and_answers_again(home: Home) -> None:
    """Detects a reply that does not end after a cancellation, or blocks later requests."""
    tiny_run(home, "words")
    tiny_run(home, "chars", "char", "text")

    async def test(client: ServerClient) -> None:
        assert (await client.request(LoadRequest(run="words"))).name == "words"
        stream = client.stream(ENDLESS)
        async with aclosing(stream):
            assert isinstance(await anext(stream), GenerateBatch)
            await client.cancel(stream.id)
            *_, last = [message async for message in stream]
        assert isinstance(last, GenerateReply)
        assert last.reason == "cancelled"
        stream = client.stream(ENDLESS)
        await anext(stream)
        await stream.aclose()
        assert [message async for message in stream] == []
        assert (await client.request(ScoreRequest(run="words", text="the cat"))).tokens
        probe = ProbeRequest(train=TrainConfig(steps=1), model={"vocab_size": 9})
        assert (await client.request(probe)).forecast is not None
        with pytest.raises(ServerError) as caught:
            await client.request(GenerateRequest(run="words", prompt="caat"))
        assert caught.value.nearest.keys() == {"caat"}

    _run(home, test)


def test_the_fake_server_streams_and_cancels_like_the_real_one() -> None:
    """Detects a fake whose cancellations cannot be seen."""

    async def test() -> None:
        server = FakeServer(failures={LoadRequest: InputError("no")})
        assert (await server.request(GenerateRequest())).text == "".join(REPLY_TOKENS)
        assert server.cancelled == []
        stream = server.stream(GenerateRequest())
        async with aclosing(stream):
            await anext(stream)
        assert server.cancelled == [2]
        with pytest.raises(InputError, match="no"):
            await server.request(LoadRequest(run="lang"))
        assert server.cancelled == [2]

    asyncio.run(test())


@pytest.mark.slow
def test_server_and_command_generate_the_same_text(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Detects different replies of the same model."""
    monkeypatch.setenv("MINIGPT_HOME", str(home.root))
    text = tmp_path / "cats.txt"
    text.write_text("the cat sat on the mat\nthe dog ran to the door\na bird sang in the tree\n")
    tiny = ["layers=1", "heads=2", "d_model=32", "d_ff=64", "threads=1"]
    sets = [word for pair in tiny for word in ("--set", pair)]
    assert run(["train", str(text), "--steps", "3", *sets]) == 0
    capsys.readouterr()
    assert find_home() == home
    commands = {"cats": [], "cats@2": [], "cats@best": []}  # type: dict[str, list[str]]
    for seed in ("1", "2"):
        commands[f"cats {seed}"] = ["--temperature", "1", "--seed", seed]
    texts = {}
    for name, more in commands.items():
        if run(["generate", name.split()[0], "the", "--json", *more]) == 0:
            texts[name] = json.loads(capsys.readouterr().out.splitlines()[-1])["text"]
    assert len(texts) == 4, "three lines give no best weights"

    async def test(client: ServerClient) -> None:
        for name, text in texts.items():
            spec, _, seed = name.partition(" ")
            run, _, weights = spec.partition("@")
            settings = SamplingConfig()
            if seed:
                settings = SamplingConfig(temperature=1.0, seed=int(seed))
            request = GenerateRequest(
                run=run, weights=weights or "last", prompt="the", settings=settings
            )
            assert (await client.request(request)).text == text

    _run(home, test)


@pytest.mark.slow
def test_the_server_ends_with_an_app_that_is_killed_during_a_reply(home: Home) -> None:
    tiny_run(home, "chars", "char", "text")
    with subprocess.Popen(
        [sys.executable, "-c", CHAT_APP, str(home.root)], stdout=subprocess.PIPE, cwd=ROOT
    ) as app:
        assert app.stdout is not None
        pid = int(app.stdout.readline())
        app.kill()
    wait_until(lambda: not alive(pid), "the server ends", TIMEOUT_S)

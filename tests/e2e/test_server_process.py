"""The client with a real sampler, and with apps that are killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from core.paths import Home, find_home
from tests.support.runs import tiny_run
from tests.support.samplers import LOADED, PROBED, REPLY, FakeSampler
from tui.__main__ import run
from tui.common.client import ServerClient, ServerError

ROOT = Path(__file__).parents[2]
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


APP = """
import asyncio, sys
from pathlib import Path
from core.paths import Home
from tui.common.client import ServerClient, ServerError

async def main():
    root = Path(sys.argv[1])
    sampler = ServerClient(Home(root=root, cache=root / "cache"))
    try:
        await sampler.request("laod")
    except ServerError:
        print(sampler.pid, flush=True)
    await asyncio.sleep(1e6)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_an_app_that_is_killed_leaves_no_sampler(waiting: Home, number: int) -> None:
    """Memory that is taken until the next start of the machine."""
    command = [sys.executable, "-c", APP, str(waiting.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as app:
        assert app.stdout is not None
        pid = int(app.stdout.readline())
        assert _is_there(pid)
        app.send_signal(number)
    _await_end(pid)


def test_a_real_one_streams_stops_and_is_asked_again(home: Home) -> None:
    tiny_run(home, "words")
    tiny_run(home, "chars", "char", "text")

    async def test(sampler: ServerClient) -> None:
        loaded = await sampler.request("load", run="words")
        assert loaded.keys() == LOADED.keys() | {"id"}
        async with aclosing(sampler.stream("generate", **ENDLESS)) as stream:
            first = await anext(stream)
            assert first.keys() == REPLY[0].keys() | {"id"}
            await sampler.cancel(stream.id)
            rest = [said async for said in stream]
        assert rest[-1].keys() == REPLY[-1].keys() | {"id"}
        assert rest[-1]["reason"] == "cancelled"
        stream = sampler.stream("generate", **ENDLESS)
        await anext(stream)
        await stream.aclose()
        assert [said async for said in stream] == []
        assert (await sampler.request("score", run="words", text="the cat"))["tokens"]
        probed = await sampler.request("probe", train={"steps": 1}, model={"vocab_size": 9})
        assert probed.keys() > PROBED.keys()
        with pytest.raises(ServerError) as caught:
            await sampler.request("generate", run="words", prompt="caat")
        assert caught.value.nearest.keys() == {"caat"}

    _within(home, test)


def test_the_fake_is_cancelled_as_the_real_one_is() -> None:
    async def test() -> None:
        sampler = FakeSampler({"generate": REPLY, "load": [InputError("no")]})
        assert (await sampler.request("generate"))["text"] == REPLY[-1]["text"]
        assert sampler.cancelled == []
        async with aclosing(sampler.stream("generate")) as stream:
            await anext(stream)
        assert sampler.cancelled == [2]
        with pytest.raises(InputError, match="no"):
            await sampler.request("load")
        assert sampler.cancelled == [2]

    asyncio.run(test())


@pytest.mark.slow
def test_it_says_what_the_command_says(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two ways to the same model that answer differently."""
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
    said = {}
    for name, more in commands.items():
        if run(["generate", name.split()[0], "the", "--json", *more]) == 0:
            said[name] = json.loads(capsys.readouterr().out.splitlines()[-1])["text"]
    assert len(said) == 4, "there are no best weights of three lines"

    async def test(sampler: ServerClient) -> None:
        for name, text in said.items():
            spec, _, seed = name.partition(" ")
            run, _, which = spec.partition("@")
            settings: dict[str, Any] = {"temperature": 1, "seed": int(seed)} if seed else {}
            fields = {"run": run, "which": which, "prompt": "the", "settings": settings}
            assert (await sampler.request("generate", **fields))["text"] == text

    _within(home, test)


@pytest.mark.slow
def test_an_app_killed_in_the_middle_of_a_reply_leaves_no_sampler(home: Home) -> None:
    tiny_run(home, "chars", "char", "text")
    talking = APP.replace('await sampler.request("laod")', _TALK)
    with subprocess.Popen(
        [sys.executable, "-c", talking, str(home.root)], stdout=subprocess.PIPE, cwd=ROOT
    ) as app:
        assert app.stdout is not None
        pid = int(app.stdout.readline())
        app.kill()
    _await_end(pid)


_TALK = """fields = dict(run="chars", prompt="the", settings={"max_tokens": 10**9})
        async for _ in sampler.stream("generate", **fields):
            print(sampler.pid, flush=True)
            await asyncio.sleep(1e6)"""

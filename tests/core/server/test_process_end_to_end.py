"""The sampler's process, spoken to as its client does.

Where torch would only be waited for, a package of that name that never finishes loading stands in
its place: what must work meanwhile does so then without anybody looking at a clock.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.paths import Home
from tests.support.runs import TINY_CORPUS, set_corpus, tiny_run
from tests.support.texts import corpus_of_text

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0
ENDLESS = {"max_tokens": 10**9}

Json = dict[str, Any]


class Process:
    """A sampler, and everything it said by the id of the request."""

    def __init__(self, home: Home, stderr: Path, *first: Path, listen: bool = True) -> None:
        path = os.pathsep.join(map(str, (*first, ROOT)))
        with stderr.open("wb") as log:
            self.popen = subprocess.Popen(
                [
                    *(sys.executable, "-m", "core.server"),
                    *("--root", str(home.root), "--cache", str(home.cache)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=home.root,
                env=os.environ | {"PYTHONSAFEPATH": "1", "PYTHONPATH": path},
            )
        self.lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        if listen:
            threading.Thread(target=self._read, daemon=True).start()
        self.last_id = 0

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.lines.put(line)

    def write(self, data: bytes) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(data)
        self.popen.stdin.flush()

    def send(self, op: str, **fields: Any) -> int:
        self.last_id += 1
        self.write(json.dumps({"id": self.last_id, "op": op, **fields}).encode() + b"\n")
        return self.last_id

    def hear(self) -> Json:
        reply: Json = json.loads(self.lines.get(timeout=PATIENCE))
        return reply

    def last(self, id: int) -> Json:
        """The last reply of a request; what others are told meanwhile is not looked at."""
        while True:
            message = self.hear()
            if message["id"] == id and message.get("done"):
                return message

    def ask(self, op: str, **fields: Any) -> Json:
        return self.last(self.send(op, **fields))

    def end_of_file(self) -> int:
        assert self.popen.stdin is not None
        self.popen.stdin.close()
        return self.popen.wait(timeout=PATIENCE)


@contextmanager
def _process(home: Home, stderr: Path, *first: Path, listen: bool = True) -> Iterator[Process]:
    process = Process(home, stderr, *first, listen=listen)
    try:
        yield process
    finally:
        process.popen.kill()
        process.popen.wait()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("home")
    reply = Home(root=folder, cache=folder / "cache")
    tiny_run(reply, "words")
    tiny_run(reply, "chars", "char", "text")
    return reply


@pytest.fixture(scope="module")
def sampler(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One process with the real torch for all tests that do not end it."""
    with _process(home, tmp_path_factory.mktemp("log") / "stderr") as process:
        yield process


def _torch(folder: Path, code: str) -> Path:
    (folder / "torch").mkdir()
    (folder / "torch" / "__init__.py").write_text(code)
    return folder


def _hanging(folder: Path) -> Path:
    talking = "import os, time\nprint('stray', flush=True)\nos.write(1, b'stray')\n"
    return _torch(folder, talking + "time.sleep(1e6)\n")


@pytest.fixture
def loading(home: Home, tmp_path: Path) -> Iterator[Process]:
    """A process whose import of torch talks, on the wrong channel, and never ends."""
    with _process(home, tmp_path / "stderr", _hanging(tmp_path)) as process:
        yield process


NONSENSE = [
    b"nonsense", b"", b"[]", b"3", b"null", b"\xff\xfe", b"[" * 100_000, b'{"op": "load"}',
    b'{"id": null, "op": "load"}', b'{"id": true, "op": "load"}', b'{"id": [1], "op": "load"}',
]  # fmt: skip


@pytest.mark.parametrize("line", NONSENSE, ids=lambda line: line[:12])
def test_a_line_that_is_no_request_is_answered_without_an_id(loading: Process, line: bytes) -> None:
    """The process keeps running."""
    loading.write(line + b"\n")
    message = loading.hear()
    assert message["id"] is None
    assert message["done"]
    assert message["error"].keys() == {"title", "message", "hint"}
    assert loading.ask("laod")["error"]["message"]


def test_an_endless_line_is_refused_and_not_kept_in_memory(loading: Process) -> None:
    piece = b"x" * (1 << 20)
    for _ in range(20):
        loading.write(piece)
    loading.write(b"\n")
    assert "16 MiB" in loading.hear()["error"]["message"]
    assert "laod" in loading.ask("laod")["error"]["message"]


def test_a_request_that_waits_for_torch_can_be_cancelled(loading: Process) -> None:
    load, reply = loading.send("load", run="words"), loading.send("generate", prompt="the")
    cancel = loading.send("cancel", target=reply)
    message = {one["id"]: one for one in (loading.hear(), loading.hear())}
    assert message[cancel] == {"id": cancel, "target": reply, "active": True, "done": True}
    assert (message[reply]["reason"], message[reply]["text"]) == ("cancelled", "")
    assert not loading.ask("cancel", target=reply)["active"]
    assert not loading.ask("cancel", target="another")["active"]
    # The first has begun: it is told, and answers once it can.
    assert loading.ask("cancel", target=load)["active"]


def test_an_id_is_refused_while_its_request_is_open(loading: Process) -> None:
    id = loading.send("load", run="words")
    loading.last_id -= 1
    assert "open already" in loading.ask("load", run="chars")["error"]["message"]
    assert loading.last_id == id


def test_the_end_of_input_ends_the_process_while_torch_is_imported(loading: Process) -> None:
    loading.send("load", run="words")
    assert "error" in loading.ask("laod"), "it is at work"
    assert loading.end_of_file() == 0


def test_a_closed_output_ends_the_process(home: Home, tmp_path: Path) -> None:
    with _process(home, tmp_path / "stderr", _hanging(tmp_path), listen=False) as process:
        assert process.popen.stdout is not None
        process.popen.stdout.close()
        process.send("laod")
        assert process.popen.wait(timeout=PATIENCE) == 0


def test_output_of_libraries_goes_to_the_log(loading: Process, tmp_path: Path) -> None:
    assert "error" in loading.ask("laod")
    log = tmp_path / "stderr"
    while "straystray" not in log.read_text().replace("\n", ""):
        assert "error" in loading.ask("laod")


def test_the_process_lowers_its_priority(loading: Process) -> None:
    loading.ask("laod")
    here = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, loading.popen.pid) == min(19, here + 10)


def test_a_broken_torch_is_an_error_of_every_request(home: Home, tmp_path: Path) -> None:
    broken = _torch(tmp_path, "raise ImportError('libtorch.so is missing')\n")
    with _process(home, tmp_path / "stderr", broken) as process:
        for _ in range(2):
            error = process.ask("load", run="words")["error"]
            assert error["title"] == "PyTorch cannot be loaded"
            assert "libtorch.so" in error["message"]


def test_replies_repeat_the_id_and_the_last_has_done(sampler: Process) -> None:
    sampler.write(b'{"id": "a", "op": "generate", "run": "words", "prompt": "the"}\n')
    message = [sampler.hear()]
    while not message[-1].get("done"):
        message.append(sampler.hear())
    assert {one["id"] for one in message} == {"a"}
    assert message[-1]["reason"] == "length"
    assert sum(len(one["tokens"]) for one in message[:-1]) == message[-1]["tokens"] == 50


def test_a_request_after_a_cancelled_reply_is_answered(sampler: Process) -> None:
    """No token of the cancelled reply follows its last message."""
    reply = sampler.send("generate", run="chars", prompt="the", settings=ENDLESS)
    waiting = sampler.send("score", run="words", text="the cat")
    while sampler.hear()["id"] != reply:
        pass
    sampler.send("cancel", target=reply)
    stopped = sampler.last(reply)
    assert stopped["reason"] == "cancelled"
    assert stopped["tokens"] > 0
    assert stopped["text"]
    assert len(sampler.last(waiting)["tokens"]) == 3
    assert sampler.ask("load", run="words")["how"] == "kept"


def test_a_refused_request_does_not_end_the_process(sampler: Process) -> None:
    error = sampler.ask("generate", run="words", prompt="the caat")["error"]
    assert error["unknown"] == ["caat"]
    assert "cat" in error["nearest"]["caat"]
    assert "wrods" in sampler.ask("load", run="wrods")["error"]["message"]
    problems = sampler.ask("generate", run="words", settings={"top_p": 3})["error"]["problems"]
    assert list(problems) == ["top_p"]


def test_any_unicode_text_is_answered_on_one_line(sampler: Process, home: Home) -> None:
    error = sampler.ask("generate", run="words", prompt="\u2028 猫\n\x1b[31m 🐈 \ud800")["error"]
    assert error["message"]
    error = sampler.ask("generate", run="words", prompt="猫\u2028🐈")["error"]
    assert error["unknown"] == ["猫", "🐈"]


def test_an_internal_error_does_not_end_the_process(home: Home, tmp_path: Path) -> None:
    site = tmp_path / "sitecustomize.py"
    site.write_text(
        "import core.server.protocol, dataclasses\n"
        "Score = dataclasses.make_dataclass('Score', [('text', str)])\n"
        "core.server.protocol.OPERATIONS['score'] = Score\n"
    )
    log = tmp_path / "stderr"
    with _process(home, log, tmp_path) as process:
        error = process.ask("score", text="the")["error"]
        assert "Internal error" in error["message"]
        assert process.ask("load", run="words")["how"] == "loaded"
    assert "Traceback" in log.read_text()


def _end(process: Process) -> None:
    assert process.end_of_file() == 0


def _terminate(process: Process) -> None:
    process.popen.terminate()
    assert process.popen.wait(timeout=PATIENCE) == -signal.SIGTERM


@pytest.mark.slow
@pytest.mark.parametrize("end", [_end, _terminate])
@pytest.mark.parametrize("op", ["generate", "probe", "fork"])
def test_the_process_ends_in_the_middle_of_a_request(
    home: Home, tmp_path: Path, op: str, end: Callable[[Process], None]
) -> None:
    with _process(home, tmp_path / "stderr") as process:
        name = process.ask("step", run="chars", prompt="the")["session"]
        fields: dict[str, Json] = {
            "generate": {"prompt": "the", "settings": ENDLESS},
            "probe": {"train": {"preset": "medium"}, "model": {"vocab_size": 300}},
            "fork": {"session": name, "count": 64, "tokens": 1024},
        }
        process.send(op, **fields[op])
        if op != "fork":
            assert "done" not in process.hear()
        end(process)


def test_an_index_is_built_beside_a_reply(sampler: Process, home: Home) -> None:
    """Both report progress; each has one last reply."""
    run = tiny_run(home, "read")
    set_corpus(home, run, corpus_of_text(home.root / "read.txt", "\n".join(TINY_CORPUS)))
    reply = sampler.send("generate", run="words", prompt="the", settings=ENDLESS)
    while sampler.hear()["id"] != reply:
        pass
    built = sampler.ask("index", run="read")
    assert (built["how"], built["tokens"]) == ("made", 24)
    missing = sampler.ask("index", run="nobody")
    assert "nobody" in missing["error"]["message"]
    sampler.send("cancel", target=reply)
    assert sampler.last(reply)["reason"] == "cancelled"
    result = sampler.ask("origin", run="read", text="the cat sat on the tree")
    assert [span["to"] for span in result["spans"]] == [18]
    ids = [sampler.send("index", run="read") for _ in range(3)]
    result = {message["id"]: message["how"] for message in (sampler.hear() for _ in ids)}
    assert result == dict.fromkeys(ids, "kept"), "several at once, in any order"

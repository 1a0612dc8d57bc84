"""The process of the model server, used through its pipes.

For what must work while torch is being imported, a package named torch that never finishes loading
takes its place, so that no test depends on time.
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
from core.system.files import JsonObject
from tests.support.runs import TINY_CORPUS, set_corpus, tiny_run
from tests.support.task_runs import feelings, task_run
from tests.support.texts import corpus_of_text

ROOT = Path(__file__).parents[3]
TIMEOUT_S = 60.0
ENDLESS = {"max_tokens": 10**9}


class ServerProcess:
    """A model server and the pipes to it."""

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

    def receive(self) -> JsonObject:
        reply: JsonObject = json.loads(self.lines.get(timeout=TIMEOUT_S))
        return reply

    def last(self, id: int) -> JsonObject:
        """Return the last reply to a request; replies to others are dropped."""
        while True:
            message = self.receive()
            if message["id"] == id and message.get("done"):
                return message

    def request(self, op: str, **fields: Any) -> JsonObject:
        return self.last(self.send(op, **fields))

    def end_of_file(self) -> int:
        assert self.popen.stdin is not None
        self.popen.stdin.close()
        return self.popen.wait(timeout=TIMEOUT_S)


@contextmanager
def _process(
    home: Home, stderr: Path, *first: Path, listen: bool = True
) -> Iterator[ServerProcess]:
    process = ServerProcess(home, stderr, *first, listen=listen)
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
    task_run(reply, "feelings", feelings())
    return reply


@pytest.fixture(scope="module")
def server(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A process with the real torch, shared by the tests that do not end it."""
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
def loading(home: Home, tmp_path: Path) -> Iterator[ServerProcess]:
    """A process whose import of torch writes to standard output and never ends."""
    with _process(home, tmp_path / "stderr", _hanging(tmp_path)) as process:
        yield process


NOT_REQUESTS = [
    b"nonsense", b"", b"[]", b"3", b"null", b"\xff\xfe", b"[" * 100_000, b'{"op": "load"}',
    b'{"id": null, "op": "load"}', b'{"id": true, "op": "load"}', b'{"id": [1], "op": "load"}',
]  # fmt: skip


@pytest.mark.parametrize("line", NOT_REQUESTS, ids=lambda line: line[:12])
def test_a_line_that_is_no_request_is_answered_without_an_id(
    loading: ServerProcess, line: bytes
) -> None:
    """The process keeps running."""
    loading.write(line + b"\n")
    message = loading.receive()
    assert message["id"] is None
    assert message["done"]
    assert message["error"].keys() == {"title", "message", "hint", "code"}
    assert loading.request("laod")["error"]["message"]


def test_an_endless_line_is_refused_and_not_kept_in_memory(loading: ServerProcess) -> None:
    piece = b"x" * (1 << 20)
    for _ in range(20):
        loading.write(piece)
    loading.write(b"\n")
    assert "16 MiB" in loading.receive()["error"]["message"]
    assert "laod" in loading.request("laod")["error"]["message"]


def test_a_request_that_waits_for_torch_can_be_cancelled(loading: ServerProcess) -> None:
    load, reply = loading.send("load", run="words"), loading.send("generate", prompt="the")
    cancel = loading.send("cancel", target=reply)
    messages = {one["id"]: one for one in (loading.receive(), loading.receive())}
    assert messages[cancel] == {"id": cancel, "target": reply, "active": True, "done": True}
    assert (messages[reply]["reason"], messages[reply]["text"]) == ("cancelled", "")
    assert not loading.request("cancel", target=reply)["active"]
    assert not loading.request("cancel", target="another")["active"]
    # The first has started: it is cancelled once torch is there.
    assert loading.request("cancel", target=load)["active"]


def test_an_id_is_refused_while_its_request_is_open(loading: ServerProcess) -> None:
    id = loading.send("load", run="words")
    loading.last_id -= 1
    assert "open already" in loading.request("load", run="chars")["error"]["message"]
    assert loading.last_id == id


def test_the_end_of_input_ends_the_process_while_torch_is_imported(loading: ServerProcess) -> None:
    loading.send("load", run="words")
    assert "error" in loading.request("laod"), "it is at work"
    assert loading.end_of_file() == 0


def test_a_closed_output_ends_the_process(home: Home, tmp_path: Path) -> None:
    with _process(home, tmp_path / "stderr", _hanging(tmp_path), listen=False) as process:
        assert process.popen.stdout is not None
        process.popen.stdout.close()
        process.send("laod")
        assert process.popen.wait(timeout=TIMEOUT_S) == 0


def test_output_of_libraries_goes_to_the_log(loading: ServerProcess, tmp_path: Path) -> None:
    assert "error" in loading.request("laod")
    log = tmp_path / "stderr"
    while "straystray" not in log.read_text().replace("\n", ""):
        assert "error" in loading.request("laod")


def test_the_process_lowers_its_priority(loading: ServerProcess) -> None:
    loading.request("laod")
    here = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, loading.popen.pid) == min(19, here + 10)


def test_a_broken_torch_is_an_error_of_every_request(home: Home, tmp_path: Path) -> None:
    broken = _torch(tmp_path, "raise ImportError('libtorch.so is missing')\n")
    with _process(home, tmp_path / "stderr", broken) as process:
        for _ in range(2):
            error = process.request("load", run="words")["error"]
            assert error["title"] == "PyTorch cannot be loaded"
            assert "libtorch.so" in error["message"]


def test_replies_repeat_the_id_and_the_last_has_done(server: ServerProcess) -> None:
    server.write(b'{"id": "a", "op": "generate", "run": "words", "prompt": "the"}\n')
    messages = [server.receive()]
    while not messages[-1].get("done"):
        messages.append(server.receive())
    assert {one["id"] for one in messages} == {"a"}
    assert messages[-1]["reason"] == "length"
    assert sum(len(one["tokens"]) for one in messages[:-1]) == messages[-1]["tokens"] == 50


def test_a_request_after_a_cancelled_reply_is_answered(server: ServerProcess) -> None:
    """No token of the cancelled reply follows its last message."""
    reply = server.send("generate", run="chars", prompt="the", settings=ENDLESS)
    waiting = server.send("score", run="words", text="the cat")
    while server.receive()["id"] != reply:
        pass
    server.send("cancel", target=reply)
    stopped = server.last(reply)
    assert stopped["reason"] == "cancelled"
    assert stopped["tokens"] > 0
    assert stopped["text"]
    assert len(server.last(waiting)["tokens"]) == 3
    assert server.request("load", run="words")["how"] == "kept"


def test_a_refused_request_does_not_end_the_process(server: ServerProcess) -> None:
    error = server.request("generate", run="words", prompt="the caat")["error"]
    assert error["unknown"] == ["caat"]
    assert "cat" in error["nearest"]["caat"]
    assert "wrods" in server.request("load", run="wrods")["error"]["message"]
    problems = server.request("generate", run="words", settings={"top_p": 3})["error"]["problems"]
    assert list(problems) == ["top_p"]


def test_any_unicode_text_is_answered_on_one_line(server: ServerProcess, home: Home) -> None:
    error = server.request("generate", run="words", prompt="\u2028 猫\n\x1b[31m 🐈 \ud800")["error"]
    assert error["message"]
    error = server.request("generate", run="words", prompt="猫\u2028🐈")["error"]
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
        error = process.request("score", text="the")["error"]
        assert "Internal error" in error["message"]
        assert process.request("load", run="words")["how"] == "loaded"
    assert "Traceback" in log.read_text()


def _end(process: ServerProcess) -> None:
    assert process.end_of_file() == 0


def _terminate(process: ServerProcess) -> None:
    process.popen.terminate()
    assert process.popen.wait(timeout=TIMEOUT_S) == -signal.SIGTERM


@pytest.mark.slow
@pytest.mark.parametrize("end", [_end, _terminate])
@pytest.mark.parametrize("op", ["generate", "probe", "fork"])
def test_the_process_ends_in_the_middle_of_a_request(
    home: Home, tmp_path: Path, op: str, end: Callable[[ServerProcess], None]
) -> None:
    with _process(home, tmp_path / "stderr") as process:
        name = process.request("step", run="chars", prompt="the")["session"]
        fields: dict[str, JsonObject] = {
            "generate": {"prompt": "the", "settings": ENDLESS},
            "probe": {"train": {"preset": "medium"}, "model": {"vocab_size": 300}},
            "fork": {"session": name, "count": 64, "tokens": 1024},
        }
        process.send(op, **fields[op])
        if op != "fork":
            assert "done" not in process.receive()
        end(process)


def test_an_index_is_built_beside_a_reply(server: ServerProcess, home: Home) -> None:
    """Both report progress; each has one last reply."""
    run = tiny_run(home, "read")
    set_corpus(home, run, corpus_of_text(home.root / "read.txt", "\n".join(TINY_CORPUS)))
    reply = server.send("generate", run="words", prompt="the", settings=ENDLESS)
    while server.receive()["id"] != reply:
        pass
    built = server.request("index", run="read")
    assert (built["how"], built["tokens"]) == ("made", 24)
    missing = server.request("index", run="nobody")
    assert "nobody" in missing["error"]["message"]
    server.send("cancel", target=reply)
    assert server.last(reply)["reason"] == "cancelled"
    result = server.request("origin", run="read", text="the cat sat on the tree")
    assert [span["to"] for span in result["spans"]] == [18]
    ids = [server.send("index", run="read") for _ in range(3)]
    result = {message["id"]: message["how"] for message in (server.receive() for _ in ids)}
    assert result == dict.fromkeys(ids, "kept"), "several at once, in any order"


def test_a_text_is_classified_and_a_run_is_tested(server: ServerProcess) -> None:
    reply = server.request("classify", run="feelings", text="The film was good .", explain=True)
    assert reply["labels"] == ["positive", "negative", "neutral"]
    assert len(reply["words"]) == 5
    test = server.send("test", run="feelings")
    progress = server.receive()
    count = progress["total"]
    assert progress == {"id": test, "finished": count, "total": count, "right": progress["right"]}
    report = server.last(test)["report"]
    assert report["right"] == progress["right"]
    assert report["items"] == len(report["wrong"]) + report["right"] == count

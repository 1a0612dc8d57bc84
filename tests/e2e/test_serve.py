"""`minigpt-tui serve` as a process: its start, its end, and many clients at once."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.runners import run
from tests.support.serve_processes import WISH, load_server, memory_of, serve_command
from tests.support.served import served_home
from tests.support.wait import wait_until

CLIENTS = 50
SECONDS = float(os.environ.get("MINIGPT_LOAD_S", "8"))
MEMORY_MARGIN = 30_000_000  # bytes


def test_it_serves_on_a_socket_until_ctrl_c(tmp_path: Path) -> None:
    served_home(tmp_path)
    path = tmp_path / "serve.sock"
    with serve_command(tmp_path, "words", "talk", "--unix", str(path)) as serving:
        assert serving.events[0] == {
            "type": "listening", "address": str(path), "models": ["words", "talk"],
        }  # fmt: skip
        assert path.stat().st_mode & 0o777 == 0o600
        server = serving.server
        assert "MINIGPT" not in " ".join(server.cmdline())
        transport = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(transport=transport, base_url="http://localhost/v1", timeout=60) as http:
            reply = http.post("/completions", json=WISH).json()
            stream = http.stream("POST", "/completions", json={**WISH, "stream": True})
            with stream as response:
                assert response.headers["content-type"].startswith("text/event-stream")
                assert response.read().endswith(b"data: [DONE]\n\n")
        generated = run(tmp_path, "generate", "words", "the cat", "--max-tokens", "16").stdout
        assert reply["choices"][0]["text"].strip() == generated.strip()
        wait_until(lambda: len(serving.events) == 5, lambda: str(serving.events))
        assert [event["type"] for event in serving.events[1:]] == ["request", "reply"] * 2
        assert serving.interrupt() == 0
        assert not server.is_running()
        assert not path.exists()


def test_the_server_ends_with_the_command_that_was_killed(tmp_path: Path) -> None:
    served_home(tmp_path)
    with serve_command(tmp_path, "words", "--port", "0") as serving:
        server = serving.server
        assert httpx.get(f"{serving.address}/models", timeout=60).status_code == 200
        serving.process.send_signal(signal.SIGKILL)
        wait_until(lambda: not server.is_running(), "the server has ended")


@pytest.mark.slow
def test_many_clients_at_once_leave_nothing_behind(tmp_path: Path) -> None:
    """Detects memory, connections or jobs that pile up, and a client that is never served."""
    served_home(tmp_path)
    with serve_command(tmp_path, "words", "--port", "0") as serving:
        server = serving.server
        load_server(serving.address, CLIENTS, SECONDS / 2)  # buffers have their size
        before = memory_of(server)
        files = server.num_fds()
        load = load_server(serving.address, CLIENTS, SECONDS)
        assert set(load.statuses) <= {200, 400, 413}, load.statuses
        assert load.statuses[200] >= CLIENTS
        assert memory_of(server) - before < MEMORY_MARGIN
        wait_until(lambda: server.num_fds() <= files, "its connections are closed")
        assert psutil.pid_exists(server.pid)
        assert serving.interrupt() == 0

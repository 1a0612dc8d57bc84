"""Connections that misbehave: slow, half-sent, too large, gone, or not reading."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from core.serve.generation import MAX_ECHO_LOGPROBS
from core.serve.models import ServedModel
from core.serve.schemas import MAX_TOKENS
from tests.support.served import Server, served_models, serving
from tests.support.wait import wait_until

TIMEOUT_S = 30.0


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[ServedModel]:
    return served_models(tmp_path_factory.mktemp("served"), ["chars"])


@pytest.fixture
def server(models: list[ServedModel]) -> Iterator[Server]:
    with serving(models) as server:
        yield server


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S)


def head_of(body: bytes, path: str = "/v1/completions", length: int | None = None) -> bytes:
    """The head of a request."""
    size = len(body) if length is None else length
    return f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {size}\r\n\r\n".encode()


def request_of(**fields: Any) -> bytes:
    wish = {"prompt": "the c", "max_tokens": MAX_TOKENS, "temperature": 0, **fields}
    body = json.dumps(wish).encode()
    return head_of(body) + body


def read_all(connection: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


@pytest.mark.parametrize(
    "sent",
    [b"", b"POST /v1/comp", b"POST /v1/completions HTTP/1.1\r\nhost: localhost\r\n"],
    ids=["nothing", "half a line", "half a head"],
)
def test_a_request_whose_head_does_not_come_is_closed(server: Server, sent: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(sent)
        assert read_all(connection).startswith(b"HTTP/1.1 408")


def test_a_head_in_drops_is_closed_as_well(server: Server) -> None:
    """Detects a limit that each byte begins anew."""
    with connect(server) as connection:
        start = time.monotonic()
        try:
            while time.monotonic() < start + TIMEOUT_S:
                connection.sendall(b"x")
                connection.settimeout(0.05)
                try:
                    if connection.recv(100):
                        break
                except TimeoutError:
                    continue
        except OSError:
            pass
        assert time.monotonic() - start < TIMEOUT_S / 2


def test_a_body_that_does_not_come_is_refused(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(head_of(b"", length=500) + b'{"prompt": ')
        received = read_all(connection)
    assert received.startswith(b"HTTP/1.1 408")
    assert b"The body did not come within" in received
    assert server.wait_for_replies(1)[0].status == 408


def test_a_body_that_ends_early_is_a_client_that_is_gone(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(head_of(b"", length=500) + b'{"prompt": ')
    assert server.wait_for_replies(1)[0].status == 499


def test_a_body_of_10_mb_is_read_to_its_end_and_refused(server: Server) -> None:
    """Detects a connection that is reset before the client has read the reason."""
    body = b" " * 10_000_000
    with connect(server) as connection:
        connection.sendall(head_of(body) + body)
        received = read_all(connection)
    assert received.startswith(b"HTTP/1.1 413")
    assert b"The body is larger than 1,000,000 bytes." in received


def test_a_body_that_asks_first_is_refused_at_once(server: Server) -> None:
    head = head_of(b"", length=10_000_000).replace(b"\r\n\r\n", b"\r\nexpect: 100-continue\r\n\r\n")
    with connect(server) as connection:
        connection.sendall(head)
        assert read_all(connection).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"\0" * 70_000]
)
def test_what_is_not_http_is_refused(server: Server, sent: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(sent)
        assert b" 400 " in read_all(connection).partition(b"\r\n")[0]


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_ends_within_a_token_of_its_client(server: Server, stream: bool) -> None:
    """Detects a model that keeps generating after the client has gone."""
    with connect(server) as connection:
        connection.sendall(request_of(stream=stream))
        if stream:
            connection.recv(100)
        else:
            wait_until(lambda: server.events, "the request has come")
    (reply,) = server.wait_for_replies(1)
    assert reply.status == 499
    assert reply.completion_tokens < MAX_TOKENS
    wait_until(lambda: server.worker.count == 0, "the job has ended")


def test_a_client_that_leaves_while_its_prompt_is_scored_ends_it(server: Server) -> None:
    prompt = "the cat " * (MAX_ECHO_LOGPROBS // 8 - 1)
    with connect(server) as connection:
        connection.sendall(request_of(prompt=prompt, echo=True, logprobs=1, max_tokens=0))
        wait_until(lambda: server.events, "the request has come")
    assert server.wait_for_replies(1)[0].status == 499
    wait_until(lambda: server.worker.count == 0, "the job has ended")


def test_a_client_that_reads_nothing_is_closed(server: Server) -> None:
    """Detects an unread stream that fills memory or takes turns from others."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(request_of(stream=True, logprobs=20, max_tokens=12_000))
        (reply,) = server.wait_for_replies(1)
    assert reply.status == 499
    assert 0 < reply.completion_tokens < 12_000


def test_a_short_request_ends_beside_long_ones(server: Server) -> None:
    """Detects a queue in which everybody waits for the longest reply."""
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(connect(server)).sendall(request_of())
        wait_until(lambda: len(server.events) == 3, "the long ones have come")
        short = stack.enter_context(connect(server))
        short.sendall(request_of(max_tokens=3))
        assert short.recv(100).startswith(b"HTTP/1.1 200")
        (reply,) = server.wait_for_replies(1)
        assert reply.completion_tokens == 3
        wait_until(lambda: server.worker.count == 3, "the long ones go on")


def test_a_connection_is_used_again(server: Server) -> None:
    """Detects a timer of the first request that ends the second."""
    small = request_of(max_tokens=1)
    with connect(server) as connection:
        for _ in range(3):
            connection.sendall(small)
            received = b""
            while b'"usage"' not in received:
                part = connection.recv(65536)
                assert part, received
                received += part
            assert received.startswith(b"HTTP/1.1 200")
            time.sleep(0.4)  # less than the limit for a head, three times more than it


def test_a_stream_that_fails_ends_with_the_error(
    server: Server, models: list[ServedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = models[0].prepare_thread, iter(range(100))

    def fail_later() -> None:
        if next(calls) == 5:
            raise ZeroDivisionError
        real()

    monkeypatch.setattr(models[0], "prepare_thread", fail_later)
    with connect(server) as connection:
        connection.sendall(request_of(stream=True))
        received = b""
        while b"Internal error: ZeroDivisionError." not in received:
            part = connection.recv(65536)
            assert part, received
            received += part
    assert b"[DONE]" not in received
    assert server.wait_for_replies(1)[0].status == 500

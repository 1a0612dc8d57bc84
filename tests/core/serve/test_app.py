"""The routes: models, access, errors in OpenAI's form, and what is reported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from core.serve.body import MAX_BODY_BYTES
from core.serve.events import Event, Replied, Requested
from core.serve.models import ServedModel
from tests.support.served import RUNS, application, served_models

LOCAL = "http://127.0.0.1:8765"
HELLO = [{"role": "user", "content": "the cat"}]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[ServedModel]:
    return served_models(tmp_path_factory.mktemp("served"))


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def client(models: list[ServedModel], events: list[Event]) -> Iterator[TestClient]:
    with application(models, report=events.append) as app:
        yield TestClient(app, base_url=LOCAL)


def complete(client: TestClient, **fields: Any) -> Any:
    body = {"model": "words", "prompt": "the cat", "temperature": 0, "max_tokens": 4, **fields}
    return client.post("/v1/completions", json=body)


def test_models_are_listed_and_shown(client: TestClient) -> None:
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == list(RUNS)
    assert client.get("/v1/models/words").json() == listed["data"][0]
    assert listed["data"][0]["created"] > 0


def test_health_needs_no_token(models: list[ServedModel]) -> None:
    with application(models, token="secret") as app:
        client = TestClient(app, base_url="http://far.example")
        assert client.get("/health").json() == {"status": "ok"}
        assert client.get("/v1/models").status_code == 401


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer secret", 200),
        ("bearer secret", 200),
        ("Bearer secre", 401),
        ("Bearer ", 401),
        ("Bearer sécret", 401),
        ("Basic secret", 401),
        ("secret", 401),
        (None, 401),
    ],
)
def test_a_token_is_required_where_one_is_set(
    models: list[ServedModel], header: str | None, status: int
) -> None:
    headers = {} if header is None else {"authorization": header.encode()}
    with application(models, token="secret") as app:
        client = TestClient(app, base_url="http://far.example")
        response = client.get("/v1/models", headers=headers)  # type: ignore[arg-type]
        assert response.status_code == status
        posted = client.post("/v1/completions", json={"prompt": "a"}, headers=headers)  # type: ignore[arg-type]
        assert (posted.status_code == 401) == (status == 401)
    if status == 401:
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost"}, 200),
        ({"host": "[::1]:8765"}, 200),
        ({"origin": "http://localhost:3000"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example:8765"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"host": "["}, 403),
    ],
)
def test_web_pages_of_others_are_refused(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    """Detects a web page that can use its visitor's models, also by DNS rebinding."""
    assert client.get("/v1/models", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", 404),
        ("/v1/files", "POST", 404),
        ("/v1/completions", "GET", 405),
        ("/v1/models", "DELETE", 405),
        ("/v1/models/none", "GET", 404),
        ("/v1/models/../../etc/passwd", "GET", 404),
    ],
)
def test_other_paths_are_refused_in_the_form_of_openai(
    client: TestClient, path: str, method: str, status: int
) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


def test_a_wrong_path_or_method_is_told_the_right_ones(client: TestClient) -> None:
    for response in (client.post("/v1/embeddings"), client.get("/v1/completions")):
        message = response.json()["error"]["message"]
        assert "POST /v1/completions" in message
        assert "GET /v1/models" in message


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"model": "none"}, 404, "There is no model 'none'. Served: words, chars, bytes, talk."),
        ({"model": None}, 404, "model: is required."),
        ({"model": "\ud800"}, 404, "There is no model"),
        ({"prompt": "the zebra"}, 400, "The word 'zebra' is not in the vocabulary."),
        ({"prompt": "the zebra"}, 400, "; or send allow_unknown: true to read it as <unk>."),
        ({"prompt": "\ud800"}, 400, "half a character"),
        ({"prompt": [1, 10**30]}, 400, "ids of tokens are from 0 to"),
        ({"model": "talk", "prompt": "  "}, 400, "There is no prompt to reply to."),
        ({"model": "talk", "echo": True}, 400, "echo:"),
        ({"model": "talk", "prompt": "cat " * 70}, 400, "the model reads at most 62"),
        ({"temperature": 1e9}, 400, "temperature: must be at most 100"),
    ],
)
def test_a_request_that_cannot_be_answered_is_refused_in_words(
    client: TestClient, fields: dict[str, Any], status: int, words: str
) -> None:
    body = json.dumps({"model": "words", "prompt": "the cat", **fields})
    for stream in (False, True):
        text = body[:-1] + (', "stream": true}' if stream else "}")
        response = client.post("/v1/completions", content=text)
        assert response.status_code == status, response.text
        assert words in response.json()["error"]["message"]


def test_a_run_on_lines_does_not_converse(client: TestClient) -> None:
    response = client.post("/v1/chat/completions", json={"model": "words", "messages": HELLO})
    assert response.status_code == 400
    assert "Use /v1/completions" in response.json()["error"]["message"]


def test_the_only_model_needs_no_name(models: list[ServedModel]) -> None:
    with application(models[:1]) as app:
        client = TestClient(app, base_url=LOCAL)
        response = complete(client, model=None)
    assert response.json()["model"] == "words"


@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 10_000_000])
def test_a_body_that_is_too_large_is_refused(
    client: TestClient, size: int, events: list[Event]
) -> None:
    response = client.post("/v1/completions", content=b" " * size)
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "body_too_large"
    assert response.headers["connection"] == "close"
    assert isinstance(events[-1], Replied)
    assert events[-1].status == 413


def test_broken_json_is_refused(client: TestClient) -> None:
    response = client.post("/v1/completions", content=b'{"prompt": "the')
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_requests_are_reported_as_they_come_and_end(
    client: TestClient, events: list[Event]
) -> None:
    assert complete(client, user="Ann").status_code == 200
    requested, replied = events
    assert isinstance(requested, Requested)
    assert (requested.model, requested.client, requested.path, requested.waiting) == (
        "words", "Ann", "/v1/completions", 1,
    )  # fmt: skip
    assert isinstance(replied, Replied)
    assert (replied.id, replied.status) == (requested.id, 200)
    assert (replied.prompt_tokens, replied.completion_tokens) == (3, 4)


def test_a_refusal_is_reported_with_its_reason(client: TestClient, events: list[Event]) -> None:
    complete(client, prompt="zebra")
    assert isinstance(events[-1], Replied)
    assert events[-1].status == 400
    assert "zebra" in events[-1].message


def test_a_fault_is_an_internal_error_without_details(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr("core.serve.app.parse_json_body", fail)
    safe = TestClient(client.app, base_url=LOCAL, raise_server_exceptions=False)
    response = complete(safe)
    assert response.status_code == 500
    assert response.json()["error"]["message"] == "Internal error."


def test_an_error_does_not_quote_a_long_prompt_whole(client: TestClient) -> None:
    response = complete(client, prompt="x" * 900_000)
    assert response.status_code == 400
    assert "xxx…" in response.json()["error"]["message"]
    assert len(response.content) < 5000

"""What one request may cost, and memory that runs out."""

from __future__ import annotations

from typing import Any

import pytest

from core.config.plan_inputs import DeviceFacts
from core.errors import ResourceError
from core.serve import limits
from core.serve.errors import RequestError
from core.serve.generation import run_request
from core.serve.limits import check_cache_memory, check_reply_size, memory_errors
from core.serve.models import ServedModel
from core.serve.schemas import parse_chat, parse_completion
from tests.support.served import served_models

HELLO = [{"role": "user", "content": "the cat"}]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[ServedModel]:
    return served_models(tmp_path_factory.mktemp("served"), ["words", "talk"])


@pytest.mark.parametrize(
    ("fields", "max_tokens", "param"),
    [
        ({}, 65_536, None),
        ({"n": 2}, 65_536, None),
        ({"n": 3}, 65_536, "max_tokens"),
        ({"prompt": ["a"] * 3}, 65_536, "max_tokens"),
        ({"logprobs": 3}, 65_536, None),
        ({"logprobs": 4}, 65_536, "logprobs"),
        ({"logprobs": 0, "n": 2}, 65_536, None),
    ],
)
def test_a_reply_has_at_most_so_many_tokens(
    fields: dict[str, Any], max_tokens: int, param: str | None
) -> None:
    request = parse_completion({"prompt": "a", **fields})
    if param is None:
        check_reply_size(request, max_tokens)
        return
    with pytest.raises(RequestError) as error:
        check_reply_size(request, max_tokens)
    assert error.value.param == param


def test_the_limit_holds_for_requests(models: list[ServedModel]) -> None:
    request = parse_completion({"prompt": "the", "n": 3, "max_tokens": 65_536})
    with pytest.raises(RequestError, match="is 196,608; at most 131,072"):
        next(run_request(models[0], request, lambda: False))
    chat = parse_chat({"messages": HELLO, "n": 3})
    next(run_request(models[1], chat, lambda: False))


def test_choices_whose_caches_do_not_fit_are_refused(
    models: list[ServedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = DeviceFacts(device="cpu", name="CPU", free_memory=1_000_000, threads=1)
    monkeypatch.setattr(limits, "device_facts", lambda _: facts)
    size = limits.cache_bytes(models[0].loaded.model.config)
    assert size == 2 * 2 * 1 * 8 * 32 * 4  # keys and values, layers, heads, head size, context
    fitting = int(0.3 * 1_000_000 / size)
    check_cache_memory(models[0].loaded, fitting)
    with pytest.raises(RequestError, match=f"the caches of {fitting + 1} choices") as error:
        check_cache_memory(models[0].loaded, fitting + 1)
    assert error.value.param == "n"


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")]
)
def test_memory_that_runs_out_is_named(error: Exception) -> None:
    with pytest.raises(ResourceError, match="not enough memory"), memory_errors():
        raise error


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="a bug"), memory_errors():
        raise RuntimeError("a bug")

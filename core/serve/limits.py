"""What one request may cost in memory, checked before it begins; and memory that ran out anyway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from core.config.configs import ModelConfig
from core.errors import ResourceError
from core.inference.load import LoadedModel
from core.model.device import device_facts
from core.model.memory import is_out_of_memory
from core.serve.errors import RequestError
from core.serve.schemas import CompletionRequest, ServeRequest

MAX_REPLY_TOKENS = 131_072  # of all choices
MAX_LISTED_TOKENS = 262_144  # with their alternatives, where log-probabilities are requested
MAX_MEMORY_SHARE = 0.3  # of the free memory, for the caches of one request
BYTES_PER_FLOAT = 4


def check_reply_size(request: ServeRequest, max_tokens: int) -> None:
    """Refuse a request whose reply would be too large to be held.

    Args:
        max_tokens: of each choice.

    Raises:
        RequestError: it would.
    """
    prompts = len(request.prompts) if isinstance(request, CompletionRequest) else 1
    tokens = prompts * request.count * max_tokens
    if tokens > MAX_REPLY_TOKENS:
        raise RequestError(
            f"n times max_tokens, of all prompts, is {tokens:,}; at most {MAX_REPLY_TOKENS:,}.",
            param="max_tokens",
        )
    if request.top_logprobs is not None:
        listed = tokens * (1 + request.top_logprobs)
        if listed > MAX_LISTED_TOKENS:
            raise RequestError(
                f"Log-probabilities of {listed:,} tokens with their alternatives were requested; "
                f"at most {MAX_LISTED_TOKENS:,}.",
                param="logprobs",
            )


def check_cache_memory(loaded: LoadedModel, rows: int) -> None:
    """Refuse several choices whose caches do not fit into memory.

    Raises:
        RequestError: they do not.
    """
    if rows == 1:
        return
    needed = rows * cache_bytes(loaded.model.config)
    free = device_facts(str(loaded.model.device)).free_memory
    if needed > MAX_MEMORY_SHARE * free:
        raise RequestError(
            f"n: the caches of {rows} choices need {needed / 1e6:,.0f} MB, more than "
            f"{MAX_MEMORY_SHARE:.0%} of the {free / 1e6:,.0f} MB that are free.",
            param="n",
        )


def cache_bytes(config: ModelConfig) -> int:
    """Bytes of keys and values of a full context."""
    floats = 2 * config.layers * config.kv_heads * config.head_dim * config.context
    return BYTES_PER_FLOAT * floats


@contextmanager
def memory_errors() -> Iterator[None]:
    """Raise a ResourceError where memory runs out.

    Raises:
        ResourceError: it has.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise ResourceError(
            "There is not enough memory for this request.",
            "Ask for fewer choices, or wait until other programs need less.",
        ) from error

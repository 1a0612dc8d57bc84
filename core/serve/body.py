"""The body of a request, with limits on its size and on the time it may take."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from core.serve.errors import TIMED_OUT, TOO_LARGE, RequestError

MAX_BODY_BYTES = 1_000_000
MAX_DISCARDED_BYTES = 64_000_000  # read and thrown away, so that the client reads the refusal
MAX_DIGITS = 20  # of a length
BODY_TIMEOUT_S = 20.0


async def read_body(request: Request, timeout_s: float = BODY_TIMEOUT_S) -> bytes:
    """The body of a request.

    Raises:
        RequestError: it is too large, or does not come in time.
        ClientDisconnect: the client has closed its connection.
    """
    expected = request.headers.get("content-length", "")
    is_number = expected.isascii() and expected.isdecimal() and len(expected) <= MAX_DIGITS
    size = int(expected) if is_number else 0
    waits_for_consent = request.headers.get("expect", "").casefold() == "100-continue"
    if size > MAX_DISCARDED_BYTES or (size > MAX_BODY_BYTES and waits_for_consent):
        raise _too_large_error()
    parts: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(timeout_s):
            async for part in request.stream():
                length += len(part)
                if length <= MAX_BODY_BYTES:
                    parts.append(part)
                else:
                    parts.clear()
                if length > MAX_DISCARDED_BYTES:
                    break
    except TimeoutError:
        raise RequestError(
            f"The body did not come within {timeout_s:g} seconds.", TIMED_OUT, code="timeout"
        ) from None
    if length > MAX_BODY_BYTES:
        raise _too_large_error()
    return b"".join(parts)


def _too_large_error() -> RequestError:
    return RequestError(
        f"The body is larger than {MAX_BODY_BYTES:,} bytes.", TOO_LARGE, code="body_too_large"
    )

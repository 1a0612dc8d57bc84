"""Who may use the server: a token, or programs of this machine but no web pages of others."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from core.serve.errors import FORBIDDEN, UNAUTHORIZED, RequestError

BEARER = "bearer "
LOCAL_NAME = "localhost"


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own."""
    if host.casefold() == LOCAL_NAME:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_access(headers: Mapping[str, str], token: str | None, *, is_socket: bool) -> None:
    """Refuse a request that may not use the server.

    Without a token, a web page could have the browser of this machine's user send requests, under
    its own name or one that it lets point here: those are refused by their headers.

    Args:
        token: that requests must bear; None if there is none.
        is_socket: they come through a socket of the file system, which no browser uses.

    Raises:
        RequestError: it may not.
    """
    if token is not None:
        given = headers.get("authorization", "")
        bearer = given[len(BEARER) :].strip() if given.casefold().startswith(BEARER) else ""
        if not hmac.compare_digest(bearer.encode(), token.encode()):
            raise RequestError(
                "The token is missing or wrong. Send it as Authorization: Bearer TOKEN, or as the "
                "API key of your client.",
                UNAUTHORIZED,
                code="invalid_api_key",
            )
    elif not is_socket:
        for name, host in (
            ("Host", _host_of("//" + headers.get("host", LOCAL_NAME))),
            ("Origin", _host_of(headers.get("origin", f"//{LOCAL_NAME}"))),
        ):
            if not is_loopback(host):
                raise RequestError(
                    f"{name} is not this machine. Start the server with a token to serve others.",
                    FORBIDDEN,
                    code="not_local",
                )


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""

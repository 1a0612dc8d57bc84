"""Errors of the server as OpenAI's clients expect them."""

from __future__ import annotations

from core.errors import InputError, MiniGPTError, ResourceError
from core.system.files import JsonObject
from core.tokenizer.unknown_words import UnknownWordError

BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, NOT_ALLOWED = 400, 401, 403, 404, 405
TIMED_OUT, TOO_LARGE, INTERNAL, OVERLOADED = 408, 413, 500, 503
MAX_MESSAGE_CHARACTERS = 1000
INVALID_REQUEST = "invalid_request_error"
SERVER_FAULT = "server_error"
ALLOW_UNKNOWN = "; or send allow_unknown: true to read it as <unk>."


class RequestError(Exception):
    """A request that is refused or that failed.

    Args:
        message: what is wrong and what to do.
        status: of the HTTP response.
        param: the field of the request that is wrong, if one is.
        code: a word for programs, such as "model_not_found".
    """

    def __init__(
        self,
        message: str,
        status: int = BAD_REQUEST,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.param, self.code = message, status, param, code

    def to_json(self) -> JsonObject:
        """The body of the response."""
        kind = INVALID_REQUEST if self.status < INTERNAL else SERVER_FAULT
        return {
            "error": {
                "message": self.message,
                "type": kind,
                "param": self.param,
                "code": self.code,
            }
        }


def to_request_error(error: MiniGPTError, param: str | None = None) -> RequestError:
    """The error for an error of the program: the request's fault, or the server's."""
    status = BAD_REQUEST if isinstance(error, InputError) else INTERNAL
    if isinstance(error, ResourceError):
        status = OVERLOADED
    message = error.message
    if len(message) > MAX_MESSAGE_CHARACTERS:  # it quotes the request
        message = f"{message[:MAX_MESSAGE_CHARACTERS]}…"
    hint = error.hint or ""
    if isinstance(error, UnknownWordError):
        hint = hint.rstrip(".") + ALLOW_UNKNOWN
    return RequestError(" ".join(filter(None, (message, hint))), status, param)

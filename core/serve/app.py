"""The routes of the server, as an ASGI application."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from core.serve.body import BODY_TIMEOUT_S, read_body
from core.serve.errors import (
    BAD_REQUEST,
    INTERNAL,
    NOT_FOUND,
    OVERLOADED,
    TIMED_OUT,
    TOO_LARGE,
    UNAUTHORIZED,
    RequestError,
)
from core.serve.events import Event, Replied, Requested
from core.serve.generation import run_request
from core.serve.guard import check_access
from core.serve.models import ServedModel
from core.serve.queue import Worker
from core.serve.replies import ReplyFormat, Step
from core.serve.schemas import (
    ChatRequest,
    CompletionRequest,
    parse_chat,
    parse_completion,
    parse_json_body,
)
from core.serve.streaming import (
    ClientGoneError,
    EventStream,
    StepReader,
    chain_first,
    json_response,
    reply_events,
    to_event,
    unless_disconnected,
)
from core.system.files import JsonObject

OWNER = "minigpt-tui"
CLIENT_GONE = 499  # for the log only: the client has disconnected
RETRY_AFTER_S = 1
ENDPOINTS = (
    "There are GET /health, GET /v1/models, POST /v1/completions and POST /v1/chat/completions."
)
Parse = Callable[[Mapping[str, Any]], CompletionRequest | ChatRequest]


@dataclass
class RequestRecord:
    """What is reported of a request."""

    id: int
    path: str
    client: str
    start: float = field(default_factory=time.monotonic)
    model: str = ""
    status: int = CLIENT_GONE
    message: str = ""
    reader: StepReader | None = None

    def reply(self) -> Replied:
        """The event of its end."""
        last = self.reader.last if self.reader else None
        return Replied(
            id=self.id,
            path=self.path,
            model=self.model,
            client=self.client,
            status=self.status,
            prompt_tokens=last.prompt_tokens if last else 0,
            completion_tokens=last.completion_tokens if last else 0,
            seconds=round(time.monotonic() - self.start, 3),
            message=self.message,
        )


class Api:
    """Answers requests about some models.

    Args:
        models: those that are served.
        worker: decodes; started and closed by the caller.
        report: receives events; must not block.
        token: that requests must bear; None if they need none.
        is_socket: requests come through a Unix socket.
        body_timeout_s: seconds within which a body must have come.
    """

    def __init__(
        self,
        models: list[ServedModel],
        worker: Worker[Step],
        report: Callable[[Event], object] = lambda _: None,
        *,
        token: str | None = None,
        is_socket: bool = False,
        body_timeout_s: float = BODY_TIMEOUT_S,
    ) -> None:
        self._models = {model.name: model for model in models}
        self._worker, self._report = worker, report
        self._token, self._is_socket = token, is_socket
        self._body_timeout_s = body_timeout_s
        self._numbers = itertools.count(1)

    def application(self) -> Starlette:
        """The ASGI application."""
        chat = partial(self._generate, parse=parse_chat)
        completion = partial(self._generate, parse=parse_completion)
        return Starlette(
            routes=[
                Route("/health", self._health),
                Route("/v1/models", self._list_models),
                Route("/v1/models/{name:path}", self._show_model),
                Route("/v1/completions", completion, methods=["POST"]),
                Route("/v1/chat/completions", chat, methods=["POST"]),
            ],
            exception_handlers={
                RequestError: _show_error,
                HTTPException: _show_http_error,
                Exception: _show_fault,
            },
        )

    async def _health(self, _: Request) -> Response:
        return json_response({"status": "ok"})

    async def _list_models(self, request: Request) -> Response:
        self._check_access(request)
        objects = [_model_object(model) for model in self._models.values()]
        return json_response({"object": "list", "data": objects})

    async def _show_model(self, request: Request) -> Response:
        self._check_access(request)
        return json_response(_model_object(self._find_model(request.path_params["name"])))

    def _check_access(self, request: Request) -> None:
        check_access(request.headers, self._token, is_socket=self._is_socket)

    def _find_model(self, name: str) -> ServedModel:
        """The model of this name; an empty one is that of the only model."""
        if not name and len(self._models) == 1:
            return next(iter(self._models.values()))
        model = self._models.get(name)
        if model is None:
            names = ", ".join(self._models)
            what = f"There is no model {name[:80]!r}." if name else "model: is required."
            raise RequestError(f"{what} Served: {names}.", NOT_FOUND, "model", "model_not_found")
        return model

    async def _generate(self, request: Request, parse: Parse) -> Response:
        """Answer a request for a completion or a chat reply, and report it."""
        host = request.client.host if request.client else "socket"
        record = RequestRecord(next(self._numbers), request.url.path, host)
        is_streaming = False
        try:
            self._check_access(request)
            body = parse_json_body(await read_body(request, self._body_timeout_s))
            call = parse(body)
            model = self._find_model(call.model)
            record.model = model.name
            self._check_task(model, call)
            record.client = call.client or host
            record.reader = StepReader(
                self._worker, record.client, partial(run_request, model, call)
            )
            self._report(
                Requested(
                    id=record.id,
                    path=record.path,
                    model=record.model,
                    client=record.client,
                    waiting=self._worker.count,
                )
            )
            form = ReplyFormat(uuid4().hex, model.name, call)
            count = call.count * (1 if isinstance(call, ChatRequest) else len(call.prompts))
            if not call.is_streamed:
                work = record.reader.collect(count)
                choices = await unless_disconnected(request, work)
                record.status = 200
                return json_response(form.reply(choices, record.reader.last))
            steps = record.reader.steps()
            # An error before the first token is a response of its own, not part of a stream.
            first = await unless_disconnected(request, _first_of(steps))
            events = self._stream(record, chain_first(first, steps), count, form)
            is_streaming = True
            return EventStream(events, partial(self._end, record))
        except RequestError as error:
            record.status, record.message = error.status, error.message
            raise
        except (ClientGoneError, ClientDisconnect):
            return Response(status_code=CLIENT_GONE)
        finally:
            if not is_streaming:
                self._end(record)

    def _end(self, record: RequestRecord) -> None:
        if record.reader is not None:
            record.reader.cancel()
        self._report(record.reply())

    async def _stream(
        self, record: RequestRecord, steps: AsyncIterator[Step], count: int, form: ReplyFormat
    ) -> AsyncIterator[bytes]:
        try:
            async for event in reply_events(steps, count, form):
                yield event
            record.status = 200
        except RequestError as error:
            record.status, record.message = error.status, error.message
            yield to_event(error.to_json())

    @staticmethod
    def _check_task(model: ServedModel, call: CompletionRequest | ChatRequest) -> None:
        if isinstance(call, ChatRequest) and not model.loaded.is_chat:
            raise RequestError(
                f"{model.name} continues a text; it was not trained on conversations. Use "
                "/v1/completions.",
                BAD_REQUEST,
                "model",
                "not_a_chat_model",
            )


async def _first_of(steps: AsyncIterator[Step]) -> Step | None:
    return await anext(steps, None)


def _model_object(model: ServedModel) -> JsonObject:
    return {"id": model.name, "object": "model", "created": model.created, "owned_by": OWNER}


async def _show_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    response = json_response(error.to_json(), error.status)
    if error.status in (TOO_LARGE, TIMED_OUT):  # the rest of the body is not wanted
        response.headers["connection"] = "close"
    if error.status == UNAUTHORIZED:
        response.headers["www-authenticate"] = "Bearer"
    if error.status == OVERLOADED:
        response.headers["retry-after"] = str(RETRY_AFTER_S)
    return response


async def _show_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path[:80]}: {error.detail}. {ENDPOINTS}"
    return await _show_error(request, RequestError(message, error.status_code))


async def _show_fault(request: Request, _: Exception) -> Response:
    return await _show_error(request, RequestError("Internal error.", INTERNAL))

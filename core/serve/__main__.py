"""The server's process: `python -m core.serve`, with `ServeArguments` as its first line of input.

It writes events (`core.serve.events`) to standard output and ends with its input, with SIGTERM or
SIGINT. Nothing it imports before it listens loads torch.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from core.errors import Cancelled, MiniGPTError, find_resource_error
from core.serve.events import Event, Listening, encode_event, failure_of
from core.serve.launch import ServeArguments, check_arguments
from core.serve.listener import Listener, open_listener
from core.system.line_files import write_all
from core.system.process import BACKGROUND_NICENESS, end_process, keep_files_private
from core.system.signals import StopSignals

if TYPE_CHECKING:
    from uvicorn import Server

    from core.serve.queue import Worker

INPUT, OUTPUT, ERRORS = 0, 1, 2
MAX_ARGUMENT_BYTES = 1 << 20
MAX_CONNECTIONS = 512
KEEP_ALIVE_S = 30
SHUTDOWN_TIMEOUT_S = 3
STOP_POLL_S = 0.1


class EventWriter:
    """Writes events to the pipe that standard output was.

    Events about requests are dropped while the reader lags: it must not slow the server down.
    """

    def __init__(self) -> None:
        self._descriptor = os.dup(OUTPUT)
        os.dup2(ERRORS, OUTPUT)  # what libraries print is no event

    def write(self, event: Event) -> None:
        """Write an event; wait for the reader."""
        with suppress(BrokenPipeError):
            write_all(self._descriptor, encode_event(event))

    def offer(self, event: Event) -> None:
        """Write an event unless the pipe is full; one line is written as a whole or not at all."""
        with suppress(OSError):
            os.write(self._descriptor, encode_event(event))

    def stop_waiting(self) -> None:
        """Make `offer` return at once."""
        os.set_blocking(self._descriptor, False)


def main() -> str | None:
    """Serve until told to stop; return what could not be reported."""
    keep_files_private()
    writer = EventWriter()
    listener: Listener | None = None
    with StopSignals() as signals:
        try:
            arguments = _read_arguments()
            check_arguments(arguments)
            listener = open_listener(arguments)
            os.nice(BACKGROUND_NICENESS)
            _serve(arguments, listener, writer, signals)
        except Cancelled:
            pass
        except MiniGPTError as error:
            writer.write(failure_of(error))
        except (MemoryError, ImportError, OSError, RuntimeError) as error:
            shortage = find_resource_error(error)
            if shortage is None:
                raise
            writer.write(failure_of(shortage))
        finally:
            if listener is not None:
                listener.close()
    return None


def _read_arguments() -> ServeArguments:
    """The first line of the input; from then on, its end is a signal to stop."""
    source = os.fdopen(os.dup(INPUT), "rb")
    arguments = ServeArguments.from_line(source.readline(MAX_ARGUMENT_BYTES))

    def wait_for_end() -> None:
        while source.read(MAX_ARGUMENT_BYTES):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_end, name="input", daemon=True).start()
    return arguments


def _serve(
    arguments: ServeArguments, listener: Listener, writer: EventWriter, signals: StopSignals
) -> None:
    """Load the models and answer requests until a signal.

    Raises:
        Cancelled: the signal came before.
    """
    import uvicorn

    from core.serve.app import Api
    from core.serve.models import load_models
    from core.serve.protocol import timed_protocol
    from core.serve.queue import Worker
    from core.serve.replies import Step

    def is_stopped() -> bool:
        return signals.requested is not None

    choice = arguments.device, arguments.precision
    models = load_models(arguments.home, arguments.runs, *choice, is_stopped)
    worker: Worker[Step] = Worker()
    is_socket = arguments.unix is not None
    api = Api(models, worker, writer.offer, token=arguments.token, is_socket=is_socket)
    config = uvicorn.Config(
        api.application(),
        http=timed_protocol(),
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )
    server = uvicorn.Server(config)

    def stop(_: str) -> None:
        server.should_exit = True

    signals.on_stop(stop)
    writer.write(Listening(address=listener.address, models=[model.name for model in models]))
    writer.stop_waiting()
    gc.freeze()  # a full collection over all imported modules would delay a token
    asyncio.run(_run(server, listener, worker))


async def _run(server: Server, listener: Listener, worker: Worker[Any]) -> None:
    """Run the server; once it is to exit, requests in progress fail."""
    worker.start()
    serving = asyncio.create_task(server.serve(sockets=[listener.socket]))
    while not (server.should_exit or serving.done()):
        await asyncio.sleep(STOP_POLL_S)
    await asyncio.to_thread(worker.close)
    await serving


if __name__ == "__main__":
    end_process(main())

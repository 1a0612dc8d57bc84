"""A terminal driver that ends with its terminal and is never blocked by it.

Textual's own driver polls a dead terminal for ever (an empty read counts as "nothing yet") and
blocks the event loop when its output queue is full. Here end of file or an error on either side
ends the application, and output that a stalled terminal does not take is dropped and redrawn later.
"""

from __future__ import annotations

import os
import select
import selectors
import signal
import threading
from codecs import getincrementaldecoder
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO, cast

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from tui.common.background import AnswerFilter
from tui.common.notify import format_title, format_title_pop, format_title_push

if TYPE_CHECKING:
    from tui.common.background import BackgroundQuery

READ_BYTES = 4096
POLL_SECONDS = 0.1
ANSWER_GAP_SECONDS = 0.03  # at most between two parts of an answer; later, Escape was typed
MAX_PENDING_BYTES = 1 << 20  # about a hundred full screens
FLUSH_SECONDS = 1.0  # a stalled terminal gets this long to take the last output
GRACE_SECONDS = 2.0  # from the end of the event loop, or of the terminal, to that of the process
HANGUP_CODE = 128 + signal.SIGHUP
NO_SHELL_TEXT = "There is no shell to suspend to."


class OutputThread(threading.Thread):
    """Write text to a terminal from a thread of its own; `write` never blocks.

    Args:
        file: the terminal.
        on_lost: called in this thread, once, when the terminal can no longer be written to.
        on_dropped: called in this thread when it takes output again after some was dropped.
    """

    def __init__(
        self, file: TextIO, on_lost: Callable[[], None], on_dropped: Callable[[], None]
    ) -> None:
        super().__init__(daemon=True, name="terminal-output")
        self._fd = file.fileno()
        self._encoding = file.encoding or "utf-8"
        self._on_lost, self._on_dropped = on_lost, on_dropped
        self._changed = threading.Condition()
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._dropped = self._stopping = self._lost = False

    def write(self, text: str) -> None:
        """Queue text; what waits is dropped where the terminal has not read for too long."""
        data = text.encode(self._encoding, "replace")
        with self._changed:
            if self._lost:
                return
            if self._pending_bytes + len(data) > MAX_PENDING_BYTES:
                self._pending, self._pending_bytes, self._dropped = [], 0, True
            self._pending.append(data)
            self._pending_bytes += len(data)
            self._changed.notify()

    def flush(self) -> None:
        """Do nothing: the thread writes without a buffer."""

    def fileno(self) -> int:
        """The terminal's descriptor."""
        return self._fd

    def isatty(self) -> bool:
        """Always true, as for Textual's own writer."""
        return True

    def stop(self) -> None:
        """Write what is queued and end, or give up on a stalled terminal after a second."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self.join(FLUSH_SECONDS)

    def run(self) -> None:
        """Write until stopped or until the terminal is lost."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._stopping)
                if not self._pending:
                    return
                data = b"".join(self._pending)
                self._pending, self._pending_bytes = [], 0
                dropped, self._dropped = self._dropped, False
            try:
                while data:
                    try:
                        data = data[os.write(self._fd, data) :]
                    except BlockingIOError:  # another program set O_NONBLOCK on the terminal
                        select.select([], [self._fd], [])
            except OSError:
                with self._changed:
                    self._lost, self._pending = True, []
                self._on_lost()
                return
            if dropped:
                self._on_dropped()


class AskingApp(Protocol):
    """An app whose terminal may have been asked for its background."""

    background_query: BackgroundQuery | None


class TerminalDriver(LinuxDriver):
    """Textual's driver with output that never blocks and input that notices a lost terminal."""

    _output: OutputThread | None = None
    _is_active = False  # the terminal is in the application's modes
    _is_continued = False  # there was a SIGCONT since the last SIGTSTP
    _title: str | None = None  # of the terminal's window, if it is ours

    @property  # type: ignore[override]  # Textual declares its own class of writer
    def _writer_thread(self) -> OutputThread | None:
        return self._output

    @_writer_thread.setter
    def _writer_thread(self, writer: object) -> None:
        # Textual assigns a writer of its own and starts what it then reads back.
        assert self._file is not None
        lost, redraw = self._terminal_lost, self._redraw
        self._output = None if writer is None else OutputThread(self._file, lost, redraw)

    def start_application_mode(self) -> None:
        """Take over the terminal; where that is gone, as after a hang-up while suspended, exit."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if query := self._query:
            self.attrs_before = query.take_attributes() or self.attrs_before
        self._is_active = True
        if self._title is not None:
            self.write(format_title_push() + format_title(self._title))
        if self._key_thread is None or not self._key_thread.is_alive():
            self._terminal_lost()

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        if self._is_active and self._title is not None:
            self.write(format_title_pop())
        self._is_active = False
        super().stop_application_mode()

    @property
    def _query(self) -> BackgroundQuery | None:
        return cast("AskingApp", self._app).background_query

    def set_title(self, title: str | None) -> None:
        """Set the title of the terminal's window; None restores that from before."""
        if title == self._title:
            return
        if self._is_active and title is None:
            self.write(format_title_pop())
        elif self._is_active:
            self.write(
                (format_title_push() if self._title is None else "") + format_title(title or "")
            )
        self._title = title

    def _sigtstp_application(self, *_: object) -> None:
        """Suspend by the default action of SIGTSTP, and take over the terminal again afterwards.

        The kernel does not stop a process that no shell could continue: one that was started
        without a shell, or whose shell has just ended with the terminal. SIGSTOP, which Textual
        sends, would stop that process for ever.
        """
        is_restarted = self._is_active and self._auto_restart
        if is_restarted:
            self.suspend_application_mode()
            self._must_signal_resume = True
        self._is_continued = False
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        # To this very thread: the call returns only after the stop, or if there is none.
        signal.pthread_kill(threading.get_ident(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._sigtstp_application)
        if is_restarted:
            self.resume_application_mode()
            if not self._is_continued:
                self._loop.call_soon_threadsafe(self._app.notify, NO_SHELL_TEXT)

    def _sigcont_application(self, *_: object) -> None:
        """Take over the terminal again after a SIGSTOP, as a shell has used it since."""
        self._is_continued = True
        if self._is_active and self._auto_restart:
            self.suspend_application_mode()  # ends the threads that still read and write
            self.resume_application_mode()

    def run_input_thread(self) -> None:
        """Read keys and replies of the terminal until told to end or until it is gone."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        query = self._query
        answers = query.answers if query else AnswerFilter(is_complete=True)

        def process(typed: bytes) -> None:
            if text := decode(typed):  # Textual takes an empty text for the end of the input
                for event in parser.feed(text):
                    self.process_message(event)

        process(query.take_typed() if query else b"")
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(ANSWER_GAP_SECONDS if answers.is_holding else POLL_SECONDS):
                    try:
                        data = os.read(self.fileno, READ_BYTES)
                    except BlockingIOError:
                        continue
                    except OSError:
                        data = b""
                    if not data:
                        self._terminal_lost()
                        return
                    process(answers.feed(data))
                else:
                    process(answers.flush())
                for event in parser.tick():
                    self.process_message(event)

    def _terminal_lost(self) -> None:
        """Exit the application, and the process shortly after whatever it waits for."""
        end_process_within(GRACE_SECONDS, HANGUP_CODE)
        self._loop.call_soon_threadsafe(self._app.exit)

    def _redraw(self) -> None:
        self._loop.call_soon_threadsafe(lambda: self._app.refresh(layout=True))


def end_process_within(seconds: float, code: int) -> None:
    """End this process after `seconds` unless it ended before, whatever threads remain."""
    timer = threading.Timer(seconds, os._exit, [code])
    timer.daemon = True
    timer.start()

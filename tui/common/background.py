"""Ask the terminal whether its background is light, while the application is being imported.

The question is OSC 11, followed by a request for the device attributes (DA1): practically every
terminal answers the second, in order, so that its answer tells that none to the first will come.
"""

from __future__ import annotations

import os
import re
import select
import termios
import time
from collections.abc import Mapping
from typing import Any

QUERY = b"\x1b]11;?\x1b\\\x1b[c"
TIMEOUT_SECONDS = 0.15  # from the question
READ_BYTES = 4096
LIGHT_LUMA = 0.5
LIGHT_COLOUR_NUMBERS = (7, *range(9, 16))  # of the 16 colours
INPUT_FLAGS, LOCAL_FLAGS, CONTROL_CHARACTERS = 0, 3, 6  # places in a list of `termios` attributes

_ANSWER = re.compile(rb"\x1b\]11;([ -~]{0,64})(?:\x07|\x1b\\)|\x1b\[\?[0-9;]{0,64}c")
_START_OF_ANSWER = re.compile(
    rb"\x1b(?:\](?:1(?:1(?:;[ -~]{0,64}\x1b?)?)?)?|\[(?:\?[0-9;]{0,64})?)?\Z"
)
MAX_KEY_BYTES = 2  # a key such as Alt+] sends as much of what could be the start of an answer
_COLOUR = re.compile(r"rgba?:([0-9a-f]{1,4})/([0-9a-f]{1,4})/([0-9a-f]{1,4})(?:/[0-9a-f]{1,4})?")
_SHORT_COLOUR = re.compile(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})")


def is_light_colour(text: str) -> bool | None:
    """Whether a colour such as rgb:ffff/ffff/ffff is light; None if it is not a colour."""
    match = _COLOUR.fullmatch(text.strip().lower()) or _SHORT_COLOUR.fullmatch(text.strip().lower())
    if match is None:
        return None
    red, green, blue = (int(part, 16) / int("f" * len(part), 16) for part in match.groups())
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return luma > LIGHT_LUMA


def is_light_environment(environ: Mapping[str, str]) -> bool | None:
    """Whether COLORFGBG, such as 0;15, names a light background; None if it does not say."""
    number = environ.get("COLORFGBG", "").rpartition(";")[2]
    if not (number.isascii() and number.isdecimal() and int(number) < 16):
        return None
    return int(number) in LIGHT_COLOUR_NUMBERS


class AnswerFilter:
    """Takes the terminal's answers out of what it sends; all else was typed.

    Args:
        is_complete: no answer is expected; nothing is taken out or held back.

    Attributes:
        is_light: whether the background is light; None while or where unknown.
        is_complete: whether the last answer has arrived.
    """

    def __init__(self, *, is_complete: bool = False) -> None:
        self.is_light: bool | None = None
        self.is_complete = is_complete
        self._held = b""

    @property
    def is_holding(self) -> bool:
        """Whether the start of what may be an answer is held back."""
        return bool(self._held)

    def feed(self, data: bytes) -> bytes:
        """Return the input without the terminal's answers."""
        typed, data, self._held = b"", self._held + data, b""
        while not self.is_complete and (match := _ANSWER.search(data)):
            typed += data[: match.start()]
            data = data[match.end() :]
            if match[1] is None:
                self.is_complete = True
            else:
                self.is_light = is_light_colour(match[1].decode())
        if not self.is_complete and (start := _START_OF_ANSWER.search(data)):
            data, self._held = data[: start.start()], data[start.start() :]
        return typed + data

    def flush(self) -> bytes:
        """Return what was held back, unless it is certainly the start of an answer.

        To be called when nothing has followed for a while: Escape was typed.
        """
        if len(self._held) > MAX_KEY_BYTES:
            return b""
        typed, self._held = self._held, b""
        return typed


class BackgroundQuery:
    """A question to the terminal, which no longer echoes what it sends.

    Args:
        input, output: descriptors of the terminal.

    Attributes:
        answers: takes answers out of the input, also those that arrive late.

    Raises:
        OSError, termios.error: it cannot be asked.
    """

    def __init__(self, input: int, output: int) -> None:
        self.answers = AnswerFilter()
        self._input = input
        self._typed = b""
        self._attributes: list[Any] | None = termios.tcgetattr(input)
        self._set_attributes(_without_echo(self._attributes))
        self._deadline = time.monotonic() + TIMEOUT_SECONDS
        try:
            os.write(output, QUERY)
        except OSError:
            self.restore()
            raise

    def _set_attributes(self, attributes: list[Any]) -> None:
        termios.tcsetattr(self._input, termios.TCSANOW, attributes)

    def wait(self) -> bool | None:
        """Whether the background is light; None if there is no answer in time."""
        while not self.answers.is_complete:
            left = self._deadline - time.monotonic()
            if not select.select([self._input], [], [], max(0.0, left))[0]:
                break
            try:
                data = os.read(self._input, READ_BYTES)
            except OSError:  # the terminal is gone; the application will notice
                break
            if not data:
                break
            self._typed += self.answers.feed(data)
            if left <= 0:  # what had arrived until then has been read
                break
        return self.answers.is_light

    def take_typed(self) -> bytes:
        """Return, once, what was typed while waiting."""
        typed, self._typed = self._typed, b""
        return typed

    def take_attributes(self) -> list[Any] | None:
        """Return, once, the attributes from before the question; who takes them restores them."""
        attributes, self._attributes = self._attributes, None
        return attributes

    def restore(self) -> None:
        """Restore the attributes, unless they were taken."""
        if attributes := self.take_attributes():
            try:
                self._set_attributes(attributes)
            except termios.error:  # the terminal is gone
                return


def _without_echo(attributes: list[Any]) -> list[Any]:
    """Attributes for reading answers at once; Enter is read as the application reads it."""
    changed = [*attributes[:CONTROL_CHARACTERS], list(attributes[CONTROL_CHARACTERS])]
    changed[INPUT_FLAGS] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR)
    changed[LOCAL_FLAGS] &= ~(termios.ECHO | termios.ICANON)
    changed[CONTROL_CHARACTERS][termios.VMIN] = 1
    changed[CONTROL_CHARACTERS][termios.VTIME] = 0
    return changed

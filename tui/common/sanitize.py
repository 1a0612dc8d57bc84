"""Make text from corpora, models and file names safe to display: no control code gets through."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from core.text.encoding import normalize_text

# C0 except newline and tab, DEL, C1, line separators, lone surrogates, and Unicode's
# Default_Ignorable_Code_Point: directional marks, joiners, fillers, variation selectors, tags.
_UNSAFE = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_PICTOGRAPH = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff][\ufe0e\ufe0f]?"
)
_EMOJI = rf"{_PICTOGRAPH}(?:\u200d{_PICTOGRAPH})*"
# Arabic, and the Indic and Mongolian scripts, whose spelling needs joiners and non-joiners.
_JOINING_LETTER = "[\u0600-\u109f\u1780-\u18af\ua800-\uabff]"
_CLEANABLE = (
    rf"(?P<kept>{_EMOJI}|[0-9#*]\ufe0f\u20e3|(?<={_JOINING_LETTER})[\u200c\u200d])|{_UNSAFE}"
)
_EMOJI_AT_END = rf"{_EMOJI}\u200d?\Z"
MAX_EMOJI_CHARACTERS = 32


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile when first used: that takes milliseconds, which the first frame does without."""
    return re.compile(pattern)


def clean(text: str) -> str:
    """Replace control codes and invisible characters by visible ones; newlines and tabs stay.

    Joiners and variation selectors stay where they are part of an emoji or of a word's spelling.
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n")
    if not _compiled(_UNSAFE).search(text):
        return text
    return _compiled(_CLEANABLE).sub(_visible_character, text)


class StreamCleaner:
    """Cleans text that arrives in pieces, which may cut an emoji."""

    def __init__(self) -> None:
        self._last_letter = ""
        self._held_back = ""

    def add(self, text: str) -> str:
        """Return the cleaned text, without an emoji at its end that the next piece may extend."""
        text = self._held_back + text
        emoji = _compiled(_EMOJI_AT_END).search(text, max(0, len(text) - MAX_EMOJI_CHARACTERS))
        end = emoji.start() if emoji else len(text)
        self._held_back = text[end:]
        return self._clean(text[:end])

    def finish(self) -> str:
        """Return what was held back."""
        text, self._held_back = self._held_back, ""
        return self._clean(text)

    def _clean(self, text: str) -> str:
        cleaned = clean(self._last_letter + text)[len(self._last_letter) :]
        if text:
            self._last_letter = text[-1] if re.match(_JOINING_LETTER, text[-1]) else ""
        return cleaned


def pasted_text(text: str) -> str:
    """Return a pasted text as it was before the terminal sent CR for every line end."""
    return normalize_text(text).replace("\r", "\n")


def one_line(text: str) -> str:
    """Like `clean`, but also with visible characters for newlines and tabs."""
    return clean(text).replace("\n", "␊").replace("\t", "␉")


def json_line(values: Any) -> str:
    """Format one line of JSON that is safe on a terminal and readable in any script."""
    line = json.dumps(values, ensure_ascii=False, allow_nan=False)
    if not _compiled(_UNSAFE).search(line):
        return line
    return _compiled(_CLEANABLE).sub(
        lambda match: match["kept"] or json.dumps(match.group())[1:-1],
        line,
    )


def _visible_character(match: re.Match[str]) -> str:
    if kept := match["kept"]:
        return kept
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "�"

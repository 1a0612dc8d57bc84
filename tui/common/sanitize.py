"""Make text from corpora, models and file names safe to display: no control code gets through."""

from __future__ import annotations

import json
import re
from typing import Any

from core.text.encoding import normalize_text

# C0 except newline and tab, DEL, C1, directional and invisible format characters, lone surrogates
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff]"
)


def clean(text: str) -> str:
    """Replace control codes by visible characters; newlines and tabs stay."""
    return _UNSAFE.sub(_visible_character, text.replace("\r\n", "\n"))


def pasted_text(text: str) -> str:
    """Return a pasted text as it was before the terminal sent CR for every line end."""
    return normalize_text(text).replace("\r", "\n")


def one_line(text: str) -> str:
    """Like `clean`, but also with visible characters for newlines and tabs."""
    return clean(text).replace("\n", "␊").replace("\t", "␉")


def json_line(values: Any) -> str:
    """Format one line of JSON that is safe on a terminal and readable in any script."""
    line = json.dumps(values, ensure_ascii=False, allow_nan=False)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", line)


def _visible_character(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "�"

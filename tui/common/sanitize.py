"""Text from a corpus, a model or a file name, made safe to show on a terminal.

Such text is data: whatever it holds, no control code of it reaches the terminal.
"""

from __future__ import annotations

import json
import re
from typing import Any

# C0 but newline and tab, DEL, C1, directional and invisible format characters, lone surrogates
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff]"
)


def clean(text: str) -> str:
    """The text with every control code replaced by something visible; newline and tab stay."""
    return _UNSAFE.sub(_visible, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """`clean`, with newlines and tabs visible too."""
    return clean(text).replace("\n", "␊").replace("\t", "␉")


def json_line(values: Any) -> str:
    """One line of JSON that is safe on a terminal and readable in any script."""
    line = json.dumps(values, ensure_ascii=False, allow_nan=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", line)


def _visible(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "�"

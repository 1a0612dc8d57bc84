"""Text encodings: codec names, byte order marks, newlines, and hints for bytes that do not decode.

Opens no files.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from functools import cached_property

from core.errors import InputError

REPLACE_SUFFIX = ":replace"
ERROR_HANDLERS = ("strict", "replace")
_STATEFUL_PREFIXES = ("hz", "iso2022", "utf-7", "punycode", "idna")
_BYTE_ORDER_MARKS = (
    ("utf-32-le", codecs.BOM_UTF32_LE),
    ("utf-32-be", codecs.BOM_UTF32_BE),
    ("utf-8", codecs.BOM_UTF8),
    ("utf-16-le", codecs.BOM_UTF16_LE),
    ("utf-16-be", codecs.BOM_UTF16_BE),
)
BYTE_ORDER_MARK = "\ufeff"
# The codec to use for a file without a byte order mark.
_MARKLESS_CODECS = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}


def normalize_text(text: str) -> str:
    """Remove a byte order mark and replace CRLF by LF: for every text that a person enters.

    Files lose both while they are read in pieces.
    """
    return normalize_newlines(text.removeprefix(BYTE_ORDER_MARK))


def normalize_newlines(text: str) -> str:
    """Replace CRLF by LF."""
    # Looking for one character is many times faster than for two.
    return text.replace("\r\n", "\n") if "\r" in text else text


@dataclass(frozen=True)
class Encoding:
    """A codec and its error handler.

    Attributes:
        name: Python's name of the codec.
        errors: "strict", or "replace" to decode invalid bytes as U+FFFD.
    """

    name: str = "utf-8"
    errors: str = "strict"

    @cached_property
    def newline(self) -> bytes:
        """The bytes of LF: one code unit."""
        return "\n".encode(self.name)

    @cached_property
    def is_bytewise(self) -> bool:
        """Whether code units are single bytes, so that a zero byte is a zero character."""
        return len(self.newline) == 1

    def detect_mark(self, head: bytes) -> tuple[Encoding, int]:
        """Return the exact encoding of a file and the length of its byte order mark.

        Args:
            head: the first 4 bytes of the file.
        """
        for name, mark in _BYTE_ORDER_MARKS:
            if head.startswith(mark) and self.name in (name, name[:6], "utf-8-sig"):
                return Encoding(name, self.errors), len(mark)
        return Encoding(_MARKLESS_CODECS.get(self.name, self.name), self.errors), 0


def parse_encoding(spec: str) -> Encoding:
    """Parse `name` or `name:replace`.

    Raises:
        InputError: an unknown encoding, or a stateful one, which cannot be read in pieces.
    """
    name = spec.removesuffix(REPLACE_SUFFIX)
    errors = "replace" if spec.endswith(REPLACE_SUFFIX) else "strict"
    try:
        codec = codecs.lookup(name)
        "\n ".encode(codec.name)
    except (LookupError, UnicodeError, ValueError):
        raise InputError(
            f"Unknown text encoding {name!r}.",
            "Common ones: utf-8, utf-16, latin-1, cp1252, gb18030, shift_jis.",
        ) from None
    if codec.name.startswith(_STATEFUL_PREFIXES):
        raise InputError(
            f"Text in {name!r} cannot be read in pieces.",
            f"Convert it: iconv -f {name} -t utf-8 FILE > FILE.utf-8",
        )
    return Encoding(codec.name, errors)


def suggest_encoding(head: bytes, encoding: Encoding) -> str:
    """Return a hint for a file that starts with `head` and is not valid in `encoding`."""
    for name, mark in _BYTE_ORDER_MARKS:
        if head.startswith(mark) and name[:6] != encoding.name[:6]:
            return f"The file has a {name[:6]} byte order mark: use --encoding {name[:6]}"
    return (
        f"Name its encoding, for instance --encoding latin-1, or replace invalid bytes: "
        f"--encoding {encoding.name}{REPLACE_SUFFIX}"
    )

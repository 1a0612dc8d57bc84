"""The encoding of a text file: its codec, its byte order mark, and the errors it can make.

Knows nothing of files: it is given bytes and where they come from.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from functools import cached_property

from core.errors import InputError

REPLACE_SUFFIX = ":replace"
ERROR_HANDLERS = ("strict", "replace")
_STATEFUL = ("hz", "iso2022", "utf-7", "punycode", "idna")
_MARKS = (
    ("utf-32-le", codecs.BOM_UTF32_LE),
    ("utf-32-be", codecs.BOM_UTF32_BE),
    ("utf-8", codecs.BOM_UTF8),
    ("utf-16-le", codecs.BOM_UTF16_LE),
    ("utf-16-be", codecs.BOM_UTF16_BE),
)
_NATIVE = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}


@dataclass(frozen=True)
class Encoding:
    """How bytes become text.

    Attributes:
        name: the codec as Python calls it.
        errors: "strict", or "replace" for U+FFFD in place of what cannot be decoded.
    """

    name: str = "utf-8"
    errors: str = "strict"

    @cached_property
    def newline(self) -> bytes:
        """A line's end in this encoding, one unit of the codec."""
        return "\n".encode(self.name)

    @cached_property
    def is_bytewise(self) -> bool:
        """Whether a zero byte can only be a zero character."""
        return len(self.newline) == 1

    def detect_mark(self, head: bytes) -> tuple[Encoding, int]:
        """The encoding of a file that begins with `head` (4 bytes), and how many to skip."""
        for name, mark in _MARKS:
            if head.startswith(mark) and self.name in (name, name[:6], "utf-8-sig"):
                return Encoding(name, self.errors), len(mark)
        return Encoding(_NATIVE.get(self.name, self.name), self.errors), 0


def parse_encoding(spec: str) -> Encoding:
    """The encoding written as `name` or `name:replace`.

    Raises:
        InputError: no such text encoding, or one whose meaning depends on what came before.
    """
    name = spec.removesuffix(REPLACE_SUFFIX)
    errors = "replace" if spec.endswith(REPLACE_SUFFIX) else "strict"
    try:
        found = codecs.lookup(name)
        "\n ".encode(found.name)
    except (LookupError, UnicodeError, ValueError):
        raise InputError(
            f"There is no text encoding named {name!r}.",
            "Common ones: utf-8, utf-16, latin-1, cp1252, gb18030, shift_jis.",
        ) from None
    if found.name.startswith(_STATEFUL):
        raise InputError(
            f"Texts in {name!r} cannot be read in pieces.",
            f"Convert it: iconv -f {name} -t utf-8 FILE > FILE.utf-8",
        )
    return Encoding(found.name, errors)


def suggest_encoding(head: bytes, encoding: Encoding) -> str:
    """What to do about bytes that are not text in `encoding`; `head` is the file's beginning."""
    for name, mark in _MARKS:
        if head.startswith(mark) and name[:6] != encoding.name[:6]:
            return f"The file begins like {name[:6]}: --encoding {name[:6]}"
    return (
        f"Name its encoding, for instance --encoding latin-1, or go on with a mark in place of "
        f"each such byte: --encoding {encoding.name}{REPLACE_SUFFIX}"
    )

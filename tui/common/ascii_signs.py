"""ASCII stand-ins for every sign that the interface draws, on terminals that have only ASCII.

The one place for them: whatever a widget draws, Textual's own included, passes this filter last.
Each stand-in takes as many cells as its sign, so that nothing moves. Letters stay as they are: they
come from texts and models.
"""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

STAND_INS = {
    "·": "-",
    "•": "*",
    "–": "-",
    "—": "-",
    "…": "~",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "‹": "<",
    "›": ">",
    "«": "<",
    "»": ">",
    "×": "x",
    "±": "+",
    "✓": "v",
    "✔": "v",
    "√": "v",
    "✗": "x",
    "←": "<",
    "→": ">",
    "↑": "^",
    "↓": "v",
    "↵": "$",
    "⏎": "$",
    "␣": "_",
    "\N{NO-BREAK SPACE}": " ",
    "●": "o",
    "○": ".",
    "★": "*",
    "■": "#",
    "◆": "X",
    "◣": "#",
    "‖": "=",
    "▶": ">",
    "▼": "v",
    "◀": "<",
    "▲": "^",
    "►": ">",
    "▾": "v",
    "▸": ">",
    "📁": "+ ",
    "📂": "- ",
    "📄": "  ",
    "🔎": "? ",
    **{raised: str(digit) for digit, raised in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    "\N{REPLACEMENT CHARACTER}": "?",
}
HORIZONTAL, VERTICAL = "─━┄┅┈┉╌╍═╴╶╸╺╼╾", "│┃┆┇┊┋╎╏║╵╷╹╻╽╿"


def _table() -> dict[int, str]:
    lines = dict.fromkeys(range(9472, 9600), "+")
    lines |= {ord(sign): "-" for sign in HORIZONTAL} | {ord(sign): "|" for sign in VERTICAL}
    blocks = dict.fromkeys(range(9600, 9632), "#")
    pictures = dict.fromkeys(range(9216, 9280), "?")  # of control characters
    braille = dict.fromkeys(range(10241, 10496), "*") | {0x2800: " "}
    others = {ord(sign): stand_in for sign, stand_in in STAND_INS.items()}
    return lines | blocks | pictures | braille | others


TABLE = _table()


class AsciiSigns(LineFilter):
    """Draws stand-ins for signs."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Replace the signs of a line."""
        return [
            segment
            if segment.text.isascii()
            else Segment(segment.text.translate(TABLE), segment.style, segment.control)
            for segment in segments
        ]

"""A terminal screen as an SVG that looks the same in every browser.

An image in a README loads no fonts, and few fonts have braille. So braille, blocks and lines are
drawn as shapes, and every run of text is given its exact width, whatever font is used for it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from xml.sax.saxutils import escape

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME as THEME

CELL_WIDTH, CELL_HEIGHT, BASELINE = 8.4, 17.0, 12.8  # pixels, for a font of 14
MARGIN, TITLE_HEIGHT = 9.0, 30.0
FONTS = (
    "ui-monospace, 'SFMono-Regular', Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono',"
    " monospace"
)
HEADER = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" \
width="{width:g}" height="{height:g}">
<style>
text {{ font: 14px {fonts}; white-space: pre; }}
.b {{ font-weight: bold }} .i {{ font-style: italic }} .u {{ text-decoration: underline }}
.t {{ fill: #c5c8c6; text-anchor: middle }}
</style>
<rect width="{width:g}" height="{height:g}" rx="8" fill="{background}"/>
<text class="t" x="{middle:g}" y="20">{title}</text>
"""

BRAILLE_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))  # column, row
# Strokes from the centre: left, right, up, down. Rounded corners are drawn square.
LINES = {
    "╴": "l", "╶": "r", "╸": "l", "╺": "r", "│": "ud", "┃": "ud",
    "╵": "u", "╷": "d", "┌": "rd", "╭": "rd", "┐": "ld", "╮": "ld", "└": "ru", "╰": "ru",
    "┘": "lu", "╯": "lu", "├": "rud", "┤": "lud", "┬": "lrd", "┴": "lru", "┼": "lrud",
}  # fmt: skip
DASHES = {"┄": 3, "┈": 4, "╌": 2, "╎": 2, "┆": 3, "┊": 4}  # strokes per cell
SHADES = {"░": 0.25, "▒": 0.5, "▓": 0.75}  # opacity
SUBSTITUTES = {"␊": "↵", "␉": "→"}  # characters that most fonts lack
# Left, top, right and bottom edge, as fractions of a cell.
BLOCKS = {
    **{chr(0x2581 + n): (0, 1 - (n + 1) / 8, 1, 1) for n in range(8)},
    **{chr(0x2589 + n): (0, 0, 1 - (n + 1) / 8, 1) for n in range(7)},
    "▀": (0, 0, 1, 1 / 2), "▐": (1 / 2, 0, 1, 1), "▔": (0, 0, 1, 1 / 8), "▕": (7 / 8, 0, 1, 1),
}  # fmt: skip


def screen_svg(lines: Iterable[Iterable[Segment]], columns: int, title: str) -> str:
    """The lines of a screen, this many columns wide, in a window with a title."""
    rows = [list(Segment.simplify(line)) for line in lines]
    ground = _most_common_background(rows)
    size = columns * CELL_WIDTH, len(rows) * CELL_HEIGHT
    body = [_rectangle(MARGIN, TITLE_HEIGHT, *size, ground)]
    for number, row in enumerate(rows):
        body += _line(row, MARGIN, TITLE_HEIGHT + number * CELL_HEIGHT, ground)
    width = columns * CELL_WIDTH + 2 * MARGIN
    height = TITLE_HEIGHT + len(rows) * CELL_HEIGHT + MARGIN
    header = HEADER.format(
        width=width,
        height=height,
        middle=width / 2,
        fonts=FONTS,
        title=escape(title),
        background=THEME.background_color.hex,
    )
    return header + "\n".join([*body, "</svg>"]) + "\n"


def _most_common_background(rows: Iterable[Iterable[Segment]]) -> str:
    cells = Counter[str]()
    for text, style, _ in chain.from_iterable(rows):
        cells[_colours(style or Style())[1]] += cell_len(text)
    return cells.most_common(1)[0][0]


def _line(line: Iterable[Segment], left: float, top: float, ground: str) -> Iterator[str]:
    for text, style, _ in line:
        colour, background = _colours(style or Style())
        width = cell_len(text) * CELL_WIDTH
        if background != ground:
            # Slightly too large, so that no seam shows.
            yield _rectangle(left, top, width + 0.3, CELL_HEIGHT + 0.3, background)
        yield from _text(text, left, top, colour, _classes(style or Style()))
        left += width


def _classes(style: Style) -> str:
    names = {"b": style.bold, "i": style.italic, "u": style.underline}
    return " ".join(name for name, has in names.items() if has)


def _colours(style: Style) -> tuple[str, str]:
    """Colour and background of a style, as hexadecimal."""
    colour = (style.color or Color.default()).get_truecolor(THEME)
    background = (style.bgcolor or Color.default()).get_truecolor(THEME, foreground=False)
    if style.reverse:
        colour, background = background, colour
    if style.dim:
        parts = zip(colour, background, strict=True)
        return "#" + "".join(f"{(2 * a + b) // 3:02x}" for a, b in parts), background.hex
    return colour.hex, background.hex


def _text(text: str, left: float, top: float, colour: str, classes: str) -> Iterator[str]:
    """Text of one style: ASCII and lines in runs, every other character in a cell of its own."""
    for part in re.findall(r"[\x00-\x7f]+|─+|━+|.", text):
        if part.isascii():
            yield from _run(part, left, top, colour, classes)
        elif part[0] in "─━":
            yield _stroke(part, left, top, colour)
        else:
            yield from _character(part, left, top, colour, classes)
        left += cell_len(part) * CELL_WIDTH


def _stroke(part: str, left: float, top: float, colour: str) -> str:
    """A horizontal line through some cells."""
    path = f"M{left:g} {top + CELL_HEIGHT / 2:g}h{len(part) * CELL_WIDTH:g}"
    return f'<path d="{path}" stroke="{colour}" stroke-width="{2.2 if part[0] == "━" else 1.2}"/>'


def _run(run: str, left: float, top: float, colour: str, classes: str) -> Iterator[str]:
    if not run.strip():
        return
    start = left + (len(run) - len(run.lstrip())) * CELL_WIDTH
    run = run.strip()
    yield (
        f'<text x="{start:g}" y="{top + BASELINE:g}" textLength="{len(run) * CELL_WIDTH:g}" '
        f'fill="{colour}"{_class(classes)}>{escape(run)}</text>'
    )


def _character(character: str, left: float, top: float, colour: str, classes: str) -> Iterator[str]:
    """A character that fonts draw differently or lack: a shape, or text fitted to its cell."""
    character = SUBSTITUTES.get(character, character)
    across, down = left + CELL_WIDTH / 2, top + CELL_HEIGHT / 2
    if 0x2800 <= ord(character) <= 0x28FF:
        dots = [dot for bit, dot in enumerate(BRAILLE_DOTS) if ord(character) >> bit & 1]
        for x, y in dots:
            cx, cy = left + (x + 0.5) * CELL_WIDTH / 2, top + (y + 0.5) * CELL_HEIGHT / 4
            yield f'<circle cx="{cx:g}" cy="{cy:g}" r="1.3" fill="{colour}"/>'
    elif character in BLOCKS:
        x, y, right, bottom = BLOCKS[character]
        size = (right - x) * CELL_WIDTH + 0.2, (bottom - y) * CELL_HEIGHT + 0.2
        yield _rectangle(left + x * CELL_WIDTH, top + y * CELL_HEIGHT, *size, colour)
    elif character in SHADES:
        size = CELL_WIDTH + 0.2, CELL_HEIGHT + 0.2
        yield _rectangle(left, top, *size, colour, opacity=SHADES[character])
    elif character in LINES:
        ends = {"l": f"H{left:g}", "r": f"H{left + CELL_WIDTH:g}", "u": f"V{top:g}"}
        ends["d"] = f"V{top + CELL_HEIGHT:g}"
        path = "".join(f"M{across:g} {down:g}{ends[end]}" for end in LINES[character])
        thick = 2.2 if character in "┃╸╺" else 1.2
        yield f'<path d="{path}" stroke="{colour}" stroke-width="{thick}"/>'
    elif character in DASHES:
        upright = character in "╎┆┊"
        each = (CELL_HEIGHT if upright else CELL_WIDTH) / DASHES[character] / 2
        path = (
            f"M{across:g} {top:g}v{CELL_HEIGHT:g}"
            if upright
            else f"M{left:g} {down:g}h{CELL_WIDTH:g}"
        )
        yield f'<path d="{path}" stroke="{colour}" stroke-dasharray="{each:g}"/>'
    elif not character.isspace():
        yield (
            f'<text x="{left:g}" y="{top + BASELINE:g}" '
            f'textLength="{cell_len(character) * CELL_WIDTH:g}" lengthAdjust="spacingAndGlyphs" '
            f'fill="{colour}"{_class(classes)}>{escape(character)}</text>'
        )


def _rectangle(
    left: float, top: float, width: float, height: float, colour: str, opacity: float = 1
) -> str:
    place = f'x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}"'
    faint = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
    return f'<rect {place} fill="{colour}"{faint}/>'


def _class(classes: str) -> str:
    return f' class="{classes}"' if classes else ""

"""What a look inside a model shows: its layers, and the tokens that a head looked at. Pure.

The sampler's `inside` gives the figures; nothing is computed here but widths and words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from tui.common.format import CHOSEN, COPIED, PLAIN_SPACE, SPACE, visible
from tui.common.sanitize import one_line
from tui.common.wrapping import Piece
from tui.explore.choices import percent

LITTLE = 0.05  # what is less is a dot
MUCH = 0.15  # from here on a token is marked in the text
MARK, LAYER, PERCENT, GAP = 2, 6, 7, 2
WIDEST, NARROWEST, CROWDED = 9, 2, 5  # cells of a column; the last where not all have room


@dataclass(frozen=True)
class LayerView:
    """A place of a text, as the layers see it.

    Attributes:
        tokens: of the window, their texts.
        place: the index of the one looked at, in the window; it sees those up to itself.
        number: its index in the whole text.
        lens: after the embedding and each layer, what the model would say and how likely.
        looks: for each layer, the share each token of the window got of the head's look.
        heads: of a layer.
        whole: what the model says with all heads, how likely, and how likely without those off.
    """

    tokens: tuple[str, ...]
    place: int
    number: int
    lens: tuple[tuple[str, float], ...]
    looks: tuple[tuple[float, ...], ...]
    heads: int
    whole: tuple[str, float, float]

    @property
    def layers(self) -> int:
        """How many there are."""
        return len(self.looks)

    @property
    def seen(self) -> range:
        """The indices, in the whole text, of the window's tokens."""
        first = self.number - self.place
        return range(first, first + len(self.tokens))


def read(said: Mapping[str, Any]) -> LayerView:
    """The sampler's reply."""
    (number,) = said["positions"]
    places = [place for place, *_ in said["window"]]
    _, text, full, without = said["whole"]
    return LayerView(
        tokens=tuple(text for *_, text in said["window"]),
        place=places.index(number),
        number=number,
        lens=tuple((text, share) for _, text, share in said["lens"][-1]),
        looks=tuple(map(tuple, said["looks"])),
        heads=said["heads"],
        whole=(text, full, without),
    )


def digit(share: float, *, plain: bool) -> str:
    """A share in tenths, 9 for all there is; a dot for next to nothing."""
    if share < LITTLE:
        return "." if plain else "·"
    return str(min(9, max(1, round(10 * share))))


@dataclass(frozen=True)
class LayerColumns:
    """Which tokens have a column, and how wide what stands in a row is.

    Attributes:
        places: indices in the window, rising.
        width: cells of each of them.
        say: cells of what a layer would say.
    """

    places: tuple[int, ...]
    width: int
    say: int


def columns(looked: LayerView, layer: int, room: int) -> LayerColumns:
    """All tokens up to the place if they have room, else those most looked at from a layer.

    Args:
        layer: from 0.
        room: cells of a row.
    """
    say = max(10, min(20, room // 5))
    left = max(NARROWEST, room - MARK - LAYER - say - PERCENT - GAP)
    seen = looked.place + 1
    longest = max(cell_len(_name(token, plain=False)) for token in looked.tokens[:seen])
    if seen * NARROWEST <= left:
        return LayerColumns(tuple(range(seen)), min(WIDEST, longest + 1, left // seen), say)
    most = max(1, left // CROWDED)
    shares = looked.looks[layer]
    # The place itself stays; of equal shares the later token is of more interest.
    ranked = sorted(range(seen - 1), key=lambda place: (-shares[place], -place))
    return LayerColumns(tuple(sorted([*ranked[: most - 1], seen - 1])), CROWDED, say)


def table(
    looked: LayerView, layer: int, head: int | None, shape: LayerColumns, *, plain: bool
) -> Content:
    """The names of the tokens, then the embedding and every layer, a row each."""
    lead = MARK + LAYER + shape.say + PERCENT + GAP
    who = "mean of all heads" if head is None else f"head {head + 1} looks at"
    title = f"{'':{MARK}}{'layer':<{LAYER}}{'would say':<{shape.say}}{'':{PERCENT}}{'':{GAP}}"
    names = "".join(_cell(_name(looked.tokens[p], plain=plain), shape.width) for p in shape.places)
    above = f"{'':{lead}}{who}"
    lines = [Content.styled(above, "dim"), Content.styled(title + names, "dim")]
    rows = [None, *looked.looks]
    for number, (said, shares) in enumerate(zip(looked.lens, rows, strict=True)):
        lines.append(_row(number, said, shares, layer, shape, plain=plain))
    return Content("\n").join(lines)


def _row(
    number: int,
    said: tuple[str, float],
    shares: Sequence[float] | None,
    layer: int,
    shape: LayerColumns,
    *,
    plain: bool,
) -> Content:
    here = number == layer + 1
    mark = (">" if plain else "›") if here else ""
    text = _cell(_name(said[0], plain=plain), shape.say)
    parts: list[Content | tuple[str, str]] = [
        (f"{mark:<{MARK}}", "bold $primary"),
        (f"{number or 'input':<{LAYER}}", "bold" if here else "dim"),
        (text, "bold" if here else ""),
        (f"{percent(said[1]):>{PERCENT}}{'':{GAP}}", ""),
    ]
    for place in shape.places if shares is not None else ():
        share = shares[place] if shares is not None else 0.0
        style = "bold $primary" if share >= MUCH and here else "" if share >= LITTLE else "dim"
        parts.append((f"{digit(share, plain=plain):<{shape.width}}", style))
    return Content.assemble(*parts)


def text_pieces(looked: LayerView, layer: int, *, plain: bool) -> tuple[list[Piece], int]:
    """The tokens of the window, the place between brackets, those much looked at marked.

    Returns:
        The pieces, and which of them is the place.
    """
    pieces: list[Piece] = []
    view = 0
    for place, token in enumerate(looked.tokens):
        name, style = _name(token, plain=plain), ""
        if place == looked.place:
            name, style, view = f"[{name}]", CHOSEN, len(pieces)
        elif place > looked.place:
            style = "muted"
        elif looked.looks[layer][place] >= MUCH:
            style = COPIED
        pieces += [(name, style), (" ", "")]
    return pieces, view


def words(looked: LayerView, off: Sequence[tuple[int, int]]) -> str:
    """What the model says after the place, and how likely it is without the heads that are off."""
    text, full, without = looked.whole
    after = one_line(looked.tokens[looked.place])
    said = f"after “{after}” ({looked.number + 1:,}) the model says “{one_line(text)}”"
    if not off:
        return f"{said}, {percent(full)}"
    named = ", ".join(f"{layer + 1}.{head + 1}" for layer, head in sorted(off))
    return f"{said}, {percent(full)}; without {named}: {percent(without)}"


def _name(token: str, *, plain: bool) -> str:
    return visible(token, PLAIN_SPACE if plain else SPACE)


def _cell(text: str, width: int) -> str:
    """Cut to a width, with a gap behind it."""
    return set_cell_size(text, width - 1) + " "

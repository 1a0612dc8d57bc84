"""The words and numbers of Inside: tokens, shares in tenths, predictions, and tables to copy."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from core.server.tokens import TokenProbability
from tui.common.format import PLAIN_SPACE, SPACE, mark_spaces
from tui.common.sanitize import one_line
from tui.explore.inside_view import OTHERS, InsideView

HEAT_LEVELS = 6
LINE_PREDICTIONS = 3  # next tokens beside the text
NEGLIGIBLE_WEIGHT = 0.05  # below, an attention weight is shown as a dot
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
PATTERN_MEANINGS = {
    "prev": "mostly the previous token",
    "next": "mostly the next token",
    "first": "mostly the first token",
    "self": "mostly the token itself",
    "repeat": "mostly what followed the same token before",
    "same": "mostly the same token before",
    "even": "all tokens evenly",
    "near": "mostly the tokens nearby",
    "mixed": "no one pattern",
    "short": "text too short to tell",
}
ENCODER_LEGEND = "prev, next: token before, after · near: up to three places away"
LEGEND = (
    "prev: token before · same: equal token before · repeat: what followed it · near: last four"
)


def heat_level(share: float) -> int:
    """The shade of a share, 0 to 5."""
    return min(HEAT_LEVELS - 1, int(share * 6.2 + 0.35)) if share >= 0.02 else 0


def tenths(share: float) -> str:
    """A probability in tenths, rounded down; 9 for all of it."""
    return str(min(9, int(10 * share + 1e-6)))


def weight_digit(weight: float, *, plain: bool) -> str:
    """An attention weight in tenths, 9 for all of it; a dot if negligible."""
    if weight < NEGLIGIBLE_WEIGHT:
        return "." if plain else "·"
    return str(min(9, max(1, round(10 * weight))))


def whole_percent(share: float) -> str:
    """A share in whole percent."""
    if 0 < share < 0.01:
        return "<1 %"
    return f"{round(100 * share) if share < 1 else 100} %"


def token_name(text: str, *, plain: bool) -> str:
    """A token with its spaces visible, but without the one that begins a word."""
    name = mark_spaces(text, PLAIN_SPACE if plain else SPACE)
    return name[1:] if len(name) > 1 and text.startswith(" ") and not text[1].isspace() else name


def lens_cell(prediction: TokenProbability, width: int, *, plain: bool) -> str:
    """A layer's prediction and its probability in tenths, in so many cells."""
    digit = tenths(prediction.probability)
    digit = f" {digit}" if plain else digit.translate(RAISED)
    room = max(1, width - 1 - cell_len(digit))
    name = token_name(prediction.text, plain=plain)
    name = set_cell_size(name, room) if cell_len(name) > room else name
    return set_cell_size(f" {name}{digit}", width)


def attention_title(view: InsideView) -> str:
    """Which attention is shown."""
    head = "mean of heads" if view.head is None else f"head {view.head + 1}"
    return f"Layer {view.layer + 1}, {head} looks at"


def attention_hint(view: InsideView, width: int) -> str:
    """How to read the map, and what the chosen head attends to, in words that fit."""
    pattern = view.pattern
    if pattern is None:
        return "row looks at column, in tenths"
    meaning = PATTERN_MEANINGS[pattern]
    both = f"row looks at column, in tenths · {meaning}"
    return both if len(both) <= width else meaning


def rows_shown(view: InsideView, height: int) -> str:
    """Which tokens the rows show; empty if all."""
    if view.length <= min(height, view.count):
        return ""
    start = view.first + view.top
    end = view.first + min(view.count, view.top + height)
    return f"tokens {start + 1:,}–{end:,} of {view.length:,}"


def text_line(view: InsideView, width: int, *, plain: bool, brackets: bool) -> Content:
    """The text around the chosen token, which is highlighted, in one line.

    Args:
        brackets: whether the token is in brackets, where colours are missing.
    """
    window = view.reply.window
    gap = "" if any(" " in token.text for token in window) else " "
    index = view.at - view.window.start
    names = [one_line(token.text) for token in window]
    chosen = token_name(window[index].text, plain=plain)
    chosen = f"[{chosen}]" if brackets else f" {chosen} "
    chosen = set_cell_size(chosen, width) if cell_len(chosen) > width else chosen
    more = "..." if plain else "…"
    room = width - cell_len(chosen)
    after = gap.join(["", *names[index + 1 :]])
    before = gap.join([*names[:index], ""])
    if window[index].text.startswith(" ") and before:
        before += " "
    left = min(cell_len(before), max(room - cell_len(after), room * 2 // 3))
    if cell_len(before) > left:
        before = more[: max(0, left)] + _last_cells(before, left - len(more))
    room -= cell_len(before)
    if cell_len(after) > room:
        after = set_cell_size(after, max(0, room - len(more))) + more[: max(0, room)]
    return Content.assemble(
        (before, "bold"), (chosen, "bold $primary on $cursor"), (after, "$faint")
    )


def _last_cells(text: str, width: int) -> str:
    text = text[-max(0, width) :] if width > 0 else ""
    while text and cell_len(text) > width:
        text = text[1:]
    return text


def prediction_line(view: InsideView, *, plain: bool) -> Content:
    """The likeliest next tokens."""
    parts: list[tuple[str, str]] = [("-> " if plain else "→ ", "$faint")]
    for number, token in enumerate(view.predictions[:LINE_PREDICTIONS]):
        style = "$muted" if number else "bold $secondary"
        name = token_name(token.text, plain=plain)
        parts.append((f"{name} {whole_percent(token.probability)}  ", style))
    return Content.assemble(*parts)


def choice_line(view: InsideView, *, is_short: bool = False) -> Content:
    """The chosen layer and head, and what the disabled heads change."""
    reply = view.reply
    head = "mean" if view.head is None else str(view.head + 1)
    of = ("/", "/") if is_short else (" of ", " of ")
    parts: list[tuple[str, str]] = [
        ("layer ", "$muted"),
        (str(view.layer + 1), "bold"),
        (f"{of[0]}{reply.layers} · head ", "$muted"),
        (head, "bold"),
        (f"{of[1]}{reply.heads}", "$muted"),
    ]
    if not view.disabled:
        return Content.assemble(*parts, (" · no head is off", "$muted"))
    heads = ", ".join(f"{layer + 1}.{head + 1}" for layer, head in sorted(view.disabled))
    before, after = (
        whole_percent(share)
        for share in (view.ablation.probability, view.ablation.probability_without)
    )
    name = token_name(view.ablation.text, plain=False)
    off = (f"off: {heads}", "bold $warning")
    if is_short:
        return Content.assemble(off, f" · {name} {before} → {after}")
    return Content.assemble(*parts, (" · ", "$muted"), off, f" · {name} {before}, without {after}")


def strongest_weights(view: InsideView) -> list[tuple[str, float]]:
    """What the chosen token attends to, the largest weights first."""
    seen = view.count if view.reply.both_ways else view.row + 1
    columns = [*([OTHERS] * view.has_others), *range(seen)]
    weights = [(view.weight(view.row, column), column) for column in columns]
    others = "other tokens" if view.reply.both_ways else "earlier tokens"
    names = {OTHERS: others} | {row: view.tokens[row].text for row in range(seen)}
    ranked = sorted(weights, key=lambda pair: (-pair[0], -pair[1]))
    return [(names[column], weight) for weight, column in ranked]


def lens_as_table(view: InsideView) -> str:
    """The predictions of all layers, tab-separated, with probabilities."""
    layers = [str(layer + 1) for layer in range(view.reply.layers)]
    lines = ["\t".join(["token", "input", *layers])]
    for token, row in zip(view.tokens, view.reply.lens, strict=True):
        cells = [f"{one_line(cell.text)} {cell.probability:.3f}" for cell in row]
        lines.append("\t".join([one_line(token.text), *cells]))
    return "\n".join(lines)


def attention_as_table(view: InsideView) -> str:
    """The weights of the chosen head, tab-separated."""
    names = [one_line(token.text) for token in view.tokens]
    both = view.reply.both_ways
    lines = ["\t".join(["token", "others" if both else "earlier", *names])]
    for row, name in enumerate(names):
        columns = [OTHERS, *range(view.count if both else row + 1)]
        lines.append("\t".join([name, *(f"{view.weight(row, each):.3f}" for each in columns)]))
    return "\n".join(lines)


def patterns_as_table(view: InsideView) -> str:
    """The pattern of each head, tab-separated."""
    heads = [str(head + 1) for head in range(view.reply.heads)]
    lines = ["\t".join(["layer", *heads])]
    lines += ["\t".join([str(n + 1), *row]) for n, row in enumerate(view.reply.patterns)]
    return "\n".join(lines)

"""The turns of a conversation, growing up from the prompt.

A bar at the left tells person and model apart. Tokens that the model was unsure of are shaded, with
a raised digit that is no part of the text: it is not copied.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip

from tui.chat.classification import LabelRow, label_rows
from tui.chat.record import Turn
from tui.chat.reply import Token, turn_facts
from tui.chat.shading import DIGIT, SHADES, merge_pieces, split_by_chances, token_pieces
from tui.common.keys import hidden_key
from tui.common.sanitize import StreamCleaner
from tui.common.wrapping import Piece
from tui.widgets.label_bars import LABEL_STYLES, label_pieces
from tui.widgets.panel import is_wide
from tui.widgets.transcript import STYLES, Transcript, selected_part

BRANCH_TOOLTIP = "Another branch of the conversation at a turn"
BAR, MARK, WRITING_CURSOR = "▌", "›", "▌"
PERSON, MODEL, META, GAP = "person", "model", "meta", "gap"  # kinds of paragraphs
BARS = {PERSON: "bar-person", MODEL: "bar-model"}


@dataclass
class Entry:
    """A turn or a note as it is shown.

    Attributes:
        prompt: None for a note.
        tokens: pieces of the reply so far.
        facts: the lines below.
        turn: None for a note, a reply in progress, and a prompt without a reply.
        is_replying: whether the reply is in progress.
        labels: rows of a classified text, in place of tokens.
    """

    prompt: str | None = None
    tokens: list[Piece] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    turn: Turn | None = None
    is_replying: bool = False
    labels: list[LabelRow] = field(default_factory=list)


class ShownTurn(NamedTuple):
    """A finished turn to be shown.

    Attributes:
        run: named if it is not the one the screen was opened for.
        branch: which branch of the conversation it is; empty if there is only one.
    """

    turn: Turn
    run: str = ""
    branch: str = ""


class ConversationView(Transcript):
    """The turns; with the focus, one of them is chosen."""

    GUTTER_CELLS = 2
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"transcript--{name}" for name in (*STYLES, *SHADES[1:], DIGIT, *BARS.values())),
        "transcript--facts",
        "transcript--chosen",
        "transcript--writing",
        *(f"transcript--{name}" for name in LABEL_STYLES),
    }
    DEFAULT_CSS = """
    ConversationView > .transcript--prompt { color: $ink; text-style: bold; }
    ConversationView > .transcript--shade1 { background: $shade1; }
    ConversationView > .transcript--shade2 { background: $shade2; }
    ConversationView > .transcript--shade3 { background: $shade3; }
    ConversationView > .transcript--digit { color: $accent; }
    ConversationView > .transcript--bar-person { color: $primary; }
    ConversationView > .transcript--bar-model { color: $secondary; }
    ConversationView > .transcript--facts { color: $faint; }
    ConversationView > .transcript--chosen { background: $cursor; }
    ConversationView > .transcript--writing { color: $success; }
    ConversationView > .transcript--label { color: $muted; }
    ConversationView > .transcript--label-best { color: $ink; text-style: bold; }
    ConversationView > .transcript--label-bar { color: $faint; }
    ConversationView > .transcript--label-bar-best { color: $secondary; }
    ConversationView > .transcript--label-track { color: $rule; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Type", tooltip="Edit the chosen prompt and send it again"),
        Binding("up", "choose(-1)", "Turn", key_display="↑↓", tooltip="Choose a turn"),
        Binding("down", "choose(1)", "Turn", show=False, key_display="↑↓", tooltip="Choose a turn"),
        hidden_key("left", "branch(-1)", "Branch", BRANCH_TOOLTIP, "←→"),
        hidden_key("right", "branch(1)", "Branch", BRANCH_TOOLTIP, "←→"),
    ]

    class Opened(Message):
        """Enter or a double click on a turn."""

    class BranchRequested(Message):
        """Another branch at the chosen turn was asked for.

        Attributes:
            by: 1 for the next one, -1 for the one before.
        """

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[Entry] = []
        self._chosen: int | None = None  # index of an entry that is a turn
        self._starts: list[int] = []  # first paragraphs of what follows, rising
        self._kinds: list[tuple[str, int]] = []  # for each, its kind and the index of its entry
        self._cleaner = StreamCleaner()
        self._tail: list[Piece] = []
        self._later_notes: list[str] = []  # shown below the reply in progress once it has ended
        self._drawn_lines = 0
        self._was_wide: bool | None = None

    # Content

    @property
    def text(self) -> str:
        """The text without the wrapping and without the raised digits."""
        return "".join(text for text, style in self._pieces if style != DIGIT)

    @property
    def chosen_turn(self) -> Turn | None:
        """The chosen turn."""
        return None if self._chosen is None else self._entries[self._chosen].turn

    @property
    def _last_prompt(self) -> Entry | None:
        """The last prompt with its reply; notes may follow it."""
        return next((each for each in reversed(self._entries) if each.prompt is not None), None)

    @property
    def last_is_unanswered(self) -> bool:
        """Whether the last prompt is without a reply."""
        last = self._last_prompt
        return last is not None and last.turn is None and not last.is_replying

    def add_note(self, text: str) -> None:
        """Append a muted line; while a reply is in progress it waits for the end of it."""
        last = self._last_prompt
        if last is not None and last.is_replying:
            self._later_notes.append(text)
        else:
            self._add_entry(Entry(facts=[text]))

    def _add_later_notes(self) -> None:
        notes, self._later_notes = self._later_notes, []
        for text in notes:
            self.add_note(text)

    def show_items(self, items: Iterable[ShownTurn | str]) -> None:
        """Show finished turns and notes in place of all there is."""
        self._entries, self._chosen, self._tail = [], None, []
        self._later_notes.clear()
        for item in items:
            self._entries.append(Entry(facts=[item]) if isinstance(item, str) else _entry(item))
        self._rebuild()

    def begin_turn(self, prompt: str) -> None:
        """Append a prompt whose reply follows."""
        self._cleaner = StreamCleaner()
        self._add_entry(Entry(prompt, is_replying=True))

    def add_tokens(self, tokens: Iterable[Token]) -> None:
        """Append tokens of the reply."""
        pieces: list[Piece] = []
        for text, probability in tokens:
            pieces += token_pieces(self._cleaner.add(text), probability)
        self._append_to_reply(merge_pieces(pieces))

    def _append_to_reply(self, pieces: list[Piece]) -> None:
        entry = self._entries[-1]
        if not entry.tokens and (pieces := without_first_blanks(pieces)):
            self._begin_paragraph(MODEL, len(self._entries) - 1)
        entry.tokens += pieces
        self.append(pieces)

    def end_turn(self, shown: ShownTurn, difference: str = "") -> None:
        """Append the facts of the turn, and its difference from the pinned one."""
        turn = shown.turn
        self._append_to_reply([(self._cleaner.finish(), "")])
        entry = self._entries[-1]  # notes wait
        if turn.labels:
            entry.labels = label_rows(turn.labels)
            self._append_labels(len(self._entries) - 1)
        entry.turn, entry.is_replying = turn, False
        self._tail = []
        self._strips.clear()
        for text in filter(None, (_facts(shown), difference)):
            entry.facts.append(text)
            self._append_fact(text)
        self._add_later_notes()
        if self.has_focus:
            self.choose(turn)

    def refuse_turn(self, problem: str) -> None:
        """Append why there is no reply, below the prompt."""
        entry = self._last_prompt
        assert entry is not None
        entry.is_replying = False
        entry.facts.append(problem)
        self._tail = []
        if entry is self._entries[-1]:
            self._append_fact(problem)
        else:
            self._rebuild()
        self._add_later_notes()

    def drop_unanswered(self) -> None:
        """Remove the last prompt if it is without a reply; notes stay."""
        self._tail = []
        last = self._last_prompt
        if last is not None and last.turn is None:
            self._entries = [entry for entry in self._entries if entry is not last]
            self._rebuild()
        self._add_later_notes()

    def remove_turn(self, id: str) -> None:
        """Remove a turn; if it was the chosen one, the one below is chosen, else the one above."""
        chosen = self.chosen_turn
        turns = [entry.turn for entry in self._entries if entry.turn is not None]
        if chosen is not None and chosen.id == id:
            place = turns.index(chosen)
            chosen = next(iter(turns[place + 1 :] or turns[:place][-1:]), None)
        self._entries = [entry for entry in self._entries if not entry.turn or entry.turn.id != id]
        self._chosen = None
        self._rebuild()
        self.choose(chosen)

    def show_tail(self, pieces: list[Piece]) -> None:
        """Show a line below a reply in progress, in place of the facts that it will have."""
        if pieces == self._tail:
            return
        had_tail, self._tail = bool(self._tail), pieces
        if had_tail == bool(pieces):
            self.refresh_from(self.line_count - 1)
        else:
            self._strips.clear()
            self._changed(self.line_count - 1)
            self.refresh()

    # Layout

    def _add_entry(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._append_entry(len(self._entries) - 1)

    def _append_entry(self, index: int) -> None:
        """Append the text of an entry."""
        entry = self._entries[index]
        if index and is_wide(self):
            self._begin_paragraph(GAP, index)
        if entry.prompt is not None:
            self._begin_paragraph(PERSON, index)
            self.append([(entry.prompt, "prompt")])
        if entry.tokens:
            self._begin_paragraph(MODEL, index)
            self.append(entry.tokens)
        if entry.labels:
            self._append_labels(index)
        for text in entry.facts:
            self._append_fact(text)

    def _append_labels(self, index: int) -> None:
        """Append the labels of an entry with their bars, as long as the lines."""
        self._begin_paragraph(MODEL, index)
        is_ascii = self.app.has_class("-ascii")
        self.append(
            label_pieces(self._entries[index].labels, self._wrapper.width, is_ascii=is_ascii)
        )

    def _append_fact(self, text: str) -> None:
        self._begin_paragraph(META, len(self._entries) - 1)
        self.append([(text, "facts")])

    def _begin_paragraph(self, kind: str, index: int) -> None:
        """Begin a paragraph of an entry; it is counted from here on."""
        if self._starts:
            self.append([("\n", "")])
        self._starts.append(self._wrapper.lines[-1].paragraph)
        self._kinds.append((kind, index))

    def _rebuild(self) -> None:
        """Append all entries anew."""
        self._starts, self._kinds = [], []
        self._pieces.clear()
        self._rewrap()
        entries, self._entries = self._entries, []
        for entry in entries:
            self._add_entry(entry)
        self._strips.clear()
        self.refresh()

    def on_resize(self) -> None:
        """Separate turns by an empty line where there is room for it."""
        wide = is_wide(self)
        if self._was_wide is not None and wide != self._was_wide:
            self._rebuild()
        elif any(entry.labels for entry in self._entries):
            self.call_after_refresh(self._rebuild)  # bars are as long as the lines will be
        self._was_wide = wide

    @property
    def line_count(self) -> int:
        """The number of lines, with the one below a reply in progress."""
        return super().line_count + bool(self._tail)

    @property
    def _gap_rows(self) -> int:
        """Empty rows above a conversation that does not fill the view."""
        return max(0, self.size.height - self.line_count)

    def refresh_from(self, first: int) -> None:
        """Draw the lines from `first` on anew; all of them while they move up."""
        gap = self._gap_rows
        if gap:
            is_same = self.line_count == self._drawn_lines
            self._drawn_lines = self.line_count
            if not is_same:
                self.refresh()
                return
        self.refresh_lines(first + gap, self.line_count - first)

    def _kind_of(self, paragraph: int) -> tuple[str, int]:
        """The kind of a paragraph, and the index of its entry."""
        index = bisect_right(self._starts, paragraph) - 1
        return self._kinds[index] if index >= 0 else (META, 0)

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Render a visible line."""
        width = self.size.width
        number = y + self.scroll_offset.y - self._gap_rows
        lines = self._wrapper.lines
        if self._tail and number == len(lines):
            segments = [Segment(text, self._style(style)) for text, style in self._tail]
            strip = Strip([Segment("  ", self._style("")), *segments])
            return strip.crop_extend(0, width, self._style(""))
        if not 0 <= number < len(lines):
            return Strip.blank(width, self._style(""))
        return self._strips.get(number) or self._line_strip(number)

    def _line_strip(self, number: int) -> Strip:
        """Render and cache a line with its bar."""
        line, width = self._wrapper.lines[number], self.size.width
        kind, index = self._kind_of(line.paragraph)
        is_chosen = index == self._chosen and kind != GAP and self.has_focus
        strip = self._strip(line)
        if self._tail and number == len(self._wrapper.lines) - 1 and kind != META:
            cursor = Segment(WRITING_CURSOR, self._style("bar-person"))
            strip = Strip([*strip, *([cursor] if line.width < self._wrapper.width else [])])
        base = self._style("")
        bar = Segment(BAR, self._style(BARS[kind])) if kind in BARS else Segment(" ", base)
        is_first = is_chosen and (not number or self._index_above(number) != index)
        mark = Segment(MARK if is_first else " ", self._style("accent"))
        strip = Strip([bar, mark, *strip]).crop_extend(0, width, base)
        if is_chosen:
            strip = self._tinted(strip)
        self._strips[number] = strip
        return strip

    def _index_above(self, number: int) -> int:
        kind, index = self._kind_of(self._wrapper.lines[number - 1].paragraph)
        return -1 if kind == GAP else index

    def _tinted(self, strip: Strip) -> Strip:
        """A line of the chosen turn; shaded tokens keep their shade."""
        plain = self._style("").bgcolor
        tint = Style(bgcolor=self.get_component_rich_style("transcript--chosen").bgcolor)
        return Strip(
            Segment(text, style + tint if style and style.bgcolor == plain else style)
            for text, style, _ in strip
        )

    def get_selection(self, selection: Selection) -> tuple[str, str]:
        """Return the selected text, without the raised digits."""
        shown = "".join(text for text, _ in self._pieces)
        is_digit = "".join(
            "".join("\n" if one == "\n" else "x" if style == DIGIT else " " for one in text)
            for text, style in self._pieces
        )
        text, mask = selected_part(shown, selection), selected_part(is_digit, selection)
        kept = (one for one, digit in zip(text, mask, strict=True) if digit != "x")
        return "".join(kept), "\n"

    # Choosing

    def _turn_indices(self) -> list[int]:
        return [index for index, entry in enumerate(self._entries) if entry.turn is not None]

    def choose(self, turn: Turn | None) -> None:
        """Choose a turn and bring it into view; None chooses none."""
        index = next(
            (n for n, entry in enumerate(self._entries) if turn and entry.turn is turn), None
        )
        if index != self._chosen:
            self._chosen = index
            self._strips.clear()
            self.refresh()
            self.refresh_bindings()
        if index is not None:
            self._bring_into_view(index)

    def _bring_into_view(self, index: int) -> None:
        numbers = [
            number
            for number, line in enumerate(self._wrapper.lines)
            if self._kind_of(line.paragraph)[1] == index
        ]
        top, height = self.scroll_offset.y, self.size.height
        if numbers and (numbers[0] < top or numbers[-1] >= top + height):
            last = numbers[-1] - height + 1
            target = numbers[0] if numbers[0] < top else min(numbers[0], last)
            self.scroll_to(y=target, animate=False, force=True)

    def action_choose(self, by: int) -> None:
        """Choose the turn above or below."""
        indices = self._turn_indices()
        if not indices:
            return
        place = indices.index(self._chosen) + by if self._chosen in indices else len(indices) - 1
        place = max(0, min(len(indices) - 1, place))
        self.choose(self._entries[indices[place]].turn)

    def action_branch(self, by: int) -> None:
        """Ask for another branch at the chosen turn."""
        if self.chosen_turn is not None:
            self.post_message(self.BranchRequested(by))

    def action_open(self) -> None:
        """Open the chosen turn."""
        self.post_message(self.Opened())

    def on_focus(self) -> None:
        """Choose the last turn."""
        indices = self._turn_indices()
        if self._chosen is None and indices:
            self._chosen = indices[-1]
        self._strips.clear()
        self.refresh()

    def on_blur(self) -> None:
        """Choose none."""
        self._chosen = None
        self._strips.clear()
        self.refresh()

    def on_click(self, event: Click) -> None:
        """Choose the turn under the pointer; a double click opens it."""
        number = event.y + self.scroll_offset.y - self._gap_rows
        if not 0 <= number < len(self._wrapper.lines):
            return
        _, index = self._kind_of(self._wrapper.lines[number].paragraph)
        if index < len(self._entries) and (turn := self._entries[index].turn) is not None:
            self.choose(turn)
            if event.chain == 2:
                self.post_message(self.Opened())


def _entry(shown: ShownTurn) -> Entry:
    """A finished turn as it is shown."""
    if shown.turn.labels:
        rows = label_rows(shown.turn.labels)
        return Entry(shown.turn.prompt, [], [_facts(shown)], shown.turn, labels=rows)
    cleaner = StreamCleaner()
    tokens: list[Piece] = []
    for text, probability in split_by_chances(shown.turn.text, shown.turn.chances):
        tokens += token_pieces(cleaner.add(text), probability)
    tokens.append((cleaner.finish(), ""))
    reply = without_first_blanks(merge_pieces(tokens))
    return Entry(shown.turn.prompt, reply, [_facts(shown)], shown.turn)


def _facts(shown: ShownTurn) -> str:
    return " · ".join(filter(None, (turn_facts(shown.turn, shown.run), shown.branch)))


def without_first_blanks(pieces: list[Piece]) -> list[Piece]:
    """The pieces of a reply without the blanks after the prompt, which is on lines of its own."""
    while pieces:
        text, style = pieces[0]
        if stripped := text.lstrip(" "):
            return [(stripped, style), *pieces[1:]]
        pieces = pieces[1:]
    return pieces

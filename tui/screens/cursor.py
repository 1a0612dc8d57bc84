"""The cursor: any token of a text, what else could stand there, and the branches that grow."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.events import Paste

from tui.common.messages import CopyRequested, OpenInside
from tui.common.sanitize import clean
from tui.explore import cursor
from tui.explore.choices import likeliest
from tui.explore.cursor_keys import BINDINGS, WAYS
from tui.screens.dialogs import TextDialog
from tui.screens.place import PlaceScreen
from tui.talk.conversation import Talk

GROWING = "Going on from here. Esc stops; what came is kept."
ALONE = "There is no other way here yet. Enter puts another token, b makes several."


class CursorScreen(PlaceScreen):
    """A text with its branches; see `PlaceScreen` for its arguments."""

    HEADING = "Cursor"
    HELP = (
        "Any token of the text, and what else could stand in its place. Put another one there: the "
        "model goes on from it, and what stood there stays as a branch. ‹2› counts the ways at a "
        "place. All branches are kept with the talk."
    )
    CSS_PATH = "../styles/cursor.tcss"
    BINDINGS: ClassVar[list[BindingType]] = BINDINGS
    _ways = WAYS

    # Moving

    def _move(self, by: int) -> None:
        """The text shows it at once; the table when it is known."""
        self.tell("")
        if not (self.cursor.branch and self.cursor.move(by)):
            return
        known = None if self._turn.locked() else self.cursor.known(self._settings)
        if known is None:
            self._show_text()
            self._do()
        else:
            self._sight = known
            self._show()
        self._look_ahead(1 if by > 0 else -1)

    def action_move(self, by: int) -> None:
        """One token."""
        self._move(by)

    def action_far(self, by: int) -> None:
        """As far as it goes."""
        self._move(by * len(self.cursor.path))

    def action_choose(self, by: int) -> None:
        """The cursor of the table."""
        self._table.move(by)

    def _walk(self, walk: Callable[[], bool], nothing: str) -> None:
        async def act() -> None:
            self.tell("" if walk() else nothing)

        self._do(act)

    def action_sibling(self, by: int) -> None:
        """Another way."""
        self._walk(lambda: self.cursor.sibling(by), ALONE)

    def action_parent(self) -> None:
        """Where this one parts."""
        self._walk(self.cursor.parent, "This branch parts from none: it is the text itself.")

    def action_child(self) -> None:
        """What parts from this one."""
        self._walk(self.cursor.child, "No branch parts from this one.")

    def action_text(self, by: int) -> None:
        """Another turn of the talk, or a text of one's own."""

        async def act() -> None:
            root = self.cursor.tree.root(self.cursor.branch)
            others = [one.id for one in self.cursor.tree.roots if one.turn not in self._turns]
            names = [*self._turns, *others]
            place = names.index(root.turn if root.turn in self._turns else root.id) + by
            if not 0 <= place < len(names):
                self.tell("This is the last text." if by > 0 else "This is the first text.")
            elif names[place] in self._turns:
                await self._open_turn(names[place])
            else:
                self.cursor.go(names[place], len(self.cursor.tree.path(names[place])))

        self.tell("")
        self._do(act)

    # Branches

    def action_swap(self) -> None:
        """The chosen token, and on from it."""

        async def act() -> None:
            if (chosen := self._table.chosen) is not None:
                self._grows()
                before = len(self.cursor.tree)
                await self.cursor.swap(chosen.id, *self._drawn())
                same = len(self.cursor.tree) == before
                self.tell("That is there already." if same else "")

        self._do(act)

    def action_spread(self) -> None:
        """Several ways."""

        async def act() -> None:
            assert self._sight is not None
            # Greedy ways would all be the same.
            greedy, view = self.talk.dials.greedy, self._sight.view
            firsts = likeliest(view, self._ways, self.cursor.begun) if greedy else []
            self._grows()
            new = await self.cursor.spread(self._ways, *self._drawn(), firsts=firsts)
            self.tell(cursor.made(len(new), greedy=greedy))

        self._do(act)

    def _grows(self) -> None:
        """Says so; once it is under way the footer names the key that stops it."""
        self.tell(GROWING)
        self.call_later(self._tell_keys)

    def _drawn(self) -> tuple[dict[str, object], int]:
        """The settings of one act of branching, its seed drawn, and how long branches become."""
        self.cursor.step = self.talk.step
        self.talk.dials = self.talk.dials.seeded(random.getrandbits(32))
        return self._settings, self.talk.dials.config.max_tokens

    @work(group="stop", exit_on_error=False)
    async def action_stop(self) -> None:
        """What came is kept."""
        await self.cursor.stop()

    def action_ways(self, count: int) -> None:
        """How many ways b makes."""
        self._ways = count
        self.tell(f"b makes {count} ways.")

    # Beyond

    def action_chances(self) -> None:
        """Colours and digits, or neither."""
        self._coloured = not self._coloured
        self._show()

    def action_inside(self) -> None:
        """What the layers make of this token."""
        ids = [token.id for token in self.cursor.path]
        at = min(self.cursor.at, len(ids) - 1)
        self.post_message(OpenInside(self.talk.run, self.talk.which, None, ids, at))

    def action_text_of_own(self) -> None:
        """Typed or pasted."""

        self.app.push_screen(
            TextDialog("Which text? It is scored, and can be branched."), self._take
        )

    def _take(self, text: str | None) -> None:
        if text:
            self._do(lambda: self.cursor.begin(self._settings, text))

    def on_paste(self, event: Paste) -> None:
        """What is pasted is a text of one's own."""
        event.stop()
        self._take(event.text.replace("\r\n", "\n").replace("\r", "\n"))

    def action_copy(self) -> None:
        """The path."""
        text = "".join(token.text for token in self.cursor.path)
        self.post_message(CopyRequested(clean(text), "text"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer tells what can be done now."""
        match action:
            case "stop":
                return self.cursor.running is not None
            case "back":
                return self.cursor.running is None
            case "swap" | "spread" | "chances" | "copy" | "sibling" | "inside":
                return bool(self.cursor.branch)
        return True


def over(talk: Talk) -> CursorScreen:
    """The cursor over a talk's last reply and its prompt."""
    turns = [turn for run, turn in talk.replies() if run == talk.run]
    prompt, chosen = talk.place()
    turn = turns[-1].id if turns and talk.turns[-1] is turns[-1] else None
    return CursorScreen(talk.run, talk.which, prompt, chosen, talk.dials, turns, turn)

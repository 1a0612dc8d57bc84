"""The panel of a blank: the word at the cursor, the corpus's counts, and the candidates."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from tui.explore.blank_game import Round
from tui.explore.blank_rows import BlankRow, blank_rows, corpus_line, word_line
from tui.explore.blank_session import BlankSession
from tui.widgets.answer_input import AnswerInput
from tui.widgets.blank_table import BlankContent, BlankTable
from tui.widgets.panel import Panel

TABLE_TITLE, GAME_TITLE = "What belongs here", "What belongs here? You first"
TABLE_HINT = "← the word that was masked"


class BlankCandidates(Panel):
    """What belongs at the cursor; in a round of the game, the options and the answer."""

    def __init__(self) -> None:
        self._facts = Static(id="facts", markup=False)
        children = self._facts, AnswerInput(), BlankTable()
        super().__init__(*children, title=TABLE_TITLE, hint=TABLE_HINT, id="next")

    def show(self, session: BlankSession, note: str) -> None:
        """Show what belongs at the cursor.

        Args:
            note: what to show instead of the corpus's counts; empty for none.
        """
        is_guessing, round_ = session.is_guessing, session.round
        self.set_title(GAME_TITLE if is_guessing else TABLE_TITLE)
        self.query_one(AnswerInput).display = is_guessing
        if is_guessing and round_ is not None:
            left = len(round_.truth) - len(round_.answers)
            facts = [f"{left:,} of {len(round_.truth):,} left to guess", ""]
            content = _options(round_, session.text.at)
        else:
            place, decoder = session.place, session.decoder
            facts = [
                word_line(session.text, place, decoder),
                corpus_line(session.text, place),
            ]
            rows = blank_rows(place) if place else []
            content = BlankContent(rows, has_decoder=decoder is not None)
        lines = [Content.styled(facts[0], "$muted")]
        lines += [Content.styled(note, "$accent") if note else Content.styled(facts[1], "$muted")]
        self._facts.update(Content("\n").join(lines), layout=False)
        self.query_one(BlankTable).show(content)


def _options(round_: Round, word: int) -> BlankContent:
    """What can be chosen for a word instead of typing; nothing once it is answered."""
    options = () if word in round_.answers else round_.options.get(word, ())
    return BlankContent([BlankRow(each.id, each.text) for each in options], is_hidden=True)

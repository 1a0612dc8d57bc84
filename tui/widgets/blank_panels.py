"""Panels beside the blanks: what each model reads, and the score of the game."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from tui.common.sanitize import one_line
from tui.explore.blank_game import Player, Round, Score
from tui.explore.blank_text import BLANK_SIGN
from tui.plot.bars import bar
from tui.widgets.panel import Panel

NAME_CELLS, COUNT_CELLS = 9, 12
STYLES = {Player.YOU: "$primary", Player.ENCODER: "$secondary", Player.DECODER: "$accent"}
NO_GAME = "m masks 15 % of the words at random. You guess first; then the models' choices show."
NOTHING = "…"


class ContextPanel(Panel):
    """What the encoder and the decoder read of the text before they fill in the blank."""

    def __init__(self) -> None:
        self._words = Static(markup=False)
        super().__init__(self._words, title="What each reads", id="reads")

    def show(self, words: Sequence[str], at: int, encoder: str, decoder: str | None) -> None:
        """Show the text around the word at the cursor.

        Args:
            words: as shown, each with the space before it.
            at: the number of the word asked for.
            encoder, decoder: names of the runs; without a decoder, how to get one.
        """
        left, right = (one_line("".join(part)) for part in (words[:at], words[at + 1 :]))
        blank = f"{' ' * words[at].startswith(' ')}{BLANK_SIGN}"
        lines = [
            _label("encoder", encoder, "both sides"),
            Content.assemble((left, "$ink"), (blank, "bold $primary"), (right, "$ink")),
        ]
        if decoder is not None:
            lines += [
                Content(""),
                _label("decoder", decoder, "only the left"),
                Content.assemble((left or NOTHING, "$ink"), (blank, "bold $primary")),
            ]
        else:
            text = "No decoder of the same text and tokenizer to compare with yet."
            lines += [Content(""), Content.styled(text, "$faint")]
        self._words.update(Content("\n").join(lines))


def _label(kind: str, name: str, what: str) -> Content:
    return Content.assemble(
        (f"{kind} ", "$muted"), (one_line(name), "bold $ink"), (f" reads {what}", "$muted")
    )


class ScorePanel(Panel):
    """How many blanks each player got right, and what they put into those of the last round."""

    def __init__(self) -> None:
        self._lines = Static(markup=False)
        super().__init__(self._lines, title="Game", id="game")

    def show(self, score: Score, round_: Round | None) -> None:
        """Show the score, and the round."""
        width = max(20, self.content_size.width)
        lines = score_lines(score, width, is_ascii=self.app.has_class("-ascii"))
        if round_ is not None:
            lines += [Content(""), *round_lines(round_)] if lines else round_lines(round_)
        self._lines.update(
            Content("\n").join(lines) if lines else Content.styled(NO_GAME, "$muted")
        )


def score_lines(score: Score, width: int, *, is_ascii: bool = False) -> list[Content]:
    """A bar for each player; none before the first round has ended."""
    return [
        Content.assemble(
            (f"{player:<{NAME_CELLS}}", "$muted"),
            bar(
                score.right[player] / count,
                max(0, width - NAME_CELLS - COUNT_CELLS),
                STYLES[player],
                is_ascii=is_ascii,
            ),
            (f"{f'{score.right[player]:,} of {count:,}':>{COUNT_CELLS}}", "bold $ink"),
        )
        for player, count in score.asked.items()
    ]


def round_lines(round_: Round) -> list[Content]:
    """How many words are left, or what each player put in for each."""
    if not round_.is_over:
        left = len(round_.truth) - len(round_.answers)
        text = f"{left:,} of {len(round_.truth):,} left to guess; then the models' choices show."
        return [Content.styled(text, "$muted")]
    lines = []
    for word in round_.words:
        lines.append(Content.assemble((one_line(round_.truth[word]), "bold $ink")))
        for player in round_.players:
            is_right = round_.is_right(player, word)
            sign = "✓" if is_right else "✗"
            guess = one_line(round_.guess(player, word))
            lines.append(
                Content.assemble(
                    (f"  {player:<{NAME_CELLS}}", "$muted"),
                    (f"{sign} ", "bold $success" if is_right else "bold $error"),
                    (guess, "$ink"),
                )
            )
    return lines

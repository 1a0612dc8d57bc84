"""How a turn is written: what stands in the transcript, and what is copied. Pure.

The model goes on with a text, so prompt and continuation are one paragraph; weight, not colour
alone, tells which part was typed.
"""

from __future__ import annotations

from collections.abc import Iterable

from tui.common.sanitize import clean
from tui.common.sampling_settings import in_words
from tui.talk.record import CANCELLED, END, FAILED, LENGTH, STOP, Turn
from core.run.weights_choice import label

ABOUT = "The model continues your text; it does not answer. Each prompt starts anew."
ENDED = {
    END: "ends here",
    STOP: "a stop text came",
    LENGTH: "full length",
    CANCELLED: "stopped",
    FAILED: "cut off",
}


def joined(prompt: str, text: str) -> str:
    """The continuation as it follows the prompt: one blank between them, not two."""
    return text.removeprefix(" ") if not prompt or prompt[-1].isspace() else text


def facts(turn: Turn, run: str = "") -> str:
    """The line below a reply: which weights and settings made it, how long it took.

    Args:
        run: named if it is another than the one the screen was opened for.
    """
    words = [
        run,
        label(turn.weights, turn.step),
        in_words(turn.settings),
        f"{turn.tokens} token{'s' * (turn.tokens != 1)}",
        f"{turn.speed:,.0f}/s" if turn.speed and turn.tokens > 1 else "",
        "nothing to add" if turn.ended == END and not turn.text else ENDED.get(turn.ended, ""),
    ]
    return " · ".join(word for word in words if word)


def plain(turns: Iterable[Turn]) -> str:
    """A talk to be pasted elsewhere: each text, and below it what made it."""
    return "\n".join(
        clean(f"{turn.prompt}{joined(turn.prompt, turn.text)}\n({facts(turn)})\n") for turn in turns
    )

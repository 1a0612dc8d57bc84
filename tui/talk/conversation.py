"""A talk without its screen: with which model, by which settings, what was said.

No Textual here.

Where two replies to one prompt part, in words. Pure.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.paths import Home
from core.run import weights_ref
from core.run.directory import Run
from core.run.weights_ref import LAST, weights_label
from core.tokenizer.special_tokens import EOS
from tui.common.format import first_difference
from tui.common.sampling_settings import SamplingControls
from tui.common.sanitize import one_line
from tui.talk import record
from tui.talk import reply as turn_text
from tui.talk.facts import TalkFacts
from tui.talk.record import Turn
from tui.talk.reply import Reply

SHOWN = 24  # characters of what was the same, and of what was not


def parting(pinned: Turn, turn: Turn) -> str:
    """How a reply differs from one that was pinned; empty where that says nothing."""
    if pinned.id == turn.id or pinned.prompt != turn.prompt:
        return ""
    name = f"pinned ({weights_label(pinned.weights, pinned.step)})"
    at = first_difference(pinned.text, turn.text)
    if at is None:
        return f"the same as {name}"
    same = turn.text[:at]
    begin = max(same.rfind(" "), 0)  # a word that differs is shown whole
    here, there = (_beginning(text[begin:]) for text in (turn.text, pinned.text))
    before = one_line(same[:begin]).strip()
    after = (
        f"after “{before if len(before) <= SHOWN else '…' + before[-SHOWN:]}” " if before else ""
    )
    return f"{after}here {here}, {name} {there}"


def _beginning(text: str) -> str:
    shown = one_line(text).strip()
    if not shown:
        return "the end"
    return f"“{shown}”" if len(shown) <= SHOWN else f"“{shown[:SHOWN]}…”"


EARLIER = 200  # turns read back
PINNED = "Pinned. Turn to other weights or settings, then r: it says where they part."
UNPINNED = "Nothing is pinned now."
Stamp = tuple[int, int, int]


@dataclass
class Talk:
    """What a screen of talk shows and changes.

    Attributes:
        home: where the runs are.
        opened_for: the run it began with.
        run, which: whose weights speak next.
        model: what the sampler said of them; empty until they are ready.
        problem: why they are not; empty if they are, or will be.
        dials: the settings of the next reply.
        turns: what was said, oldest first.
        reply: the one that comes now.
        last: the one whose counts are shown.
        speakers: the runs of turns that came since, by their ids.
        note: a few words that matter now.
        pinned: the reply that later ones to its prompt are compared with.
    """

    home: Home
    opened_for: str
    run: str
    which: str = LAST
    model: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    dials: SamplingControls = field(default_factory=SamplingControls)
    turns: list[Turn] = field(default_factory=list)
    reply: Reply | None = None
    last: Reply | None = None
    speakers: dict[str, str] = field(default_factory=dict)
    note: str = ""
    pinned: Turn | None = None

    @property
    def folder(self) -> Run:
        """The run's files."""
        return Run(self.home.runs / self.run)

    @property
    def step(self) -> int | None:
        """The step of the weights, where it is known."""
        step = self.model.get("step")
        return step if isinstance(step, int) else None

    def earlier(self) -> list[Turn]:
        """What was said to the run before.

        Raises:
            DamagedError: there is something, and it cannot be read.
        """
        return record.read_last(self.folder.talk, EARLIER)

    def begin(self, prompt: str) -> Reply:
        """A reply by the present weights and settings; its seed is its own unless one is kept."""
        self.dials = self.dials.seeded(random.getrandbits(32))
        self.reply = self.last = Reply(
            self.run, prompt, self.which, self.step, self.dials.to_json()
        )
        return self.reply

    def over(self, reply: Reply) -> Turn | None:
        """Takes note that a reply has ended; None if nothing came of it or it was over before."""
        if self.reply is not reply:
            return None
        self.reply = None
        if reply.size is not None and (reply.run, reply.weights) == (self.run, self.which):
            # A whole reply says more than an attempt to load before it.
            self.problem = ""
            self.model |= {"step": reply.step, "context": reply.size}
        if reply.ended == record.FAILED and not reply.pieces:
            return None
        turn = reply.turn()
        self.turns.append(turn)
        self.speakers[turn.id] = reply.run
        return turn

    def pin(self) -> str:
        """Pins the last reply, or lets it go; which of both, in words."""
        last = self.turns[-1]
        self.pinned = None if self.pinned is last else last
        return PINNED if self.pinned else UNPINNED

    def parted(self, turn: Turn) -> str:
        """Where a reply parts from the pinned one; empty if that is no question."""
        return parting(self.pinned, turn) if self.pinned else ""

    def keep(self, run: str, turn: Turn) -> None:
        """Writes a turn down with its run.

        Raises:
            StorageError: it could not be.
        """
        record.append(Run(self.home.runs / run).talk, turn)

    def turn_to(self, run: str, which: str) -> None:
        """Other weights speak next."""
        self.run, self.which = run, which
        self.model, self.problem = {}, ""

    def older(self) -> str | None:
        """The snapshot before the present weights."""
        return weights_ref.older_weights(self.folder.snapshot_steps(), self.which, self.step)

    def newer(self) -> str | None:
        """The snapshot after them, or the newest weights."""
        return weights_ref.newer_weights(self.folder.snapshot_steps(), self.which, self.step)

    def place(self) -> tuple[str, list[int]]:
        """Where the last reply ends: the text before it, and its tokens where they are known."""
        last, turn = self.last, self.turns[-1] if self.turns else None
        if last and last.ids and (last.run, last.weights) == (self.run, self.which):
            return last.prompt, [id for id in last.ids if id != EOS]
        return (turn.prompt + turn_text.joined(turn.prompt, turn.text) if turn else ""), []

    def stamp(self) -> Stamp | None:
        """What tells whether the newest weights are other ones than before."""
        return stamp(self.folder.weights)

    def replies(self) -> list[tuple[str, Turn]]:
        """What was said, each with the run that said it."""
        return [(self.speakers.get(turn.id, self.opened_for), turn) for turn in self.turns]

    def words(self) -> str:
        """Everything said, as it is copied."""
        return turn_text.plain(self.turns)

    def facts(self) -> TalkFacts:
        """What stands beside it."""
        last = self.last
        return TalkFacts(
            run=self.run,
            which=self.which,
            step=self.step,
            loading=not self.model and not self.problem,
            problem=self.problem,
            dials=self.dials,
            tokens=(last.tokens or None) if last else None,
            speed=last.speed if last else None,
            used=last.used if last else None,
            size=self.model.get("context"),
            note=self.note,
        )


def stamp(path: Path) -> Stamp | None:
    """What changes when a file is replaced; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size

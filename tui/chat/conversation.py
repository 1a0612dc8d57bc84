"""State of a chat: the weights and settings in use, the turns so far, the reply in progress."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from core.errors import MiniGPTError
from core.paths import Home
from core.run import weights_ref
from core.run.directory import Run
from core.run.weights_ref import BEST, LAST, weights_label
from tui.chat import record
from tui.chat.facts import GenerationFacts
from tui.chat.record import Record, Turn
from tui.chat.reply import Reply, turns_as_text
from tui.chat.run_task import RunTask, task_of_run
from tui.chat.turn_tree import (
    JsonMessages,
    TurnTree,
    exchange_distances,
    to_messages,
    with_reply,
)
from tui.common.format import find_first_difference
from tui.common.sampling_settings import SamplingControls
from tui.common.sanitize import one_line
from tui.common.special_ids import special_ids

EARLIER_TURNS = 200
EXCERPT_CHARACTERS = 24
PINNED = "Pinned. Change weights or settings, then r: the next reply is compared."
UNPINNED = "Unpinned."
FileStamp = tuple[int, int, int]


class TextPosition(NamedTuple):
    """Where a reply ends.

    Attributes:
        prompt: the text before the ids.
        chosen: token ids after it, where known.
        messages: what a model that replies reads in place of `prompt`, which is the last of them.
    """

    prompt: str = ""
    chosen: Sequence[int] = ()
    messages: JsonMessages | None = None


class ReadyModel(NamedTuple):
    """A model that is loaded.

    Attributes:
        step: training step of its weights; None if unknown.
        context: longest input in tokens.
        vocab_size: number of tokens; None if unknown.
        device: that it is on; empty if unknown.
    """

    step: int | None
    context: int
    vocab_size: int | None = None
    device: str = ""


@dataclass
class Conversation:
    """What a screen that generates text shows and changes.

    Attributes:
        home: where the runs are.
        opened_for: the run it began with.
        run, weights: what generates the next reply.
        model: None until it is loaded.
        problem: why the model could not be loaded; empty if it could, or is loading.
        controls: the settings of the next reply.
        task: of the run.
        turns: those shown, oldest first; of a conversation with branches one branch.
        tree: all turns with all branches.
        current: the conversation that the next prompt continues; empty begins one.
        system: the system text of the next reply.
        with_history: whether the next reply depends on the turns before it.
        reply: the reply in progress.
        last_reply: the reply whose counts are shown.
        run_of_turn: the run of each turn of this session, by turn id.
        ids_of_turn: the token ids of each reply of this session, by turn id.
        note: a short note, shown until the next one.
        pinned: the turn that later replies to its prompt are compared with.
        allow_unknown: whether words outside the vocabulary are read as <unk>.
    """

    home: Home
    opened_for: str
    run: str
    weights: str = LAST
    model: ReadyModel | None = None
    problem: str = ""
    controls: SamplingControls = field(default_factory=SamplingControls)
    task: RunTask = field(default_factory=RunTask)
    turns: list[Turn] = field(default_factory=list)
    tree: TurnTree = field(default_factory=TurnTree)
    current: str = ""
    system: str = ""
    with_history: bool = True
    reply: Reply | None = None
    last_reply: Reply | None = None
    run_of_turn: dict[str, str] = field(default_factory=dict)
    ids_of_turn: dict[str, list[int]] = field(default_factory=dict)
    note: str = ""
    pinned: Turn | None = None
    allow_unknown: bool = False
    _turns_before: list[Turn] | None = None  # while a turn is answered again

    def __post_init__(self) -> None:
        self.task = task_of_run(self.folder)

    @property
    def folder(self) -> Run:
        """The run's files."""
        return Run(self.home.runs / self.run)

    @property
    def step(self) -> int | None:
        """The training step of the weights; None until known."""
        return self.model.step if self.model else None

    # Turns

    def read_record(self) -> Record:
        """Read the run's last turns of earlier sessions.

        Raises:
            DamagedError: the file exists and cannot be read.
        """
        return record.read_record(self.folder.chat, EARLIER_TURNS)

    def use_record(self, earlier: Record) -> None:
        """Continue after the turns of earlier sessions; of conversations, the last one."""
        turns, self.system = earlier
        self.tree = TurnTree(turns)
        if self.task.is_conversation and turns:
            self.current = turns[-1].conversation
            turns = self.tree.path(turns[-1])
        self.turns = turns

    @property
    def path(self) -> list[Turn]:
        """The turns of the conversation that the next prompt continues."""
        return [turn for turn in self.turns if self.current and turn.conversation == self.current]

    def next_messages(self, prompt: str) -> JsonMessages | None:
        """What the model reads for a prompt; None continues it as a text."""
        if not self.task.is_chat:
            return None
        if not self.task.is_conversation:
            return to_messages((), prompt)
        return to_messages(self.path if self.with_history else (), prompt, self.system)

    def begin(self, prompt: str) -> Reply:
        """Start a reply with the present weights and settings."""
        self.controls = self.controls.with_seed(random.getrandbits(32))
        self.reply = self.last_reply = Reply(
            self.run, prompt, self.weights, self.step, self.controls.config
        )
        return self.reply

    def connect(self, reply: Reply, instead_of: Turn | None = None) -> None:
        """Put a reply at its place in the conversation; by this its messages are known.

        Args:
            instead_of: the turn in whose place it comes; the old one and those after it become a
                branch.
        """
        if self.task.is_conversation:
            if instead_of is not None and instead_of.conversation:
                self._turns_before = self.turns
                self._show_path(instead_of.conversation, self.tree.path(instead_of)[:-1])
            self.current = self.current or uuid.uuid4().hex
            path = self.path
            reply.conversation, reply.system = self.current, self.system
            reply.parent = path[-1].id if path else None
            reply.sent_turns = exchange_distances(path) if self.with_history else ()
        reply.messages = self.next_messages(reply.prompt)

    def _show_path(self, conversation: str, path: Sequence[Turn]) -> None:
        """Show a branch of a conversation, below all others, and continue it."""
        others = [turn for turn in self.turns if turn.conversation != conversation]
        self.turns = [*others, *path]
        self.current = conversation

    def start_anew(self) -> bool:
        """Begin a conversation with the next prompt; False if the present one has no turn."""
        if not self.path:
            return False
        self.current, self.last_reply = "", None
        return True

    def branches(self, turn: Turn) -> tuple[int, int]:
        """The number of a turn among its branches, from 1, and how many there are."""
        siblings = self.tree.siblings(turn)
        return siblings.index(turn) + 1, len(siblings)

    def show_branch(self, turn: Turn, by: int) -> Turn | None:
        """Show the next branch at a turn to its newest end; return its turn there, if any."""
        siblings = self.tree.siblings(turn)
        if len(siblings) < 2:
            return None
        sibling = siblings[(siblings.index(turn) + by) % len(siblings)]
        self.last_reply = None  # how much of the context this branch fills is not recorded
        self._show_path(sibling.conversation, self.tree.path(self.tree.newest_end(sibling)))
        return sibling

    def set_system(self, text: str) -> None:
        """Use another system text, and keep it with the run.

        Raises:
            StorageError: it could not be written.
        """
        self.system = text.strip()
        record.append_system(self.folder.chat, self.system)

    def finish(self, reply: Reply) -> Turn | None:
        """End the reply in progress and return its turn.

        Returns:
            None if the reply was finished before, or failed or was stopped without any text.
        """
        if self.reply is not reply:
            return None
        self.reply = None
        turns_before, self._turns_before = self._turns_before, None
        context = reply.context or (self.model.context if self.model else None)
        if context is not None and self._is_by_these_weights(reply):
            # A reply is newer than an attempt to load before it.
            self.problem = ""
            model = self.model or ReadyModel(reply.step, context)
            self.model = model._replace(step=reply.step, context=context)
        if reply.ended in (record.FAILED, record.CANCELLED) and not reply.pieces:
            self.turns = turns_before if turns_before is not None else self.turns
            return None
        turn = reply.turn()
        self.turns = [*self.turns, turn]
        self.tree.add(turn)
        self.run_of_turn[turn.id] = reply.run
        ends = special_ids(self.home, reply.run).ends
        self.ids_of_turn[turn.id] = [id for id in reply.ids if id not in ends]
        return turn

    def _is_by_these_weights(self, reply: Reply) -> bool:
        """Whether these weights have generated tokens of the reply."""
        return reply.tokens > 0 and (reply.run, reply.weights) == (self.run, self.weights)

    def append_to_record(self, run: str, turn: Turn) -> None:
        """Append a turn to its run's file.

        Raises:
            StorageError: it could not be written.
        """
        record.append(Run(self.home.runs / run).chat, turn)

    def turns_after(self, turn: Turn) -> int:
        """How many turns continue this one, on all branches."""
        return len(self.tree.subtree(turn)) - 1

    def remove_turn(self, turn: Turn) -> None:
        """Remove a turn and those that continue it, also from its run's record.

        Raises:
            StorageError: the record could not be written.
        """
        siblings = [each for each in self.tree.siblings(turn) if each is not turn]
        path = self.tree.path(turn)[:-1]
        removed = self.tree.remove(turn)
        gone = {each.id for each in removed}
        self.turns = [each for each in self.turns if each.id not in gone]
        if siblings:  # another branch takes its place
            path = self.tree.path(self.tree.newest_end(siblings[-1]))
            self._show_path(turn.conversation, path)
        if self.pinned is not None and self.pinned.id in gone:
            self.pinned = None
        for each in removed:
            run = self.run_of_turn.get(each.id, self.opened_for)
            record.remove(Run(self.home.runs / run).chat, each.id)

    def toggle_pin(self, turn: Turn) -> str:
        """Pin a reply, or unpin it; return a note."""
        self.pinned = None if self.pinned is turn else turn
        return PINNED if self.pinned else UNPINNED

    def difference_from_pinned(self, turn: Turn) -> str:
        """Describe how a turn differs from the pinned one; empty if not comparable."""
        return describe_difference(self.pinned, turn) if self.pinned else ""

    def replies(self) -> list[tuple[str, Turn]]:
        """Return every turn with the run that generated it."""
        return [(self.run_of_turn.get(turn.id, self.opened_for), turn) for turn in self.turns]

    def as_text(self) -> str:
        """Return all turns as text for the clipboard."""
        return turns_as_text(self.turns, are_replies=self.task.is_chat)

    def messages_before(self, turn: Turn) -> JsonMessages:
        """What the model read before it replied: the prompt, and the turns before that fitted."""
        earlier = self.tree.path(turn)[:-1]
        return to_messages(earlier[max(0, len(earlier) - turn.history) :], turn.prompt, turn.system)

    def end_position(self, turn: Turn | None = None) -> TextPosition:
        """Return where a reply ends.

        Args:
            turn: the last one by default.
        """
        turn = turn or (self.turns[-1] if self.turns else None)
        if turn is None:
            return TextPosition()
        ids = self.ids_of_turn.get(turn.id)
        # The snapshots of a run share its tokenizer.
        chosen = list(ids) if ids and self.run_of_turn.get(turn.id) == self.run else []
        if self.task.is_chat and turn.prompt.strip():
            messages = self.messages_before(turn)
            messages = messages if chosen else with_reply(messages, turn.text)
            return TextPosition(turn.prompt, chosen, messages)
        return TextPosition(turn.prompt if chosen else turn.prompt + turn.text, chosen)

    # Weights

    def use_weights(self, run: str, weights: str) -> None:
        """Generate the next reply with other weights."""
        self.run, self.weights = run, weights
        self.model, self.problem = None, ""
        self.task = task_of_run(self.folder)

    def older_weights(self) -> str | None:
        """Return the snapshot before the present weights."""
        return weights_ref.older_weights(self.folder.snapshot_steps(), self.weights, self.step)

    def newer_weights(self) -> str | None:
        """Return the snapshot after the present weights, or the newest weights."""
        return weights_ref.newer_weights(self.folder.snapshot_steps(), self.weights, self.step)

    def weights_size(self) -> int:
        """The bytes of these weights on disk; 0 if unknown."""
        try:
            return weights_ref.weights_file(self.folder, self.weights).stat().st_size
        except (OSError, MiniGPTError):
            return 0

    def weights_stamp(self) -> FileStamp | None:
        """Return a value that changes when these weights are saved anew; None for a snapshot."""
        files = {LAST: self.folder.weights, BEST: self.folder.best_weights}
        file = files.get(self.weights or LAST)
        return None if file is None else file_stamp(file)

    def facts(self) -> GenerationFacts:
        """Return the facts about weights, settings and counts."""
        last, reply = self.last_reply, self.reply
        return GenerationFacts(
            run=self.run,
            weights=self.weights,
            step=reply.step if reply and self._is_by_these_weights(reply) else self.step,
            loading=self.model is None and not self.problem,
            problem=self.problem,
            controls=self.controls,
            tokens=(last.tokens or None) if last else None,
            speed=last.speed if last else None,
            used=last.used if last else None,
            context=self.model.context if self.model else None,
            dropped=last.dropped if last else 0,
            with_history=self.with_history,
            note=self.note,
        )


def file_stamp(path: Path) -> FileStamp | None:
    """Return a value that changes when the file is replaced; None if there is no file."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def describe_difference(pinned: Turn, turn: Turn) -> str:
    """Describe where two replies to one prompt differ; empty for different prompts."""
    if pinned.id == turn.id or pinned.prompt != turn.prompt:
        return ""
    name = f"pinned ({weights_label(pinned.weights, pinned.step)})"
    index = find_first_difference(pinned.text, turn.text)
    if index is None:
        return f"same as {name}"
    start = max(turn.text[:index].rfind(" "), 0)  # a word that differs is shown whole
    before = one_line(turn.text[:start]).strip()
    if len(before) > EXCERPT_CHARACTERS:
        before = "…" + before[-EXCERPT_CHARACTERS:]
    after = f"after “{before}” " if before else ""
    here, there = _excerpt(turn.text[start:]), _excerpt(pinned.text[start:])
    return f"{after}here {here}, {name} {there}"


def _excerpt(text: str) -> str:
    line = one_line(text).strip()
    if not line:
        return "the end"
    return f"“{line[:EXCERPT_CHARACTERS]}{'…' * (len(line) > EXCERPT_CHARACTERS)}”"

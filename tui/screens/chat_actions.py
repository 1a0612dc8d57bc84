"""What the keys of Chat do with turns and views; `ChatScreen` generates the replies."""

from __future__ import annotations

import asyncio
from pathlib import Path

from core.errors import MiniGPTError
from tui.chat.conversation import TextPosition
from tui.chat.export import HOW_TO_NAME, expand_path, find_turns, write_conversation
from tui.chat.keys import AS_UNKNOWN
from tui.chat.record import Turn
from tui.chat.suggestions import Suggestions
from tui.common.messages import CopyRequested, OpenInside, OpenStep, OpenTest
from tui.common.sanitize import clean, one_line
from tui.runs.accuracy import explain_no_task
from tui.screens.cursor import cursor_on_reply
from tui.screens.dialogs import ConfirmDialog, LineDialog
from tui.screens.generation import GenerationScreen
from tui.screens.origin import OriginScreen
from tui.widgets.conversation_view import ConversationView, ShownTurn
from tui.widgets.prompt import Prompt

NO_TURN = "Nothing has been said yet."
READS_UNKNOWN = "Words outside the vocabulary are read as <unk> from now on."
STILL_REPLYING = "The reply is still being written; Esc stops it."
REMOVE_WHICH = "Choose a turn first: ↑ and ↓ among the turns."
EXCERPT_CHARACTERS = 40
EDITING = "Enter sends it in place of the old turn; that stays as a branch."
NEW_CONVERSATION = "── new conversation ──"
SYSTEM_TEXT = "system text: {}"
HISTORY_ON = "History on: replies depend on the turns before."
HISTORY_OFF = "History off: each prompt is sent on its own."
TURN_ACTIONS = frozenset({"copy_reply", "origin", "cursor", "pin", "search", "export"})


class ChatActions(GenerationScreen):
    """The actions of Chat on its turns.

    Attributes:
        suggestions: known words in place of an unknown one of the last prompt.
        edited_turn: the turn of a conversation in whose place the typed prompt will come.
    """

    def __init__(self, name: str, weights: str) -> None:
        super().__init__(name, weights)
        self.suggestions: Suggestions | None = None
        self.edited_turn: Turn | None = None
        self._searched = ""
        self._last_match = ("", "")  # the text and the id of the turn that was chosen for it

    @property
    def transcript(self) -> ConversationView:
        """The turns."""
        return self.query_one(ConversationView)

    @property
    def prompt(self) -> Prompt:
        """The input."""
        return self.query_one(Prompt)

    def set_prompt(self, text: str) -> None:
        """Replace the prompt's text; undo restores it."""
        self.prompt.replace(text, (0, 0), self.prompt.document.end)

    def send(self, prompt: str, instead_of: Turn | None = None) -> None:
        """Begin a reply.

        Args:
            instead_of: the turn of a conversation in whose place it comes.
        """
        raise NotImplementedError

    def show_next_tokens(self) -> object:
        """Show what could come next after the last turn."""
        raise NotImplementedError

    @property
    def is_typing(self) -> bool:
        """Whether letters are typed."""
        return isinstance(self.focused, Prompt)

    @property
    def is_looping(self) -> bool:
        """Whether the last reply began to repeat itself."""
        return False

    @property
    def turn(self) -> Turn | None:
        """The chosen turn, else the last one."""
        turns = self.conversation.turns
        return self.transcript.chosen_turn or (turns[-1] if turns else None)

    def _turn_or_note(self) -> Turn | None:
        """The turn that a key acts on; a note says so if there is none."""
        turn = self.turn
        if turn is None:
            self.show_note(NO_TURN)
        return turn

    # Prompts

    def action_again(self) -> None:
        """Send the prompt of the turn again, with the present weights and settings."""
        if self.conversation.reply is not None:
            self.show_note(STILL_REPLYING)
        elif (turn := self._turn_or_note()) is not None:
            self.send(turn.prompt, turn)

    def on_conversation_view_opened(self) -> None:
        """Edit the prompt of the chosen turn."""
        turn = self.transcript.chosen_turn
        if turn is not None and not self.prompt.text:
            self.set_prompt(turn.prompt)
            if turn.conversation:
                self.edited_turn = turn
                self.show_note(EDITING)
        self.prompt.focus()

    def action_use_suggestion(self, key: str) -> None:
        """Send the prompt with a suggested word in place of the unknown one, or as it is."""
        assert self.suggestions is not None
        if key == AS_UNKNOWN:
            self.conversation.allow_unknown = True
            self.transcript.add_note(READS_UNKNOWN)
            prompt = self.suggestions.prompt
        else:
            prompt = self.suggestions.corrected_prompt(int(key))
        if self.prompt.text == self.suggestions.prompt:
            self.set_prompt("")
        self.prompt.focus()
        self.transcript.drop_unanswered()
        self.send(prompt, self.edited_turn)

    # Turns

    def action_pin(self) -> None:
        """Pin the reply, or unpin it."""
        if (turn := self._turn_or_note()) is not None:
            self.show_note(self.conversation.toggle_pin(turn))

    def action_copy_reply(self) -> None:
        """Copy the reply."""
        reply = self.conversation.reply
        turn = self.transcript.chosen_turn or (None if reply else self._turn_or_note())
        if turn is not None or reply is not None:
            text = turn.text if turn else reply.text if reply else ""
            self.post_message(CopyRequested(clean(text.strip(" ")), "reply"))

    def action_copy_all(self) -> None:
        """Copy all turns."""
        if self._turn_or_note() is not None:
            self.post_message(CopyRequested(self.conversation.as_text(), "conversation"))

    def action_remove(self) -> None:
        """Remove the chosen turn, or a prompt without a reply."""
        turn = self.transcript.chosen_turn
        if self.conversation.reply is not None and self.conversation.task.is_conversation:
            self.show_note(STILL_REPLYING)  # it may depend on the turn
        elif self.transcript.last_is_unanswered and (turn is None or turn is self.turn):
            self.transcript.drop_unanswered()
            self.show_suggestions(None)
        elif turn is None:
            self.show_note(REMOVE_WHICH if self.conversation.turns else NO_TURN)
        elif not turn.text:
            self._remove(turn)
        else:

            def remove(answer: bool | None) -> None:
                if answer:
                    self._remove(turn)

            excerpt = one_line(turn.prompt or turn.text)[:EXCERPT_CHARACTERS]
            after = self.conversation.turns_after(turn)
            question = f"Remove the turn “{excerpt}” with its reply from the conversation?"
            if after:
                rest = f"{after:,} turn{'s' * (after != 1)} after it"
                question = f"Remove “{excerpt}” with its reply and the {rest}?"
            self.app.push_screen(ConfirmDialog(question, "remove"), remove)

    def show_suggestions(self, suggestions: Suggestions | None) -> None:
        """Show known words in place of an unknown one."""
        raise NotImplementedError

    def _remove(self, turn: Turn) -> None:
        if self.edited_turn in self.conversation.tree.subtree(turn):
            self.edited_turn = None
        try:
            self.conversation.remove_turn(turn)
        except MiniGPTError as error:
            self.show_error(error)
        if turn.conversation:
            self.show_turns(self.conversation.turns[-1] if self.conversation.turns else None)
        else:
            self.transcript.remove_turn(turn.id)
        self.show_note("")
        self.refresh_bindings()

    # Conversations

    def shown_turn(self, turn: Turn) -> ShownTurn:
        """A turn as it is shown: with its run if it is another one, and with its branch."""
        run = self.conversation.run_of_turn.get(turn.id, self.opened_for[0])
        number, count = self.conversation.branches(turn)
        branch = f"branch {number} of {count}, ← →" if count > 1 else ""
        return ShownTurn(turn, "" if run == self.opened_for[0] else run, branch)

    def show_turns(self, chosen: Turn | None = None) -> None:
        """Show all turns anew, with a rule between conversations, and choose one."""
        conversation, items = self.conversation, list[ShownTurn | str]()
        before = ""
        for turn in conversation.turns:
            if turn.conversation != before:
                items += _conversation_start(turn.system, is_first=not before)
            before = turn.conversation
            items.append(self.shown_turn(turn))
        if before and not conversation.path:
            items += _conversation_start(conversation.system, is_first=False)
        self.transcript.show_items([conversation.task.about, *items])
        self.transcript.choose(chosen)
        self.show_next_tokens()

    def action_new(self) -> None:
        """Begin a conversation with the next prompt."""
        conversation = self.conversation
        if conversation.reply is not None:
            self.show_note(STILL_REPLYING)
        elif not conversation.task.is_conversation:
            self.show_note(f"No conversation: {conversation.task.about}")
        elif not conversation.start_anew():
            self.show_note("This is a new conversation already.")
        else:
            self.edited_turn = None
            for text in _conversation_start(conversation.system, is_first=False):
                self.add_note(text)
            self.show_note("")
            self.show_next_tokens()
        self.prompt.focus()

    def on_conversation_view_branch_requested(
        self, event: ConversationView.BranchRequested
    ) -> None:
        """Show another branch of the conversation at the chosen turn."""
        turn = self.transcript.chosen_turn
        if self.conversation.reply is not None:
            self.show_note(STILL_REPLYING)
        elif turn is not None:
            shown = self.conversation.show_branch(turn, event.by)
            if shown is None:
                self.show_note("No other branch here: r sends the prompt again, Enter edits it.")
            else:
                self.show_turns(shown)
                self.show_note("")

    def action_history(self) -> None:
        """Let the replies to come depend on the turns before them, or not."""
        conversation = self.conversation
        if not conversation.task.is_conversation:
            self.show_note(f"No conversation: {conversation.task.about}")
            return
        conversation.with_history = not conversation.with_history
        self.show_note(HISTORY_ON if conversation.with_history else HISTORY_OFF)

    def action_system(self) -> None:
        """Ask for the system text of the replies to come."""
        conversation = self.conversation
        if not conversation.task.is_conversation:
            self.show_note(f"No conversation: {conversation.task.about}")
            return

        def use(text: str | None) -> None:
            if text is None:
                return
            text = conversation.system
            self.add_note(SYSTEM_TEXT.format(text) if text else "No system text.")
            self.show_note("")

        question = "System text, before every conversation; empty for none:"
        dialog = LineDialog(question, conversation.system, conversation.set_system)
        self.app.push_screen(dialog, use)

    # Turns

    def action_search(self) -> None:
        """Find a text in the conversation; the turn with it is chosen."""

        def find(text: str | None) -> None:
            if text:
                self._searched = text
                self._choose_match(text)

        self.app.push_screen(LineDialog("Find which text in the turns?", self._searched), find)

    def _choose_match(self, text: str) -> None:
        """Choose the next older turn with a text, from the newest on after the oldest."""
        turns, chosen = self.conversation.turns, self.transcript.chosen_turn
        matches = find_turns(turns, text)
        if not matches:
            self.show_note(f"No turn contains “{one_line(text)}”.")
            return
        indices = [index for index, turn in enumerate(turns) if turn is chosen]
        is_repeated = self._last_match == (text, chosen.id if chosen else "")
        start = indices[0] if indices and is_repeated else len(turns)
        older = [index for index in matches if index < start]
        match = older[-1] if older else matches[-1]
        self.transcript.focus()
        self.transcript.choose(turns[match])
        self._last_match = text, turns[match].id
        number = len(matches) - matches.index(match)
        self.show_note(f"{number} of {len(matches)} with “{one_line(text)}”; / finds the next.")

    def action_export(self) -> None:
        """Write the conversation to a file."""
        if self._turn_or_note() is None:
            return

        async def write(text: str) -> None:
            path = expand_path(text)
            await asyncio.to_thread(write_conversation, path, self.conversation.replies())

        def tell(text: str | None) -> None:
            if text is not None:
                self.show_note(f"Written to {one_line(str(expand_path(text)))}")

        path = Path.cwd() / f"{self.conversation.run}-chat.md"
        question = f"Write the conversation to which file? {HOW_TO_NAME}"
        self.app.push_screen(LineDialog(question, str(path), write), tell)

    # Other views

    @property
    def _position(self) -> TextPosition:
        """After the typed text, or at the end of the turn that keys act on."""
        typed = self.prompt.text
        if typed.strip() and self.transcript.chosen_turn is None:
            return TextPosition(typed, (), self.conversation.next_messages(typed))
        return self.conversation.end_position(self.turn)

    def action_step(self) -> None:
        """Open Step on the typed text, or at the end of the reply."""
        conversation, place = self.conversation, self._position
        run, weights = conversation.run, conversation.weights
        controls, prompt = conversation.controls, clean(place.prompt)
        self.post_message(OpenStep(run, weights, prompt, place.chosen, controls, place.messages))

    def action_inside(self) -> None:
        """Open Inside at the end of the reply."""
        place = self.conversation.end_position(self.turn)
        run, weights = self.conversation.run, self.conversation.weights
        prompt = clean(place.prompt)
        self.post_message(OpenInside(run, weights, prompt, place.chosen, messages=place.messages))

    def action_test(self) -> None:
        """Open Test with these weights, if the run's replies can be right or wrong."""
        conversation = self.conversation
        refusal = explain_no_task(conversation.run, conversation.task.reading)
        if refusal is not None:
            self.show_note(refusal)
        else:
            self.post_message(OpenTest(conversation.run, conversation.weights))

    def action_origin(self) -> None:
        """Open Sources on the reply."""
        if (turn := self._turn_or_note()) is not None:
            conversation = self.conversation
            replies = conversation.replies()
            index = next(n for n, (_, each) in enumerate(replies) if each is turn)
            before = conversation.messages_before if conversation.task.is_chat else None
            self.app.push_screen(OriginScreen(replies, index, before))

    def action_cursor(self) -> None:
        """Open Cursor on the reply."""
        if (turn := self._turn_or_note()) is not None:
            self.app.push_screen(cursor_on_reply(self.conversation, turn))

    def action_page(self, by: int) -> None:
        """Scroll by a page."""
        transcript = self.transcript
        (transcript.scroll_page_up if by < 0 else transcript.scroll_page_down)(animate=False)

    # Modes

    def action_type(self) -> None:
        """Focus the prompt."""
        self.prompt.focus()

    def action_command(self) -> None:
        """Leave the prompt, so that letters act on the last turn."""
        self.transcript.focus()

    @property
    def _has_selection(self) -> bool:
        return bool(self.prompt.selected_text or self.get_selected_text())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Choose what keys with several meanings do; the others explain what is not possible."""
        replying = self.conversation.reply is not None
        is_elsewhere = self.focused is not None and self.focused is not self.transcript
        match action:
            case "stop_reply":
                return replying
            case "stop_by_copy":
                return replying and not self._has_selection
            case "command":
                return self.is_typing
            case "type":
                return is_elsewhere and not self.is_typing
            case "back":
                return not is_elsewhere
            case "use_suggestion":
                return self._can_use_suggestion(str(parameters[0]))
        return True

    def can_act(self, action: str) -> bool:
        """Whether an action would do something now; the footer leaves out the others."""
        has_turns = bool(self.conversation.turns)
        name = action.partition("(")[0]
        if name in TURN_ACTIONS:
            return has_turns
        match name:
            case "again":
                return has_turns and self.conversation.reply is None
            case "remove":
                return self.transcript.chosen_turn is not None or self.transcript.last_is_unanswered
            case "why":
                return self.conversation.task.is_classifier and has_turns
            case "new":
                return self.conversation.task.is_conversation and bool(self.conversation.path)
            case "warmer":
                return self.is_looping and (has_turns or self.conversation.reply is not None)
        return True

    def _can_use_suggestion(self, key: str) -> bool:
        """Whether a digit uses a suggestion; in another prompt it is typed."""
        suggestions = self.suggestions
        if suggestions is None or key not in suggestions.keys:
            return False
        return self.prompt.text == suggestions.prompt or not self.is_typing


def _conversation_start(system: str, *, is_first: bool) -> list[str]:
    """The lines before the first turn of a conversation."""
    rule = [] if is_first else [NEW_CONVERSATION]
    return [*rule, SYSTEM_TEXT.format(system)] if system else rule

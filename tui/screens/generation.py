"""Which weights speak next and how they choose: the half of Talk that has no conversation in it.

The screen shows the facts beside or below its own content, and each key says when it can do no
more.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from textual import work

from core.errors import MiniGPTError
from core.run.weights_ref import BEST, LAST
from tui.common.sampling_settings import BY_NAME, at_end
from tui.screens.base import BaseScreen
from tui.screens.dialogs import RunDialog
from tui.talk.conversation import Talk
from tui.talk.facts import TalkFacts
from tui.widgets.talk_side import TalkLine, TalkSide

WATCH_SECONDS = 2.0
Widths = list[tuple[int, str]] | None


class GenerationScreen(BaseScreen):
    """A screen with a `TalkSide` and a `TalkLine`; subclasses yield both from `body`.

    Args:
        name: of the run.
        which: "last", "best" or the step of a snapshot.
    """

    NEWER = "Newer weights were saved; the next reply is theirs."
    HORIZONTAL_BREAKPOINTS: Widths = [(0, "-line"), (100, "-side")]  # noqa: RUF012

    def __init__(self, name: str, which: str = LAST) -> None:
        super().__init__()
        self.first = name, which
        self._title = ""

    @cached_property
    def talk(self) -> Talk:
        """What is shown and changed."""
        name, which = self.first
        return Talk(self.services.home, name, name, which)

    def on_mount(self) -> None:
        """Has the model made ready."""
        self._watcher = self.set_interval(WATCH_SECONDS, self.look_for_newer)
        self._stamp = self.talk.stamp()
        self.show_facts()
        self._load()

    def on_screen_suspend(self) -> None:
        """Nobody looks."""
        self._watcher.pause()

    def on_screen_resume(self) -> None:
        """Somebody looks again."""
        self._watcher.resume()

    def remark(self, text: str) -> None:
        """Something for the record of the screen; subclasses show it."""

    def facts(self) -> TalkFacts:
        """What is shown beside the content."""
        return self.talk.facts()

    def show_facts(self) -> None:
        """Shows what changed."""
        facts = self.facts()
        self.query_one(TalkSide).show(facts)
        self.query_one(TalkLine).show(facts, self.size.width - 2)
        title = f"{facts.run} · {facts.weights}"
        if title != self._title:
            self._title = title
            self.set_title(title)

    def tell(self, note: str) -> None:
        """A few words that matter until the next key."""
        self.talk.note = note
        self.show_facts()

    def on_resize(self) -> None:
        """The line has another width."""
        self.show_facts()

    # The model

    @work(group="load", exclusive=True, exit_on_error=False)
    async def _load(self) -> None:
        """Has the chosen weights ready, so that a reply begins at once."""
        talk = self.talk
        run, which = talk.run, talk.which
        try:
            found = await self.services.client.request("load", run=run, which=which, device="auto")
        except MiniGPTError as error:
            if (run, which) == (talk.run, talk.which):
                talk.model, talk.problem = {}, "not ready"
                self.show_error(error)
        else:
            if (run, which) == (talk.run, talk.which):
                talk.model, talk.problem = dict(found), ""
        self.show_facts()

    def look_for_newer(self) -> None:
        """Newest means newest, also while it trains."""
        now = self.talk.stamp()
        if now is not None and now != self._stamp and self.talk.which in ("", LAST):
            self._stamp = now
            self.tell(self.NEWER)
            self._load()

    def _turn_to(self, run: str, which: str | None) -> None:
        if which is None:
            self.tell("There is none that is older.")
            return
        if (run, which) == (self.talk.run, self.talk.which):
            return
        if run != self.talk.run:
            self.remark(f"Now with {run}.")
        self.talk.turn_to(run, which)
        self._stamp = self.talk.stamp()
        self.tell("")
        self._load()
        self.turned()

    def turned(self) -> None:
        """Other weights were chosen; subclasses may have more to do."""

    def action_older(self) -> None:
        """One snapshot back."""
        self._turn_to(self.talk.run, self.talk.older())

    def action_newer(self) -> None:
        """One snapshot on."""
        if self.talk.which == LAST:
            self.tell("These are the newest weights.")
        else:
            self._turn_to(self.talk.run, self.talk.newer())

    def action_best(self) -> None:
        """The lowest validation loss."""
        if self.talk.folder.best_weights.is_file():
            self._turn_to(self.talk.run, BEST)
        else:
            self.tell("No best weights: this run has no validation part.")

    def action_newest(self) -> None:
        """The newest, and those that will be."""
        self._turn_to(self.talk.run, LAST)

    def action_other_run(self) -> None:
        """Lists the runs that can talk."""

        def take(name: str | None) -> None:
            if name is not None:
                self._turn_to(name, LAST)

        self.app.push_screen(RunDialog(self.services.home, self.talk.run), take)

    # The settings

    def action_turn(self, name: str, by: int) -> None:
        """One setting, a step up or down."""
        end = at_end(self.talk.dials, name, by)
        self.talk.dials = self.talk.dials.turned(name, by)
        self.tell(end)

    def action_turn_chosen(self, by: int) -> None:
        """The setting that was chosen with F8."""
        self.action_turn(self.talk.dials.chosen, by)

    def action_next_setting(self, where: str = "") -> None:
        """F6 and F7 turn the next one."""
        self.talk.dials = self.talk.dials.next_chosen()
        self.tell(f"F6 and F7 turn {BY_NAME[self.talk.dials.chosen].label}.")

    def action_greedy(self, where: str = "") -> None:
        """Everything as at the beginning."""
        self.talk.dials = self.talk.dials.made_greedy()
        self.tell("")

    def action_seed(self) -> None:
        """The same again, or something else each time."""
        fixed = not self.talk.dials.fixed
        self.talk.dials = replace(self.talk.dials, fixed=fixed)
        self.tell("The same seed for every reply." if fixed else "A new seed for every reply.")

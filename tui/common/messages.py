"""Where a person wants to go: what screens post and the app obeys. No screen knows another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from core.errors import MiniGPTError

if TYPE_CHECKING:
    from tui.common.sampling_settings import SamplingControls


class GoHome(Message):
    """Back to the list of runs."""


class GoNew(Message):
    """Choose a text for a new run."""


class GoSetup(Message):
    """Set up a run on a text.

    Attributes:
        spec: the text, as `core.text.resolve.resolve_corpus` takes it.
        encoding, reading: as on the command line; None leaves them open.
    """

    def __init__(self, spec: str, encoding: str | None = None, reading: str | None = None) -> None:
        super().__init__()
        self.spec, self.encoding, self.reading = spec, encoding, reading


class GoTrain(Message):
    """Watch a run learn.

    Attributes:
        name: of the run.
        started: whether it has just been made, so that the way back leads to the list.
    """

    def __init__(self, name: str, *, started: bool = False) -> None:
        super().__init__()
        self.name, self.started = name, started


class GoTalk(Message):
    """Talk to a run.

    Attributes:
        name: of the run.
        which: "last", "best" or a step of which there is a snapshot.
    """

    def __init__(self, name: str, which: str = "last") -> None:
        super().__init__()
        self.name, self.which = name, which


class GoStep(Message):
    """Choose a text token by token.

    Attributes:
        name, which: the run and its weights.
        prompt: what stands there at first.
        chosen: ids that come after it, as if chosen already.
        dials: the settings; None are those everybody begins with.
    """

    def __init__(
        self,
        name: str,
        which: str = "last",
        prompt: str = "",
        chosen: Sequence[int] = (),
        dials: SamplingControls | None = None,
    ) -> None:
        super().__init__()
        self.name, self.which, self.prompt = name, which, prompt
        self.chosen, self.dials = chosen, dials


class GoInside(Message):
    """Look inside a model at a place of a text.

    Attributes:
        name, which: the run and its weights.
        prompt, chosen: the text, as for `GoStep`; without a prompt the ids are all of it.
        at: the index of the token to look at; None is the last.
    """

    def __init__(
        self,
        name: str,
        which: str = "last",
        prompt: str | None = "",
        chosen: Sequence[int] = (),
        at: int | None = None,
    ) -> None:
        super().__init__()
        self.name, self.which, self.prompt = name, which, prompt
        self.chosen, self.at = chosen, at


class Trouble(Message):
    """Something went wrong; the app says it, the screen stays.

    Attributes:
        error: what, where, and what to do.
    """

    def __init__(self, error: MiniGPTError) -> None:
        super().__init__()
        self.error = error


class CopyRequested(Message):
    """Put a text on the clipboard, by every way that works here.

    Attributes:
        text: already safe to paste.
        what: a few words for the answer, for instance "path".
    """

    def __init__(self, text: str, what: str) -> None:
        super().__init__()
        self.text, self.what = text, what


def run_folder(path: Path) -> str:
    """A path as it is shown: the home directory as ~."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)

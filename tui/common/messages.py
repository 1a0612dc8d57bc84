"""Messages that screens post and the app handles: open a screen, show an error, copy a text.

Screens do not import each other; the app maps each message to a screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.message import Message

from core.errors import MiniGPTError

if TYPE_CHECKING:
    from tui.common.sampling_settings import SamplingControls


class OpenModels(Message):
    """Return to the list of runs."""


class OpenNewRun(Message):
    """Choose a text for a new run."""


class OpenSetup(Message):
    """Choose the settings of a new run.

    Attributes:
        spec: the text, as accepted by `core.text.resolve.resolve_corpus`.
        encoding, reading: as on the command line; None means detected.
        settings: chosen settings by name, such as those of another run: fields of TrainConfig and
            of ModelConfig, and "parent" (a run, run@best or run@STEP). None values are left open.
    """

    def __init__(
        self,
        spec: str,
        encoding: str | None = None,
        reading: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.spec, self.encoding, self.reading = spec, encoding, reading
        self.settings = settings


class OpenTrain(Message):
    """Watch the training of a run.

    Attributes:
        name: of the run.
        started: whether the run was just created; going back then leads to the list of runs.
    """

    def __init__(self, name: str, *, started: bool = False) -> None:
        super().__init__()
        self.name, self.started = name, started


class OpenChat(Message):
    """Chat with a run.

    Attributes:
        name: of the run.
        weights: "last", "best" or the step of a snapshot.
    """

    def __init__(self, name: str, weights: str = "last") -> None:
        super().__init__()
        self.name, self.weights = name, weights


class OpenStep(Message):
    """Choose a text token by token.

    Attributes:
        name, weights: as for `OpenChat`.
        prompt: the initial text; None if `chosen` is the whole text.
        chosen: token ids after the prompt.
        controls: the sampling settings; None means the defaults.
        messages: what a model that replies reads before `chosen`, each with role and content; then
            `prompt` is the text of the last.
    """

    def __init__(
        self,
        name: str,
        weights: str = "last",
        prompt: str | None = "",
        chosen: Sequence[int] = (),
        controls: SamplingControls | None = None,
        messages: list[dict[str, str]] | None = None,
    ) -> None:
        super().__init__()
        self.name, self.weights, self.prompt = name, weights, prompt
        self.chosen, self.controls, self.messages = chosen, controls, messages


class OpenBlank(Message):
    """Fill in blanks of a text with an encoder.

    Attributes:
        name, weights: as for `OpenChat`.
        text: `[]` in it is a blank; empty means the run's sample prompt.
    """

    def __init__(self, name: str, weights: str = "last", text: str = "") -> None:
        super().__init__()
        self.name, self.weights, self.text = name, weights, text


class OpenInside(Message):
    """Look inside a model at one token of a text.

    Attributes:
        name, weights: as for `OpenChat`.
        prompt, chosen: the text, as for `OpenStep`; without a prompt the ids are the whole text.
        position: index of the token; None means the last one.
        messages: as for `OpenStep`.
    """

    def __init__(
        self,
        name: str,
        weights: str = "last",
        prompt: str | None = "",
        chosen: Sequence[int] = (),
        position: int | None = None,
        messages: list[dict[str, str]] | None = None,
    ) -> None:
        super().__init__()
        self.name, self.weights, self.prompt = name, weights, prompt
        self.chosen, self.position, self.messages = chosen, position, messages


class OpenTest(Message):
    """Test how often a run's replies are right.

    Attributes:
        name, weights: as for `OpenChat`.
    """

    def __init__(self, name: str, weights: str = "last") -> None:
        super().__init__()
        self.name, self.weights = name, weights


class OpenCompare(Message):
    """Compare runs.

    Attributes:
        names: of two to four runs.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)


class OpenServe(Message):
    """Serve a run to other programs.

    Attributes:
        name: of the run.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class ErrorRaised(Message):
    """An error to be shown as a notification; the screen stays open."""

    def __init__(self, error: MiniGPTError) -> None:
        super().__init__()
        self.error = error


class CopyRequested(Message):
    """Copy a text to the clipboard.

    Attributes:
        text: what to copy.
        what: a short name for the notification, for example "path".
    """

    def __init__(self, text: str, what: str) -> None:
        super().__init__()
        self.text, self.what = text, what

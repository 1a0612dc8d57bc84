"""The choices of the Export dialog: format, precision, weights, whether to replace, the path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError, MiniGPTError
from core.export.plan import ExportPlan, plan_export
from core.export.targets import (
    FORMATS,
    TARGETS,
    check_model,
    check_packages,
    check_tokenizer,
    default_path,
)
from core.run.directory import Run
from core.run.model_files import read_model_config
from core.run.weights_ref import BEST, LAST, weights_file
from core.tokenizer.tokenizer import Tokenizer
from tui.runs.export_text import dialog_text
from tui.runs.preview import read_preview

FORMAT, PRECISION, WEIGHTS, REPLACE = "Format", "Precision", "Weights", "Replace"
ROWS = (FORMAT, PRECISION, WEIGHTS, REPLACE)
NO, YES = "no", "yes"
WEIGHTS_WORDS = {LAST: "newest", BEST: "best"}


@dataclass(frozen=True)
class ExportOptions:
    """What a run can be exported to.

    Attributes:
        refusals: why a format cannot be chosen, by format.
        steps: of the newest and the best weights, as far as there are such; None if unknown.
    """

    run: Run
    refusals: Mapping[str, str]
    steps: Mapping[str, int | None]


def read_export_options(run: Run) -> ExportOptions:
    """Read what a run can be exported to.

    Raises:
        InputError: it has no weights yet.
        DamagedError: it cannot be read.
    """
    weights_file(run)
    config, tokenizer = read_model_config(run.config), Tokenizer.load(run.folder)
    refusals = {}
    for target in TARGETS:
        try:
            check_model(target, config)
            check_tokenizer(target, tokenizer)
            check_packages(target)
        except InputError as error:
            refusals[target] = dialog_text(error).replace("\n", " ")
    history = read_preview(run).history
    steps = {LAST: history.checkpoint_step}
    if run.best_weights.is_file():
        steps[BEST] = history.best_step
    return ExportOptions(run, refusals, steps)


class ExportChoices:
    """What is chosen so far.

    Args:
        options: what there is to choose from.
        folder: of the suggested path; by default the working folder, as for the command.

    Attributes:
        row: the row with the cursor, one of `ROWS`.
        path: as typed; it follows the other choices until it is edited.
    """

    def __init__(self, options: ExportOptions, folder: Path | None = None) -> None:
        self.options = options
        self._folder = folder or Path.cwd()
        able = [target for target in TARGETS if target not in options.refusals]
        self.target = (able or TARGETS)[0]
        self.weights, self.force, self.row = LAST, False, FORMAT
        self._dtypes = {target: FORMATS[target].dtypes[0] for target in TARGETS}
        self.path = self.suggested_path

    @property
    def dtype(self) -> str:
        """The precision; each format keeps its own."""
        return self._dtypes[self.target]

    @property
    def refusal(self) -> str:
        """Why the format cannot be chosen; empty if it can."""
        return self.options.refusals.get(self.target, "")

    @property
    def suggested_path(self) -> str:
        """The command's default, shortened by `~`."""
        path = self._folder / default_path(self.options.run.name, self.weights, self.target)
        return shorten_home(path)

    def values(self, row: str) -> tuple[str, ...]:
        """The values of a row, in words."""
        if row == FORMAT:
            return TARGETS
        if row == PRECISION:
            return FORMATS[self.target].dtypes
        if row == WEIGHTS:
            return tuple(WEIGHTS_WORDS[weights] for weights in self.options.steps)
        return (NO, YES)

    def value(self, row: str) -> str:
        """The chosen value of a row, in words."""
        if row == FORMAT:
            return self.target
        if row == PRECISION:
            return self.dtype
        if row == WEIGHTS:
            return WEIGHTS_WORDS[self.weights]
        return YES if self.force else NO

    def note(self, row: str) -> str:
        """A few words beside a row."""
        if row == WEIGHTS:
            step = self.options.steps[self.weights]
            words = "" if step is None else f"step {step:,}"
            return words if BEST in self.options.steps else f"{words}; no best weights".strip("; ")
        return "an earlier export" if row == REPLACE else ""

    def choose(self, row: str, value: str) -> None:
        """Choose a value of a row; a path that was not edited follows."""
        follows = self.path == self.suggested_path
        if row == FORMAT:
            self.target = value
        elif row == PRECISION:
            self._dtypes[self.target] = value
        elif row == WEIGHTS:
            self.weights = next(key for key, word in WEIGHTS_WORDS.items() if word == value)
        else:
            self.force = value == YES
        if follows:
            self.path = self.suggested_path

    def change(self, by: int) -> None:
        """Choose the next or the previous value of the row with the cursor."""
        values = self.values(self.row)
        self.choose(self.row, values[(values.index(self.value(self.row)) + by) % len(values)])

    def move(self, by: int) -> bool:
        """Move the cursor; False if there is no further row."""
        index = ROWS.index(self.row) + by
        if not 0 <= index < len(ROWS):
            return False
        self.row = ROWS[index]
        return True

    def plan(self) -> ExportPlan:
        """The export that is chosen, checked as the command does.

        Raises:
            InputError: it cannot be made; the message is in words of the dialog.
        """
        if self.refusal:
            raise InputError(self.refusal)
        path = self._parse_path()
        try:
            return plan_export(
                self.options.run,
                self.weights,
                self.target,
                out=path,
                dtype=self.dtype,
                force=self.force,
            )
        except MiniGPTError as error:
            raise InputError(dialog_text(error)) from error
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}.") from error

    def _parse_path(self) -> Path:
        text = self.path.strip()
        if not text or "\0" in text:
            raise InputError("Type the path that the export goes to.")
        try:
            return self._folder / Path(text).expanduser()
        except RuntimeError as error:
            raise InputError(f"{text}: there is no such home folder.") from error


def shorten_home(path: Path) -> str:
    """A path as text, with `~` for the user's home folder."""
    try:
        return str(Path("~", path.relative_to(Path.home())))
    except (ValueError, RuntimeError):
        return str(path)

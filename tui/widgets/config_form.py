"""A form made from the declarations of settings: label, value, what is wrong with it, help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from core.config import ModelConfig, TrainConfig
from core.errors import SettingsError
from core.presets import AUTO, PRESETS
from core.settings import Setting, check_values, parse_value, settings_of

AUTOMATIC = "auto"
WORDS = {"preset": (AUTO, *PRESETS), "device": (AUTO, "cpu", "cuda", "mps")}
NOTHING: Any = object()


class SettingRow(Vertical):
    """One setting: its label, a line to type into, what is wrong with what stands there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next", show=False, tooltip="To the next setting"),
        Binding("up", "app.focus_previous", "Before", show=False, tooltip="To the one before"),
        Binding("ctrl+right", "turn(1)", "Next choice", show=False, tooltip="The next choice"),
        Binding("ctrl+left", "turn(-1)", "Last choice", show=False, tooltip="The choice before"),
    ]

    def __init__(self, config: type[Any], name: str, setting: Setting) -> None:
        super().__init__()
        self._config, self.setting_name, self._setting = config, name, setting
        self.choices = setting.choices or WORDS.get(name, ())

    def compose(self) -> ComposeResult:
        """Label and line; the problem below, if there is one."""
        with Horizontal():
            yield Static(self._setting.label, classes="label", markup=False)
            yield Input(
                placeholder=self._unchosen(),
                suggester=SuggestFromList(self.choices) if self.choices else None,
                compact=True,
            )
        yield Static(classes="problem", markup=False)

    def _unchosen(self) -> str:
        """What is used where nothing is typed: the default, or what is found for the text."""
        if self._config is ModelConfig:
            return AUTOMATIC
        default = getattr(self._config(), self.setting_name)
        if default is None:
            return AUTOMATIC
        return str(default).lower() if isinstance(default, bool) else str(default)

    def on_mount(self) -> None:
        """The help is what the line says when it is pointed at."""
        self.query_one(".problem").display = False
        choices = f" ({', '.join(self.choices)})" if self.choices else ""
        self.query_one(Input).tooltip = f"{self._setting.help}{choices}"

    def value(self) -> Any:
        """What was chosen; NOTHING where the line is empty.

        Raises:
            SettingsError: it cannot be this.
        """
        text = self.query_one(Input).value.strip()
        if not text or (text == AUTOMATIC and self.setting_name != "device"):
            return NOTHING
        value = parse_value(self._config, self.setting_name, text)
        problems = check_values(self._config, {self.setting_name: value})
        if problems:
            raise SettingsError(problems)
        return value

    def judge(self) -> bool:
        """Says what is wrong, below the line; whether all is well."""
        said = self.query_one(".problem", Static)
        try:
            self.value()
        except SettingsError as error:
            said.update("; ".join(error.problems.values()))
        else:
            said.update("")
        said.display = bool(said.content)
        return not said.display

    def action_turn(self, by: int) -> None:
        """Another of the choices, or a number a step away."""
        line = self.query_one(Input)
        if self.choices:
            here = self.choices.index(line.value) if line.value in self.choices else -1
            line.value = self.choices[(here + by) % len(self.choices)]
            line.cursor_position = len(line.value)


class ConfigForm(Vertical):
    """Rows for some fields of a config.

    Args:
        config: the class that declares them.
        fields: their names, in order.
        id: of the widget.
    """

    DEFAULT_CSS = """
    ConfigForm, SettingRow, SettingRow Horizontal { height: auto; }
    SettingRow .label { width: 16; color: $text-muted; }
    SettingRow Input { width: 1fr; }
    SettingRow:focus-within .label { color: $primary; text-style: bold; }
    SettingRow .problem { margin-left: 16; color: $error; }
    """

    class Changed(Message):
        """A setting has another value that may be used, or none any more.

        Attributes:
            name: of the setting.
        """

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(
        self, config: type[TrainConfig | ModelConfig], fields: Sequence[str], id: str | None = None
    ) -> None:
        super().__init__(id=id)
        declared = settings_of(config)
        self._rows = [SettingRow(config, name, declared[name]) for name in fields]

    def compose(self) -> ComposeResult:
        """A row each."""
        yield from self._rows

    @property
    def values(self) -> dict[str, Any]:
        """What was chosen, by name.

        Raises:
            SettingsError: values that cannot be, all of them.
        """
        found: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for row in self._rows:
            try:
                value = row.value()
            except SettingsError as error:
                problems |= error.problems
                continue
            if value is not NOTHING:
                found[row.setting_name] = value
        if problems:
            raise SettingsError(problems)
        return found

    def on_input_changed(self, event: Input.Changed) -> None:
        """Judges what was typed; says so if it can be used."""
        event.stop()
        row = next(r for r in self._rows if event.input in r.query(Input))
        if row.judge():
            self.post_message(self.Changed(row.setting_name))

"""A form of settings, generated from their declarations: label, input, problem, help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, get_type_hints

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from core.config.configs import AUTO, ModelConfig, TrainConfig
from core.config.presets import PRESETS
from core.config.schema import SettingSpec, find_value_problems, parse_value, setting_specs
from core.errors import SettingsError
from tui.widgets.line_input import LineInput

AUTO_TEXT = "auto"
CHOICES = {"preset": (AUTO, *PRESETS), "device": (AUTO, "cpu", "cuda", "mps")}
BOOLEAN_CHOICES = ("true", "false")
UNLIMITED_FROM = 1e6  # a larger maximum is not mentioned in the help


class ChoiceInput(LineInput):
    """An input for one of a few words: typed, or cycled with Ctrl+Left and Ctrl+Right."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+right", "cycle(1)", "Next choice", show=False, tooltip="Next choice"),
        Binding("ctrl+left", "cycle(-1)", "Last choice", show=False, tooltip="Previous choice"),
    ]

    def __init__(self, choices: Sequence[str], placeholder: str) -> None:
        super().__init__(placeholder=placeholder, suggester=SuggestFromList(choices), compact=True)
        self._choices = choices

    def action_cycle(self, by: int) -> None:
        """Select another choice; between the last and the first the input is empty."""
        choices = ("", *self._choices)
        index = choices.index(self.value) if self.value in choices else 0
        self.value = choices[(index + by) % len(choices)]
        self.cursor_position = len(self.value)


class SettingRow(Vertical):
    """One setting: label, input, the problem with its value, and help while it has the focus.

    Args:
        config: the class that declares the setting.
        name: of the field.
        setting: its declaration.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next", show=False, tooltip="Next setting"),
        Binding("up", "app.focus_previous", "Previous", show=False, tooltip="Previous setting"),
    ]

    def __init__(self, config: type[Any], name: str, setting: SettingSpec) -> None:
        super().__init__()
        self._config, self.setting_name, self._setting = config, name, setting
        boolean = BOOLEAN_CHOICES if get_type_hints(config)[name] is bool else ()
        self.choices = setting.choices or CHOICES.get(name, boolean)

    def compose(self) -> ComposeResult:
        """Label and input, then the problem and the help."""
        default = self._default_text()
        with Horizontal():
            yield Static(self._setting.label, classes="label", markup=False)
            if self.choices:
                yield ChoiceInput(self.choices, default)
            else:
                yield LineInput(placeholder=default, compact=True)
        yield Static(classes="problem", markup=False)
        yield Static(help_text(self._setting, self.choices), classes="help", markup=False)

    def _default_text(self) -> str:
        """The placeholder: the default, or "auto" if it depends on the text."""
        default = None
        if self._config is not ModelConfig:
            default = getattr(self._config(), self.setting_name)
        if default is None:
            return AUTO_TEXT
        return str(default).lower() if isinstance(default, bool) else str(default)

    def on_mount(self) -> None:
        """Hide the empty problem."""
        self.query_one(".problem").display = False

    @property
    def is_automatic(self) -> bool:
        """Whether the setting is left to the program."""
        text = self.query_one(Input).value.strip()
        return not text or (text == AUTO_TEXT and self.setting_name != "device")

    def value(self) -> Any:
        """Parse the value; the row must not be empty.

        Raises:
            SettingsError: the value is invalid.
        """
        text = self.query_one(Input).value.strip()
        value = parse_value(self._config, self.setting_name, text)
        problems = find_value_problems(self._config, {self.setting_name: value})
        if problems:
            raise SettingsError(problems)
        return value

    def validate(self) -> bool:
        """Show the problem with the value below the input; return whether there is none."""
        problem = ""
        try:
            if not self.is_automatic:
                self.value()
        except SettingsError as error:
            problem = "; ".join(error.problems.values())
        widget = self.query_one(".problem", Static)
        widget.update(problem)
        widget.display = bool(problem)
        return not problem


def help_text(setting: SettingSpec, choices: Sequence[str]) -> str:
    """The help of a setting with its choices or limits."""
    low, high = setting.minimum, setting.maximum
    if choices:
        return f"{setting.help} ({', '.join(choices)})"
    if low is None or high is None:
        return setting.help
    limits = f"{low:g} to {high:g}" if high < UNLIMITED_FROM else f"from {low:g}"
    return f"{setting.help} ({limits})"


class ConfigForm(Vertical):
    """Rows for some settings of a config.

    Args:
        config: the class that declares the settings.
        fields: their names, in order.
        id: of the widget.
    """

    DEFAULT_CSS = """
    ConfigForm, SettingRow, SettingRow Horizontal { height: auto; }
    SettingRow .label { width: 16; color: $text-muted; }
    SettingRow Input { width: 1fr; }
    SettingRow:focus-within { height: auto; }
    SettingRow:focus-within .label { color: $primary; text-style: bold; }
    SettingRow .problem { margin-left: 16; color: $error; }
    SettingRow .help { margin-left: 16; color: $text-muted; display: none; }
    SettingRow:focus-within .help { display: block; }
    """

    class Changed(Message):
        """A setting has a new valid value, or is left to the program again.

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
        declared = setting_specs(config)
        self._rows = [SettingRow(config, name, declared[name]) for name in fields]

    def compose(self) -> ComposeResult:
        """One row for each setting."""
        yield from self._rows

    @property
    def values(self) -> dict[str, Any]:
        """The typed values by name.

        Raises:
            SettingsError: invalid values, all of them.
        """
        values: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for row in self._rows:
            if row.is_automatic:
                continue
            try:
                values[row.setting_name] = row.value()
            except SettingsError as error:
                problems |= error.problems
        if problems:
            raise SettingsError(problems)
        return values

    def on_input_changed(self, event: Input.Changed) -> None:
        """Validate the value and report the change if it is valid."""
        event.stop()
        row = next(r for r in self._rows if event.input in r.query(Input))
        if row.validate():
            self.post_message(self.Changed(row.setting_name))

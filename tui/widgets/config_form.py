"""A form made from the declarations of settings: label, value, what is wrong with it, help."""

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

AUTOMATIC = "auto"
WORDS = {"preset": (AUTO, *PRESETS), "device": (AUTO, "cpu", "cuda", "mps")}
SWITCH = ("true", "false")
NOTHING: Any = object()
ENDLESS = 1e6  # a limit nobody meets


class ChoiceInput(Input):
    """A line for one of a few words: typed, or turned through."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+right", "turn(1)", "Next choice", show=False, tooltip="The next choice"),
        Binding("ctrl+left", "turn(-1)", "Last choice", show=False, tooltip="The choice before"),
    ]

    def __init__(self, choices: Sequence[str], placeholder: str) -> None:
        super().__init__(placeholder=placeholder, suggester=SuggestFromList(choices), compact=True)
        self._choices = choices

    def action_turn(self, by: int) -> None:
        """Another of the choices; nothing is between the last and the first."""
        choices = ("", *self._choices)
        here = choices.index(self.value) if self.value in choices else 0
        self.value = choices[(here + by) % len(choices)]
        self.cursor_position = len(self.value)


class SettingRow(Vertical):
    """One setting: its label, a line to type into, what is wrong with what stands there, help.

    Args:
        config: the class that declares it.
        name: of the field.
        setting: its declaration.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next", show=False, tooltip="To the next setting"),
        Binding("up", "app.focus_previous", "Before", show=False, tooltip="To the one before"),
    ]

    def __init__(self, config: type[Any], name: str, setting: SettingSpec) -> None:
        super().__init__()
        self._config, self.setting_name, self._setting = config, name, setting
        switch = SWITCH if get_type_hints(config)[name] is bool else ()
        self.choices = setting.choices or WORDS.get(name, switch)

    def compose(self) -> ComposeResult:
        """Label and line; below it the problem if there is one, and the help while one types."""
        unchosen = self._unchosen()
        with Horizontal():
            yield Static(self._setting.label, classes="label", markup=False)
            if self.choices:
                yield ChoiceInput(self.choices, unchosen)
            else:
                yield Input(placeholder=unchosen, compact=True)
        yield Static(classes="problem", markup=False)
        yield Static(help_text(self._setting, self.choices), classes="help", markup=False)

    def _unchosen(self) -> str:
        """What is used where nothing is typed: the default, or what is found for the text."""
        if self._config is ModelConfig:
            return AUTOMATIC
        default = getattr(self._config(), self.setting_name)
        if default is None:
            return AUTOMATIC
        return str(default).lower() if isinstance(default, bool) else str(default)

    def on_mount(self) -> None:
        """Nothing is wrong yet."""
        self.query_one(".problem").display = False

    def value(self) -> Any:
        """What was chosen; NOTHING where the line is empty.

        Raises:
            SettingsError: it cannot be this.
        """
        text = self.query_one(Input).value.strip()
        if not text or (text == AUTOMATIC and self.setting_name != "device"):
            return NOTHING
        value = parse_value(self._config, self.setting_name, text)
        problems = find_value_problems(self._config, {self.setting_name: value})
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


def help_text(setting: SettingSpec, choices: Sequence[str]) -> str:
    """The help of a setting, and what it may be."""
    low, high = setting.minimum, setting.maximum
    if choices:
        return f"{setting.help} ({', '.join(choices)})"
    if low is None or high is None:
        return setting.help
    limits = f"{low:g} to {high:g}" if high < ENDLESS else f"from {low:g}"
    return f"{setting.help} ({limits})"


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
    SettingRow:focus-within { height: auto; }
    SettingRow:focus-within .label { color: $primary; text-style: bold; }
    SettingRow .problem { margin-left: 16; color: $error; }
    SettingRow .help { margin-left: 16; color: $text-muted; display: none; }
    SettingRow:focus-within .help { display: block; }
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
        declared = setting_specs(config)
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

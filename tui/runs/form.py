"""The state of the form of a new run: what was typed, what is wrong with it, what auto chose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.config.configs import AUTO, ModelConfig, TrainConfig
from core.config.schema import find_value_problems, parse_value
from core.errors import MiniGPTError, SettingsError
from core.run.parents import Parent
from core.text.corpus import READINGS
from core.text.encoding import parse_encoding
from tui.common.task_text import unknown_text
from tui.runs.form_fields import (
    CHOICE,
    DEVICE,
    ENCODING,
    FIELDS,
    FIXED_BY_PARENT,
    GROUPS,
    NUMBER,
    PARENT,
    READING,
    RUN,
    TEXT,
    TOGGLE,
    UNITS,
    FormField,
    number_text,
    step_number,
    toggle_text,
)

NAME = "name"  # of the run, kept with the settings
FORM_KEYS = "ao"  # back to auto, all settings: keys of the form


@dataclass(frozen=True, kw_only=True)
class FormChoices:
    """The settings of a new run, as `core.run.create.create_run` accepts them."""

    config: TrainConfig
    shape: Mapping[str, Any]
    reading: str | None
    encoding: str | None
    parent: str | None


class SettingsForm:
    """The rows of the form; one of them is chosen.

    A setting without a text is automatic. Texts stay as they were typed, valid or not, so that
    nothing is lost by going back.

    Args:
        texts: by name of the setting, updated in place; may contain the run's `NAME` as well.

    Attributes:
        devices: names of this machine's devices.
        parents: the runs that can be started from; None until they are known.
        readings: how the text can be read.
        chosen: name of the chosen row.
        is_typing: whether a value is being typed into that row.
    """

    def __init__(self, texts: dict[str, str] | None = None) -> None:
        self.texts = {} if texts is None else texts
        self.devices: tuple[str, ...] = ()
        self.parents: tuple[Parent, ...] | None = None
        self.readings: tuple[str, ...] = READINGS
        self.chosen = next(iter(FIELDS))
        self.is_typing = False
        self._before_typing = ""
        self.automatic: Mapping[str, Any] = {}  # every value of the present plan
        self.words: Mapping[str, str] = {}  # the same as the rows show it
        self.instead: Mapping[str, str] = {}  # what would be chosen for settings with a text

    # Rows

    def shown_fields(self, level: int) -> list[FormField]:
        """The rows of a level, and all that have the user's value."""
        return [
            field
            for field in FIELDS.values()
            if field.level <= level or field.name in self.texts or field.name == self.chosen
        ]

    def groups(self, level: int) -> list[tuple[str, list[FormField]]]:
        """The headings with their rows."""
        shown = self.shown_fields(level)
        return [(group, [field for field in shown if field.group == group]) for group in GROUPS]

    @property
    def field(self) -> FormField:
        """The chosen row."""
        return FIELDS[self.chosen]

    def choose(self, name: str) -> None:
        """Choose another row; what was typed stays."""
        self.end_typing()
        self.chosen = name

    def move(self, by: int, level: int) -> None:
        """Choose a row above or below."""
        names = [field.name for field in self.shown_fields(level)]
        index = names.index(self.chosen) + by
        self.choose(names[max(0, min(len(names) - 1, index))])

    # Values

    @property
    def parent(self) -> str | None:
        """The run to start from, with @best or @STEP; None for fresh weights."""
        return self.texts.get(PARENT) or None

    @property
    def parent_name(self) -> str | None:
        """The run to start from."""
        return self.parent.partition("@")[0] if self.parent else None

    def is_fixed(self, name: str) -> bool:
        """Whether the parent determines a setting."""
        return self.parent is not None and name in FIXED_BY_PARENT

    def is_own(self, name: str) -> bool:
        """Whether a setting has the user's value, and it is used."""
        return name in self.texts and not self.is_fixed(name)

    def parse(self, name: str) -> Any:
        """The value of a setting that has a text.

        Raises:
            MiniGPTError: the text is not a valid value.
        """
        field, text = FIELDS[name], self.texts[name].strip()
        if field.config is None:
            return self._parse_own(name, text)
        if field.kind == CHOICE and field.choices and text not in field.choices:
            allowed = ", ".join(field.choices)
            raise SettingsError({name: f"must be one of {allowed}, is {text!r}"})
        value = parse_value(field.config, name, text)
        problems = find_value_problems(field.config, {name: value})
        if problems:
            raise SettingsError(problems)
        return value

    def _parse_own(self, name: str, text: str) -> str:
        if name == READING and text not in READINGS:
            raise SettingsError({name: f"must be one of {', '.join(READINGS)}, is {text!r}"})
        if name == ENCODING:
            return parse_encoding(text).name
        if name == PARENT and self.parents is not None:
            run, known = text.partition("@")[0], [parent.name for parent in self.parents]
            if run not in known:
                names = ", ".join(known[:5]) or "no run knows enough of this text"
                raise SettingsError({name: f"{run!r} cannot be started from; possible: {names}"})
        return text

    def problem(self, name: str) -> str:
        """What is wrong with a setting's text; empty if nothing is."""
        if not self.is_own(name):
            return ""
        try:
            self.parse(name)
        except SettingsError as error:
            return "; ".join(error.problems.values())
        except MiniGPTError as error:
            return error.message
        return self._conflicts().get(name, "")

    def first_problem(self) -> str | None:
        """The name of the first row whose value cannot be used."""
        return next((name for name in FIELDS if self.problem(name)), None)

    def _conflicts(self) -> Mapping[str, str]:
        """Problems of valid values with each other."""
        values = {}
        for name in self.texts:
            if name in FIELDS and FIELDS[name].config is TrainConfig and self.is_own(name):
                try:
                    values[name] = self.parse(name)
                except MiniGPTError:
                    continue
        try:
            TrainConfig(**values)
        except SettingsError as error:
            return error.problems
        return {}

    def choices(self, *, skip_invalid: bool = False) -> FormChoices:
        """All settings that were chosen.

        Args:
            skip_invalid: leave invalid ones open instead of refusing them.

        Raises:
            SettingsError: invalid values, all of them.
        """
        values: dict[type | None, dict[str, Any]] = {}
        problems = {}
        for name, field in FIELDS.items():
            if not self.is_own(name):
                continue
            if problem := self.problem(name):
                problems[name] = problem
            else:
                values.setdefault(field.config, {})[name] = self.parse(name)
        if problems and not skip_invalid:
            raise SettingsError(problems)
        own = values.pop(None, {})
        train = values.pop(TrainConfig, {})
        shape = values.pop(ModelConfig, {})
        return FormChoices(
            config=TrainConfig(**train),
            shape=shape,
            reading=own.get(READING),
            encoding=own.get(ENCODING),
            parent=own.get(PARENT),
        )

    # Changes. Those that can be refused return a line that says why, else an empty one.

    def step(self, by: int) -> str:
        """Choose the next or the previous value of the chosen setting."""
        self.end_typing()
        field = self.field
        if refusal := self._refusal():
            return refusal
        if field.kind == NUMBER:
            return self._step_number(by)
        if field.kind == TOGGLE:
            self._set(toggle_text(not self._toggle_value()))
            return ""
        options = self._options()
        if not options:
            known = field.kind != RUN or self.parents is not None
            return "type a value" if known else "still looking for runs that know this text"
        texts = ["", *(option for option in options if option != default_text(field))]
        text = self.texts.get(field.name, "")
        index = texts.index(text) if text in texts else 0
        self._set(texts[(index + by) % len(texts)])
        return ""

    def _refusal(self) -> str:
        if self.is_fixed(self.chosen):
            return f"taken from {self.parent_name}; start from fresh weights to change it"
        if self.field.kind == RUN and self.parents is not None and not self.parents:
            return "no run with weights knows enough of this text"
        return ""

    def _options(self) -> list[str]:
        field = self.field
        if field.kind == RUN:
            return [parent.name for parent in self.parents or ()]
        if field.name == DEVICE:
            return list(self.devices)
        if field.name == READING:
            return list(self.readings)
        return list(field.choices)

    def _step_number(self, by: int) -> str:
        field = self.field
        try:
            value = self.parse(field.name) if field.name in self.texts else None
        except MiniGPTError:
            value = None
        if value is None:
            value = self.automatic.get(field.name, field.default)
        if not isinstance(value, int | float):
            value = None
        stepped = step_number(field, value, by)
        if value is not None and stepped == value:
            end = "highest" if by > 0 else "lowest"
            return f"{number_text(value)} is the {end} step; type another value"
        self._set(number_text(stepped))
        return ""

    def _toggle_value(self) -> bool:
        name = self.chosen
        if name in self.texts:
            try:
                return bool(self.parse(name))
            except MiniGPTError:
                pass
        return bool(self.automatic.get(name, self.field.default))

    def _set(self, text: str) -> None:
        field = self.field
        if not text or (field.kind != RUN and text == default_text(field)):
            self.texts.pop(field.name, None)
        else:
            self.texts[field.name] = text

    def accepts(self, character: str | None) -> bool:
        """Whether a character is typed into the chosen row instead of being a key."""
        if not character or not character.isprintable():
            return False
        kind = self.field.kind
        if kind == TEXT:
            return True
        if kind == RUN:  # chosen with arrows as a rule: the keys of the form act until one types
            return self.is_typing or character not in FORM_KEYS
        if kind != NUMBER:
            return False
        if character.isascii() and character.isdecimal():
            return True
        if self.field.is_whole:
            return False
        return character == "." or (self.is_typing and character in "e-+")

    def type_text(self, text: str) -> str:
        """Type into the chosen row; the first character replaces its value."""
        if refusal := self._refusal():
            return refusal
        if not self.is_typing:
            self.is_typing, self._before_typing = True, self.texts.pop(self.chosen, "")
        self.texts[self.chosen] = self.texts.get(self.chosen, "") + text
        return ""

    def delete(self) -> None:
        """Delete the last character; of a value that is not being typed, too."""
        text = self.texts.get(self.chosen, "")
        if text and not self.is_typing:
            self.is_typing, self._before_typing = True, text
        if text[:-1]:
            self.texts[self.chosen] = text[:-1]
        else:
            self.texts.pop(self.chosen, None)

    def cancel_typing(self) -> None:
        """Restore the value from before typing."""
        self.is_typing = False
        self.texts.pop(self.chosen, None)
        if self._before_typing:
            self.texts[self.chosen] = self._before_typing

    def end_typing(self) -> None:
        """Keep what was typed."""
        self.is_typing = False

    def clear(self) -> None:
        """Make the chosen setting automatic again."""
        self.is_typing = False
        self.texts.pop(self.chosen, None)

    def set_parents(self, parents: Iterable[Parent]) -> None:
        """Offer these runs to start from."""
        self.parents = tuple(parents)

    def parent_note(self) -> str:
        """What the run to start from lacks of the text; without one, how many there are."""
        if parent := self.chosen_parent():
            return unknown_text(parent.unknown_share)
        if self.parent or not self.parents:
            return ""
        return f"{len(self.parents)} run{'s' * (len(self.parents) != 1)} to choose from"

    def chosen_parent(self) -> Parent | None:
        """The run to start from, once it is known to be possible."""
        return next((each for each in self.parents or () if each.name == self.parent_name), None)


def default_text(field: FormField) -> str:
    """The text of a setting's default; empty if it depends on the text and the machine."""
    if field.default is None:
        return ""
    if isinstance(field.default, bool):
        return toggle_text(field.default)
    return field.default if isinstance(field.default, str) else number_text(field.default)


def texts_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings of another run as texts of the form; those left open, and unknown ones, not."""
    texts = {}
    for name, value in settings.items():
        field = FIELDS.get(name)
        if name == NAME and value:
            texts[name] = str(value)
        if field is None or value is None or value == AUTO:
            continue
        if isinstance(value, bool):
            text = toggle_text(value)
        elif isinstance(value, int | float):
            text = repr(value) if isinstance(value, int) else number_text_exact(value)
        else:
            text = str(value)
        if text != default_text(field):
            texts[name] = text
    return texts


def number_text_exact(value: float) -> str:
    """A number of another run's settings, in full: a copy must train with the same value.

    `number_text` rounds to six digits instead, which suits the steps of a ladder and what is shown.
    """
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def own_value_text(field: FormField, text: str) -> str:
    """The user's value with its unit."""
    unit = UNITS.get(field.name, "")
    try:
        if field.is_whole and field.name != "seed":
            text = f"{int(text):,}"
    except ValueError:
        pass
    return f"{text} {unit}".rstrip()

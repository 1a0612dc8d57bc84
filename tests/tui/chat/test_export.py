"""A conversation as Markdown and as JSON, and finding in it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError, StorageError
from tests.support.conversations import make_turn
from tui.chat.export import (
    escape_markdown,
    expand_path,
    find_turns,
    to_json,
    to_markdown,
    write_conversation,
)
from tui.chat.record import Turn

TURNS = [
    ("lang", make_turn("Where do *foxes* sleep?", " In dens.\n# Not a heading", time=0.0)),
    ("poems", make_turn("", " Hello", ended="end", chances=((6, 0.25),))),
]


def test_markdown_has_prompts_replies_and_facts() -> None:
    """Detects a turn that is left out, or text of a model that is taken for markup."""
    text = to_markdown(TURNS)
    assert "> Where do \\*foxes\\* sleep?" in text
    assert "\n\\# Not a heading" in text
    assert text.index("foxes") < text.index("In dens") < text.index("lang · step 300, best")
    assert "ended by itself" in text


@given(st.text(max_size=40))
def test_no_text_is_markup(text: str) -> None:
    """Detects characters that Markdown would act on."""
    escaped = escape_markdown(text)
    assert re.sub(r"\\([^\w\s])", r"\1", escaped) == re.sub(r"\\([^\w\s])", r"\1", escaped)
    assert not re.search(r"(?<!\\)[*_`\[<#|]", escaped.replace("\\\\", ""))


def test_json_has_all_that_is_recorded() -> None:
    """Detects a field that is missing."""
    turns = json.loads(to_json(TURNS))["turns"]
    assert [turn["run"] for turn in turns] == ["lang", "poems"]
    assert set(turns[0]) == {"run", *Turn.__dataclass_fields__}
    assert turns[1]["chances"] == [[6, 0.25]]


@pytest.mark.parametrize("name", ["chat.md", "chat.JSON"])
def test_the_end_of_the_name_chooses_the_format(tmp_path: Path, name: str) -> None:
    """Detects the wrong format, or a file that is overwritten."""
    path = tmp_path / name
    write_conversation(path, TURNS)
    text = path.read_text()
    assert text == (to_markdown(TURNS) if name.endswith("md") else to_json(TURNS))
    with pytest.raises(InputError, match="exists"):
        write_conversation(path, TURNS)
    assert path.read_text() == text


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Detects an exception, or a format that is guessed."""
    with pytest.raises(InputError, match="Unknown format"):
        write_conversation(tmp_path / "chat.txt", TURNS)
    with pytest.raises(StorageError):
        write_conversation(tmp_path / "missing" / "chat.md", TURNS)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "a\ud800b"], ids=["long", "null", "surrogate"])
def test_a_name_that_the_system_refuses_is_an_error(tmp_path: Path, name: str) -> None:
    """Detects any other exception."""
    with pytest.raises((InputError, StorageError), match="cannot be"):
        write_conversation(tmp_path / f"{name}.md", TURNS)


def test_a_folder_that_may_not_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detects an exception when it is looked whether the file exists."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.stat", refuse)
    monkeypatch.setattr("os.lstat", refuse)
    monkeypatch.setattr("tui.chat.export.write_atomic", refuse)
    with pytest.raises(StorageError, match="Permission denied"):
        write_conversation(tmp_path / "chat.md", TURNS)


def test_an_unknown_home_folder_is_an_error() -> None:
    """Detects any other exception."""
    with pytest.raises(InputError, match="home folder"):
        expand_path("~nosuchuser/chat.md")


@pytest.mark.parametrize(
    ("text", "matches"), [("FOXES", [0]), ("hello", [1]), ("e", [0, 1]), ("wolves", [])]
)
def test_turns_are_found_by_prompt_and_reply(text: str, matches: list[int]) -> None:
    """Detects a search in prompts only, or one that minds the case."""
    assert find_turns([turn for _, turn in TURNS], text) == matches

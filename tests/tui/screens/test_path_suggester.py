"""Completion of paths."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.screens.new_corpus import PathSuggester, complete_path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is both the working directory and the home."""
    for name in ("tales", "tales/deep", "été"):
        (tmp_path / name).mkdir()
    for name in ("text.txt", "tales/one.txt", ".hidden", "Text2.txt", "été/dog.txt", "a b.txt"):
        (tmp_path / name).write_text("x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "completion"),
    [
        ("", None),
        ("te", "text.txt"),
        ("t", "tales/"),
        ("text.txt", "text.txt"),
        ("Te", "Text2.txt"),
        ("tales", "tales/"),
        ("tales/", None),
        ("tales/o", "tales/one.txt"),
        ("tales/d", "tales/deep/"),
        ("./te", "./text.txt"),
        ("tales/../te", "tales/../text.txt"),
        ("~/te", "~/text.txt"),
        ("~/tales/o", "~/tales/one.txt"),
        ("ét", "été/"),
        ("été/d", "été/dog.txt"),
        ("a ", "a b.txt"),
        (".h", ".hidden"),
        ("x", None),
        ("text.txt/o", None),
        ("nowhere/o", None),
        ("~nobody-of-this-name/o", None),
        ("/", None),
    ],
)
def test_paths_are_completed(folder: Path, typed: str, completion: str | None) -> None:
    assert complete_path(typed) == completion


def test_absolute_paths_are_completed(folder: Path) -> None:
    assert complete_path(f"{folder}/te") == f"{folder}/text.txt"
    assert complete_path(str(folder)) == f"{folder}/"


def test_links_to_folders_and_broken_links_are_completed(folder: Path) -> None:
    (folder / "link").symlink_to("tales")
    (folder / "lost").symlink_to("nowhere")
    assert complete_path("lin") == "link/"
    assert complete_path("los") == "lost"


@pytest.mark.parametrize("name", ["new\x1b[2J", "new\nline", "new\u202e", "new\udcff"])
def test_names_with_control_characters_are_not_suggested(folder: Path, name: str) -> None:
    (folder / name).write_text("x")
    assert complete_path("ne") is None


@given(st.text(st.characters(exclude_categories=[]) | st.sampled_from("~/.\0"), max_size=12))
def test_any_input_is_accepted(text: str) -> None:
    """Zero bytes, lone surrogates and tildes included."""
    completion = complete_path(text)
    assert completion is None or completion.startswith(text)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_an_unreadable_folder_has_no_completion(folder: Path) -> None:
    (folder / "tales").chmod(0)
    assert complete_path("tales/o") is None


def test_suggestions_are_not_cached(folder: Path) -> None:
    """A file created meanwhile is suggested."""

    async def ask() -> list[str | None]:
        suggester = PathSuggester()
        before = await suggester.get_suggestion("new")
        (folder / "new.txt").write_text("x")
        return [before, await suggester.get_suggestion("new")]

    assert asyncio.run(ask()) == [None, "new.txt"]
    assert PathSuggester().cache is None

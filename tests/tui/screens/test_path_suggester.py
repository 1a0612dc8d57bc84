"""Completing paths: what there is, in order, and nothing where there is nothing."""

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
    """The folder one is in, which is the home, too."""
    for name in ("tales", "tales/deep", "été"):
        (tmp_path / name).mkdir()
    for name in ("text.txt", "tales/one.txt", ".hidden", "Text2.txt", "été/dog.txt", "a b.txt"):
        (tmp_path / name).write_text("x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "whole"),
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
def test_a_path_goes_on_as_it_was_typed(folder: Path, typed: str, whole: str | None) -> None:
    """A path one has to type to its last letter, or that becomes another when it is completed."""
    assert complete_path(typed) == whole


def test_absolute_paths_are_completed(folder: Path) -> None:
    assert complete_path(f"{folder}/te") == f"{folder}/text.txt"
    assert complete_path(str(folder)) == f"{folder}/"


def test_a_link_to_a_folder_is_a_folder_and_a_broken_one_no_error(folder: Path) -> None:
    (folder / "link").symlink_to("tales")
    (folder / "lost").symlink_to("nowhere")
    assert complete_path("lin") == "link/"
    assert complete_path("los") == "lost"


@pytest.mark.parametrize("name", ["new\x1b[2J", "new\nline", "new\u202e", "new\udcff"])
def test_names_that_a_line_cannot_show_are_not_offered(folder: Path, name: str) -> None:
    """A file whose name clears the screen."""
    (folder / name).write_text("x")
    assert complete_path("ne") is None


@given(st.text(st.characters(exclude_categories=[]) | st.sampled_from("~/.\0"), max_size=12))
def test_whatever_is_typed_ends_nothing(text: str) -> None:
    """A zero byte, half a character or a tilde in a path that takes the app with it."""
    found = complete_path(text)
    assert found is None or found.startswith(text)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_closed_folder_gives_nothing(folder: Path) -> None:
    (folder / "tales").chmod(0)
    assert complete_path("tales/o") is None


def test_the_line_asks_for_it_again_each_time(folder: Path) -> None:
    """A file that was made meanwhile and is never offered."""

    async def ask() -> list[str | None]:
        suggester = PathSuggester()
        before = await suggester.get_suggestion("new")
        (folder / "new.txt").write_text("x")
        return [before, await suggester.get_suggestion("new")]

    assert asyncio.run(ask()) == [None, "new.txt"]
    assert PathSuggester().cache is None

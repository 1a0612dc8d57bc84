"""The cache of forecasts by text."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.paths import Home, find_home
from core.text.corpus import Corpus
from tui.runs.text_times import FILE, TextTime, TextTimes

TIME = TextTime(seconds=12.5, device="cpu")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path / "home")


def make_corpus(tmp_path: Path, text: str = "one two\n") -> Corpus:
    path = tmp_path / "a.txt"
    path.write_text(text)
    return Corpus(name="a.txt", files=(path,))


def test_a_forecast_is_kept_for_the_text_as_it_is(home: Home, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path)
    times = TextTimes(home)
    assert times.find(corpus) is None
    times.add(corpus, TIME)
    assert TextTimes(home).find(corpus) == TIME
    changed = make_corpus(tmp_path, "one two three\n")
    assert TextTimes(home).find(changed) is None, "another text under the same name"


def test_another_machine_has_its_own(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make_corpus(tmp_path)
    TextTimes(home).add(corpus, TIME)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "other")
    assert TextTimes(home).find(corpus) is None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"x": 1}', "\x00"])
def test_a_damaged_cache_is_ignored_and_replaced(home: Home, tmp_path: Path, content: str) -> None:
    home.cache.mkdir(parents=True)
    (home.cache / FILE).write_text(content)
    corpus = make_corpus(tmp_path)
    times = TextTimes(home)
    assert times.find(corpus) is None
    times.add(corpus, TIME)
    assert TextTimes(home).find(corpus) == TIME


def test_a_cache_that_cannot_be_written_is_no_error(home: Home, tmp_path: Path) -> None:
    home.cache.parent.mkdir(parents=True)
    home.cache.write_text("a file where the folder should be")
    corpus = make_corpus(tmp_path)
    times = TextTimes(home)
    times.add(corpus, TIME)
    assert times.find(corpus) == TIME

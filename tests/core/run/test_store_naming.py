"""Names of runs: valid, taken, proposed and changed ones."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError, NotFoundError
from core.paths import Home, find_home
from core.run.event_log import EventLog
from core.run.record import read_record
from core.run.status import status_of
from core.run.store import (
    RUN_NAME,
    check_name,
    find_run,
    propose_name,
    rename_run,
)
from tests.support.runs import folder_entries, make_run, run_names


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path / "home")


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".a", "-a", "_a", "a/b", "a\0", "a b", "é", "x" * 65, "a\n"]
)
def test_invalid_names_are_refused_everywhere(home: Home, name: str) -> None:
    """A name must never lead out of the folder of runs."""
    run = make_run(home, "lang")
    for action in (
        lambda: check_name(name),
        lambda: make_run(home, name),
        lambda: find_run(home, name),
        lambda: rename_run(home, run, name),
    ):
        with pytest.raises(InputError, match="Invalid name") as caught:
            action()
        assert "letters, digits" in caught.value.hint
    assert run_names(home) == ["lang"]


@pytest.mark.parametrize("name", ["a", "0", "a.b_c-d", "x" * 64, "A..b"])
def test_valid_names(home: Home, name: str) -> None:
    assert make_run(home, name).name == name


def test_a_taken_name_proposes_a_free_one(home: Home) -> None:
    make_run(home, "lang")
    make_run(home, "lang-2")
    with pytest.raises(InputError, match="already a run named lang") as caught:
        make_run(home, "lang", {})
    assert "lang-3" in caught.value.hint
    assert read_record(find_run(home, "lang"))["seed"] == 1
    assert folder_entries(home) == ["lang", "lang-2"]


def test_only_one_of_several_processes_gets_a_name(home: Home) -> None:
    """Two terminals started in the same second must not share a run."""

    def attempt(_: int) -> bool:
        try:
            make_run(home, "lang")
        except InputError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1
    assert folder_entries(home) == ["lang"]


def test_an_unknown_name_suggests_similar_ones(home: Home) -> None:
    make_run(home, "lang")
    with pytest.raises(NotFoundError, match="no run named 'Lnag'") as caught:
        find_run(home, "Lnag")
    assert "lang" in caught.value.hint


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("lang", "lang-3"),
        ("LANG", "LANG-3"),
        ("My Bücher!", "My-Bucher"),
        ("../../etc", "etc"),
        ("", "run"),
        ("红楼梦", "run"),
        ("x" * 99, "x" * 64),
    ],
)
def test_proposed_names(home: Home, base: str, expected: str) -> None:
    """Case is ignored, as by some file systems."""
    make_run(home, "Lang")
    make_run(home, "lang-2")
    assert propose_name(home, base) == expected


@given(base=st.text(max_size=100), used=st.integers(0, 12))
def test_proposed_names_are_free_and_valid(base: str, used: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = find_home(folder)
        for _ in range(used + 1):
            name = propose_name(home, base)
            assert RUN_NAME.fullmatch(name)
            assert not (home.runs / name).exists()
            (home.runs / name).mkdir(parents=True)


def test_rename_keeps_everything(home: Home) -> None:
    run = make_run(home, "lang")
    make_run(home, "taken")
    EventLog(run.events).emit("finished", 3)
    renamed = rename_run(home, run, "words")
    assert run_names(home) == ["taken", "words"]
    assert (renamed.name, status_of(renamed)) == ("words", "finished")
    with pytest.raises(InputError, match="already a run named taken"):
        rename_run(home, renamed, "taken")
    assert run_names(home) == ["taken", "words"]

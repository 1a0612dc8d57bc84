"""Tables of commands, on terminals of any width and in pipes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.runs import ScriptedRun
from tests.support.terminals import APP, TerminalSession, environment
from tui.__main__ import run
from tui.cli import console

COLUMNS = ("NAME", "STATUS", "STEP", "EPOCH", "LOSS", "VAL", "PARAMETERS", "SIZE", "CORPUS")


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("MINIGPT_HOME", str(home))
    for name in ("lang", "a-long-name-of-a-run"):
        made = ScriptedRun(home, name)
        made.start()
        made.train(1, 60)
        made.lock.release()
    return home


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("columns", [40, 60, 70, 80, 200, None])
def test_ls_fits_a_narrow_terminal_and_is_complete_in_a_pipe(
    columns: int | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "terminal_columns", lambda: columns)
    assert run(["ls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    if columns is not None:
        assert max(map(len, lines)) <= columns
        assert {"NAME", "STATUS", "VAL"} <= set(lines[0].split())
    if columns in (200, None):
        assert all(name in lines[0] for name in COLUMNS)


@pytest.mark.parametrize("columns", [44, 60, None])
def test_corpora_fit_a_narrow_terminal_and_are_complete_in_a_pipe(
    columns: int | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "terminal_columns", lambda: columns)
    assert run(["corpora"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ("TOKENIZER" in lines[0]) == (columns is None)
    assert lines[0].startswith("NAME")
    assert all(len(line) <= (columns or 200) for line in lines)


def test_ls_asks_the_terminal_for_its_width(home: Path) -> None:
    with TerminalSession([*APP, "ls"], environment(home), (60, 20)) as session:
        session.wait_exit()
        lines = [line for line in session.text.splitlines() if line]
    assert len(lines) == 3

"""`minigpt-tui import` as a user types it, and the commands that use what it made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.foreign_models import CONTEXT, edit_json, make_foreign_model
from tui.__main__ import run

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("MINIGPT_HOME", str(home))
    return home


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pythia-1.4b"
    make_foreign_model(folder, "gpt_neox")
    return folder


def test_a_folder_becomes_a_run_that_the_commands_use(
    folder: Path, home: Path, capsys: Captured
) -> None:
    assert run(["import", str(folder), "--licence", "apache-2.0", "--source", "a\x1b[31m hub"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "pythia-1.4b\n"
    assert f"context of {CONTEXT} tokens" in captured.err
    assert "of memory; " in captured.err
    assert run(["ls", "--json"]) == 0
    (row,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (row["name"], row["status"], row["val_loss"]) == ("pythia-1.4b", "imported", None)
    assert run(["show", "pythia-1.4b"]) == 0
    shown = capsys.readouterr().out
    assert "imported" in shown
    assert "licence apache-2.0" in shown
    assert "\x1b" not in shown
    assert "validation" not in shown
    assert run(["generate", "pythia-1.4b", "The fox", "--max-tokens", "5", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 2
    text = home / "text.txt"
    text.write_text("The quick brown fox.\n")
    assert run(["score", "pythia-1.4b", str(text), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["loss"] > 0
    assert run(["rm", "pythia-1.4b", "--yes"]) == 0
    assert (folder / "model.safetensors").is_file()


def test_names_are_free_or_refused(folder: Path, home: Path, capsys: Captured) -> None:
    assert run(["import", str(folder), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["name"] == "pythia-1.4b"
    assert facts["memory"] == 4 * facts["parameters"]
    assert run(["import", str(folder)]) == 0
    assert capsys.readouterr().out == "pythia-1.4b-2\n"
    assert run(["import", str(folder), "--name", "pythia-1.4b"]) == 2
    assert run(["import", str(folder), "--name", "../out"]) == 2
    assert sorted(path.name for path in (home / "runs").iterdir()) == [
        "pythia-1.4b",
        "pythia-1.4b-2",
    ]


@pytest.mark.parametrize("command", ["attach", "wait", "attach --json"])
def test_watching_it_ends_at_once(command: str, folder: Path, capsys: Captured) -> None:
    assert run(["import", str(folder), "--name", "one"]) == 0
    capsys.readouterr()
    assert run([*command.split(), "one"]) == 0
    captured = capsys.readouterr()
    assert "imported" in captured.out + captured.err


@pytest.mark.parametrize("command", ["resume", "origin", "stop", "pause", "change"])
def test_what_needs_the_training_is_refused_in_words(
    command: str, folder: Path, capsys: Captured
) -> None:
    assert run(["import", str(folder), "--name", "one"]) == 0
    arguments = {"origin": ["The fox jumps"], "change": ["patience=3"]}.get(command, [])
    assert run([command, "one", *arguments]) in (1, 2)
    error = capsys.readouterr().err
    assert "imported" in error or "another program" in error
    assert "Traceback" not in error


def test_what_cannot_be_imported_leaves_no_run(
    folder: Path, home: Path, capsys: Captured, tmp_path: Path
) -> None:
    edit_json(folder / "config.json", use_sliding_window=True)
    assert run(["import", str(folder)]) == 2
    assert "use_sliding_window" in capsys.readouterr().err
    (tmp_path / "note.txt").write_text("no model")
    for source in (tmp_path / "note.txt", tmp_path / "nothing", tmp_path):
        assert run(["import", str(source)]) == 2
        assert capsys.readouterr().err.startswith("Invalid input")
    assert not (home / "runs").exists() or not list((home / "runs").iterdir())


def test_the_folder_of_an_imported_run_can_be_imported(folder: Path, capsys: Captured) -> None:
    assert run(["import", str(folder), "--name", "one"]) == 0
    capsys.readouterr()
    assert run(["path", "one"]) == 0
    made = Path(capsys.readouterr().out.strip())
    assert run(["import", str(made), "--name", "two"]) == 0
    assert (made / "model.safetensors").samefile(made.parent / "two" / "model.safetensors")

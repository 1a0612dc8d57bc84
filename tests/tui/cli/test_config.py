"""`config` as a user types it, and what the file changes for other commands."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from core.paths import find_config_file, find_home
from tests.support.runs import make_run
from tui.__main__ import run

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file, which does not exist yet."""
    path = tmp_path / "conf" / "config.toml"
    monkeypatch.setenv("MINIGPT_CONFIG", str(path))
    for name in ("MINIGPT_HOME", "TEXTUAL_THEME", "NO_COLOR", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


def rows(captured: Captured) -> dict[str, tuple[object, str]]:
    lines = captured.readouterr().out.splitlines()
    values = [json.loads(line) for line in lines]
    return {value["key"]: (value["value"], value["source"]) for value in values}


def test_the_file_is_in_the_user_configuration_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if sys.platform == "darwin":
        pytest.skip("macOS has another directory and no XDG variables")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert find_config_file(environ={}) == tmp_path / "minigpt-tui" / "config.toml"
    assert find_config_file(environ={"MINIGPT_CONFIG": "/a/b.toml"}) == Path("/a/b.toml")
    assert find_config_file("/c.toml", {"MINIGPT_CONFIG": "/a/b.toml"}) == Path("/c.toml")


def test_path_prints_where_the_file_is(file: Path, capsys: Captured, tmp_path: Path) -> None:
    assert run(["config", "path"]) == 0
    assert capsys.readouterr().out == f"{file}\n"
    assert run(["--config", str(tmp_path / "x.toml"), "config", "path"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'x.toml'}\n"


def test_it_lists_what_applies_and_where_that_comes_from(
    file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(file, 'theme = "nord"\n[sampling]\n\ntop_k = 5\n[keymap]\ntrain.pause = "f5"\n')
    assert run(["config", "--json"]) == 0
    shown = rows(capsys)
    assert shown["theme"] == ("nord", f"{file}:1")
    assert shown["sampling.top_k"] == (5, f"{file}:4")
    assert shown["sampling.temperature"] == (0.0, "default")
    assert shown["keymap.train.pause"] == ("f5", f"{file}:6")
    assert shown["notify.bell"] == (True, "default")
    assert shown["home"] == (str(tmp_path / "data" / "minigpt-tui"), "default")
    monkeypatch.setenv("TEXTUAL_THEME", "dracula")
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    assert run(["--ascii", "config", "--json"]) == 0
    shown = rows(capsys)
    assert shown["theme"] == ("dracula", "TEXTUAL_THEME")
    assert shown["home"] == (str(tmp_path), "MINIGPT_HOME")
    assert shown["charset"] == ("ascii", "--ascii")
    monkeypatch.delenv("TEXTUAL_THEME")
    monkeypatch.setenv("NO_COLOR", "1")
    assert run(["--home", str(tmp_path / "h"), "config", "--json"]) == 0
    shown = rows(capsys)
    assert shown["theme"] == ("ansi-dark", "NO_COLOR")
    assert shown["home"] == (str(tmp_path / "h"), "--home")


def test_themes_and_keys_are_checked(file: Path, capsys: Captured) -> None:
    write(file, 'theme = "minigpt-dya"\n[keymap]\ntrain.pause = "f5"\ntrain.puase = "f6"\n')
    assert run(["config"]) == 0
    error = capsys.readouterr().err
    assert "line 1: theme is 'minigpt-dya', an unknown theme. Did you mean minigpt-day" in error
    assert "line 4: keymap.train.puase is an unknown action. Did you mean train.pause" in error
    for theme in ("minigpt-night", "minigpt-day", "nord", "auto"):
        write(file, f'theme = "{theme}"\n')
        assert run(["config"]) == 0
        assert capsys.readouterr().err == ""


def test_the_table_has_a_row_per_setting(file: Path, capsys: Captured) -> None:
    assert run(["config"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["SETTING", "VALUE", "FROM"]
    assert ["refresh", "auto", "default"] in [line.split() for line in lines]


def test_set_get_and_unset(file: Path, capsys: Captured) -> None:
    assert run(["config", "set", "sampling.temperature", "0.8"]) == 0
    assert run(["config", "get", "sampling.temperature"]) == 0
    assert capsys.readouterr().out == "0.8\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert run(["config", "set", "theme", "nord"]) == 0
    assert run(["config", "set", "keymap.train.pause", "f5"]) == 0
    assert run(["config", "unset", "theme"]) == 0
    assert run(["config", "unset", "keymap.train.pause"]) == 0
    assert file.read_text().split() == [*text.split(), "[keymap]"]
    assert run(["config", "get", "theme"]) == 0
    assert capsys.readouterr() == ("auto\n", "")


def test_an_id_in_quotes_is_changed_where_it_is(file: Path, capsys: Captured) -> None:
    write(file, '[keymap]\n"train.pause" = "f5"\n')
    assert run(["config", "set", "keymap.train.pause", "f6"]) == 0
    assert file.read_text() == '[keymap]\n"train.pause" = "f6"\n'


@pytest.mark.parametrize(
    "arguments",
    [
        ["set", "thme", "nord"],
        ["set", "sampling.top_p", "2"],
        ["set", "refresh", "soon"],
        ["set", "theme", "minigpt-dya"],
        ["set", "keymap.train.pauze", "f5"],
        ["set", ".", "x"],
        ["get", "thme"],
        ["unset", "theme"],
    ],
)
def test_a_wrong_key_or_value_changes_nothing(
    arguments: list[str], file: Path, capsys: Captured
) -> None:
    assert run(["config", *arguments]) == 2
    assert capsys.readouterr().out == ""
    assert not file.exists()


def test_a_file_that_is_not_toml_is_not_changed(file: Path, capsys: Captured) -> None:
    write(file, "theme =\n")
    assert run(["config", "set", "theme", "nord"]) == 2
    assert f"{file}, line 1: Invalid value" in capsys.readouterr().err
    assert file.read_text() == "theme =\n"
    assert run(["config", "get", "theme"]) == 0


def test_set_says_what_takes_precedence(
    file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEXTUAL_THEME", "dracula")
    assert run(["config", "set", "theme", "nord"]) == 0
    assert capsys.readouterr().err == "TEXTUAL_THEME takes precedence: theme is dracula here.\n"


def test_commands_name_wrong_entries_on_stderr(file: Path, capsys: Captured) -> None:
    write(file, "refresh = 2\ntop_k = 5\n")
    assert run(["path", "nothing"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"{file}:\nline 2: top_k is an unknown setting." in captured.err
    assert run(["config"]) == 0
    assert capsys.readouterr().err.count("line 2: top_k") == 1


def test_the_file_sets_the_home(file: Path, capsys: Captured, tmp_path: Path) -> None:
    home = tmp_path / "mine"
    made = make_run(find_home(home), "lang")
    write(file, f'home = "{home}"\n')
    assert run(["path", "lang"]) == 0
    assert capsys.readouterr().out == f"{made.folder}\n"
    assert run(["--home", str(tmp_path / "other"), "path", "lang"]) == 2


def test_the_file_sets_the_sampling_of_commands_and_options_precede_it(
    file: Path, capsys: Captured
) -> None:
    """At temperature 0, several continuations are refused before the run is looked for."""
    several = ["generate", "nothing", "x", "-n", "2"]
    assert run(several) == 2
    assert "At temperature 0" in capsys.readouterr().err
    write(file, "[sampling]\ntemperature = 0.8\n")
    assert run(several) == 2
    assert "There is no run named 'nothing'" in capsys.readouterr().err
    assert run([*several, "--temperature", "0"]) == 2
    assert "At temperature 0" in capsys.readouterr().err


def test_the_editor_of_the_user_opens_the_file(
    file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor = tmp_path / "my editor"
    editor.write_text("#!/bin/sh\nprintf 'refresh = 0\\n' > \"$2\"\nexit 3\n")
    editor.chmod(0o700)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setenv("EDITOR", "false")
    monkeypatch.setenv("VISUAL", f"'{editor}' --wait")
    assert run(["config", "edit"]) == 3
    assert "line 1: refresh must be at least 0.1, is 0" in capsys.readouterr().err
    monkeypatch.setenv("VISUAL", str(tmp_path / "none"))
    assert run(["config", "edit"]) == 2
    assert "There is no editor" in capsys.readouterr().err


def test_without_a_terminal_nothing_is_edited(file: Path, capsys: Captured) -> None:
    assert run(["config", "edit"]) == 2
    assert str(file) in capsys.readouterr().err
    assert not os.path.lexists(file)


def test_one_of_many_wrong_entries_can_be_mended(file: Path) -> None:
    wrong = "".join(f"theme{number} = 1\n" for number in range(12))
    write(file, f"refresh = 0\n{wrong}")
    assert run(["config", "set", "refresh", "2"]) == 0
    assert file.read_text() == f"refresh = 2.0\n{wrong}"

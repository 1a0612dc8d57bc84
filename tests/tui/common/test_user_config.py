"""The configuration: what each entry means, and how wrong ones are named and ignored."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.configs import SamplingConfig
from core.errors import InputError
from tui.common import user_config
from tui.common.terminal import detect_terminal
from tui.common.user_config import (
    MAX_SHOWN_PROBLEMS,
    GeneralConfig,
    NotifyConfig,
    UserConfig,
    describe_problems,
    load_user_config,
    parse_entry,
    split_key,
)

ALL = """\
theme = "nord"
charset = "ascii"
refresh = 2
home = "~/models"
keymap.train.pause = "f5"
keymap."chat.again" = ["f6", "ctrl+r"]

[sampling]
temperature = 0.8
top_k = 5
seed = 7

[notify]
bell = false
"""


def load(folder: Path, text: str) -> UserConfig:
    path = folder / "config.toml"
    path.write_text(text)
    return load_user_config(path)


def problems(folder: Path, text: str) -> list[str]:
    return [str(problem) for problem in load(folder, text).problems]


def test_every_kind_of_entry_is_read(tmp_path: Path) -> None:
    config = load(tmp_path, ALL)
    assert config.problems == ()
    assert config.general == GeneralConfig(
        theme="nord", charset="ascii", refresh=2, home="~/models"
    )
    assert config.sampling == SamplingConfig(temperature=0.8, top_k=5, seed=7)
    assert config.notify == NotifyConfig(bell=False)
    assert config.keymap == {"train.pause": "f5", "chat.again": "f6,ctrl+r"}


def test_without_a_file_or_entries_the_defaults_apply(tmp_path: Path) -> None:
    """Sampling is greedy by default."""
    missing = load_user_config(tmp_path / "missing.toml")
    for config in (missing, load(tmp_path, ""), load(tmp_path, "[sampling]\n[keymap]\n")):
        assert config.problems == ()
        assert config.general == GeneralConfig()
        assert config.notify == NotifyConfig(bell=True, desktop=True, title=True)
        assert config.sampling.temperature == 0.0
        assert config.keymap == {}


def test_auto_leaves_a_setting_open(tmp_path: Path) -> None:
    config = load(tmp_path, 'theme = "auto"\ncharset = "auto"\nrefresh = "auto"\nhome = "auto"\n')
    assert config.problems == ()
    assert config.general == GeneralConfig()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("theme = 3", "line 1: theme must be text, is 3"),
        ("\nrefresh = 0", "line 2: refresh must be at least 0.1, is 0"),
        ("refresh = nan", "line 1: refresh must be a finite number, is nan"),
        ("refresh = true", "line 1: refresh must be a number, is True"),
        ("charset = 'x'", "line 1: charset must be one of auto, unicode, ascii, is 'x'"),
        ("home = 'models'", "line 1: home must be an absolute path, is 'models'"),
        ("thme = 'x'", "line 1: thme is an unknown setting. Did you mean theme or home?"),
        ("[sampling]\nstop = ['x']", "line 2: sampling.stop is an unknown setting."),
        ("[sampling]\ntop_p = 2", "line 2: sampling.top_p must be at most 1, is 2"),
        ("sampling = 3", "line 1: sampling must be a table: [sampling]"),
        ("[notify]\nbell = 'no'", "line 2: notify.bell must be true or false, is 'no'"),
        ("keymap = 'x'", "line 1: keymap must be a table: [keymap]"),
        ("[keymap]\na.b = 3", 'line 2: keymap.a.b must be a key such as "f5", or several:'),
        ("[keymap]\na.b = ''", 'line 2: keymap.a.b must be a key such as "f5", or several:'),
        ("theme = 2026-01-01", "line 1: theme must be text, is datetime.date(2026, 1, 1)"),
    ],
)
def test_a_wrong_entry_is_named_and_only_that_is_ignored(
    tmp_path: Path, text: str, expected: str
) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(expected)
    config = load(tmp_path, f"{text}\n")
    assert config.general == GeneralConfig()
    assert config.entries == {}


def test_the_rest_of_a_file_with_wrong_entries_applies(tmp_path: Path) -> None:
    config = load(tmp_path, ALL + "desktop = 3\nsound = true\n")
    assert [str(problem).partition(":")[0] for problem in config.problems] == ["line 15", "line 16"]
    assert config.notify == NotifyConfig(bell=False)
    assert config.general.theme == "nord"


def test_a_file_that_is_not_toml_is_ignored_as_a_whole(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "theme = 'nord'\nrefresh =\n")
    assert problem == "line 2: Invalid value (column 10); nothing of the file is used"
    assert load(tmp_path, "theme = 'nord'\nrefresh =\n").general == GeneralConfig()


def test_a_pipe_is_named_and_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.toml")
    (problem,) = load_user_config(tmp_path / "config.toml").problems
    assert str(problem) == f"{tmp_path}/config.toml cannot be read: Not a regular file."


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_content_of_the_file_raises(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_bytes(content)
        config = load_user_config(path)
    assert config.path == path


def test_many_and_long_problems_fit_into_one_notification(tmp_path: Path) -> None:
    text = "".join(f"x{number} = '{'y' * 900}'\n" for number in range(40))
    shown = describe_problems(Path("c"), load(tmp_path, text + "theme = 'a'\n").problems)
    assert "… and 32 more" in shown
    assert len(shown) < 3000


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("theme", "nord", "nord"),
        ("refresh", "2", 2.0),
        ("refresh", "auto", None),
        ("sampling.top_k", "5", 5),
        ("notify.bell", "off", False),
        ("keymap.train.pause", "f5,p", "f5,p"),
    ],
)
def test_a_typed_value_is_converted(key: str, text: str, value: object) -> None:
    assert parse_entry(split_key(key), text) == (value if value is not None else "auto")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("refresh", "fast"),
        ("sampling.top_p", "2"),
        ("sampling.stop", "x"),
        ("sampling", "x"),
        ("thme", "x"),
        ("keymap", "x"),
        ("home", "models"),
        ("a..b", "x"),
        ("", "x"),
    ],
)
def test_a_typed_value_is_checked(key: str, text: str) -> None:
    with pytest.raises(InputError):
        parse_entry(split_key(key), text)


@pytest.mark.parametrize(
    ("environ", "ascii", "general", "charset", "theme"),
    [
        ({}, False, GeneralConfig(), "braille", "default"),
        ({}, False, GeneralConfig(charset="ascii", theme="nord"), "ascii", "nord"),
        ({"TERM": "linux"}, False, GeneralConfig(charset="unicode"), "braille", "default"),
        ({"TERM": "linux"}, True, GeneralConfig(charset="unicode"), "ascii", "default"),
        ({"TEXTUAL_THEME": "dracula"}, False, GeneralConfig(theme="nord"), "braille", "dracula"),
        ({"NO_COLOR": "1"}, False, GeneralConfig(theme="nord"), "braille", "ansi-dark"),
    ],
)
def test_options_and_environment_precede_the_file(
    environ: dict[str, str], ascii: bool, general: GeneralConfig, charset: str, theme: str
) -> None:
    terminal = detect_terminal(environ, "utf-8", ascii=ascii, general=general)
    default = detect_terminal({}, "utf-8").theme
    assert (terminal.charset, terminal.theme) == (charset, default if theme == "default" else theme)


@pytest.mark.parametrize(
    ("environ", "refresh", "seconds"),
    [
        ({}, None, 1.0),
        ({"SSH_TTY": "x"}, None, 3.0),
        ({}, 5.0, 5.0),
        ({"SSH_TTY": "x"}, 0.5, 0.5),
        ({}, 0.01, 0.05),
    ],
)
def test_the_refresh_rate_governs_all_intervals(
    environ: dict[str, str], refresh: float | None, seconds: float
) -> None:
    terminal = detect_terminal(environ, "utf-8", general=GeneralConfig(refresh=refresh))
    assert terminal.interval(1.0, 3.0) == seconds


def test_a_null_character_in_a_path_is_named(tmp_path: Path) -> None:
    config = load(tmp_path, 'home = "/a\\u0000b"\n')
    assert config.general.home is None
    assert [str(each) for each in config.problems] == [
        "line 1: home must be a path, which has no null character"
    ]


def test_similar_keys_are_only_looked_for_where_they_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(user_config, "did_you_mean", lambda name, _: calls.append(name) or "")
    assert len(problems(tmp_path, "".join(f"a{n} = 1\n" for n in range(100)))) == 100
    assert len(calls) == MAX_SHOWN_PROBLEMS

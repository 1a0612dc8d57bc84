"""The text of the configuration file: entries are found and changed, all else stays."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import DamagedError, InputError, StorageError
from core.system.files import JsonObject
from tui.common.config_file import (
    MAX_CONFIG_BYTES,
    ConfigSyntaxError,
    Key,
    find_line,
    flatten,
    parse,
    read_text,
    remove_value,
    set_value,
    value_text,
    write_text,
)

FILE = """\
# mine
theme = "nord"  # dark
refresh = 2

[keymap]
train.pause = [
  "f5",  # a list
  "x",
]
"models.new" = "N"

# about sampling
[sampling]
temperature = 0.8 # warm
"""


def test_a_changed_value_keeps_its_comment_and_all_other_lines() -> None:
    changed = set_value(FILE, ("theme",), "dracula")
    assert changed == FILE.replace('"nord"', '"dracula"')
    changed = set_value(FILE, ("sampling", "temperature"), 0.5)
    assert changed == FILE.replace("0.8", "0.5")


def test_a_new_entry_goes_to_the_end_of_its_table() -> None:
    assert set_value(FILE, ("charset",), "ascii") == FILE.replace(
        "refresh = 2\n", 'refresh = 2\ncharset = "ascii"\n'
    )
    assert set_value(FILE, ("sampling", "top_k"), 5) == FILE + "top_k = 5\n"
    assert set_value(FILE, ("keymap", "chat", "again"), "f5") == FILE.replace(
        '= "N"\n', '= "N"\nchat.again = "f5"\n'
    )


def test_a_new_table_goes_to_the_end_of_the_file() -> None:
    assert set_value(FILE, ("notify", "bell"), False) == FILE + "\n[notify]\nbell = false\n"
    assert set_value("", ("notify", "bell"), False) == "[notify]\nbell = false\n"


@pytest.mark.parametrize(
    ("text", "key", "value", "expected"),
    [
        ("", ("theme",), "nord", 'theme = "nord"\n'),
        ("# only\n", ("theme",), "nord", '# only\ntheme = "nord"\n'),
        ("theme='x'", ("theme",), "nord", 'theme="nord"\n'),
        ("theme='x'", ("refresh",), 2, "theme='x'\nrefresh = 2\n"),
        ("a = 1\r\n", ("theme",), "x", 'a = 1\r\ntheme = "x"\r\n'),
        ("[a]\nb = 1\n", ("theme",), "x", 'theme = "x"\n\n[a]\nb = 1\n'),
        ("# a\n[a]\nb = 1\n", ("theme",), "x", 'theme = "x"\n\n# a\n[a]\nb = 1\n'),
        ("s.a = 1\n[x]\n", ("s", "b"), 2, "s.a = 1\ns.b = 2\n[x]\n"),
        ("s = { a = 1 } # c\n", ("s", "b"), 2, "s = { a = 1, b = 2 } # c\n"),
        ("s = {}\n", ("s", "b"), True, "s = { b = true }\n"),
        ("[s]\n[s.t]\nb=1\n", ("s", "t", "c"), 2, "[s]\n[s.t]\nb=1\nc = 2\n"),
        ("[s]\n[x]\n", ("s", "a"), 2, "[s]\na = 2\n[x]\n"),
        ("t = '''\na\n''' # c\n", ("t",), "b", 't = "b" # c\n'),
        ("t = '#' # '\n", ("t",), "b", 't = "b" # \'\n'),
        ("t = nan # c\n", ("t",), 1.5, "t = 1.5 # c\n"),
        ('"a=b" = 1\n', ("a=b",), 2, '"a=b" = 2\n'),
    ],
)
def test_all_forms_of_entries_are_changed_in_place(
    text: str, key: Key, value: Any, expected: str
) -> None:
    assert set_value(text, key, value) == expected


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        (FILE, ("refresh",), FILE.replace("refresh = 2\n", "")),
        (FILE, ("keymap", "models.new"), FILE.replace('"models.new" = "N"\n', "")),
        (FILE, ("charset",), FILE),
        ("s = { a = 1, b = 2 }\n", ("s", "a"), "s = { b = 2 }\n"),
        ("t = [\n1,\n]\nu = 1\n", ("t",), "u = 1\n"),
    ],
)
def test_a_removed_entry_leaves_all_other_lines(text: str, key: Key, expected: str) -> None:
    assert remove_value(text, key) == expected


@pytest.mark.parametrize("text", ["notify = 3\n", "[[notify]]\nbell = true\n"])
def test_what_cannot_be_changed_in_place_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match="cannot be changed in place"):
        set_value(text, ("notify", "bell"), True)


keys = st.lists(st.sampled_from(["a", "b", "c", "d e", "=", "#", '"']), min_size=1, max_size=3).map(
    tuple
)
values = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
    st.text(),
    st.lists(st.text(max_size=3), max_size=3),
)
pairs = st.lists(st.tuples(keys, values), max_size=6)


@given(pairs, keys, values)
@example([(("a", "b"), 1)], ("a", "c"), "\x7f\u2028\x85")
def test_an_entry_is_added_changed_and_removed_whatever_the_file_holds(
    entries: list[tuple[Key, Any]], key: Key, value: Any
) -> None:
    """Each step either changes exactly this entry or is an error."""
    text = "# first\n"
    for other, old in [*entries, (key, value)]:
        before = flatten(parse(text))
        try:
            text = set_value(text, other, old)
        except InputError:
            continue
        expected = {each: v for each, v in before.items() if each[: len(other)] != other}
        assert repr_of(flatten(parse(text))) == repr_of(expected | {other: old})
        line = find_line(text, other)
        assert line is not None
        assert value_text(old) in text.split("\n")[line - 1]
    before = flatten(parse(text))
    after = flatten(parse(remove_value(text, key)))
    before.pop(key, None)
    assert repr_of(after) == repr_of(before)
    assert "# first" in text


def repr_of(entries: dict[Key, Any]) -> dict[Key, str]:
    return {key: repr(value) for key, value in entries.items()}


@given(st.recursive(values, lambda inner: st.dictionaries(st.text(), inner, max_size=3)))
def test_values_are_written_as_toml(value: Any) -> None:
    parsed: JsonObject = tomllib.loads(f"x = {value_text(value)}")
    assert repr(parsed["x"]) == repr(value)


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("theme",), 2),
        (("keymap",), 5),
        (("keymap", "train", "pause"), 6),
        (("keymap", "models.new"), 10),
        (("sampling",), 13),
        (("sampling", "temperature"), 14),
        (("keymap", "train", "stop"), 6),
        (("nothing",), None),
    ],
)
def test_the_line_of_an_entry_is_found(key: Key, line: int | None) -> None:
    assert find_line(FILE, key) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = \n", 1), ("a = 1\nb\n", 2), ("a = 1\na = 2\n", 2), ("a = [\n", 2), ("a = '''", 1)],
)
def test_an_error_of_syntax_has_its_line(text: str, line: int) -> None:
    with pytest.raises(ConfigSyntaxError) as caught:
        parse(text)
    assert caught.value.line == line


@pytest.mark.parametrize("text", ["a = " + "[" * 60_000, "a = " + "9" * 60_000])
def test_hostile_files_are_an_error(text: str) -> None:
    with pytest.raises(ConfigSyntaxError):
        parse(text)


def test_a_value_of_many_lines_ends_the_search_for_lines() -> None:
    text = "a = [\n" + "1,\n" * 20_000 + "]\nb = 1\n"
    assert find_line(text, ("b",)) is None


def test_only_a_regular_file_of_limited_size_is_read(tmp_path: Path) -> None:
    assert read_text(tmp_path / "missing") is None
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"#" * (MAX_CONFIG_BYTES + 1))
    for path in (tmp_path / "pipe", tmp_path / "large", tmp_path, Path(os.devnull)):
        with pytest.raises(DamagedError):
            read_text(path)


def test_bytes_that_are_not_utf8_are_named_by_line(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(ConfigSyntaxError) as caught:
        read_text(tmp_path / "c")
    assert caught.value.line == 2


def test_a_link_of_the_user_stays_a_link(tmp_path: Path) -> None:
    """A configuration is often a link into a repository."""
    target, link = tmp_path / "dotfiles" / "config.toml", tmp_path / "config.toml"
    target.parent.mkdir()
    link.symlink_to(target)
    write_text(link, "a = 1\n")
    assert link.is_symlink()
    assert target.read_text() == "a = 1\n"
    assert read_text(link) == "a = 1\n"


def test_a_pipe_or_a_loop_of_links_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path / "pipe", tmp_path / "loop"):
        with pytest.raises(StorageError):
            write_text(path, "a = 1\n")
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nkeymap" + ".a" * 1000 + " = 'f5'\n", 2),
        ("b = '''\n\n'''\n[" + "a." * 1000 + "a]\n", 4),
        ("b = {" + "a." * 1000 + "a = 1}\n", 1),
        ("a = 1\n# " + "x" * 5000, 2),
    ],
)
def test_keys_of_many_parts_and_long_lines_are_refused_unread(
    text: str, line: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tomllib, "loads", lambda _: pytest.fail("it was parsed"))
    with pytest.raises(ConfigSyntaxError) as caught:
        parse(text)
    assert caught.value.line == line


def test_dots_in_strings_comments_and_numbers_are_no_parts_of_keys() -> None:
    dots = "." * 100
    text = f"a = '{dots}' # {dots}\nb = '''\n{dots}\n'''\n\"{dots}\" = 1\nc = [{'1.5, ' * 100}]\n"
    assert set(parse(text)) == {"a", "b", dots, "c"}


def test_tables_in_tables_are_refused_if_they_are_too_deep() -> None:
    with pytest.raises(ConfigSyntaxError, match="too deeply"):
        parse("a = " + "{a = " * 20 + "1" + "}" * 20)


def test_all_lines_of_a_file_are_found_by_reading_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f"once{number} = 1\n" for number in range(300))
    calls = []
    loads = tomllib.loads
    monkeypatch.setattr(tomllib, "loads", lambda each: calls.append(each) or loads(each))
    for number in range(300):
        assert find_line(text, (f"once{number}",)) == number + 1
    assert len(calls) <= 3 * 300


def test_signs_in_keys_and_values_are_not_tried_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, text = "=" * 2000, f'"{"=" * 2000}" = "{"#" * 2000}" # c\n'
    calls = []
    loads = tomllib.loads
    monkeypatch.setattr(tomllib, "loads", lambda each: calls.append(each) or loads(each))
    assert find_line(text, (key,)) == 1
    assert set_value(text, (key,), 1) == f'"{key}" = 1 # c\n'
    assert len(calls) < 20


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b'\xef\xbb\xbftheme = "nord"\n')
    assert read_text(tmp_path / "config.toml") == 'theme = "nord"\n'

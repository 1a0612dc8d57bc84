"""The text of the configuration file: reading it, finding entries in it, changing them in place.

`tomllib` parses, but neither writes nor knows lines. A change replaces only the lines of one entry,
so comments and order stay. What the entries mean is in `tui.common.user_config`.
"""

from __future__ import annotations

import codecs
import json
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.errors import InputError, StorageError
from core.system.files import (
    JsonObject,
    make_private_folder,
    read_regular_file,
    storage_hint,
    write_atomic,
)

MAX_CONFIG_BYTES = 1 << 16
MAX_LINE_CHARACTERS = 1 << 12
MAX_KEY_PARTS = 16
MAX_ENTRY_LINES = 200  # of one value; entries after a longer one are not located
PARSER_MESSAGE = r"(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)"
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
NEW_FILE = "# Configuration of minigpt-tui; `minigpt-tui config --help` describes it.\n"
EDIT_HINT = "`minigpt-tui config edit` opens the file."

# Strings and comments, also those that do not end, so that matching takes linear time.
_STRING = r"""
    "{3} (?: [^"\\] | \\[\s\S]? | "(?!"") )* (?: "{3,5} | \Z )
    | '{3} (?: [^'] | '(?!'') )* (?: '{3,5} | \Z )
    | " (?: [^"\\\n] | \\[^\n]? )* "?
    | ' [^'\n]* '?
"""
_STRING_OR_COMMENT = re.compile(rf"{_STRING} | \#[^\n]*", re.VERBOSE)
_BEFORE_EQUALS = re.compile(rf"""(?: {_STRING} | [^"'=] )*""", re.VERBOSE)
_BETWEEN_DELIMITERS = re.compile(r"[^\n=,{}\[\]]+")

Key = tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """A table header, or an entry with its value.

    Attributes:
        key: the whole key, that of its table included.
        first, last: line numbers, from 1, inclusive.
        text: of these lines.
        value_start: where the value begins in `text`; None for a header.
    """

    key: Key
    first: int
    last: int
    text: str
    value_start: int | None

    @property
    def is_header(self) -> bool:
        return self.value_start is None


class ConfigSyntaxError(InputError):
    """Text that is not TOML.

    Args:
        line: of the problem; None if unknown.
        reason: what is wrong there.
    """

    title = "Invalid configuration"

    def __init__(self, reason: str, line: int | None) -> None:
        place = f"Line {line}: " if line else ""
        super().__init__(f"{place}{reason}.", EDIT_HINT)
        self.reason, self.line = reason, line


def read_text(path: Path) -> str | None:
    """The content of the file; None if it does not exist.

    Raises:
        DamagedError: it is not a regular file, too large, or cannot be read.
        ConfigSyntaxError: it is not UTF-8.
    """
    try:
        data = read_regular_file(path, MAX_CONFIG_BYTES)
    except FileNotFoundError:
        return None
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigSyntaxError("a byte that is not UTF-8", line) from None


def write_text(path: Path, text: str) -> None:
    """Replace the file, or the file that a link leads to; created for its owner only.

    Raises:
        StorageError: it could not be written.
    """
    try:
        target = path.resolve()
        make_private_folder(target.parent)
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            raise StorageError(f"{path} is not a regular file.", "Choose another with --config.")
        write_atomic(target, text.encode())
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        reason = getattr(error, "strerror", None) or error
        hint = storage_hint(error, "Free some disk space.") if isinstance(error, OSError) else ""
        raise StorageError(f"{path} cannot be written: {reason}.", hint) from error


def parse(text: str) -> JsonObject:
    """The tables and values of the file.

    Raises:
        ConfigSyntaxError: it is not TOML, or has lines or keys that are too long.
    """
    import tomllib  # here: only those who have a configuration file wait for it

    _check_sizes(text)
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise ConfigSyntaxError("values are nested too deeply", None) from None
    except ValueError as error:
        match = re.fullmatch(PARSER_MESSAGE, str(error))
        if match is None:
            raise ConfigSyntaxError(str(error), None) from None
        column = f" (column {match[3]})" if match[3] else ""
        line = int(match[2]) if match[2] else text.count("\n") + 1
        raise ConfigSyntaxError(f"{match[1]}{column}", line) from None
    _check_depth(values)
    return values


def _check_sizes(text: str) -> None:
    """Refuse what `tomllib` would take much time and memory for."""
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise ConfigSyntaxError(f"more than {MAX_LINE_CHARACTERS} characters", number)
    bare = _STRING_OR_COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)
    for match in _BETWEEN_DELIMITERS.finditer(bare):
        if match[0].count(".") >= MAX_KEY_PARTS:
            line_number = bare.count("\n", 0, match.start()) + 1
            raise ConfigSyntaxError(f"a key of more than {MAX_KEY_PARTS} parts", line_number)


def _check_depth(values: JsonObject) -> None:
    """Refuse tables too deep for recursion: headers, keys and inline tables add up."""
    tables: list[Any] = [values]
    for _ in range(MAX_KEY_PARTS):
        tables = [inner for table in tables for inner in table.values() if isinstance(inner, dict)]
    if tables:
        raise ConfigSyntaxError("tables are nested too deeply", None)


def flatten(values: Mapping[str, Any], above: Key = ()) -> dict[Key, Any]:
    """The values by their whole keys; a table without entries has none."""
    entries: dict[Key, Any] = {}
    for name, value in values.items():
        key = (*above, name)
        entries |= flatten(value, key) if isinstance(value, dict) else {key: value}
    return entries


def find_line(text: str, key: Key) -> int | None:
    """The line of an entry or a table, or of the nearest one that contains it."""
    lines = _index_lines(text)
    for length in range(len(key), 0, -1):
        if key[:length] in lines:
            return lines[key[:length]]
    return None


@lru_cache(maxsize=1)
def _index_lines(text: str) -> Mapping[Key, int]:
    """The first line of each key; kept, as all entries of a file are looked up in turn."""
    lines: dict[Key, int] = {}
    for statement in statements(text):
        for length in range(len(statement.key), 0, -1):
            lines.setdefault(statement.key[:length], statement.first)
    return lines


def statements(text: str) -> Iterator[Statement]:
    """The headers and entries of a text that `parse` accepts, in order."""
    table: Key = ()
    chunk, first = "", 1
    for number, line in enumerate(_lines(text), 1):
        chunk += line
        values = _parse_whole(chunk)
        if values is None:
            if number - first >= MAX_ENTRY_LINES:
                return
            continue
        if chunk.lstrip().startswith("["):
            table = _only_key(values)
            yield Statement(table, first, number, chunk, None)
        elif values:
            end = _end_of_key(chunk)
            key = table + _only_key(parse(f"{chunk[:end]}=0"))
            yield Statement(key, first, number, chunk, end + 1)
        chunk, first = "", number + 1


def _lines(text: str) -> list[str]:
    """The lines with their ends; unlike `splitlines`, only those that TOML knows."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _parse_whole(chunk: str) -> JsonObject | None:
    """The values of a chunk; None if it ends within a value."""
    try:
        return parse(chunk)
    except ConfigSyntaxError:
        return None


def _end_of_key(chunk: str) -> int:
    """The index of the equals sign after the key."""
    match = _BEFORE_EQUALS.match(chunk)
    assert match is not None, "it also matches nothing"
    return match.end()


def _only_key(values: JsonObject) -> Key:
    """The key of nested tables with one entry each."""
    key: Key = ()
    inner: Any = values
    while isinstance(inner, dict) and inner:
        name, inner = next(iter(inner.items()))
        key = (*key, name)
    return key


def set_value(text: str, key: Key, value: Any) -> str:
    """The text with one entry added or changed, all else as it was.

    Raises:
        ConfigSyntaxError: the text is not TOML.
        InputError: the entry has a form that cannot be changed here.
    """
    entries = flatten(parse(text))
    entries = {other: old for other, old in entries.items() if other[: len(key)] != key} | {
        key: value
    }
    changed = _set_value(text, key, value)
    return _checked(changed, entries, key)


def remove_value(text: str, key: Key) -> str:
    """The text without one entry; the same text if it has none.

    Raises:
        ConfigSyntaxError, InputError: as `set_value`.
    """
    entries = flatten(parse(text))
    if key not in entries:
        return text
    del entries[key]
    lines = _lines(text)
    for statement in statements(text):
        if statement.key == key and not statement.is_header:
            del lines[statement.first - 1 : statement.last]
            break
        if key[: len(statement.key)] == statement.key and not statement.is_header:
            value = _inner_value(text, statement.key)
            _remove_inner(value, key[len(statement.key) :])
            lines[statement.first - 1 : statement.last] = [_with_value(statement, value)]
            break
    return _checked("".join(lines), entries, key)


def _checked(text: str, entries: dict[Key, Any], key: Key) -> str:
    """The changed text, if it holds exactly these entries."""
    try:
        if _comparable(parse(text)) == {name: repr(value) for name, value in entries.items()}:
            return text
    except ConfigSyntaxError:
        pass
    raise InputError(f"The entry {'.'.join(key)} cannot be changed in place.", EDIT_HINT)


def _comparable(values: JsonObject) -> dict[Key, str]:
    """The entries so that 1, 1.0 and true differ, and two NaN do not."""
    return {key: repr(value) for key, value in flatten(values).items()}


def _set_value(text: str, key: Key, value: Any) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    if text and not text.endswith("\n"):
        text += newline
    lines, found = _lines(text), list(statements(text))
    for statement in found:
        if statement.is_header or key[: len(statement.key)] != statement.key:
            continue
        if statement.key != key:  # an inline table that contains the entry
            inner = _inner_value(text, statement.key)
            value = _set_inner(inner, key[len(statement.key) :], value)
        lines[statement.first - 1 : statement.last] = [_with_value(statement, value)]
        return "".join(lines)
    after, table = _place(found, key)
    entry = f"{_key_text(key[len(table) :])} = {value_text(value)}{newline}"
    if after is not None:
        lines.insert(after, entry)
    elif len(key) == 1:
        begin = next((each.first - 1 for each in found if each.is_header), len(lines))
        while 0 < begin < len(lines) and lines[begin - 1].startswith("#"):
            begin -= 1
        lines[begin:begin] = [entry, newline] if begin < len(lines) else [entry]
    else:
        header = f"[{_key_text(key[:1])}]{newline}"
        entry = f"{_key_text(key[1:])} = {value_text(value)}{newline}"
        lines += [newline, header, entry] if lines else [header, entry]
    return "".join(lines)


def _place(found: list[Statement], key: Key) -> tuple[int | None, Key]:
    """After which line a new entry goes, and in which table; None if nothing like it exists."""
    tables: dict[Key, int] = {}  # the last line of each
    table: Key = ()
    dotted: dict[Key, int] = {}  # the last line of each section written as dotted keys at the top
    for statement in found:
        if statement.is_header:
            table = statement.key
        elif not table and len(statement.key) > 1:
            dotted[statement.key[:1]] = statement.last
        tables[table] = statement.last
    for length in range(len(key) - 1, 0, -1):
        if key[:length] in tables:
            return tables[key[:length]], key[:length]
    if len(key) > 1:
        return dotted.get(key[:1]), ()
    return tables.get(()), ()


def _with_value(statement: Statement, value: Any) -> str:
    """The lines of an entry with another value; a comment after the value stays."""
    assert statement.value_start is not None
    text, before = statement.text, statement.text[: statement.value_start]
    end = text.rstrip()
    for match in _STRING_OR_COMMENT.finditer(end):
        if match[0].startswith("#") and match.end() == len(end):
            end = text[: match.start()]
    rest = text[len(end.rstrip()) :]
    blank = " " if text[statement.value_start :].startswith(" ") else ""
    return f"{before}{blank}{value_text(value)}{rest}"


def _inner_value(text: str, key: Key) -> Any:
    """The value of an entry."""
    value: Any = parse(text)
    for name in key:
        value = value[name]
    return value


def _set_inner(table: Any, key: Key, value: Any) -> Any:
    """The inline table with one entry set."""
    if not key:
        return value
    inner = dict(table) if isinstance(table, dict) else {}
    return inner | {key[0]: _set_inner(inner.get(key[0]), key[1:], value)}


def _remove_inner(table: JsonObject, key: Key) -> None:
    for name in key[:-1]:
        table = table[name]
    del table[key[-1]]


def _key_text(key: Key) -> str:
    return ".".join(name if BARE_KEY.fullmatch(name) else _quote(name) for name in key)


def value_text(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, dict):
        entries = (f"{_key_text((name,))} = {value_text(inner)}" for name, inner in value.items())
        return f"{{ {', '.join(entries)} }}" if value else "{}"
    return str(value)


def _quote(text: str) -> str:
    """A text in TOML's double quotes; JSON escapes all of what TOML does, except DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

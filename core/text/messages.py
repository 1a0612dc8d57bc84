"""Conversations and pairs: records of messages in JSON lines, CSV and TSV.

A pair is a conversation of two messages; its columns also tell the task. A faulty record raises an
`InputError` that names its file and line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import InputError
from core.text.encoding import Encoding, normalize_newlines
from core.text.readers import (
    TextPiece,
    check_text,
    has_suffix,
    is_records,
    parse_json,
    parse_json_object,
    read_lines,
)

ROLES = SYSTEM, USER, ASSISTANT = ("system", "user", "assistant")
TASKS = ANSWER, TRANSLATE, CLASSIFY, CONVERSE, CONTINUE, FILL = (
    "answer",
    "translate",
    "classify",
    "converse",
    "continue",
    "fill",
)
# The columns of a pair, and the task they stand for.
PAIR_COLUMNS: Mapping[tuple[str, str], str] = {
    ("prompt", "completion"): ANSWER,
    ("question", "answer"): ANSWER,
    ("source", "target"): TRANSLATE,
    ("text", "label"): CLASSIFY,
}
UTF_8 = Encoding()
MAX_MESSAGES = 10_000
MAX_LABELS = 100
MAX_FIELD_CHARACTERS = 1 << 24  # of a table; a quote that is never closed ends there
TABLE_SUFFIXES = {".csv": ",", ".tsv": "\t"}
PLAIN_TEXT_HINT = "To read the file as plain text: --format lines"
COLUMNS_HINT = f"Accepted: {'; '.join(map(','.join, PAIR_COLUMNS))}. {PLAIN_TEXT_HINT}"
QUOTES_HINT = "Quote fields that contain quotes or newlines, and double the quotes in them."
MESSAGES_HINT = (
    'Each line must be like {"messages": [{"role": "user", "content": "Hello"}, '
    '{"role": "assistant", "content": "Hi!"}]}.'
)


class Message(NamedTuple):
    """One turn of a conversation; `role` is "system", "user" or "assistant"."""

    role: str
    content: str


class Conversation(NamedTuple):
    """A record: where it begins, and its messages.

    Attributes:
        offset: byte of its file (unpacked) at which it begins.
        line: number, from 1.
        messages: the last is the assistant's.
    """

    offset: int
    line: int
    messages: tuple[Message, ...]


def is_table(path: Path) -> bool:
    """Whether the file is a table of pairs."""
    return has_suffix(path, *TABLE_SUFFIXES)


def _dialect(path: Path) -> dict[str, Any]:
    delimiter = next(mark for end, mark in TABLE_SUFFIXES.items() if has_suffix(path, end))
    return {"delimiter": delimiter, "strict": True}


def read_conversations(path: Path, encoding: Encoding) -> Iterator[Conversation]:
    """Read conversations of a `.jsonl` file, one on each line that is not empty.

    Raises:
        InputError: a line that is no conversation.
    """
    for piece in _read_json_lines(path, encoding):
        location = f"{path}, line {piece.line}"
        value = parse_json_object(location, piece.text, MESSAGES_HINT)
        messages = parse_messages(location, value.get("messages"), encoding)
        if messages[-1].role != ASSISTANT:
            raise InputError(
                f"{location}: the last message is the {messages[-1].role}'s.",
                "The last message must be the assistant's: that is what is learnt.",
            )
        yield Conversation(piece.offset, piece.line, messages)


def read_pairs(path: Path, encoding: Encoding) -> Iterator[Conversation]:
    """Read the pairs of a table with a header, or of the JSON objects of a `.jsonl` file.

    Raises:
        InputError: unknown columns, or a record that is no pair.
    """
    records = _read_table(path, encoding) if is_table(path) else _read_pair_objects(path, encoding)
    for piece, prompt, completion in records:
        messages = (Message(USER, prompt), Message(ASSISTANT, completion))
        yield Conversation(piece.offset, piece.line, messages)


_PairRecord = tuple[TextPiece, str, str]


def _read_json_lines(path: Path, encoding: Encoding) -> Iterator[TextPiece]:
    if not is_records(path):
        raise InputError(
            f"{path} is not a .jsonl file.",
            "Conversations are JSON lines; pairs are those, or a .csv or .tsv table.",
        )
    return (p for p in read_lines(path, encoding) if p.text and not p.text.isspace())


def _read_pair_objects(path: Path, encoding: Encoding) -> Iterator[_PairRecord]:
    columns: tuple[str, str] | None = None
    for piece in _read_json_lines(path, encoding):
        location = f"{path}, line {piece.line}"
        value = parse_json_object(location, piece.text, COLUMNS_HINT)
        found = find_columns(location, list(value))
        columns = columns or found
        if found != columns:
            raise InputError(
                f"{location}: the fields are {' and '.join(found)}.",
                f"Before this line they are {' and '.join(columns)}; use the same everywhere.",
            )
        yield piece, *_check_pair(location, columns, [value[name] for name in columns], encoding)


def _read_table(path: Path, encoding: Encoding) -> Iterator[_PairRecord]:
    """Read the pairs of a CSV or TSV file."""
    rows = _read_rows(path, encoding)
    names, columns = _read_header(path, rows)
    places = [names.index(column) for column in columns]
    for start, row in rows:
        location = f"{path}, line {start.line}"
        if len(row) != len(columns):
            raise InputError(
                f"{location}: {len(row)} fields instead of {len(columns)}.",
                "Quote fields that contain the separator.",
            )
        values = [normalize_newlines(row[place]) for place in places]
        yield start, *_check_pair(location, columns, values, encoding)


_Row = tuple[TextPiece, list[str]]  # its first line, its fields


def _read_rows(path: Path, encoding: Encoding) -> Iterator[_Row]:
    """Read the rows of a table (RFC 4180) but empty ones; a quoted field may contain newlines."""
    starts: list[TextPiece] = []

    def lines() -> Iterator[str]:
        for piece in read_lines(path, encoding):
            starts.append(piece)
            yield piece.text + "\n"

    csv.field_size_limit(MAX_FIELD_CHARACTERS)  # of all readers, there is no other way
    rows = csv.reader(lines(), **_dialect(path))
    while True:
        starts.clear()
        try:
            row = next(rows, None)
        except csv.Error as error:
            line = starts[0].line if starts else 1
            raise InputError(
                f"{path}, line {line}: not a row of a table ({error}).", QUOTES_HINT
            ) from None
        if row is None:
            return
        if row and row != [""]:
            yield starts[0], row


def _read_header(path: Path, rows: Iterator[_Row]) -> tuple[list[str], tuple[str, str]]:
    """Return the names of the columns in the order of the file, and the pair that they are.

    Raises:
        InputError: there is no row, or its columns are none that are accepted.
    """
    first = next(rows, None)
    if first is None:
        raise InputError(f"There is no text in {path}.", "Choose a text with words in it.")
    start, row = first
    names = [name.strip().lower() for name in row]
    return names, find_columns(f"{path}, line {start.line}", names)


def parse_conversation(path: Path, text: str, encoding: Encoding) -> tuple[Message, ...]:
    """Return the messages of one record, from its text in a file.

    Args:
        text: from its first character on, at least to its end.

    Raises:
        InputError: it is no record of this file's kind.
    """
    location = str(path)
    if is_table(path):
        names, columns = _read_header(path, _read_rows(path, encoding))
        try:
            row = next(csv.reader(io.StringIO(text, newline=""), **_dialect(path)), [])
        except csv.Error:
            row = []
        if len(row) != len(columns):
            raise InputError(f"{location}: not a row of a table.", COLUMNS_HINT)
        values: list[Any] = [normalize_newlines(row[names.index(name)]) for name in columns]
    else:
        value = parse_json_object(location, text.partition("\n")[0], MESSAGES_HINT)
        if "messages" in value:
            return parse_messages(location, value["messages"], encoding)
        columns = find_columns(location, list(value))
        values = [value[name] for name in columns]
    prompt, completion = _check_pair(location, columns, values, encoding)
    return Message(USER, prompt), Message(ASSISTANT, completion)


def find_columns(location: str, names: Sequence[str]) -> tuple[str, str]:
    """Return the pair of columns that these names are, in any order.

    Raises:
        InputError: they are none.
    """
    for columns in PAIR_COLUMNS:
        if len(names) == len(columns) and set(names) == set(columns):
            return columns
    listing = ", ".join(repr(name[:40]) for name in islice(names, 8))
    raise InputError(f"{location}: unknown columns {listing}.", COLUMNS_HINT)


def _check_pair(
    location: str, columns: tuple[str, str], values: Sequence[Any], encoding: Encoding
) -> tuple[str, str]:
    """Return prompt and completion without surrounding white space."""
    texts = []
    for name, value in zip(columns, values, strict=True):
        if not isinstance(value, str) or not value.strip():
            raise InputError(f"{location}: no text in {name!r}.", "Fill it in, or remove the line.")
        texts.append(check_text(location, value, encoding).strip())
    return texts[0], texts[1]


def parse_messages(location: str, value: Any, encoding: Encoding = UTF_8) -> tuple[Message, ...]:
    """Return the messages of a JSON list of objects with `role` and `content`.

    The system's message can only be the first; then user and assistant take turns.

    Args:
        location: file and line, for errors.

    Raises:
        InputError: it is no such list.
    """
    if not isinstance(value, list) or not value:
        raise InputError(f'{location}: no list "messages".', MESSAGES_HINT)
    if len(value) > MAX_MESSAGES:
        raise InputError(f"{location}: more than {MAX_MESSAGES:,} messages.", "Split it.")
    messages: list[Message] = []
    for number, item in enumerate(value, 1):
        role = item.get("role") if isinstance(item, dict) else None
        content = item.get("content") if isinstance(item, dict) else None
        where = f"{location}, message {number}"
        if role not in ROLES:
            raise InputError(f"{where}: the role is {role!r}.", f"Roles: {', '.join(ROLES)}.")
        if not isinstance(content, str) or not content.strip():
            raise InputError(f"{where}: no text in 'content'.", MESSAGES_HINT)
        if role not in _roles_after(messages):
            expected = " or ".join(_roles_after(messages))
            raise InputError(
                f"{where}: the {role} speaks where the {expected} would.",
                "One system message at most, first; then user and assistant in turn.",
            )
        messages.append(Message(role, check_text(where, content, encoding).strip()))
    return tuple(messages)


def _roles_after(messages: Sequence[Message]) -> tuple[str, ...]:
    if not messages:
        return (SYSTEM, USER)
    return (ASSISTANT,) if messages[-1].role == USER else (USER,)


def first_record_fields(path: Path, encoding: Encoding) -> list[str] | None:
    """Return the field names of the first JSON object of a `.jsonl` file; None if it is empty.

    Raises:
        InputError: its first line is no JSON object.
    """
    first = next(_read_json_lines(path, encoding), None)
    if first is None:
        return None
    return list(parse_json_object(f"{path}, line {first.line}", first.text, MESSAGES_HINT))


def read_columns(path: Path, encoding: Encoding) -> tuple[str, str]:
    """Return the columns of the first pair of a file.

    Raises:
        InputError: it has none that are accepted.
    """
    if not is_table(path):
        return find_columns(f"{path}, line 1", first_record_fields(path, encoding) or [])
    return _read_header(path, _read_rows(path, encoding))[1]


def messages_to_json(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Return messages as `parse_messages` takes them."""
    return [message._asdict() for message in messages]


def parse_message_text(text: str, location: str) -> tuple[Message, ...]:
    """Return the messages of a JSON text: a list, or an object with `messages`.

    Raises:
        InputError: it is neither.
    """
    value = parse_json(location, text, MESSAGES_HINT)
    return parse_messages(location, value.get("messages") if isinstance(value, dict) else value)

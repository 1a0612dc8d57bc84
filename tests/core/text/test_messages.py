"""Pairs and conversations: what is read, what is refused, and that the error names the line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.text.corpus import Corpus, find_chat_reading, find_task, read_samples
from core.text.encoding import Encoding
from core.text.messages import (
    ASSISTANT,
    SYSTEM,
    USER,
    Message,
    messages_to_json,
    parse_conversation,
    parse_message_text,
    parse_messages,
    read_conversations,
    read_pairs,
)
from core.text.stats import compute_stats
from tests.support.texts import write

UTF_8 = Encoding()
HELLO = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi!"}]
FIELD = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip)


def corpus_of(*paths: Path, **fields: str) -> Corpus:
    return Corpus(name="it", files=paths, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text", "task"),
    [
        ("a.csv", "question,answer\nWhat is it?,A cat.\n", "answer"),
        ("a.csv", "Prompt, Completion\r\nWhat is it?,A cat.\r\n", "answer"),
        ("a.tsv", "source\ttarget\nWhat is it?\tA cat.\n", "translate"),
        ("a.csv", '\ufefflabel,text\n"A cat.",What is it?\n\n', "classify"),
        ("a.jsonl", '{"prompt": "What is it?", "completion": "A cat."}\n\n', "answer"),
        ("a.jsonl", '{"text": "What is it?", "label": "A cat."}', "classify"),
    ],
)
def test_pairs_are_read_from_tables_and_json_lines(
    tmp_path: Path, name: str, text: str, task: str
) -> None:
    encoding = Encoding("utf-8-sig") if text.startswith("\ufeff") else UTF_8
    path = write(tmp_path / name, text)
    corpus = corpus_of(path, encoding=encoding.name)
    (pair,) = read_pairs(path, encoding)
    assert pair.messages == (Message(USER, "What is it?"), Message(ASSISTANT, "A cat."))
    assert pair.line == (1 if name == "a.jsonl" else 2)
    assert find_chat_reading(corpus) == "pairs"
    assert find_task(corpus, "pairs") == task


@given(st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=5))
def test_every_table_that_python_writes_is_read_with_the_line_of_each_record(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    """Quotes, separators and newlines within fields must not shift anything."""
    path = tmp_path_factory.mktemp("tables") / "a.csv"
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("question", "answer"))
    starts = []
    for pair in pairs:
        starts.append(out.getvalue().encode())
        rows.writerow((pair[0] + '\n"', pair[1]))
    path.write_bytes(out.getvalue().encode())
    read = list(read_pairs(path, UTF_8))
    assert [record.offset for record in read] == list(map(len, starts))
    assert [record.line for record in read] == [start.count(b"\n") + 1 for start in starts]
    for record, (question, answer) in zip(read, pairs, strict=True):
        assert [m.content for m in record.messages] == [(question + '\n"').strip(), answer.strip()]
        raw = path.read_bytes()[record.offset :].decode()
        assert parse_conversation(path, raw, UTF_8) == record.messages


def test_a_conversation_may_begin_with_the_system(tmp_path: Path) -> None:
    messages = [{"role": "system", "content": " Be kind. "}, *HELLO]
    path = write(tmp_path / "a.jsonl", f"\n{json.dumps({'messages': messages, 'id': 3})}\n")
    (record,) = read_conversations(path, UTF_8)
    assert record.line == 2
    assert record.messages[0] == Message(SYSTEM, "Be kind.")
    assert [m.role for m in record.messages] == ["system", "user", "assistant"]
    assert find_chat_reading(corpus_of(path)) == "conversations"
    assert parse_message_text(json.dumps(messages), "it") == record.messages
    assert parse_messages("it", messages_to_json(record.messages)) == record.messages


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "a,b\n1,2\n", "line 1: unknown columns 'a', 'b'"),
        ("a.csv", "\n\na,b\n1,2\n", "line 3: unknown columns 'a', 'b'"),
        ("a.csv", "", "There is no text in"),
        ("a.csv", '"question,answer\n1,2\n', "line 1: not a row of a table"),
        ("a.csv", "question,answer\r1,2\r", "line 1: not a row of a table"),
        ("a.csv", "question,answer,source\n1,2,3\n", "line 1: unknown columns 'question'"),
        ("a.csv", "question,answer\n1,2\n3\n", "line 3: 1 fields instead of 2"),
        ("a.csv", 'question,answer\n1,"2\n', "line 2: not a row of a table"),
        ("a.csv", "question,answer\n1,2\n3,\n", "line 3: no text in 'answer'"),
        ("a.jsonl", '{"prompt": "a", "completion": "b"}\n{"text": "x"}', "line 2: unknown columns"),
        (
            "a.jsonl",
            '{"prompt": "a", "completion": "b"}\n{"text": "a", "label": "b"}',
            "line 2: the fields are text and label",
        ),
        ("a.jsonl", '{"prompt": "a", "completion": 3}', "line 1: no text in 'completion'"),
        ("a.jsonl", '{"prompt": "a", "completion": "\\u0000"}', "line 1: the text contains a zero"),
    ],
)
def test_a_broken_pair_is_named_by_its_line(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    path = write(tmp_path / name, text)
    with pytest.raises(InputError, match=message) as caught:
        list(read_pairs(path, UTF_8))
    assert str(path) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "header", ['"question,answer\n1,2\n', 'question,"an"swer\n', "question,answer\r1,2\r", ""]
)
def test_a_broken_header_is_named_before_any_record_is_read(tmp_path: Path, header: str) -> None:
    path = write(tmp_path / "a.csv", header)
    with pytest.raises(InputError, match=str(path)):
        find_chat_reading(corpus_of(path))


def test_a_table_may_have_blank_lines_first_and_long_fields(tmp_path: Path) -> None:
    question = "why " * 50_000
    path = write(tmp_path / "a.csv", f"\n\nquestion,answer\n{question},because\n")
    assert find_chat_reading(corpus_of(path)) == "pairs"
    (pair,) = read_pairs(path, UTF_8)
    assert (pair.line, pair.messages[0].content) == (4, question.strip())


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ("x", 'no list "messages"'),
        ([], 'no list "messages"'),
        ([{"role": "robot", "content": "x"}], "message 1: the role is 'robot'"),
        ([{"role": "user", "content": " "}], "message 1: no text in 'content'"),
        ([{"role": "assistant", "content": "x"}], "the assistant speaks where the system or user"),
        ([*HELLO, HELLO[1]], "message 3: the assistant speaks where the user would"),
        ([*HELLO, {"role": "system", "content": "x"}], "message 3: the system speaks"),
        ([HELLO[0]], "the last message is the user's"),
        ([*HELLO, HELLO[0]], "the last message is the user's"),
        ([3], "message 1: the role is None"),
    ],
)
def test_a_broken_conversation_is_named_by_line_and_message(
    tmp_path: Path, messages: object, message: str
) -> None:
    good, bad = json.dumps({"messages": HELLO}), json.dumps({"messages": messages})
    path = write(tmp_path / "a.jsonl", f"{good}\n{bad}\n")
    with pytest.raises(InputError, match=message) as caught:
        list(read_conversations(path, UTF_8))
    assert f"{path}, line 2" in caught.value.message


def test_files_of_two_kinds_are_refused(tmp_path: Path) -> None:
    pairs = write(tmp_path / "a.csv", "question,answer\n1,2\n")
    text = write(tmp_path / "b.txt", "some text\n")
    with pytest.raises(InputError, match=r"a\.csv is read as pairs, .*b\.txt as text"):
        find_chat_reading(corpus_of(pairs, text))
    assert find_chat_reading(corpus_of(pairs, text, reading="text")) is None
    samples = read_samples(corpus_of(pairs, text, reading="lines"), "lines")
    assert [sample.text for sample in samples] == ["question,answer", "1,2", "some text"]


def test_statistics_of_pairs_have_the_task_and_its_labels(tmp_path: Path) -> None:
    rows = ["good film,good", "bad film,bad", "fine film,good"]
    path = write(tmp_path / "a.csv", "\n".join(["text,label", *rows]))
    stats = compute_stats(corpus_of(path))
    assert (stats.reading, stats.task, stats.labels) == ("pairs", "classify", ("good", "bad"))
    assert stats.lines == 3
    assert stats.reason == "each record is a prompt with its completion"
    many = write(tmp_path / "b.csv", "text,label\n" + "".join(f"a,{n}\n" for n in range(101)))
    with pytest.raises(InputError, match="more than 100 different labels"):
        compute_stats(corpus_of(many))


def test_a_sample_has_its_messages_and_their_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", json.dumps({"messages": HELLO}))
    (sample,) = read_samples(corpus_of(path), "conversations")
    assert sample.text == "Hello\nHi!"
    assert sample.texts == ["Hello", "Hi!"]
    (line,) = read_samples(corpus_of(write(tmp_path / "a.txt", "Hello")), "lines")
    assert line.texts == ["Hello"]

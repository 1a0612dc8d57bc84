"""Where the items of a test come from, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.dataset.token_store import build_tokens
from core.errors import Cancelled, InputError
from core.paths import Home
from core.run import task_items
from core.run.record import read_record
from core.run.task_items import TaskItems, check_has_task, find_items, spread
from core.text import catalog, corpus
from core.text.messages import ASSISTANT, SYSTEM, USER, Message
from core.text.resolve import resolve_corpus
from core.tokenizer.tokenizer import Tokenizer
from tests.support.runs import tiny_run
from tests.support.task_runs import feelings, sums, talk, task_run
from tests.support.texts import write


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(root=tmp_path, cache=tmp_path / "cache")


def record_of(home: Home, name: str, text: str, suffix: str = "csv") -> dict[str, Any]:
    run = task_run(home, name, text, suffix=suffix)
    record: dict[str, Any] = read_record(run)["corpus"]
    return record


def find(home: Home, record: dict[str, Any], file: str | None = None) -> TaskItems:
    return find_items(record, home, resolve_corpus(file, home) if file else None)


def test_without_a_file_the_items_are_those_that_training_keeps_for_validation(home: Home) -> None:
    """Compared with the tokens that training reads."""
    record = record_of(home, "sums", sums())
    found = find(home, record)
    text = catalog.find_by_hash(record["sha256"], home)
    tokenizer = Tokenizer.load(home.runs / "sums")
    tokens = build_tokens(text, "pairs", tokenizer, home)
    assert found.source == "validation"
    # The header is line 1 and the first record line 2.
    assert [item.line - 2 for item in found.items] == tokens.val_samples.tolist()
    assert {item.file for item in found.items} == set(found.files) == {str(text.files[0])}


def test_a_file_comes_first_whatever_its_format(home: Home, tmp_path: Path) -> None:
    record = record_of(home, "sums", sums())
    messages = [
        Message(SYSTEM, "Be brief."),
        Message(USER, "Hello"),
        Message(ASSISTANT, "Hi"),
        Message(USER, "What is 1+1 ?"),
        Message(ASSISTANT, "2"),
    ]
    file = write(tmp_path / "talk.jsonl", "\n" + talk([messages]))
    found = find(home, record, str(file))
    assert (found.source, found.files) == ("file", (str(file),))
    (item,) = found.items
    assert (item.line, item.messages, item.expected) == (2, tuple(messages[:-1]), "2")


def test_the_heldout_file_of_a_bundled_corpus_comes_before_its_validation_part(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bundled"
    write(folder / "feelings" / "corpus.csv", feelings())
    write(folder / "feelings" / "about.toml", 'title = "Feelings"\n')
    heldout = write(folder / "feelings" / "heldout.csv", "text,label\nIt was good .,positive\n")
    monkeypatch.setattr(corpus, "bundled_folder", lambda: folder)
    (bundled,) = corpus.bundled_corpora()
    record = read_record(task_run(home, "mine", "", corpus=bundled))["corpus"]
    found = find(home, record)
    assert (found.source, found.files) == ("heldout", (str(heldout),))
    assert [item.expected for item in found.items] == ["positive"]
    assert found.most_frequent == "positive"
    assert find(home, record, "feelings").files == (str(heldout),), "named: not the text learnt"
    heldout.write_text("text,label\n")
    with pytest.raises(InputError, match="There is no text"):
        find(home, record)
    heldout.rename(heldout.with_suffix(".txt"))  # a held-out text of an older format
    assert find(home, record).source == "validation"


def test_the_most_frequent_reply_is_counted_in_the_training_part(
    home: Home, tmp_path: Path
) -> None:
    record = record_of(home, "feelings", feelings())
    file = write(tmp_path / "others.csv", "text,label\na,bad\nb,bad\nc,bad\n")
    assert find(home, record, str(file)).most_frequent == "positive"
    (home.root / "texts" / "feelings.csv").unlink()
    gone = find(home, record, str(file))
    assert gone.most_frequent == record["labels"][0] == "positive", "as the record says"


def test_of_a_long_training_text_only_the_beginning_is_counted(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = record_of(home, "feelings", feelings())
    file = write(tmp_path / "one.csv", "text,label\na,bad\n")
    monkeypatch.setattr(task_items, "MAX_COUNTED_REPLIES", 10)
    looks: list[int] = []

    def count() -> bool:
        looks.append(1)
        return False

    found = find_items(record, home, resolve_corpus(str(file), home), count)
    assert found.most_frequent == "positive"
    assert len(looks) == 10 + 1 + 1, "ten records, the one after them, and the file's"


def test_a_text_that_is_not_split_needs_a_file(home: Home) -> None:
    record = record_of(home, "few", sums(199))
    with pytest.raises(InputError, match="held out") as refusal:
        find(home, record)
    assert "minigpt-tui test RUN FILE" in refusal.value.hint


def test_a_text_that_is_gone_needs_a_file(home: Home) -> None:
    record = record_of(home, "sums", sums())
    (home.root / "texts" / "sums.csv").unlink()
    with pytest.raises(InputError, match="no longer there") as refusal:
        find(home, record)
    assert "minigpt-tui test RUN FILE" in refusal.value.hint


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "one,two\n1,2\n", "line 1: unknown columns 'one', 'two'"),
        ("a.csv", "", "There is no text in"),
        ("a.csv", "question,answer\n", "There is no text in"),
        ("a.jsonl", "", "There is no text in"),
        ("a.jsonl", '{"text": "a line"}\n', "no pairs or conversations"),
        ("a.txt", "just a text\n", "no pairs or conversations"),
        ("a.tsv", "source\ttarget\nle chat\n", "line 2: 1 fields instead of 2"),
        ("a.jsonl", '{"messages": [{"role": "user", "content": "Hi"}]}\n', "the last message is"),
    ],
)
def test_files_without_items_are_refused_by_name(
    home: Home, tmp_path: Path, name: str, text: str, message: str
) -> None:
    record = record_of(home, "sums", sums())
    file = write(tmp_path / "other" / name, text)
    with pytest.raises(InputError, match="a\\.") as refusal:
        find(home, record, str(file))
    assert message in str(refusal.value)


def test_a_run_that_continues_texts_is_told_what_to_do_instead(home: Home) -> None:
    record = read_record(tiny_run(home, "words"))
    with pytest.raises(InputError, match="words continues texts") as refusal:
        check_has_task("words", record["corpus"])
    assert "minigpt-tui score words FILE" in refusal.value.hint


def test_reading_items_can_be_cancelled(home: Home) -> None:
    record = record_of(home, "sums", sums())
    looks = iter([False, False, True])
    with pytest.raises(Cancelled):
        find_items(record, home, cancelled=lambda: next(looks))


def test_a_limit_takes_items_from_the_whole_file() -> None:
    assert spread(range(10), 4) == [0, 2, 5, 7]
    assert spread(range(3), 7) == [0, 1, 2]
    assert spread(range(3), None) == [0, 1, 2]

"""Previews: counts and warnings, and how little of a large text is read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config.configs import TrainConfig
from core.config.planner import choose_tokenizer
from core.dataset import preview as preview_module
from core.dataset.preview import (
    LONG_LINE_CHARACTERS,
    PREVIEW_CHARACTERS,
    SHOWN_LINES,
    Preview,
    preview,
)
from core.dataset.token_store import build_tokens
from core.errors import Cancelled, InputError
from core.paths import find_home
from core.text import readers
from core.text.corpus import Corpus, bundled_corpora, read_samples
from core.text.encoding import Encoding
from core.text.readers import TextPiece
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.train import train_tokenizer
from core.train.prepare import measure_tokens
from tests.support.bundled_texts import NAMES, TASKS_OF_CORPORA, samples_of
from tests.support.texts import corpus_of_file, corpus_of_text, write

WORDS = "the cat sat on the mat and the dog ran to the door of the house\n"


@pytest.fixture(scope="module")
def previews() -> dict[str, Preview]:
    """A preview of every bundled text."""
    return {corpus.name: preview(corpus) for corpus in bundled_corpora()}


def test_every_bundled_text_has_a_preview(previews: dict[str, Preview]) -> None:
    assert set(previews) == set(NAMES)


@pytest.mark.parametrize("name", TASKS_OF_CORPORA)
def test_counts_of_bundled_records_are_right(name: str, previews: dict[str, Preview]) -> None:
    result, samples = previews[name], samples_of(name)
    words = [word for sample in samples for word in sample.text.split()]
    assert result.complete is (sum(len(s.text) for s in samples) <= PREVIEW_CHARACTERS)
    assert result.task == TASKS_OF_CORPORA[name]
    if result.complete:
        assert result.lines == len(samples)
        assert (result.words, result.distinct_words) == (len(words), len(set(words)))
    assert 0 < result.vocab_size < result.tokens
    assert not any("memorise" in warning for warning in result.warnings)


@pytest.mark.parametrize("name", ["lang", "stories"])
def test_counts_of_bundled_texts_are_right(name: str, previews: dict[str, Preview]) -> None:
    result = previews[name]
    corpus = next(c for c in bundled_corpora() if c.name == name)
    text = corpus.files[0].read_text(encoding="utf-8")
    assert result.size == corpus.files[0].stat().st_size
    assert result.reading == corpus.reading
    assert result.tokenizer_reason == f"{corpus.tokenizer} (suits this corpus)"
    assert result.complete is (len(text) <= PREVIEW_CHARACTERS)
    beginning = text[: result.characters]
    assert result.characters == len(beginning) > 0
    assert (result.words, result.distinct_words) == (
        len(beginning.split()),
        len(set(beginning.split())),
    )
    assert result.lines == sum(bool(line.strip()) for line in beginning.split("\n"))
    assert 0 < result.vocab_size < result.tokens
    assert all("".join(tokens).strip() for tokens in result.token_lines)
    assert any("memorise" in w for w in result.warnings) is (result.words < 2000)


def test_a_clean_text_has_no_warnings(tmp_path: Path) -> None:
    """Warnings about everything would be ignored."""
    lines = "".join(f"line {n} of many: na\u00efve caf\u00e9 \u2019\n" for n in range(600))
    assert preview(corpus_of_text(tmp_path / "fine.txt", lines)).warnings == ()


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("a few words\nand more\n", "Small text: the model will memorise it"),
        ("word " * 3000, "A single line of 14,999 characters: are the newlines missing?"),
        ("caf\u00c3\u00a9 or na\ufffdve\n", "2 places look wrongly decoded: check the encoding"),
        ("don\u00e2\u20ac\u2122t\n", "1 place looks wrongly decoded: check the encoding"),
        (WORDS * 300, "299 of 300 lines are duplicates"),
    ],
)
def test_problems_of_a_text_give_warnings(tmp_path: Path, text: str, warning: str) -> None:
    """Without them an afternoon of training could go into a damaged text."""
    result = preview(corpus_of_text(tmp_path / "text.txt", text))
    assert warning in result.warnings


def test_a_text_without_blanks_is_not_small_for_its_few_words(tmp_path: Path) -> None:
    """61,194 Chinese characters in 900 lines were "900 words: the model will memorise it"."""
    lines = "".join(
        "".join(chr(0x4E00 + (n * 67 + k) % 5000) for k in range(67)) + "\n" for n in range(900)
    )
    assert preview(corpus_of_text(tmp_path / "zh.txt", lines)).warnings == ()
    small = preview(corpus_of_text(tmp_path / "small.txt", lines[:3000]))
    assert small.warnings == ("Small text: the model will memorise it",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(range(256)), "is not text: zero byte"),
        (b"caf\xe9 au lait\n" * 9, "is not utf-8"),
        (b"", "There is no text"),
        (b" \n\t\n", "There is no text"),
    ],
)
def test_files_that_are_not_text_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """A picture gives neither a traceback nor a model."""
    with pytest.raises(InputError, match=message):
        preview(corpus_of_text(tmp_path / "odd.txt", content))
    with pytest.raises(InputError, match="cannot be read"):
        preview(corpus_of_file(tmp_path / "missing.txt"))


def test_only_the_beginning_of_a_large_text_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Selecting a large file in the list must not take minutes."""
    corpus = corpus_of_text(tmp_path / "large.txt", WORDS * (3_000_000 // len(WORDS)))
    pieces: list[TextPiece] = []

    def chunks(path: Path, encoding: Encoding) -> Iterator[TextPiece]:
        for piece in readers.read_chunks(path, encoding):
            pieces.append(piece)
            yield piece

    monkeypatch.setattr(preview_module, "read_chunks", chunks)
    result = preview(corpus, settings=TrainConfig(tokenizer="word"))
    assert sum(len(piece.text) for piece in pieces) < 1.1 * PREVIEW_CHARACTERS
    assert (result.complete, result.size) == (False, corpus.size)
    lines = 3_000_000 / len(WORDS)
    assert result.samples == pytest.approx(lines, rel=0.001)
    assert result.tokens == pytest.approx(lines * len(WORDS.split()), rel=0.001)
    assert result.warnings[-1] == ("Preview of the first 1 M characters; training uses all")


def test_only_the_beginning_of_a_very_long_line_is_shown(tmp_path: Path) -> None:
    """The screen must not get a million tokens."""
    result = preview(corpus_of_text(tmp_path / "line.txt", "word " * 30_000))
    assert result.longest_line > LONG_LINE_CHARACTERS
    assert (result.reading, result.lines, len(result.token_lines)) == ("text", 1, 1)
    assert len(result.token_lines[0]) <= preview_module.SHOWN_TOKENS


def test_a_long_text_shows_its_first_lines(tmp_path: Path) -> None:
    corpus = corpus_of_text(tmp_path / "text.txt", WORDS * 100)
    result = preview(corpus, settings=TrainConfig(tokenizer="word"))
    assert len(result.token_lines) == SHOWN_LINES
    assert list(result.token_lines[0]) == WORDS.split()


@pytest.mark.parametrize("between", ["\u2028", "\x0b", "\x0c", "\x1c", "\x85", "\r"])
def test_lines_are_split_as_in_training(tmp_path: Path, between: str) -> None:
    """Only LF ends a line; other line separators of Unicode do not."""
    corpus = corpus_of_text(tmp_path / "text.txt", f"one{between}two\nthree\r\n\nfour")
    result = preview(corpus)
    samples = list(read_samples(corpus, "lines"))
    assert (result.lines, result.longest_line) == (len(samples), max(len(s.text) for s in samples))
    assert result.samples == 3


def test_a_record_counts_as_one_line(tmp_path: Path) -> None:
    """Even if it contains newlines."""
    texts = ["one\ntwo\nthree", "four", "four"]
    path = write(tmp_path / "r.jsonl", "".join(json.dumps({"text": t}) + "\n" for t in texts))
    result = preview(corpus_of_file(path))
    assert (result.reading, result.lines, result.samples, result.duplicate_lines) == (
        "lines",
        3,
        3,
        1,
    )
    assert result.longest_line == len(texts[0])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_extrapolation_does_not_depend_on_the_encoding(
    tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two bytes per character must not halve the estimate."""
    monkeypatch.setattr(preview_module, "PREVIEW_CHARACTERS", 100_000)
    text = "déjà vu à la carte très très bien\n" * 5_000
    path = write(tmp_path / f"{encoding}.txt", text.encode(encoding))
    result = preview(corpus_of_file(path, encoding=encoding))
    assert not result.complete
    assert result.samples == pytest.approx(5_000, rel=0.001)


@pytest.mark.parametrize("length", [100, 3000])
def test_records_are_extrapolated_by_their_bytes(
    tmp_path: Path, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Braces, quotes and other fields count as bytes of the file."""
    monkeypatch.setattr(preview_module, "PREVIEW_CHARACTERS", 50 * length)
    record = json.dumps({"text": "ab " * (length // 3), "source": "where it came from"}) + "\n"
    result = preview(corpus_of_file(write(tmp_path / "r.jsonl", record * 300)))
    assert not result.complete
    assert result.samples == pytest.approx(300, rel=0.03)


def test_lines_do_not_continue_in_the_next_file(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.txt", f"end of {n}") for n in range(3)]
    corpus = Corpus(name="many", files=tuple(paths))
    result = preview(corpus)
    assert result.lines == len(list(read_samples(corpus, "lines"))) == 3


def test_a_chosen_tokenizer_is_used(tmp_path: Path) -> None:
    """The preview must show the tokens of the training."""
    corpus = corpus_of_text(tmp_path / "text.txt", WORDS * 40)
    result = preview(corpus, settings=TrainConfig(tokenizer="char"))
    assert result.tokenizer_reason == "char (your choice)"
    assert result.token_lines[0][:3] == ("t", "h", "e")
    assert result.facts.longest == len(WORDS.rstrip()) + 2


def test_a_preview_can_be_cancelled(tmp_path: Path) -> None:
    """Selecting another text ends the preview of the previous one."""
    corpus: Corpus = corpus_of_text(tmp_path / "text.txt", WORDS)
    with pytest.raises(Cancelled):
        preview(corpus, lambda: True)


def write_pairs(path: Path, header: str, count: int) -> Corpus:
    """A table of so many pairs: whether a number is even."""
    rows = "".join(f'"Is {n} even, please?",{"odd" if n % 2 else "even"}\n' for n in range(count))
    return corpus_of_text(path, f"{header}\n{rows}")


def write_conversations(path: Path, count: int) -> Corpus:
    """Conversations of two exchanges; every third begins with a message of the system."""
    records = []
    for n in range(count):
        system = [{"role": "system", "content": "Be kind."}] if n % 3 == 0 else []
        turns = [
            {"role": role, "content": content}
            for role, content in (
                ("user", f"I have {n} cats."),
                ("assistant", "How nice!"),
                ("user", "How many have I?"),
                ("assistant", f"You have {n}."),
            )
        ]
        records.append(json.dumps({"messages": [*system, *turns]}) + "\n")
    return corpus_of_text(path, "".join(records))


def test_a_preview_of_pairs_shows_format_task_labels_and_roles(tmp_path: Path) -> None:
    result = preview(write_pairs(tmp_path / "parity.csv", "text,label", 300))
    assert (result.reading, result.task) == ("pairs", "classify")
    assert set(result.labels) == {"even", "odd"}
    assert (result.lines, result.samples, result.complete) == (300, 300, True)
    first = result.token_lines[0]
    end = first.index("<|end|>")
    assert first[0] == "<|user|>"
    assert "".join(first[1:end]) == "Is 0 even, please?"
    assert (first[end + 1], "".join(first[end + 2 : -1]), first[-1]) == (
        "<|assistant|>",
        "even",
        "<|end|>",
    )


def test_a_preview_of_conversations_counts_records_and_shows_their_system(tmp_path: Path) -> None:
    result = preview(write_conversations(tmp_path / "cats.jsonl", 250))
    assert (result.reading, result.task, result.labels) == ("conversations", "converse", ())
    assert (result.lines, result.duplicate_lines) == (250, 0)
    assert result.token_lines[0][0] == "<|system|>"
    assert result.token_lines[1][0] == "<|user|>"
    assert result.token_lines[1].count("<|end|>") == 4


@pytest.mark.parametrize("kind", ["bpe", "word", "char"])
@pytest.mark.parametrize("name", ["pairs.csv", "cats.jsonl"])
def test_the_facts_of_a_preview_are_those_of_training(kind: str, name: str, tmp_path: Path) -> None:
    """The forecast counts roles, ends and <sos>, and only the part that is trained on."""
    is_table = name.endswith(".csv")
    path = tmp_path / name
    corpus = (
        write_pairs(path, "question,answer", 400) if is_table else write_conversations(path, 400)
    )
    config = TrainConfig(tokenizer=kind)
    result = preview(corpus, settings=config)
    size = choose_tokenizer(config, result.text_facts).vocab_size
    tokenizer = train_tokenizer(corpus, result.reading, kind, size).tokenizer
    tokens = build_tokens(corpus, result.reading, tokenizer, find_home(tmp_path / "home"))
    assert result.vocab_size == tokenizer.vocab_size
    assert result.tokens == len(tokens.ids)
    assert result.facts == measure_tokens(tokens)


def test_a_text_run_as_parent_gets_the_tokens_of_the_roles(tmp_path: Path) -> None:
    parent = Tokenizer.train("bpe", ["What is this, please?"], 300)
    corpus = write_pairs(tmp_path / "parity.csv", "text,label", 300)
    result = preview(corpus, tokenizer=parent)
    assert result.vocab_size == result.facts.vocab_size == parent.vocab_size + 3
    assert result.token_lines[0][0] == "<|user|>"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "name,age\nAnn,5\n", "a.csv, line 1: unknown columns 'name', 'age'"),
        ("a.csv", "text,label\nfine,good\nbad\n", "a.csv, line 3: 1 fields instead of 2"),
        ("a.csv", "text,label\nfine,good\nbad,\n", "a.csv, line 3: no text in 'label'"),
        ("a.jsonl", '{"prompt": "a", "completion": "b"}\n\n{"prompt": 1}\n', "a.jsonl, line 3"),
        ("a.jsonl", '{"messages": []}\n', 'a.jsonl, line 1: no list "messages"'),
    ],
)
def test_a_broken_record_is_named_by_its_line(
    name: str, text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        preview(corpus_of_text(tmp_path / name, text))
    assert message in caught.value.message


def test_only_the_beginning_of_many_pairs_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_module, "PREVIEW_CHARACTERS", 5_000)
    result = preview(write_pairs(tmp_path / "many.csv", "prompt,completion", 3_000))
    assert not result.complete
    assert result.lines < 300
    assert result.samples == pytest.approx(3_000, rel=0.06)


def test_a_table_can_be_read_as_plain_lines(tmp_path: Path) -> None:
    """The way out for a table with other columns."""
    corpus = corpus_of_text(tmp_path / "a.csv", "name,age\nAnn,5\nBen,7\n")
    result = preview(dataclasses.replace(corpus, reading="lines"))
    assert (result.reading, result.task, result.lines) == ("lines", "continue", 3)

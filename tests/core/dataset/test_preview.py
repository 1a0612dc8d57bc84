"""The look into a text: what it counts and warns of, how little of a large one it reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config.configs import TrainConfig
from core.dataset import preview as looking
from core.dataset.preview import (
    LONG_LINE_CHARACTERS,
    PREVIEW_CHARACTERS,
    SHOWN_LINES,
    Preview,
    preview,
)
from core.errors import Cancelled, InputError
from core.text import readers
from core.text.corpus import Corpus, bundled_corpora, read_samples
from core.text.encoding import Encoding
from core.text.readers import TextPiece
from tests.support.bundled_texts import NAMES
from tests.support.texts import corpus_of_file, corpus_of_text, write

WORDS = "the cat sat on the mat and the dog ran to the door of the house\n"


@pytest.fixture(scope="module")
def shelf() -> dict[str, Preview]:
    """Every bundled text, looked into once."""
    return {corpus.name: preview(corpus) for corpus in bundled_corpora()}


def test_the_shelf_is_looked_into(shelf: dict[str, Preview]) -> None:
    assert set(shelf) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_bundled_texts_are_counted_as_they_are(name: str, shelf: dict[str, Preview]) -> None:
    """A number on the screen that is another text's."""
    found = shelf[name]
    corpus = next(c for c in bundled_corpora() if c.name == name)
    text = corpus.files[0].read_text(encoding="utf-8")
    assert found.size == corpus.files[0].stat().st_size
    assert found.reading == corpus.reading
    assert found.tokenizer_reason == f"{corpus.tokenizer} (suits this corpus)"
    assert found.complete is (len(text) <= PREVIEW_CHARACTERS)
    seen = text[: found.characters]
    assert found.characters == len(seen) > 0
    assert (found.words, found.distinct_words) == (len(seen.split()), len(set(seen.split())))
    assert found.lines == sum(bool(line.strip()) for line in seen.split("\n"))
    assert 0 < found.vocab_size < found.tokens
    assert all("".join(pieces).strip() for pieces in found.token_lines)
    assert any("doubles" in w or "recite" in w for w in found.warnings) is (found.words < 2000)


def test_small_and_clean_texts_say_nothing_else(tmp_path: Path) -> None:
    """A warning on everything, which nobody reads any more."""
    lines = "".join(f"line {n} of many: na\u00efve caf\u00e9 \u2019\n" for n in range(600))
    assert preview(corpus_of_text(tmp_path / "fine.txt", lines)).warnings == ()


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("a few words\nand more\n", "5 words are few: it will recite them"),
        ("word " * 3000, "one line of 14,999 characters: a file without line ends?"),
        ("caf\u00c3\u00a9 or na\ufffdve\n", "2 places look like another encoding"),
        ("don\u00e2\u20ac\u2122t\n", "1 place looks like another encoding"),
        (WORDS * 300, "299 of 300 lines stood there before"),
    ],
)
def test_what_one_should_know_is_said(tmp_path: Path, text: str, warning: str) -> None:
    """An afternoon of training on a text that was broken on the way."""
    found = preview(corpus_of_text(tmp_path / "text.txt", text))
    assert any(said.startswith(warning) for said in found.warnings), found.warnings


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (bytes(range(256)), "is not text: zero byte"),
        (b"caf\xe9 au lait\n" * 9, "is not utf-8"),
        (b"", "There is no text"),
        (b" \n\t\n", "There is no text"),
    ],
)
def test_what_is_no_text_is_refused_in_words(tmp_path: Path, content: bytes, says: str) -> None:
    """A traceback for a picture, or a model of one."""
    with pytest.raises(InputError, match=says):
        preview(corpus_of_text(tmp_path / "odd.txt", content))
    with pytest.raises(InputError, match="cannot be read"):
        preview(corpus_of_file(tmp_path / "missing.txt"))


def test_a_large_text_is_only_looked_at_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that stands still for minutes because one walked over a large file."""
    corpus = corpus_of_text(tmp_path / "large.txt", WORDS * (3_000_000 // len(WORDS)))
    read: list[TextPiece] = []
    whole = readers.read_chunks

    def chunks(path: Path, encoding: Encoding) -> Iterator[TextPiece]:
        for piece in whole(path, encoding):
            read.append(piece)
            yield piece

    monkeypatch.setattr(looking, "read_chunks", chunks)
    found = preview(corpus, settings=TrainConfig(tokenizer="word"))
    assert sum(len(piece.text) for piece in read) < 1.1 * PREVIEW_CHARACTERS
    assert (found.complete, found.size) == (False, corpus.size)
    lines = 3_000_000 / len(WORDS)
    assert found.samples == pytest.approx(lines, rel=0.001)
    assert found.tokens == pytest.approx(lines * (len(WORDS.split()) + 1), rel=0.001)
    assert found.warnings[-1] == "only the first 1,000,000 characters were looked at here"


def test_a_line_without_an_end_is_shown_in_part(tmp_path: Path) -> None:
    """A screen that takes a million tokens."""
    found = preview(corpus_of_text(tmp_path / "line.txt", "word " * 30_000))
    assert found.longest_line > LONG_LINE_CHARACTERS
    assert (found.reading, found.lines, len(found.token_lines)) == ("text", 1, 1)
    assert len(found.token_lines[0]) <= looking.SHOWN_TOKENS


def test_a_long_text_shows_its_first_lines(tmp_path: Path) -> None:
    found = preview(corpus_of_text(tmp_path / "text.txt", WORDS * 100))
    assert len(found.token_lines) == SHOWN_LINES
    assert list(found.token_lines[0]) == WORDS.split()


@pytest.mark.parametrize("between", ["\u2028", "\x0b", "\x0c", "\x1c", "\x85", "\r"])
def test_lines_end_where_those_of_the_training_do(tmp_path: Path, between: str) -> None:
    """Twice the lines that are trained on, for signs that end no line there."""
    corpus = corpus_of_text(tmp_path / "text.txt", f"one{between}two\nthree\r\n\nfour")
    found = preview(corpus)
    trained = list(read_samples(corpus, "lines"))
    assert (found.lines, found.longest_line) == (len(trained), max(len(s.text) for s in trained))
    assert found.samples == 3


def test_a_record_is_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    """A poem of a record counted as its lines, each the length of a sample."""
    texts = ["one\ntwo\nthree", "four", "four"]
    path = write(tmp_path / "r.jsonl", "".join(json.dumps({"text": t}) + "\n" for t in texts))
    found = preview(corpus_of_file(path))
    assert (found.reading, found.lines, found.samples, found.duplicate_lines) == ("lines", 3, 3, 1)
    assert found.longest_line == len(texts[0])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_what_is_reckoned_does_not_depend_on_the_encoding(
    tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text of two bytes a character taken for half its size."""
    monkeypatch.setattr(looking, "PREVIEW_CHARACTERS", 100_000)
    text = "déjà vu à la carte très très bien\n" * 5_000
    path = write(tmp_path / f"{encoding}.txt", text.encode(encoding))
    found = preview(corpus_of_file(path, encoding=encoding))
    assert not found.complete
    assert found.samples == pytest.approx(5_000, rel=0.001)


@pytest.mark.parametrize("length", [100, 3000])
def test_records_are_reckoned_by_their_bytes(
    tmp_path: Path, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer records than there are, because their braces and quotes were not counted."""
    monkeypatch.setattr(looking, "PREVIEW_CHARACTERS", 50 * length)
    record = json.dumps({"text": "ab " * (length // 3), "source": "where it came from"}) + "\n"
    found = preview(corpus_of_file(write(tmp_path / "r.jsonl", record * 300)))
    assert not found.complete
    assert found.samples == pytest.approx(300, rel=0.03)


def test_several_files_are_read_one_by_one(tmp_path: Path) -> None:
    """The last line of a file joined to the first of the next."""
    paths = [write(tmp_path / f"{n}.txt", f"end of {n}") for n in range(3)]
    corpus = Corpus(name="many", files=tuple(paths))
    found = preview(corpus)
    assert found.lines == len(list(read_samples(corpus, "lines"))) == 3


def test_a_tokenizer_that_was_chosen_is_taken(tmp_path: Path) -> None:
    """A preview of other tokens than those of the training."""
    corpus = corpus_of_text(tmp_path / "text.txt", WORDS * 40)
    found = preview(corpus, settings=TrainConfig(tokenizer="char"))
    assert found.tokenizer_reason == "char (your choice)"
    assert found.token_lines[0][:3] == ("t", "h", "e")
    assert found.longest_tokens == len(WORDS.rstrip()) + 2


def test_it_stops_where_it_is_told(tmp_path: Path) -> None:
    """Work for a text that nobody looks at any more."""
    corpus: Corpus = corpus_of_text(tmp_path / "text.txt", WORDS)
    with pytest.raises(Cancelled):
        preview(corpus, lambda: True)

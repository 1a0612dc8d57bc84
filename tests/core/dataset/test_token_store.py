"""Tokens of a text: what is stored, where each comes from, how they are split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.dataset.token_store import TokenFile, build_tokens, split_line_samples, split_text_tokens
from core.paths import Home, find_home
from core.text.corpus import Corpus, read_samples
from core.text.readers import CHUNK_BYTES
from core.text.validation import is_validation_line
from core.tokenizer.special_tokens import EOS, SOS
from core.tokenizer.tokenizer import Tokenizer
from tests.support.texts import corpus_of_text

WORDS = Tokenizer.train("word", ["a b c d e", " ".join(str(n) for n in range(1000))])
BPE = Tokenizer.train("bpe", ["the cat sat on the mat. The dog!\n"] * 20, 290)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path / "home")


def ids_of(tokens: TokenFile, sample: int) -> list[int]:
    begin, end = tokens.starts[sample : sample + 2]
    return [int(id) for id in tokens.ids[begin:end]]


def test_lines_are_enclosed_in_sos_and_eos(tmp_path: Path, home: Home) -> None:
    """One sample per line, as in the tutorial."""
    tokens = build_tokens(
        corpus_of_text(tmp_path / "a.txt", "a b\n\n c a \n"), "lines", WORDS, home
    )
    assert ids_of(tokens, 0) == [SOS, 3, 4, EOS]
    assert ids_of(tokens, 1) == [SOS, 5, 3, EOS]
    assert tokens.starts.tolist() == [0, 4, 8]
    assert tokens.offsets.tolist() == [0, 5]
    assert (tokens.longest, tokens.reading) == (4, "lines")
    assert tokens.ids.dtype == np.dtype(np.uint16)
    assert tokens.vocab_size == WORDS.vocab_size


def test_documents_end_with_eos(tmp_path: Path, home: Home) -> None:
    """A file is a document, and so is a record; there is no <sos>."""
    first = corpus_of_text(tmp_path / "a.txt", "a b\n\nc\n").files[0]
    second = corpus_of_text(tmp_path / "b.jsonl", '{"text": "d"}\n{"text": "e\\na"}\n').files[0]
    tokens = build_tokens(Corpus(name="ab", files=(first, second)), "text", WORDS, home)
    assert tokens.ids.tolist() == [3, 4, 5, EOS, 6, EOS, 7, 3, EOS]
    assert tokens.first_samples == (0, 1)


@settings(max_examples=30)
@given(text=st.text(alphabet="the cat.\n\r你🙂", min_size=1, max_size=80), size=st.integers(2, 9))
def test_tokens_are_those_of_the_whole_text(
    tmp_path_factory: pytest.TempPathFactory, text: str, size: int
) -> None:
    """Cutting a large text into parts must not change its tokens."""
    assume(text.strip())
    folder = tmp_path_factory.mktemp("parts")
    repeated = (text + " x") * (CHUNK_BYTES * 2 // len(text) // size)
    tokens = build_tokens(
        corpus_of_text(folder / "a.txt", repeated), "text", BPE, find_home(folder / "home")
    )
    assert len(tokens.starts) > 1
    assert tokens.ids.tolist() == [*BPE.encode(repeated.replace("\r\n", "\n")), EOS]


def test_a_large_vocabulary_needs_four_bytes_per_id(tmp_path: Path, home: Home) -> None:
    """Ids beyond 65,535 must not wrap around."""
    text = " ".join(f"w{n}" for n in range(70_000))
    large = Tokenizer.train("word", [text])
    tokens = build_tokens(corpus_of_text(tmp_path / "a.txt", text), "text", large, home)
    assert tokens.ids.dtype == np.uint32
    assert tokens.ids.tolist() == [*range(3, 70_003), EOS]


@pytest.mark.parametrize("reading", ["lines", "text"])
def test_a_token_is_traced_to_its_source(tmp_path: Path, home: Home, reading: str) -> None:
    """File, byte and sample of any token; an empty file counts as a file."""
    texts = ["a b\nb c\n", "", "d\n" + "e " * 40_000]
    files = tuple(
        corpus_of_text(tmp_path / f"{n}.txt", text).files[0] for n, text in enumerate(texts)
    )
    whole = Corpus(name="all", files=files)
    tokens = build_tokens(whole, reading, WORDS, home)
    for number, sample in enumerate(read_samples(whole, reading)):
        for token in (tokens.starts[number], tokens.starts[number + 1] - 1):
            assert tokens.locate(int(token)) == (sample.file, sample.offset, number)
        raw = files[sample.file].read_bytes()
        assert raw[sample.offset :].startswith(sample.text.encode())


def test_a_corpus_of_one_word_works(tmp_path: Path, home: Home) -> None:
    """There is something to train on and no validation."""
    for reading, ids in (("lines", [SOS, 3, EOS]), ("text", [3, EOS])):
        tokens = build_tokens(corpus_of_text(tmp_path / "a.txt", "a"), reading, WORDS, home)
        assert tokens.ids.tolist() == ids
        assert not tokens.has_validation


def test_equal_lines_are_in_the_same_part(tmp_path: Path, home: Home) -> None:
    """A training line would make the validation loss too low."""
    text = "\n".join(f"{n % 300} a" for n in range(3000))
    tokens = build_tokens(corpus_of_text(tmp_path / "a.txt", text), "lines", WORDS, home)
    parts = {
        name: {tuple(ids_of(tokens, int(n))) for n in numbers}
        for name, numbers in (("train", tokens.train_samples), ("val", tokens.val_samples))
    }
    assert not parts["train"] & parts["val"]
    assert len(tokens.train_samples) + len(tokens.val_samples) == 3000
    assert 0.05 < len(tokens.val_samples) / 3000 < 0.2
    assert tokens.has_validation
    assert tokens.note == ""


def test_the_part_of_a_line_never_changes() -> None:
    """A resumed run, or a text with added lines, must not train on validation lines."""
    assert [n for n in range(60) if is_validation_line(f"line {n}")] == [
        2,
        14,
        22,
        27,
        46,
        50,
        53,
        54,
    ]


def test_few_lines_are_not_split() -> None:
    """A loss from two sentences means nothing; a note explains it."""
    flags = np.zeros(199, np.uint8)
    flags[:20] = 1
    split = split_line_samples(flags)
    assert split.train_samples.tolist() == list(range(199))
    assert len(split.val_samples) == 0
    assert "only 199 lines" in split.note
    assert "only 199 pairs" in split_line_samples(flags, "pairs").note
    assert len(split_line_samples(np.append(flags, np.uint8(0))).val_samples) == 20


@pytest.mark.parametrize("value", [0, 1])
def test_equal_lines_only_are_all_for_training(value: int) -> None:
    """One line a thousand times gives no validation, and never an empty training part."""
    split = split_line_samples(np.full(1000, value, np.uint8))
    assert (len(split.train_samples), len(split.val_samples)) == (1000, 0)
    assert "too few distinct" in split.note


@pytest.mark.parametrize(
    ("count", "train", "val"),
    [
        (9999, (0, 9999), (0, 0)),
        (10_000, (0, 9000), (9000, 10_000)),
        (10_009, (0, 9009), (9009, 10_009)),
    ],
)
def test_the_last_tenth_of_a_text_is_for_validation(
    count: int, train: tuple[int, int], val: tuple[int, int]
) -> None:
    """Below ten thousand tokens there is none, and a note."""
    split = split_text_tokens(count)
    assert (split.train_span, split.val_span) == (train, val)
    assert bool(split.note) == (count < 10_000)

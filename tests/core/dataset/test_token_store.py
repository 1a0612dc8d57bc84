"""Tokens of a text: what is stored, where each stands, how they are split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.dataset.token_files import is_validation_line
from core.dataset.token_store import TokenFile, build_tokens, split_line_samples, split_text_tokens
from core.paths import Home, find_home
from core.text.corpus import Corpus, read_samples
from core.text.readers import CHUNK_BYTES
from core.tokenizer.special_tokens import EOS, SOS
from core.tokenizer.tokenizer import Tokenizer
from tests.support.texts import corpus_of_text

WORDS = Tokenizer.train("word", ["a b c d e", " ".join(str(n) for n in range(1000))])
BPE = Tokenizer.train("bpe", ["the cat sat on the mat. The dog!\n"] * 20, 290)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path / "home")


def ids_of(found: TokenFile, sample: int) -> list[int]:
    begin, end = found.starts[sample : sample + 2]
    return [int(id) for id in found.ids[begin:end]]


def test_lines_stand_between_sos_and_eos(tmp_path: Path, home: Home) -> None:
    """One sample a line, as the tutorial trains."""
    found = build_tokens(corpus_of_text(tmp_path / "a.txt", "a b\n\n c a \n"), "lines", WORDS, home)
    assert ids_of(found, 0) == [SOS, 3, 4, EOS]
    assert ids_of(found, 1) == [SOS, 5, 3, EOS]
    assert found.starts.tolist() == [0, 4, 8]
    assert found.offsets.tolist() == [0, 5]
    assert (found.longest, found.reading) == (4, "lines")
    assert found.ids.dtype == np.dtype(np.uint16)
    assert found.vocab_size == WORDS.vocab_size


def test_documents_end_with_eos(tmp_path: Path, home: Home) -> None:
    """A file is a document, and so is a record; <sos> stands nowhere."""
    first = corpus_of_text(tmp_path / "a.txt", "a b\n\nc\n").files[0]
    second = corpus_of_text(tmp_path / "b.jsonl", '{"text": "d"}\n{"text": "e\\na"}\n').files[0]
    found = build_tokens(Corpus(name="ab", files=(first, second)), "text", WORDS, home)
    assert found.ids.tolist() == [3, 4, 5, EOS, 6, EOS, 7, 3, EOS]
    assert found.first_samples == (0, 1)


@settings(max_examples=30)
@given(text=st.text(alphabet="the cat.\n\r你🙂", min_size=1, max_size=80), size=st.integers(2, 9))
def test_tokens_are_those_of_the_whole_text(
    tmp_path_factory: pytest.TempPathFactory, text: str, size: int
) -> None:
    """Where a large text is cut into parts must not show in its tokens."""
    assume(text.strip())
    folder = tmp_path_factory.mktemp("parts")
    repeated = (text + " x") * (CHUNK_BYTES * 2 // len(text) // size)
    found = build_tokens(
        corpus_of_text(folder / "a.txt", repeated), "text", BPE, find_home(folder / "home")
    )
    assert len(found.starts) > 1
    assert found.ids.tolist() == [*BPE.encode(repeated.replace("\r\n", "\n")), EOS]


def test_a_large_vocabulary_takes_four_bytes(tmp_path: Path, home: Home) -> None:
    """Ids beyond 65,535 must not wrap around."""
    text = " ".join(f"w{n}" for n in range(70_000))
    many = Tokenizer.train("word", [text])
    found = build_tokens(corpus_of_text(tmp_path / "a.txt", text), "text", many, home)
    assert found.ids.dtype == np.uint32
    assert found.ids.tolist() == [*range(3, 70_003), EOS]


@pytest.mark.parametrize("reading", ["lines", "text"])
def test_a_token_is_traced_to_its_place(tmp_path: Path, home: Home, reading: str) -> None:
    """File, byte and sample of any token; an empty file in between counts as a file."""
    texts = ["a b\nb c\n", "", "d\n" + "e " * 40_000]
    files = tuple(
        corpus_of_text(tmp_path / f"{n}.txt", text).files[0] for n, text in enumerate(texts)
    )
    whole = Corpus(name="all", files=files)
    found = build_tokens(whole, reading, WORDS, home)
    for number, sample in enumerate(read_samples(whole, reading)):
        for token in (found.starts[number], found.starts[number + 1] - 1):
            assert found.locate(int(token)) == (sample.file, sample.offset, number)
        raw = files[sample.file].read_bytes()
        assert raw[sample.offset :].startswith(sample.text.encode())


def test_a_corpus_of_one_word_works(tmp_path: Path, home: Home) -> None:
    """As far as sensible: there is something to train on and nothing to validate with."""
    for reading, ids in (("lines", [SOS, 3, EOS]), ("text", [3, EOS])):
        found = build_tokens(corpus_of_text(tmp_path / "a.txt", "a"), reading, WORDS, home)
        assert found.ids.tolist() == ids
        assert not found.has_validation


def test_equal_lines_fall_on_one_side(tmp_path: Path, home: Home) -> None:
    """A line seen in training would flatter the validation."""
    text = "\n".join(f"{n % 300} a" for n in range(3000))
    found = build_tokens(corpus_of_text(tmp_path / "a.txt", text), "lines", WORDS, home)
    sides = {
        name: {tuple(ids_of(found, int(n))) for n in numbers}
        for name, numbers in (("train", found.train_samples), ("val", found.val_samples))
    }
    assert not sides["train"] & sides["val"]
    assert len(found.train_samples) + len(found.val_samples) == 3000
    assert 0.05 < len(found.val_samples) / 3000 < 0.2
    assert found.has_validation
    assert found.note == ""


def test_the_side_of_a_line_never_changes() -> None:
    """A resumed run, or the text with lines added, must not train on what it validated with."""
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
    """A loss from two sentences is not shown as truth, and that is said."""
    kept = np.zeros(199, np.uint8)
    kept[:20] = 1
    split = split_line_samples(kept)
    assert split.train_samples.tolist() == list(range(199))
    assert len(split.val_samples) == 0
    assert "199 lines are too few" in split.note
    assert len(split_line_samples(np.append(kept, np.uint8(0))).val_samples) == 20


@pytest.mark.parametrize("value", [0, 1])
def test_lines_all_on_one_side_are_all_for_training(value: int) -> None:
    """One line a thousand times gives no validation, and never an empty training part."""
    split = split_line_samples(np.full(1000, value, np.uint8))
    assert (len(split.train_samples), len(split.val_samples)) == (1000, 0)
    assert "too few different" in split.note


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
    """Below ten thousand tokens none, and that is said."""
    split = split_text_tokens(count)
    assert (split.train_span, split.val_span) == (train, val)
    assert bool(split.note) == (count < 10_000)

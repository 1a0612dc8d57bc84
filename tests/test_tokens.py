"""Token files: what is in them, how they are split, and that they are whole or not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import tokencache, tokenfiles, tokens
from core.corpus import Corpus, samples
from core.errors import Cancelled, InputError, StorageError
from core.paths import Home, find_home
from core.textfiles import CHUNK
from core.tokenfiles import kept_for_validation
from core.tokenizer import EOS, SOS, Tokenizer
from core.tokens import TokenFile, build, split_lines, split_text

WORDS = Tokenizer.train("word", ["a b c d e", " ".join(str(n) for n in range(1000))])
BPE = Tokenizer.train("bpe", ["the cat sat on the mat. The dog!\n"] * 20, 290)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path / "home")


def corpus(path: Path, text: str | bytes) -> Corpus:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Corpus(name=path.stem, files=(path,))


def folders(home: Home) -> list[str]:
    return sorted(entry.name for entry in (home.cache / "tokens").iterdir())


def ids_of(found: TokenFile, sample: int) -> list[int]:
    begin, end = found.starts[sample : sample + 2]
    return [int(id) for id in found.ids[begin:end]]


# What is stored


def test_lines_stand_between_sos_and_eos(tmp_path: Path, home: Home) -> None:
    """One sample a line, as the tutorial trains."""
    found = build(corpus(tmp_path / "a.txt", "a b\n\n c a \n"), "lines", WORDS, home)
    assert ids_of(found, 0) == [SOS, 3, 4, EOS]
    assert ids_of(found, 1) == [SOS, 5, 3, EOS]
    assert found.starts.tolist() == [0, 4, 8]
    assert found.offsets.tolist() == [0, 5]
    assert (found.longest, found.reading) == (4, "lines")
    assert found.ids.dtype == np.dtype(np.uint16)
    assert found.vocab_size == WORDS.vocab_size


def test_documents_end_with_eos(tmp_path: Path, home: Home) -> None:
    """A file is a document, and so is a record; <sos> stands nowhere."""
    first = corpus(tmp_path / "a.txt", "a b\n\nc\n").files[0]
    second = corpus(tmp_path / "b.jsonl", '{"text": "d"}\n{"text": "e\\na"}\n').files[0]
    found = build(Corpus(name="ab", files=(first, second)), "text", WORDS, home)
    assert found.ids.tolist() == [3, 4, 5, EOS, 6, EOS, 7, 3, EOS]
    assert found.first_samples == (0, 1)


@settings(deadline=None, max_examples=30)
@given(text=st.text(alphabet="the cat.\n\r你🙂", min_size=1, max_size=80), size=st.integers(2, 9))
def test_tokens_are_those_of_the_whole_text(
    tmp_path_factory: pytest.TempPathFactory, text: str, size: int
) -> None:
    """Where a large text is cut into parts must not show in its tokens."""
    if not text.strip():
        return
    folder = tmp_path_factory.mktemp("parts")
    repeated = (text + " x") * (CHUNK * 2 // len(text) // size)
    found = build(corpus(folder / "a.txt", repeated), "text", BPE, find_home(folder / "home"))
    assert len(found.starts) > 1
    assert found.ids.tolist() == [*BPE.encode(repeated.replace("\r\n", "\n")), EOS]


def test_a_large_vocabulary_takes_four_bytes(tmp_path: Path, home: Home) -> None:
    """Ids beyond 65,535 must not wrap around."""
    text = " ".join(f"w{n}" for n in range(70_000))
    many = Tokenizer.train("word", [text])
    found = build(corpus(tmp_path / "a.txt", text), "text", many, home)
    assert found.ids.dtype == np.uint32
    assert found.ids.tolist() == [*range(3, 70_003), EOS]


@pytest.mark.parametrize("reading", ["lines", "text"])
def test_a_token_is_traced_to_its_place(tmp_path: Path, home: Home, reading: str) -> None:
    """File, byte and sample of any token; an empty file in between counts as a file."""
    texts = ["a b\nb c\n", "", "d\n" + "e " * 40_000]
    files = tuple(corpus(tmp_path / f"{n}.txt", text).files[0] for n, text in enumerate(texts))
    whole = Corpus(name="all", files=files)
    found = build(whole, reading, WORDS, home)
    for number, sample in enumerate(samples(whole, reading)):
        for token in (found.starts[number], found.starts[number + 1] - 1):
            assert found.place(int(token)) == (sample.file, sample.offset, number)
        raw = files[sample.file].read_bytes()
        assert raw[sample.offset :].startswith(sample.text.encode())


def test_a_corpus_of_one_word_works(tmp_path: Path, home: Home) -> None:
    """As far as sensible: there is something to train on and nothing to validate with."""
    for reading, ids in (("lines", [SOS, 3, EOS]), ("text", [3, EOS])):
        found = build(corpus(tmp_path / "a.txt", "a"), reading, WORDS, home)
        assert found.ids.tolist() == ids
        assert not found.has_validation


# The split


def test_equal_lines_fall_on_one_side(tmp_path: Path, home: Home) -> None:
    """A line seen in training would flatter the validation."""
    text = "\n".join(f"{n % 300} a" for n in range(3000))
    found = build(corpus(tmp_path / "a.txt", text), "lines", WORDS, home)
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
    assert [n for n in range(60) if kept_for_validation(f"line {n}")] == [
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
    split = split_lines(kept)
    assert split.train_samples.tolist() == list(range(199))
    assert len(split.val_samples) == 0
    assert "199 lines are too few" in split.note
    assert len(split_lines(np.append(kept, np.uint8(0))).val_samples) == 20


@pytest.mark.parametrize("value", [0, 1])
def test_lines_all_on_one_side_are_all_for_training(value: int) -> None:
    """One line a thousand times gives no validation, and never an empty training part."""
    split = split_lines(np.full(1000, value, np.uint8))
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
    split = split_text(count)
    assert (split.train_span, split.val_span) == (train, val)
    assert bool(split.note) == (count < 10_000)


# The cache


def test_tokens_are_made_once(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gigabyte takes minutes; the second run on it starts at once."""
    text = corpus(tmp_path / "a.txt", "a b\nc")
    first = build(text, "lines", WORDS, home)
    monkeypatch.setattr(tokens, "_write", None)
    again = build(text, "lines", WORDS, home)
    assert again.ids.tolist() == first.ids.tolist()


def test_another_content_reading_or_tokenizer_is_another_file(tmp_path: Path, home: Home) -> None:
    """Also a change that leaves size and time as they were."""
    path = tmp_path / "a.txt"
    text = corpus(path, "a b\nc")
    os.utime(path, (1, 1))
    found = [build(text, "lines", WORDS, home), build(text, "text", WORDS, home)]
    found.append(build(text, "lines", BPE, home))
    corpus(path, "b a\nc")
    os.utime(path, (1, 1))
    found.append(build(text, "lines", WORDS, home))
    assert len({str(tokens.ids.tolist()) for tokens in found}) == 4
    assert len(folders(home)) == 4
    copy = corpus(tmp_path / "b.txt", "b a\nc")
    build(copy, "lines", WORDS, home)
    assert len(folders(home)) == 4, "the same content elsewhere is the same"


@pytest.mark.parametrize("name", ["ids", "starts", "offsets", "kept", "meta.json"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_damaged_files_are_made_anew(tmp_path: Path, home: Home, name: str, damage: str) -> None:
    """A cache is never worth an error."""
    text = corpus(tmp_path / "a.txt", "a b\nc")
    expected = build(text, "lines", WORDS, home).ids.tolist()
    path = home.cache / "tokens" / folders(home)[0] / name
    if damage == "gone":
        path.unlink()
    else:
        os.truncate(path, path.stat().st_size - 1)
    assert build(text, "lines", WORDS, home).ids.tolist() == expected
    assert len(folders(home)) == 1


@pytest.mark.parametrize("change", [{"format": 0}, {"byteorder": "middle"}, {"more": 1}])
def test_files_of_another_format_are_made_anew(
    tmp_path: Path, home: Home, change: dict[str, object]
) -> None:
    """Arrays of another machine or version would be noise."""
    text = corpus(tmp_path / "a.txt", "a b\nc")
    build(text, "lines", WORDS, home)
    path = home.cache / "tokens" / folders(home)[0] / "meta.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert tokenfiles.read_meta(path.parent) is None
    build(text, "lines", WORDS, home)
    assert tokenfiles.read_meta(path.parent)


def test_a_stop_leaves_nothing(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a token file must never be found, and a stop must not wait for the end."""
    monkeypatch.setattr(tokens, "BATCH_CHARACTERS", 1000)
    text = corpus(tmp_path / "a.txt", "a b c\n" * 700_000)
    told: list[tuple[int, int, str]] = []
    answers = iter([*[False] * 8, True])
    with pytest.raises(Cancelled):
        build(
            text,
            "text",
            WORDS,
            home,
            progress=lambda *what: told.append(what),
            cancelled=lambda: next(answers),
        )
    assert folders(home) == []
    assert told[-1][2] == "making tokens"
    assert all(0 <= done <= total for done, total, _ in told)


def test_a_bad_byte_at_the_end_leaves_nothing(tmp_path: Path, home: Home) -> None:
    """The error names the place; the cache stays clean."""
    with pytest.raises(InputError, match="line 50001"):
        build(corpus(tmp_path / "a.txt", b"a b\n" * 50_000 + b"\xff"), "lines", WORDS, home)
    assert folders(home) == []


def test_a_killed_process_leaves_nothing_that_looks_finished(tmp_path: Path, home: Home) -> None:
    """Killed in the middle; the next one clears up, but not what is still being made."""
    text = corpus(tmp_path / "a.txt", "a b\nc")
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from core import tokens, tokenfiles\n"
        "from core.corpus import Corpus\n"
        "from core.paths import find_home\n"
        "from core.tokenizer import Tokenizer\n"
        "die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "tokenfiles.write_json = die\n"
        "words = Tokenizer.train('word', ['a b c'])\n"
        "corpus = Corpus(name='a', files=(Path(sys.argv[1]),))\n"
        "tokens.build(corpus, 'lines', words, find_home(sys.argv[2]))\n"
    )
    command = [sys.executable, "-c", script, str(text.files[0]), str(home.root)]
    done = subprocess.run(command, cwd=Path(tokens.__file__).parents[1], check=False)
    assert done.returncode == -9
    left = home.cache / "tokens" / folders(home)[0]
    assert left.name.startswith(tokencache.UNFINISHED)
    with tokencache.made(home.cache / "tokens" / "other") as busy:
        for folder in (left, busy):
            os.utime(folder, (1, 1))
        tokencache.sweep(home.cache / "tokens")
        assert not left.exists()
        assert busy.exists()
        (busy / tokenfiles.META).write_text("{}")


def test_two_at_once_both_get_the_tokens(tmp_path: Path, home: Home) -> None:
    """Two runs started together on one text; the second to finish uses what is there."""
    text = corpus(tmp_path / "a.txt", "a b\nc d\n" * 2000)
    both_ready = threading.Barrier(4)
    found: list[list[int]] = []

    def wait(done: int, total: int, phase: str) -> None:
        if phase == "making tokens" and done == 0:
            both_ready.wait(timeout=30)

    def make() -> None:
        found.append(build(text, "lines", WORDS, home, progress=wait).ids.tolist())

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(ids == found[0] for ids in found)
    assert len(folders(home)) == 1


def test_a_text_that_changes_while_it_is_read_is_refused(tmp_path: Path, home: Home) -> None:
    """Its tokens would be kept under the hash of the text before."""
    text = corpus(tmp_path / "a.txt", "a b\nc")

    def change(done: int, total: int, phase: str) -> None:
        if phase == "making tokens":
            corpus(tmp_path / "a.txt", "a b\nc d e")

    with pytest.raises(InputError, match="changed while"):
        build(text, "lines", WORDS, home, progress=change)
    assert folders(home) == []


def test_a_full_disk_is_said(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback, nothing left, and the way on."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tokenfiles.Writer, "add", fail)
    with pytest.raises(StorageError, match="No space left") as caught:
        build(corpus(tmp_path / "a.txt", "a"), "lines", WORDS, home)
    assert "MINIGPT_HOME" in caught.value.hint
    assert folders(home) == []

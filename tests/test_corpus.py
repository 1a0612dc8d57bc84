"""Finding corpora, cutting them into samples, telling what they are like, remembering them."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import corpora, corpus, counts, facts
from core.corpora import recall, remember
from core.corpus import Corpus, samples
from core.errors import Cancelled, InputError, NotFoundError, StorageError
from core.facts import Facts, fingerprint
from core.finding import find
from core.paths import Home, find_home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with two bundled corpora, `lang` and `tales`."""
    shelf = tmp_path / "shelf"
    for name, text in (("lang", "Python is fun.\n"), ("tales", "Once.\n\nTwice.\n")):
        (shelf / name).mkdir(parents=True)
        (shelf / name / "corpus.txt").write_text(text)
        about = f'title = "{name.title()}"\nprompt = "Py"\nreading = "lines"\n'
        (shelf / name / "about.toml").write_text(about)
    (shelf / "tales" / "heldout.txt").write_text("Thrice.")
    monkeypatch.setattr(corpus, "bundled_folder", lambda: shelf)
    monkeypatch.chdir(tmp_path)
    return find_home(tmp_path / "home")


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def one(path: Path, **fields: str) -> Corpus:
    return Corpus(name=path.stem, files=(path,), **fields)  # type: ignore[arg-type]


# Finding


def test_bundled_corpora_are_described(home: Home) -> None:
    """The list a person chooses from comes from the about files."""
    first, second = corpus.bundled()
    assert (first.name, first.title, first.prompt, first.heldout) == ("lang", "Lang", "Py", None)
    assert second.heldout is not None
    assert second.heldout.read_text() == "Thrice."


def test_a_bundled_name_wins_over_a_file_of_that_name(home: Home, tmp_path: Path) -> None:
    """`./lang` is the way to the file, as with commands in a shell."""
    write(tmp_path / "lang", "mine")
    assert find("lang", home).bundled
    found = find("./lang", home)
    assert not found.bundled
    assert found.files == (tmp_path / "lang",)


def test_a_folder_is_its_texts_in_order(home: Home, tmp_path: Path) -> None:
    """Pictures and hidden files in between are left out, and that is said."""
    for name in ("b.txt", "a/z.md", "a/.git/x", ".hidden", "c.txt.gz"):
        text = gzip.compress(b"packed") if name.endswith("gz") else "text"
        write(tmp_path / "texts" / name, text)
    write(tmp_path / "texts" / "picture.png", b"\x89PNG\0\0")
    write(tmp_path / "texts" / "empty.txt", b" \n")
    os.mkfifo(tmp_path / "texts" / "pipe")
    found = find("texts", home)
    assert [file.name for file in found.files] == ["b.txt", "c.txt.gz", "z.md"]
    assert found.name == "texts"
    assert found.description == "3 files, 2 skipped that are not text"


def test_a_pattern_matches_files_in_order(home: Home, tmp_path: Path) -> None:
    """Also below folders, and a name that has the pattern's letters is taken as it is."""
    for name in ("b.txt", "a.txt", "deep/er/c.txt", "no.md"):
        write(tmp_path / "texts" / name, "text")
    assert [f.name for f in find("texts/*.txt", home).files] == ["a.txt", "b.txt"]
    assert len(find("texts/**/*.txt", home).files) == 3
    write(tmp_path / "odd[1].txt", "text")
    assert find("odd[1].txt", home).files == (tmp_path / "odd[1].txt",)


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/Alice.txt", "Alice"), ("chat.jsonl.gz", "chat"), ("README.md", "README.md"), ("x", "x")],
)
def test_a_file_names_its_corpus(home: Home, tmp_path: Path, path: str, name: str) -> None:
    """Runs are named after it."""
    write(tmp_path / path, "text")
    assert find(path, home).name == name


def test_standard_input_is_stored_once(home: Home) -> None:
    """A run is resumed after the pipe is gone; the same text twice must not fill the disk."""
    for _ in range(2):
        found = find("-", home, stdin=io.BytesIO("piped ü\n".encode()))
    digest = hashlib.sha256("piped ü\n".encode()).hexdigest()
    assert [path.name for path in home.corpora.iterdir()] == [f"{digest}.txt"]
    assert [sample.text for sample in samples(found, "lines")] == ["piped ü"]
    assert home.corpora.stat().st_mode & 0o777 == 0o700


def test_empty_standard_input_is_refused(home: Home) -> None:
    """A failed command before the pipe gives nothing."""
    with pytest.raises(InputError, match="Nothing came"):
        find("-", home, stdin=io.BytesIO())
    assert list(home.corpora.iterdir()) == []


def test_standard_input_that_cannot_be_stored_says_where(home: Home) -> None:
    """A full disk is no traceback."""
    write(home.root, "a file where the folder should be")
    with pytest.raises(StorageError, match="corpora"):
        find("-", home, stdin=io.BytesIO(b"x"))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("tale", "Did you mean tales"),
        ("Alic.txt", "Did you mean Alice.txt"),
        ("none/*.txt", "No file matches"),
        ("hollow", "no text in the folder"),
        ("/dev/null", "not a plain file"),
        ("pipe", "not a plain file"),
        ("", "no text named"),
        ("a\0b", "no text named"),
        ("x" * 5000, "cannot be read"),
        ("Alice.txt/more", "no text named"),
    ],
)
def test_what_is_not_there_is_said_with_the_way_on(
    home: Home, tmp_path: Path, spec: str, said: str
) -> None:
    """Never a traceback from the file system."""
    write(tmp_path / "Alice.txt", "text")
    write(tmp_path / "hollow" / "picture", b"\0\0")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError) as caught:
        find(spec, home)
    assert said in str(caught.value)


def test_the_encoding_asked_for_is_kept(home: Home, tmp_path: Path) -> None:
    """It belongs to the corpus, so that a resumed run reads the same text."""
    write(tmp_path / "a.txt", "café".encode("latin-1"))
    found = find("a.txt", home, encoding="latin-1")
    assert [sample.text for sample in samples(found, "text")] == ["café"]
    assert find("a.txt", home, encoding="utf-8:replace").errors == "replace"
    assert find("a.txt", home, replace=True).errors == "replace"
    with pytest.raises(NotFoundError):
        find("b.txt", home, encoding="latin-1")
    with pytest.raises(InputError, match="came with the program"):
        find("lang", home, encoding="latin-1")


# Samples


def test_lines_are_stripped_at_the_end_and_empty_ones_left_out(tmp_path: Path) -> None:
    """Indentation is text; a carriage return or blanks at the end are not."""
    path = write(tmp_path / "a.txt", b"\xef\xbb\xbfone\r\n\r\n  two \t\r\n \nthree")
    found = list(samples(one(path), "lines"))
    assert [sample.text for sample in found] == ["one", "  two", "three"]
    assert [sample.offset for sample in found] == [3, 10, 21]


def test_documents_end_where_files_and_records_end(tmp_path: Path) -> None:
    """Between two documents stands <eos>, nowhere else."""
    long = "word " * 20_000
    first = write(tmp_path / "a.txt", long)
    second = write(tmp_path / "b.jsonl", '{"text": "x"}\n{"text": ""}\n{"text": "y"}\n')
    found = list(samples(Corpus(name="ab", files=(first, second)), "text"))
    assert "".join(sample.text for sample in found if sample.file == 0) == long
    ends = [sample.ends_document for sample in found]
    assert ends == [False] * (len(found) - 3) + [True, True, True]
    assert [sample.file for sample in found[-2:]] == [1, 1]


@pytest.mark.parametrize("text", ["", " \n\t\r\n ", "\ufeff"])
@pytest.mark.parametrize("reading", ["lines", "text"])
def test_nothing_but_white_space_is_refused(tmp_path: Path, text: str, reading: str) -> None:
    """A run on nothing would fail later, in a place that does not know why."""
    found = one(write(tmp_path / "a.txt", text))
    with pytest.raises(InputError, match="no text in"):
        list(samples(found, reading))
    with pytest.raises(InputError, match="no text in"):
        facts.facts(found)


# Facts


def described(tmp_path: Path, text: str | bytes, name: str = "a.txt") -> Facts:
    return facts.facts(one(write(tmp_path / name, text)))


def test_facts_are_counted(tmp_path: Path) -> None:
    """The choice of a size and a tokenizer rests on them."""
    text = "one two\r\nthree  two\n"
    found = described(tmp_path, text)
    assert (found.size, found.characters, found.spaces) == (len(text), len(text) - 1, 3)
    assert (found.lines, found.longest_words, found.longest_characters) == (2, 2, 10)
    assert (found.words, found.distinct_words, found.distinct_characters) == (4, 3, 9)
    assert found.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert found.complete


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("word", "lines"),
        ("a b\nc d\n", "lines"),
        ("\n\na b\nc d\n\n\n", "lines"),
        ("a b\n \nc d", "text"),
        (" ".join("w" * 64), "lines"),
        (" ".join("w" * 65), "text"),
        ("line\n" * 10_000, "lines"),
        ("line\n" * 10_001, "text"),
        ("x" * 1_100_000, "text"),
    ],
    ids=["word", "two", "around", "gap", "64", "65", "10000", "10001", "endless"],
)
def test_the_reading_follows_the_rule(tmp_path: Path, text: str, reading: str) -> None:
    """Lines only for a short list of short lines; the limits themselves still belong to it."""
    found = described(tmp_path, text)
    assert found.reading == reading
    assert found.reason


def test_records_are_read_as_lines_and_a_corpus_may_say_itself(tmp_path: Path) -> None:
    """A record is one sample, whatever its length."""
    text = json.dumps({"text": "w " * 100 + "\n\nmore"})
    assert described(tmp_path, text, "a.jsonl").reading == "lines"
    path = write(tmp_path / "b.txt", "a b")
    assert facts.facts(one(path, reading="text")).reading == "text"


def test_a_gap_between_two_files_is_no_blank_line(tmp_path: Path) -> None:
    """A file that ends with an empty line is still a list of lines."""
    files = tuple(write(tmp_path / name, f"\n{name} x\n\n") for name in ("a", "b"))
    assert facts.facts(Corpus(name="ab", files=files)).reading == "lines"


def test_blocks_change_no_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines and words across two blocks must be counted once."""
    text = "".join(f"line {n} of the text\n" * (1 + n % 3) for n in range(500))
    whole = described(tmp_path, text)
    monkeypatch.setattr(facts, "BLOCK", 37)
    assert described(tmp_path, text) == whole


def test_a_large_text_is_examined_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting the words of a gigabyte would take longer than reading it; the part is told."""
    monkeypatch.setattr(counts, "EXAMINED", 1000)
    monkeypatch.setattr(facts, "BLOCK", 100)
    found = described(tmp_path, "a word\n\n" * 1000)
    assert found.characters == 8000
    assert abs(found.spaces - 1000) < 20
    assert 1000 <= found.examined < 1200
    assert not found.complete
    assert found.reading == "text"


@pytest.mark.parametrize("data", [b"caf\xe9 \n" * 9, b"a\0b", b"a\n" * 99_999 + b"\xff"])
def test_facts_check_the_whole_text(tmp_path: Path, data: bytes) -> None:
    """A bad byte at the end must be found before a night of training."""
    with pytest.raises(InputError):
        described(tmp_path, data)


def test_facts_can_be_stopped_and_tell_how_far_they_are(tmp_path: Path) -> None:
    """A large text must not block the interface."""
    path = write(tmp_path / "a.txt", "some words\n" * 300_000)
    told: list[tuple[int, int, str]] = []
    facts.facts(one(path), lambda *what: told.append(what))
    assert 4 < len(told) < 20
    assert all(0 <= done <= total == path.stat().st_size for done, total, _ in told)
    with pytest.raises(Cancelled):
        facts.facts(one(path), cancelled=lambda: True)


def test_the_hash_of_many_files_sees_names_and_contents(tmp_path: Path) -> None:
    """A renamed or changed file is another text; another place for the folder is not."""

    def hashed(folder: str, **texts: str) -> str:
        files = tuple(write(tmp_path / folder / name, text) for name, text in texts.items())
        return fingerprint(Corpus(name="x", files=files))

    first = hashed("one", a="x", b="y")
    assert hashed("two", a="x", b="y") == first
    assert len({first, hashed("three", a="x", c="y"), hashed("four", a="x", b="z")}) == 3


# Memory


def test_a_text_is_found_again_by_its_hash(home: Home, tmp_path: Path) -> None:
    """A run stores the hash only."""
    write(tmp_path / "a.txt", "café\n".encode("latin-1"))
    found = find("a.txt", home, encoding="latin-1")
    about = facts.facts(found)
    remember(found, about, home)
    again = recall(about.sha256, home)
    assert (again.files, again.codec, again.name) == (found.files, found.codec, "a")
    remember(dataclasses.replace(found, encoding="cp1252", errors="replace"), about, home)
    again = recall(about.sha256, home, "a", found.encoding, found.errors)
    assert again.codec == found.codec, "a run reads its text as it did, however others read it"


def test_a_changed_text_is_refused(home: Home, tmp_path: Path) -> None:
    """Resuming on another text would continue another experiment in silence."""
    path = write(tmp_path / "a.txt", "one")
    found = find("a.txt", home)
    about = facts.facts(found)
    remember(found, about, home)
    os.utime(path, (1, 1))
    assert recall(about.sha256, home).files == (path,), "only touched, still the same"
    write(path, "two")
    with pytest.raises(InputError, match="has changed"):
        recall(about.sha256, home)
    path.unlink()
    with pytest.raises(InputError, match="no longer there"):
        recall(about.sha256, home)


def test_bundled_texts_are_found_without_memory(home: Home) -> None:
    """A run copied to another machine finds the corpus that came with the program there."""
    digest = fingerprint(find("lang", home))
    assert recall(digest, home, "lang").bundled
    for name in ("tales", "nobody"):
        with pytest.raises(InputError):
            recall(digest, home, name)


def test_piped_text_is_found_in_a_home_that_was_moved(home: Home, tmp_path: Path) -> None:
    """The copy travels with the home, so must the way to it."""
    found = find("-", home, stdin=io.BytesIO(b"piped"))
    about = facts.facts(found)
    remember(found, about, home)
    home.root.rename(tmp_path / "elsewhere")
    moved = find_home(tmp_path / "elsewhere")
    assert recall(about.sha256, moved).files == (moved.corpora / f"{about.sha256}.txt",)


def test_damaged_memory_says_what_to_do(home: Home) -> None:
    """A torn file in the home must not end in a traceback."""
    for text in ("{", "[]", '{"format": 99}', '{"format": 1, "name": "x"}'):
        write(home.corpora / f"{'0' * 64}.json", text)
        with pytest.raises(InputError):
            recall("0" * 64, home)


def test_finding_texts_is_light() -> None:
    """The interface lists corpora before its first frame: no numpy, no tokenizers, no torch."""
    code = (
        "import sys, core.finding, core.facts, core.corpora\n"
        "heavy = {'numpy', 'tokenizers', 'torch', 'gzip', 'tomllib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(corpora.__file__).parents[1])

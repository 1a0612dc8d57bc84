"""The token cache: written once, complete or absent, even after kills and races."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.dataset import token_files, token_store
from core.dataset.token_store import build_tokens
from core.errors import Cancelled, InputError, StorageError
from core.paths import Home, find_home
from core.tokenizer.tokenizer import Tokenizer
from tests.support.texts import corpus_of_text

WORDS = Tokenizer.train("word", ["a b c d e"])
BPE = Tokenizer.train("bpe", ["the cat sat on the mat. The dog!\n"] * 20, 290)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path / "home")


def folders(home: Home) -> list[str]:
    return sorted(entry.name for entry in (home.cache / "tokens").iterdir())


def test_tokens_are_encoded_once(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gigabyte takes minutes; the second run on it must start immediately."""
    text = corpus_of_text(tmp_path / "a.txt", "a b\nc")
    first = build_tokens(text, "lines", WORDS, home)
    monkeypatch.setattr(token_store, "TokenWriter", None)
    again = build_tokens(text, "lines", WORDS, home)
    assert again.ids.tolist() == first.ids.tolist()


def test_content_reading_and_tokenizer_select_the_folder(tmp_path: Path, home: Home) -> None:
    """Even a change that keeps size and modification time is noticed."""
    path = tmp_path / "a.txt"
    text = corpus_of_text(path, "a b\nc")
    os.utime(path, (1, 1))
    builds = [build_tokens(text, "lines", WORDS, home), build_tokens(text, "text", WORDS, home)]
    builds.append(build_tokens(text, "lines", BPE, home))
    corpus_of_text(path, "b a\nc")
    os.utime(path, (1, 1))
    builds.append(build_tokens(text, "lines", WORDS, home))
    assert len({str(tokens.ids.tolist()) for tokens in builds}) == 4
    assert len(folders(home)) == 4
    copy = corpus_of_text(tmp_path / "b.txt", "b a\nc")
    build_tokens(copy, "lines", WORDS, home)
    assert len(folders(home)) == 4, "the path does not matter"


@pytest.mark.parametrize("name", ["ids", "starts", "offsets", "kept", "meta.json"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_damaged_files_are_rebuilt(tmp_path: Path, home: Home, name: str, damage: str) -> None:
    """A damaged cache is never an error."""
    text = corpus_of_text(tmp_path / "a.txt", "a b\nc")
    expected = build_tokens(text, "lines", WORDS, home).ids.tolist()
    path = home.cache / "tokens" / folders(home)[0] / name
    if damage == "gone":
        path.unlink()
    else:
        os.truncate(path, path.stat().st_size - 1)
    assert build_tokens(text, "lines", WORDS, home).ids.tolist() == expected
    assert len(folders(home)) == 1


@pytest.mark.parametrize("change", [{"format": 0}, {"byteorder": "middle"}, {"more": 1}])
def test_files_of_another_format_are_rebuilt(
    tmp_path: Path, home: Home, change: dict[str, object]
) -> None:
    """Arrays of another byte order or version would be noise."""
    text = corpus_of_text(tmp_path / "a.txt", "a b\nc")
    build_tokens(text, "lines", WORDS, home)
    path = home.cache / "tokens" / folders(home)[0] / "meta.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert token_files.read_metadata(path.parent) is None
    build_tokens(text, "lines", WORDS, home)
    assert token_files.read_metadata(path.parent)


def test_cancelling_leaves_no_files(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partial tokens must never be results, and cancelling must not wait for the end."""
    monkeypatch.setattr(token_store, "BATCH_CHARACTERS", 1000)
    text = corpus_of_text(tmp_path / "a.txt", "a b c\n" * 700_000)
    reports: list[tuple[int, int, str]] = []
    answers = iter([*[False] * 8, True])
    with pytest.raises(Cancelled):
        build_tokens(
            text,
            "text",
            WORDS,
            home,
            progress=lambda *report: reports.append(report),
            cancelled=lambda: next(answers),
        )
    assert folders(home) == []
    assert reports[-1][2] == "making tokens"
    assert all(0 <= done <= total for done, total, _ in reports)


def test_a_bad_byte_at_the_end_leaves_no_files(tmp_path: Path, home: Home) -> None:
    """The error names the line; the cache stays clean."""
    with pytest.raises(InputError, match="line 50001"):
        build_tokens(
            corpus_of_text(tmp_path / "a.txt", b"a b\n" * 50_000 + b"\xff"), "lines", WORDS, home
        )
    assert folders(home) == []


def test_unfinished_folders_of_killed_processes_are_removed(tmp_path: Path, home: Home) -> None:
    """The next process removes them, but not a folder that is still being written."""
    text = corpus_of_text(tmp_path / "a.txt", "a b\nc")
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from core.dataset import token_files, token_store\n"
        "from core.text.corpus import Corpus\n"
        "from core.paths import find_home\n"
        "from core.tokenizer.tokenizer import Tokenizer\n"
        "die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "token_files.write_json = die\n"
        "words = Tokenizer.train('word', ['a b c'])\n"
        "corpus = Corpus(name='a', files=(Path(sys.argv[1]),))\n"
        "token_store.build_tokens(corpus, 'lines', words, find_home(sys.argv[2]))\n"
    )
    command = [sys.executable, "-c", script, str(text.files[0]), str(home.root)]
    done = subprocess.run(command, cwd=Path(token_store.__file__).parents[1], check=False)
    assert done.returncode == -9
    unfinished = home.cache / "tokens" / folders(home)[0]
    assert unfinished.name.startswith(token_store.UNFINISHED_PREFIX)
    with token_store.atomic_folder(home.cache / "tokens" / "other") as busy:
        for folder in (unfinished, busy):
            os.utime(folder, (1, 1))
        token_store.remove_unfinished(home.cache / "tokens")
        assert not unfinished.exists()
        assert busy.exists()
        (busy / token_files.METADATA_FILE).write_text("{}")


def test_concurrent_builds_all_get_the_tokens(tmp_path: Path, home: Home) -> None:
    """Runs started together on one text; the first to finish publishes the folder."""
    text = corpus_of_text(tmp_path / "a.txt", "a b\nc d\n" * 2000)
    all_ready = threading.Barrier(4)
    results: list[list[int]] = []

    def wait(done: int, total: int, phase: str) -> None:
        if phase == "making tokens" and done == 0:
            all_ready.wait(timeout=30)

    def make() -> None:
        results.append(build_tokens(text, "lines", WORDS, home, progress=wait).ids.tolist())

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(ids == results[0] for ids in results)
    assert len(folders(home)) == 1


def test_a_text_that_changes_while_it_is_read_is_refused(tmp_path: Path, home: Home) -> None:
    """Its tokens would be cached under the hash of the old text."""
    text = corpus_of_text(tmp_path / "a.txt", "a b\nc")

    def change(done: int, total: int, phase: str) -> None:
        if phase == "making tokens":
            corpus_of_text(tmp_path / "a.txt", "a b\nc d e")

    with pytest.raises(InputError, match="changed while"):
        build_tokens(text, "lines", WORDS, home, progress=change)
    assert folders(home) == []


def test_a_full_disk_gives_an_error_with_a_hint(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback and no leftover files."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(token_files.TokenWriter, "add", fail)
    with pytest.raises(StorageError, match="No space left") as caught:
        build_tokens(corpus_of_text(tmp_path / "a.txt", "a"), "lines", WORDS, home)
    assert "MINIGPT_HOME" in caught.value.hint
    assert folders(home) == []

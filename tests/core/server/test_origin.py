"""The corpus index of a run, copied passages and next-token counts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.attribution.corpus_index import REBUILT_NOTE
from core.errors import Cancelled, InputError, NotFoundError, StorageError
from core.paths import Home
from core.progress import never_cancelled
from core.server.codec import to_json
from core.server.dispatch import Dispatcher
from core.server.origin import build_index
from core.server.protocol import IndexRequest
from core.system.files import JsonObject
from core.system.locks import acquire
from tests.support.direct_client import DirectClient
from tests.support.runs import tiny_home_with_corpora


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return tiny_home_with_corpora(tmp_path)


@pytest.fixture
def client(home: Home) -> DirectClient:
    return DirectClient(Dispatcher(home))


def index(
    home: Home, run: str = "words", cancelled: Callable[[], bool] = never_cancelled
) -> JsonObject:
    heard: list[JsonObject] = []

    def send(batch: Any) -> None:
        heard.append(to_json(batch))

    reply = build_index(home, IndexRequest(run=run), send, cancelled)
    return {**to_json(reply), "heard": heard}


def folder_of(home: Home) -> Path:
    (reply,) = (home.cache / "tokens").iterdir()
    return reply


def test_an_index_is_built_once(home: Home) -> None:
    first = index(home)
    assert (first["how"], index(home)["how"]) == ("made", "kept")
    assert first["tokens"] == 48
    assert {message["phase"] for message in first["heard"]} >= {
        "counting lines",
        "sorting the text",
    }
    assert all(0 <= message["finished"] <= message["total"] for message in first["heard"])


@pytest.mark.parametrize("name", ["places", "lines", "index.json"])
@pytest.mark.parametrize("damage", ["cut", "noise", "gone"])
def test_a_damaged_index_is_rebuilt_with_a_note(
    home: Home, client: DirectClient, name: str, damage: str
) -> None:
    index(home)
    path = folder_of(home) / name
    expected = client("origin", run="words", text="the cat sat on the mat")
    size = path.stat().st_size
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        os.truncate(path, size // 2)
    else:
        path.write_bytes(b"\xff" * size)
    reply = index(home)
    noticed = (name, damage) != ("index.json", "gone")
    assert reply["how"] == ("remade" if noticed else "made")
    assert reply["notes"] == ([REBUILT_NOTE] if noticed else [])
    again = client("origin", run="words", text="the cat sat on the mat")
    assert again["spans"] == expected["spans"]


@pytest.mark.parametrize("after", range(4))
def test_a_cancelled_index_leaves_no_files(home: Home, after: int) -> None:
    index(home, "chars")
    calls = iter(range(100))
    with pytest.raises(Cancelled):
        index(home, cancelled=lambda: next(calls) >= after)
    for folder in (home.cache / "tokens").iterdir():
        whole = (folder / "index.json").exists()
        assert whole == (folder / "places").exists()
        assert not list(folder.glob("*.tmp"))
    assert index(home)["how"] == "made"


def test_files_of_a_killed_process_are_removed(home: Home) -> None:
    index(home)
    folder = folder_of(home)
    (folder / "index.json").unlink()
    (folder / ".places-abc.tmp").write_bytes(b"x")
    index(home)
    assert not list(folder.glob(".*.tmp"))


def test_one_process_builds_an_index_while_others_wait(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(home)
    folder = folder_of(home)
    (folder / "index.json").unlink()
    lock = acquire(folder / "index.lock")
    assert lock
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        lock.release()

    monkeypatch.setattr("core.attribution.corpus_index.time.sleep", wait)
    monkeypatch.setattr("core.system.locks.LOCK_ATTEMPTS", 1)
    monkeypatch.setattr("core.system.locks.acquire.__defaults__", (1,))
    assert index(home)["how"] == "made"
    assert waits


def test_a_full_disk_is_an_error(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    index(home)
    (folder_of(home) / "index.json").unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.attribution.suffix_array.write_all", full)
    with pytest.raises(StorageError, match="No space left"):
        index(home)
    assert not list(folder_of(home).glob("*.tmp"))


def test_spans_are_the_parts_that_occur_in_the_corpus(home: Home, client: DirectClient) -> None:
    index(home)
    text = "oh the  cat sat on the tree, the dog ran to the door"
    reply = client("origin", run="words", text=text)
    marks = [text[span["from"] : span["to"]] for span in reply["spans"]]
    assert marks == ["the  cat sat on the", "the dog ran to the door"]
    first = reply["spans"][0]
    assert (first["begin"], first["end"], first["count"]) == (1, 6, 3)
    assert [place["line"] for place in first["places"]] == [1, 4, 7]
    place = first["places"][1]
    assert (place["text"], place["after"]) == ("the cat sat on the", " door")
    raw = Path(place["file"]).read_bytes()
    assert raw[place["offset"] :].startswith(b"the cat sat on the door")
    assert (reply["tokens"], reply["copied"], reply["longest"]) == (13, 11, 6)
    assert (reply["bigrams"], reply["new_bigrams"]) == (12, 3)


def test_a_reply_and_a_session_are_compared_without_their_prompt(
    home: Home, client: DirectClient
) -> None:
    """A prompt copied from the corpus does not count."""
    index(home, "chars")
    reply = client("generate", run="chars", prompt="the cat sat", settings={"max_tokens": 9})
    result = client("origin", reply=client.last_id, min_tokens=1)
    assert result["text"] == reply["text"]
    assert result["tokens"] <= 9
    for span in result["spans"]:
        assert result["text"][span["from"] : span["to"]] == span["places"][0]["text"]
    session = client("step", run="chars", prompt="the cat")
    for id in client("step", run="chars", prompt=" sat")["tokens"]:
        client("step", session=session["session"], pick=id[0])
    result = client("origin", session=session["session"])
    assert (result["text"], result["copied"], result["tokens"]) == (" sat", 4, 4)


def test_candidates_have_their_counts_in_the_corpus(home: Home, client: DirectClient) -> None:
    view = client("step", run="words", prompt="the cat sat on the")
    assert view["corpus"] is None
    assert view["top"][0]["corpus"] is None
    index(home)
    view = client("step", session=view["session"], top=30)
    assert view["corpus"] == {"length": 6, "count": 3}
    by_text = {token["text"]: list(token["corpus"]) for token in view["top"]}
    assert by_text["mat"] == [2, 3, 6]
    assert by_text["door"] == [1, 3, 6]
    assert by_text["tree"] == [1, 11, 1]
    assert by_text["<unk>"] == [0, 48, 0]
    view = client("step", session=view["session"], pick=view["choice"]["id"])
    assert view["corpus"]["length"] >= 0


def test_an_index_that_was_removed_or_rebuilt_is_noticed(home: Home, client: DirectClient) -> None:
    index(home)
    client("origin", run="words", text="the cat")
    shutil.rmtree(home.cache / "tokens")
    with pytest.raises(InputError, match="no index"):
        client("origin", run="words", text="the cat")
    index(home)
    assert client("origin", run="words", text="the cat")["longest"] == 2


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"text": "a"},
        {"run": "words"},
        {"run": "words", "text": "a", "reply": 1},
        {"run": "words", "text": "a", "min_tokens": 0},
        {"run": "words", "text": "a", "max_places": 21},
        {"session": "s9"},
        {"reply": 99},
    ],
)
def test_invalid_origin_requests_are_refused(
    home: Home, client: DirectClient, fields: JsonObject
) -> None:
    index(home)
    with pytest.raises(InputError):
        client("origin", **fields)


def test_a_missing_run_or_text_is_an_error(home: Home, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        index(home, "nobody")
    (tmp_path / "chars.txt").unlink()  # where this content was seen last
    with pytest.raises(InputError, match="no longer there"):
        index(home)

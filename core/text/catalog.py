"""Texts seen before: where the text with a given hash is, and copies of what came through a pipe.

`corpora/<sha256>.json` in the home says where a text was and what it was like; a text from
standard input is beside it as `<sha256>.txt`. A run stores the hash only, and asks here.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from core.errors import DamagedError, InputError, StorageError
from core.paths import HOME_VARIABLE, Home
from core.system.files import read_json, write_json
from core.text.corpus import Corpus, bundled_corpora
from core.text.encoding import ERROR_HANDLERS, Encoding, parse_encoding

if TYPE_CHECKING:
    from core.text.stats import CorpusStats

BLOCK = 1 << 20
FORMAT = 1
FREE_SPACE_HINT = f"Make room, or set {HOME_VARIABLE} to a folder that can be written."
_HASH = re.compile(r"[0-9a-f]{64}")


def store_stream(stream: BinaryIO, home: Home) -> Path:
    """Keeps what a stream gives until its end, once however often it comes; the file's path.

    Raises:
        InputError: the stream was empty.
        StorageError: it could not be written.
    """
    digest = hashlib.sha256()
    try:
        home.corpora.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=home.corpora, prefix=".stdin-", delete=False) as file:
            temporary = Path(file.name)
            try:
                while block := stream.read(BLOCK):
                    digest.update(block)
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
                if not file.tell():
                    raise InputError("Nothing came through standard input.", "Pipe a text in.")
                return temporary.replace(home.corpora / f"{digest.hexdigest()}.txt")
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"The text from standard input could not be stored in {home.corpora}: "
            f"{error.strerror}.",
            FREE_SPACE_HINT,
        ) from None


def register_corpus(corpus: Corpus, facts: CorpusStats, home: Home) -> None:
    """Writes down where this text is, for runs that know its hash only.

    Raises:
        StorageError: it could not be written.
    """
    record = {
        "format": FORMAT,
        "name": corpus.name,
        "bundled": corpus.bundled,
        "encoding": corpus.encoding,
        "errors": corpus.errors,
        "files": [_file_facts(path) for path in corpus.files],
        "facts": dataclasses.asdict(facts),
    }
    try:
        home.corpora.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_json(home.corpora / f"{facts.sha256}.json", record)
    except OSError as error:
        raise StorageError(
            f"{home.corpora} could not be written to: {error.strerror}.", FREE_SPACE_HINT
        ) from None


def _file_facts(path: Path) -> dict[str, Any]:
    found = path.stat()
    return {"path": os.fspath(path), "size": found.st_size, "mtime_ns": found.st_mtime_ns}


def find_by_hash(
    sha256: str, home: Home, name: str = "", encoding: str = "", errors: str = ""
) -> Corpus:
    """The text with this hash, verified to be unchanged.

    A text whose files have the size and time they had is trusted; any other is read and compared.

    Args:
        sha256: as `core.text.stats.fingerprint` gives it.
        name: of the corpus; a bundled one is found by it where the text was never seen here.
        encoding, errors: how to read it; as it was read last if not given.

    Raises:
        InputError: the text is not known, no longer there, or has changed.
    """
    if not _HASH.fullmatch(sha256):
        raise InputError(f"{sha256[:80]!r} is no SHA-256 of a text.", "Name the text itself.")
    record = _record(sha256, home)
    if record is None or record.get("bundled"):
        return _recall_bundled(sha256, name or str((record or {}).get("name")))
    codec = _codec(encoding or str(record["encoding"]), errors or str(record["errors"]))
    corpus = Corpus(
        name=str(record["name"]),
        title=str(record["name"]),
        files=tuple(_where(Path(file["path"]), home) for file in record["files"]),
        encoding=codec.name,
        errors=codec.errors,
    )
    if [_file_facts(path) for path in corpus.files] != record["files"]:
        _verify(corpus, sha256)
    return corpus


def recent_files(home: Home, most: int) -> list[Path]:
    """Files of the user's own that were read as one text, the one read last first."""
    try:
        records = sorted(home.corpora.glob("*.json"), key=lambda p: -p.stat().st_mtime)
    except FileNotFoundError:
        return []
    found: list[Path] = []
    for path in records:
        try:
            record = read_json(path)
            files = [Path(file["path"]) for file in record["files"]]
        except (FileNotFoundError, DamagedError, KeyError, TypeError):
            continue
        if not record.get("bundled") and len(files) == 1 and files[0].is_file():
            found.append(files[0])
    return found[:most]


def _codec(encoding: str, errors: str) -> Encoding:
    if errors not in ERROR_HANDLERS:
        hint = f"Known: {' and '.join(ERROR_HANDLERS)}."
        raise InputError(f"Bytes that cannot be decoded cannot be handled by {errors!r}.", hint)
    return Encoding(parse_encoding(encoding).name, errors)


def _where(path: Path, home: Home) -> Path:
    """The file, or the copy of a piped text in a home that has moved since."""
    for place in (path, home.corpora / path.name):
        if place.exists():
            return place
    raise InputError(f"The text {path} is no longer there.", "Put it back.")


def _record(sha256: str, home: Home) -> dict[str, Any] | None:
    path = home.corpora / f"{sha256}.json"
    if not path.is_file():
        return None
    record = read_json(path)
    files, words = record.get("files"), ("name", "encoding", "errors")
    if (
        record.get("format") != FORMAT
        or not all(isinstance(record.get(word), str) for word in words)
        or not isinstance(files, list)
        or not all(isinstance(file, dict) and isinstance(file.get("path"), str) for file in files)
    ):
        raise DamagedError(f"{path} cannot be used.", "Name the text again; it is made anew.")
    return record


def _recall_bundled(sha256: str, name: str) -> Corpus:
    for corpus in bundled_corpora():
        if corpus.name == name:
            _verify(corpus, sha256)
            return corpus
    raise InputError(
        f"The text {name!r} (SHA-256 {sha256[:12]}…) is not known here.",
        "Name the text itself once, so that it is found again.",
    )


def _verify(corpus: Corpus, sha256: str) -> None:
    from core.text.stats import fingerprint

    if fingerprint(corpus) != sha256:
        raise InputError(
            f"The text {corpus.name!r} has changed since: {corpus.files[0]}.",
            "Put the old text back, or start a new run with the new one.",
        )

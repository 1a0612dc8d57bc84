"""Known texts: where the text with a given hash is, and copies of text from standard input.

`corpora/<sha256>.json` in the home describes a text that was read; text from standard input is
stored next to it as `<sha256>.txt`. A run stores only the hash and finds its text here.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import DamagedError, InputError, StateError, StorageError
from core.paths import Home
from core.system.files import JsonObject, make_private_folder, read_json, write_json
from core.text import piped
from core.text.corpus import Corpus, bundled_corpora
from core.text.encoding import ERROR_HANDLERS, Encoding, parse_encoding

if TYPE_CHECKING:
    from core.text.stats import CorpusStats

FORMAT_VERSION = 1
# In a folder of the cache that was made from a text: the text's hash.
SOURCE_FILE = "source"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def register_corpus(corpus: Corpus, stats: CorpusStats, home: Home) -> None:
    """Record where a text is, for runs that know only its hash; keep one from standard input.

    Raises:
        StorageError: the record could not be written.
    """
    try:
        make_private_folder(home.corpora)
        files = corpus.files
        if is_piped(corpus):
            files = (files[0].replace(_piped_file(stats.sha256, home)),)
        record = {
            "format": FORMAT_VERSION,
            "name": corpus.name,
            "bundled": corpus.bundled,
            "encoding": corpus.encoding,
            "errors": corpus.errors,
            "files": [_describe_file(path) for path in files],
            "facts": dataclasses.asdict(stats),
        }
        write_json(home.corpora / f"{stats.sha256}.json", record)
    except OSError as error:
        raise StorageError(
            f"{home.corpora} could not be written to: {error.strerror}.", piped.FREE_SPACE_HINT
        ) from None


def is_piped(corpus: Corpus) -> bool:
    """Whether a corpus is a temporary copy of standard input."""
    return len(corpus.files) == 1 and corpus.files[0].name.startswith(piped.PREFIX)


def has_piped_text(sha256: str, home: Home) -> bool:
    """Whether the text with this hash came from standard input and is kept here."""
    return _piped_file(sha256, home).is_file()


def forget_piped_text(sha256: str, home: Home) -> None:
    """Remove a text from standard input, its record, and what the cache holds of it."""
    for path in (home.cache / "tokens").glob(f"*/{SOURCE_FILE}"):
        with suppress(OSError):
            if path.read_text() == sha256:
                shutil.rmtree(path.parent)
    _piped_file(sha256, home).unlink(missing_ok=True)
    (home.corpora / f"{sha256}.json").unlink(missing_ok=True)


def _piped_file(sha256: str, home: Home) -> Path:
    return home.corpora / f"{sha256}.txt"


def _describe_file(path: Path) -> JsonObject:
    status = path.stat()
    return {"path": os.fspath(path), "size": status.st_size, "mtime_ns": status.st_mtime_ns}


def find_by_hash(
    sha256: str,
    home: Home,
    name: str | None = None,
    encoding: str | None = None,
    errors: str | None = None,
) -> Corpus:
    """Find the text with this hash and verify that it is unchanged.

    Files with their recorded size and time are trusted; others are read and hashed.

    Args:
        sha256: from `core.text.stats.fingerprint`.
        name: of the corpus; finds a bundled one that was never registered here.
        encoding, errors: how to read it; None to read it as last time.

    Raises:
        InputError: the text is unknown, missing or changed.
        DamagedError: its record cannot be read.
    """
    if not _SHA256.fullmatch(sha256):
        raise InputError(f"{sha256[:80]!r} is not a SHA-256.", "Name the text itself.")
    record = _read_record(sha256, home)
    if record is None or record.get("bundled"):
        return _find_bundled(sha256, name or str((record or {}).get("name")))
    codec = _parse_codec(encoding or str(record["encoding"]), errors or str(record["errors"]))
    corpus = Corpus(
        name=str(record["name"]),
        title=str(record["name"]),
        files=tuple(_locate(Path(file["path"]), home) for file in record["files"]),
        encoding=codec.name,
        errors=codec.errors,
    )
    if [_describe_file(path) for path in corpus.files] != record["files"]:
        _verify(corpus, sha256)
    return corpus


def recent_files(home: Home, limit: int) -> list[Path]:
    """Return the user's own files that were used as a text of one file, most recent first."""
    try:
        records = sorted(home.corpora.glob("*.json"), key=lambda p: -p.stat().st_mtime)
    except FileNotFoundError:
        return []
    recent: list[Path] = []
    for path in records:
        try:
            record = read_json(path)
            files = [Path(file["path"]) for file in record["files"]]
        except (FileNotFoundError, DamagedError, KeyError, TypeError):
            continue
        if not record.get("bundled") and len(files) == 1 and files[0].is_file():
            recent.append(files[0])
    return recent[:limit]


def _parse_codec(encoding: str, errors: str) -> Encoding:
    if errors not in ERROR_HANDLERS:
        hint = f"Known: {' and '.join(ERROR_HANDLERS)}."
        raise InputError(f"Unknown handler {errors!r} for bytes that do not decode.", hint)
    return Encoding(parse_encoding(encoding).name, errors)


def _locate(path: Path, home: Home) -> Path:
    """Return the file, or the copy of piped text in a home that was moved."""
    for candidate in (path, home.corpora / path.name):
        if candidate.exists():
            return candidate
    if path.parent.name == home.corpora.name and _SHA256.fullmatch(path.stem):
        raise StateError("The text from standard input is no longer there.", "Train on it again.")
    raise StateError(f"The text {path} is no longer there.", "Put it back.")


def _read_record(sha256: str, home: Home) -> JsonObject | None:
    path = home.corpora / f"{sha256}.json"
    if not path.is_file():
        return None
    record = read_json(path)
    files, fields = record.get("files"), ("name", "encoding", "errors")
    if (
        record.get("format") != FORMAT_VERSION
        or not all(isinstance(record.get(field), str) for field in fields)
        or not isinstance(files, list)
        or not all(isinstance(file, dict) and isinstance(file.get("path"), str) for file in files)
    ):
        raise DamagedError(f"{path} cannot be used.", "Name the text again to recreate it.")
    return record


def _find_bundled(sha256: str, name: str) -> Corpus:
    for corpus in bundled_corpora():
        if corpus.name == name:
            _verify(corpus, sha256)
            return corpus
    raise StateError(
        f"The text {name!r} (SHA-256 {sha256[:12]}…) is not known on this machine.",
        "Start a run on the text itself; afterwards its hash is known.",
    )


def _verify(corpus: Corpus, sha256: str) -> None:
    from core.text.stats import fingerprint

    if fingerprint(corpus) != sha256:
        raise StateError(
            f"The text {corpus.name!r} has changed: {corpus.files[0]}.",
            "Restore the old text, or start a new run with the new one.",
        )

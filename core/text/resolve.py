"""From what a person names to a corpus: a bundled name, a file, a folder, a pattern, a dash."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from core.errors import InputError, NotFoundError
from core.paths import Home
from core.text.catalog import store_stream
from core.text.corpus import Corpus, bundled_corpora
from core.text.encoding import Encoding, parse_encoding
from core.text.readers import check_regular, open_bytes, translate_errors

STDIN = "-"
MAX_FILES = 100_000
_PATTERN = re.compile(r"[*?\[]")
_ENDINGS = re.compile(r"(\.(txt|text|jsonl|ndjson|gz))+$", re.IGNORECASE)


def resolve_corpus(
    spec: str,
    home: Home,
    *,
    encoding: str | None = None,
    replace: bool = False,
    stdin: BinaryIO | None = None,
) -> Corpus:
    """The corpus that `spec` names; what is in the files is not looked at yet.

    A bundled name wins over a file of that name: `./lang` is the file.

    Args:
        spec: a bundled name, a path, a pattern such as "texts/**/*.txt", or "-".
        encoding: of the files, UTF-8 where not given; may end in ":replace".
        replace: put U+FFFD in place of what cannot be decoded.
        stdin: where "-" reads from; what it gives is stored in the home.

    Raises:
        InputError: nothing there, or nothing that can be a text.
    """
    codec = parse_encoding(encoding or "utf-8")
    if replace:
        codec = Encoding(codec.name, "replace")
    if spec == STDIN:
        return _corpus("stdin", [store_stream(stdin or open_stdin(), home)], codec)
    came_with = {corpus.name: corpus for corpus in bundled_corpora()}
    if spec in came_with:
        if encoding or replace:
            hint = f"Leave the encoding out; ./{spec} is a file of that name."
            raise InputError(f"The text {spec} came with the program, in UTF-8.", hint)
        return came_with[spec]
    if not spec or "\0" in spec:
        raise NotFoundError("text", spec, came_with, _ways(came_with))
    return _find_files(spec, _expanded(spec), codec, list(came_with))


def _expanded(spec: str) -> Path:
    try:
        return Path(spec).expanduser()
    except RuntimeError:
        user = spec.partition("/")[0]
        raise InputError(f"There is no user {user[1:]!r} here.", f"./{spec} is a path.") from None


def _ways(names: Iterable[str]) -> str:
    return f"Name a file, a folder, a pattern, {', '.join(names)}, or - for standard input."


def open_stdin() -> BinaryIO:
    """What is piped in, as bytes.

    Raises:
        InputError: standard input is closed.
    """
    if sys.stdin is None:
        raise InputError("Standard input is closed.", "Pipe a text in, or name a file.")
    return sys.stdin.buffer


def _find_files(spec: str, path: Path, codec: Encoding, names: list[str]) -> Corpus:
    with translate_errors(path):
        there = path.exists()
        folder = path.is_dir()
    if folder:
        return _folder(path, codec)
    if there:
        check_regular(path)
        return _corpus(_ENDINGS.sub("", path.name), [path.absolute()], codec)
    if _PATTERN.search(spec):
        return _matching(path, codec)
    if os.path.lexists(path):
        raise InputError(f"{path} is a link to what is not there.", "Name the text itself.")
    raise NotFoundError("text", spec, [*names, *_neighbours(path)], _ways(names))


def _neighbours(path: Path) -> list[str]:
    """Names beside the one that was meant, as they would be written."""
    try:
        return [str(path.with_name(name)) for name in os.listdir(path.parent)]  # noqa: PTH208
    except (OSError, ValueError):
        return []


def _corpus(name: str, files: list[Path], codec: Encoding, description: str = "") -> Corpus:
    return Corpus(
        name=name,
        title=name,
        files=tuple(files),
        description=description,
        encoding=codec.name,
        errors=codec.errors,
    )


def _matching(pattern: Path, codec: Encoding) -> Corpus:
    found = sorted(Path(name).absolute() for name in glob.iglob(str(pattern), recursive=True))  # noqa: PTH207
    files = [path for path in found if path.is_file()]
    if not files:
        raise InputError(f"No file matches {str(pattern)!r}.", "** reaches into folders.")
    name = _ENDINGS.sub("", _PATTERN.split(str(pattern))[0].rstrip("/").rpartition("/")[2])
    return _corpus(name or "texts", files, codec, f"{len(files)} files")


def _folder(path: Path, codec: Encoding) -> Corpus:
    files, skipped = [], 0
    for file in _walk(path):
        if _looks_like_text(file, codec):
            files.append(file)
        else:
            skipped += 1
        if len(files) + skipped > MAX_FILES:
            raise InputError(
                f"There are more than {MAX_FILES:,} files in {path}.",
                'Choose a folder in it, or a pattern such as "texts/**/*.txt".',
            )
    if not files:
        raise InputError(f"There is no text in the folder {path}.", "Choose one with text files.")
    said = f", {skipped} skipped that are not text" if skipped else ""
    name = path.resolve().name or "texts"
    return _corpus(name, files, codec, f"{len(files)} files{said}")


def _walk(path: Path) -> Iterator[Path]:
    """The plain files below a folder in the order of their names; hidden ones are left out."""

    def fail(error: OSError) -> None:
        raise error

    with translate_errors(path):
        for parent, folders, names in os.walk(path.absolute(), onerror=fail):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                file = Path(parent, name)
                if not name.startswith(".") and file.is_file():
                    yield file


def _looks_like_text(path: Path, codec: Encoding) -> bool:
    with translate_errors(path), open_bytes(path) as file:
        head = file.read(8192)
    return bool(head.strip()) and not (codec.is_bytewise and b"\0" in head)

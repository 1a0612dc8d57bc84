"""Resolve what a person names to a corpus: a bundled name, a file, a folder, a pattern, a dash."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from core.errors import InputError, MiniGPTError, NotFoundError, nearest
from core.paths import Home
from core.text import piped
from core.text.corpus import Corpus, bundled_corpora
from core.text.encoding import Encoding, normalize_text, parse_encoding
from core.text.readers import check_regular, open_bytes, translate_errors

STDIN = "-"
MAX_FILES = 100_000
HEAD_BYTES = 8192
_WILDCARD = re.compile(r"[*?\[]")
_TEXT_SUFFIXES = re.compile(r"(\.(txt|text|jsonl|ndjson|csv|tsv|gz))+$", re.IGNORECASE)


def resolve_corpus(
    spec: str,
    home: Home,
    *,
    encoding: str | None = None,
    replace: bool = False,
) -> Corpus:
    """Return the corpus that `spec` names, without reading its files yet.

    A bundled name wins over a file of the same name; `./lang` is the file.

    Args:
        spec: a bundled name, a path, or a pattern such as "texts/**/*.txt".
        encoding: of the files, UTF-8 by default; may end in ":replace".
        replace: decode invalid bytes as U+FFFD.

    Raises:
        InputError: nothing is there, or it cannot be a text.
    """
    codec = parse_encoding(encoding or "utf-8")
    if replace:
        codec = Encoding(codec.name, "replace")
    bundled = {corpus.name: corpus for corpus in bundled_corpora()}
    if spec in bundled:
        if encoding or replace:
            hint = f"Omit the encoding; ./{spec} is a file of that name."
            raise InputError(f"The bundled text {spec} is always read as UTF-8.", hint)
        return bundled[spec]
    if not spec or "\0" in spec:
        raise NotFoundError("text", spec, bundled, _list_choices(bundled))
    return _resolve_path(spec, _expand_user(spec), codec, list(bundled))


@contextmanager
def open_corpus(
    spec: str, home: Home, *, encoding: str | None = None, stdin: BinaryIO | None = None
) -> Iterator[Corpus]:
    """Return the corpus that `spec` names, which may be "-": standard input.

    Its text is a temporary file, which is removed at the end unless `register_corpus` kept it.
    Errors name standard input, not that file.

    Args:
        spec, encoding: as in `resolve_corpus`.
        stdin: what "-" reads.

    Raises:
        InputError: nothing is there, or it cannot be a text.
        StorageError: standard input cannot be stored.
    """
    if spec != STDIN:
        yield resolve_corpus(spec, home, encoding=encoding)
        return
    codec = parse_encoding(encoding or "utf-8")
    with piped.copy_stream(stdin or open_stdin(), home) as path:
        try:
            yield _make_corpus("stdin", [path], codec)
        except MiniGPTError as error:
            error.message = error.message.replace(str(path), "Standard input")
            error.args = (error.message,)
            raise


def open_stdin() -> BinaryIO:
    """Return standard input as a stream of bytes.

    Raises:
        InputError: standard input is closed.
    """
    if sys.stdin is None:
        raise InputError("Standard input is closed.", "Pipe a text in, or name a file.")
    return sys.stdin.buffer


def read_stdin() -> str:
    """Return the text of standard input without a newline at its end.

    Invalid UTF-8 becomes lone surrogates, as in arguments, and is refused as there.

    Raises:
        InputError: standard input is closed.
    """
    text = open_stdin().read().decode(errors="surrogateescape")
    return normalize_text(text).removesuffix("\n")


def _expand_user(spec: str) -> Path:
    try:
        return Path(spec).expanduser()
    except RuntimeError:
        user = spec.partition("/")[0]
        raise InputError(f"There is no user {user[1:]!r}.", f"./{spec} is a path.") from None


def _list_choices(names: Iterable[str]) -> str:
    return f"Name a file, a folder, a pattern, {', '.join(names)}, or - for standard input."


def _resolve_path(spec: str, path: Path, codec: Encoding, names: list[str]) -> Corpus:
    with translate_errors(path):
        exists = path.exists()
        is_folder = path.is_dir()
    if is_folder:
        return _resolve_folder(path, codec)
    if exists:
        check_regular(path)
        return _make_corpus(_TEXT_SUFFIXES.sub("", path.name), [path.absolute()], codec)
    if _WILDCARD.search(spec):
        return _resolve_pattern(path, codec)
    if os.path.lexists(path):
        raise InputError(f"{path} is a broken link.", "Name the text itself.")
    raise NotFoundError("text", spec, [*names, *_similar_files(path, codec)], _list_choices(names))


def _similar_files(path: Path, codec: Encoding) -> list[str]:
    """Return the text files beside one that does not exist whose names resemble its name.

    Without suffixes and folders: what most names have in common says nothing.
    """
    similar: list[str] = []
    with suppress(OSError, ValueError):
        siblings = [Path(entry.path) for entry in os.scandir(path.parent)]
        stems = nearest(path.stem, {file.stem for file in siblings})
        for file in siblings:
            if file.stem in stems and not file.name.startswith("."):
                with suppress(MiniGPTError):
                    check_regular(file)
                    similar += [str(file)] * _looks_like_text(file, codec)
    return similar


def _make_corpus(name: str, files: list[Path], codec: Encoding, description: str = "") -> Corpus:
    return Corpus(
        name=name,
        title=name,
        files=tuple(files),
        description=description,
        encoding=codec.name,
        errors=codec.errors,
    )


def _resolve_pattern(pattern: Path, codec: Encoding) -> Corpus:
    matches = sorted(Path(name).absolute() for name in glob.iglob(str(pattern), recursive=True))  # noqa: PTH207
    files = [path for path in matches if path.is_file()]
    if not files:
        raise InputError(f"No file matches {str(pattern)!r}.", "** matches subfolders.")
    prefix = _WILDCARD.split(str(pattern))[0].rstrip("/").rpartition("/")[2]
    name = _TEXT_SUFFIXES.sub("", prefix) or "texts"
    return _make_corpus(name, files, codec, f"{len(files)} files")


def _resolve_folder(path: Path, codec: Encoding) -> Corpus:
    files, skipped = [], 0
    for file in _walk_files(path):
        if _looks_like_text(file, codec):
            files.append(file)
        else:
            skipped += 1
        if len(files) + skipped > MAX_FILES:
            raise InputError(
                f"There are more than {MAX_FILES:,} files in {path}.",
                'Choose a subfolder, or a pattern such as "texts/**/*.txt".',
            )
    if not files:
        raise InputError(f"There is no text in the folder {path}.", "Choose one with text files.")
    suffix = f", {skipped} skipped (not text)" if skipped else ""
    return _make_corpus(path.resolve().name or "texts", files, codec, f"{len(files)} files{suffix}")


def _walk_files(path: Path) -> Iterator[Path]:
    """Yield the regular files below a folder in order of their names, without hidden ones."""

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
        head = file.read(HEAD_BYTES)
    return bool(head.strip()) and not (codec.is_bytewise and b"\0" in head)

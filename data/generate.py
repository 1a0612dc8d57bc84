"""Writes the bundled corpora, all but `lang`: `python -m data.generate [--check]`.

Without an option the files are written in place; `--check` compares instead, and fails where one
differs. The same files come out everywhere, for each generator has a seed of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from data.generators import arithmetic, dialogues, questions, sentiment, stories, translation
from data.generators.parts import Parts

GENERATORS: Mapping[str, Callable[[], Parts]] = {
    "arithmetic": arithmetic.generate,
    "dialogues": dialogues.generate,
    "questions": questions.generate,
    "sentiment": sentiment.generate,
    "stories": stories.generate,
    "translation": translation.generate,
}
FOLDER = Path(__file__).parent


def files() -> Iterator[tuple[Path, bytes]]:
    """Every generated file, relative to this folder, with its content."""
    for name, generate in GENERATORS.items():
        parts = generate()
        yield Path(name, "corpus.txt"), parts.corpus.encode()
        if parts.heldout:
            yield Path(name, "heldout.txt"), parts.heldout.encode()


def differing(folder: Path) -> list[Path]:
    """The files below `folder` that are not as they would be written now."""
    return [
        path
        for path, content in files()
        if not (folder / path).is_file() or (folder / path).read_bytes() != content
    ]


def main(arguments: list[str]) -> int:
    """Writes or checks; gives the exit status."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m data.generate [--check]\n")
        return 2
    if arguments:
        wrong = differing(FOLDER)
        sys.stderr.writelines(f"{path} is not as generated\n" for path in wrong)
        return 1 if wrong else 0
    for path, content in files():
        (FOLDER / path.parent).mkdir(exist_ok=True)
        (FOLDER / path).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

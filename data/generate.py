"""Write the bundled corpora except `lang`: `python -m data.generate [--check]`.

Without an option the files are written in place; `--check` only compares them, and fails if one
differs. Every generator has its own seed: the files are the same on every machine, except that
packed ones are compared unpacked, because versions of zlib pack differently.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from data.generators import arithmetic, dialogues, questions, sentiment, stories, translation
from data.generators.generated_conversations import GeneratedConversations
from data.generators.generated_pairs import GeneratedPairs
from data.generators.generated_text import GeneratedText

Generated = GeneratedConversations | GeneratedPairs | GeneratedText
GENERATORS: Mapping[str, Callable[[], Generated]] = {
    "arithmetic": arithmetic.generate,
    "dialogues": dialogues.generate,
    "questions": questions.generate,
    "sentiment": sentiment.generate,
    "stories": stories.generate,
    "translation": translation.generate,
}
FOLDER = Path(__file__).parent


def generate_files() -> Iterator[tuple[Path, bytes]]:
    """Yield every generated file: its path relative to this folder, and its content."""
    for name, generate in GENERATORS.items():
        for file, content in generate().to_files().items():
            yield Path(name, file), content


def find_differences(folder: Path) -> list[Path]:
    """Return the files below `folder` that differ from the generated ones."""
    return [path for path, content in generate_files() if not _has_content(folder / path, content)]


def _has_content(path: Path, content: bytes) -> bool:
    """Whether the file has this content, unpacked if it is packed."""
    if not path.is_file():
        return False
    written = path.read_bytes()
    if path.suffix == ".gz":
        try:
            return gzip.decompress(written) == gzip.decompress(content)
        except (EOFError, OSError, zlib.error):
            return False
    return written == content


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m data.generate [--check]\n")
        return 2
    if arguments:
        differences = find_differences(FOLDER)
        sys.stderr.writelines(f"{path} differs from its generator\n" for path in differences)
        return 1 if differences else 0
    for path, content in generate_files():
        (FOLDER / path.parent).mkdir(exist_ok=True)
        if not _has_content(FOLDER / path, content):
            (FOLDER / path).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

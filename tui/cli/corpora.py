"""What `minigpt-tui corpora` says: the bundled texts, or the facts of one."""

from __future__ import annotations

import dataclasses
from itertools import islice

from core.text.corpus import Corpus, bundled, samples
from tui.common.sanitize import one_line
from core.text.stats import Facts, facts
from core.text.resolve import find
from core.paths import Home
from tui.cli.console import put, put_json, put_table, size

FIRST_LINES = 3
WIDEST = 76


def list_bundled(as_json: bool) -> None:
    """The texts that came with the program, one a line."""
    found = bundled()
    if as_json:
        for corpus in found:
            put_json(_described(corpus))
        return
    put_table(
        ("NAME", "SIZE", "READING", "TOKENIZER", "SHOWS"),
        [(c.name, size(c.size), c.reading or "", c.tokenizer or "", c.use) for c in found],
        right=(1,),
    )


def describe(home: Home, text: str, encoding: str | None, as_json: bool) -> None:
    """What a text is like, and its beginning."""
    corpus = find(text, home, encoding=encoding)
    found = facts(corpus)
    beginning = [sample.text for sample in islice(samples(corpus, found.reading), FIRST_LINES)]
    if as_json:
        put_json({**_described(corpus), **dataclasses.asdict(found)})
        return
    put(f"{corpus.title or corpus.name}: {corpus.description}".rstrip(": "))
    for label, value in _facts(corpus, found):
        if value:
            put(f"  {label:<11} {one_line(value)}")
    put()
    between = "\n" if found.reading == "lines" else ""
    for line in between.join(beginning).splitlines()[:FIRST_LINES]:
        shown = one_line(line)
        put("  " + (shown if len(shown) <= WIDEST else f"{shown[: WIDEST - 1]}…"))


def _facts(corpus: Corpus, found: Facts) -> list[tuple[str, str]]:
    part = "" if found.complete else f" (in the first {found.examined:,} characters)"
    return [
        ("shows", corpus.use),
        ("size", f"{size(found.size)}, {found.characters:,} characters, {corpus.encoding}"),
        ("reading", f"{found.reading}: {found.reason}"),
        ("lines", f"{found.lines:,}, longest {found.longest_words} words{part}"),
        ("words", f"{found.words:,}, {found.distinct_words:,} different{part}"),
        ("letters", f"{found.distinct_characters:,} different characters{part}"),
        ("prompt", corpus.prompt or ""),
        ("held out", str(corpus.heldout) if corpus.heldout else ""),
        ("licence", corpus.licence),
        ("note", corpus.note),
        ("files", str(corpus.files[0]) if len(corpus.files) == 1 else f"{len(corpus.files)}"),
        ("SHA-256", found.sha256),
    ]


def _described(corpus: Corpus) -> dict[str, object]:
    fields = ("name", "title", "use", "description", "licence", "note", "reading", "tokenizer")
    return {name: getattr(corpus, name) for name in fields} | {"size": corpus.size}

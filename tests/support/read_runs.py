"""For tests of what a model read: tiny runs whose text is there, in lines and as one text."""

from __future__ import annotations

from pathlib import Path

from core.paths import Home
from core.run.directory import Run
from core.server.dispatch import Dispatcher
from core.system.files import read_json, write_json
from core.text import catalog
from core.text.corpus import Corpus
from core.text.stats import compute_stats
from tests.support.askers import Asker
from tests.support.texts import corpus_of_text
from tests.support.tiny_runs import LINES, tiny_run

MORE = ["the cat sat on the door", "", "the bird sang to the dog", "the cat sat on the mat"]


def read_home(folder: Path) -> Home:
    """Two tiny runs, `words` (lines) and `chars` (a text), with the same text."""
    home = Home(root=folder, cache=folder / "cache")
    for name, kind, reading in (("words", "word", "lines"), ("chars", "char", "text")):
        run = tiny_run(home, name, kind, reading)
        link(home, run, corpus_of_text(folder / f"{name}.txt", "\n".join([*LINES, *MORE])))
    return home


def link(home: Home, run: Run, text: Corpus) -> None:
    """Makes this the text that the run was trained on."""
    found = compute_stats(text)
    catalog.register_corpus(text, found, home)
    record = read_json(run.record)
    record["corpus"]["sha256"] = found.sha256
    write_json(run.record, record)


def asker(home: Home) -> Asker:
    return Asker(Dispatcher(home))

"""What `minigpt-tui show` says of a run.

What `minigpt-tui corpora` says: the bundled texts, or the facts of one.
"""

from __future__ import annotations

import dataclasses
from itertools import islice
from typing import Any

from core.paths import Home
from core.run.directory import Run
from core.run.event_log import EventTail
from core.run.history import History
from core.run.record import read_record
from core.run.summary import RunSummary, summarize_run
from core.text.corpus import Corpus, bundled_corpora, read_samples
from core.text.resolve import resolve_corpus
from core.text.stats import CorpusStats, compute_stats
from tui.cli.console import print_json, print_message, print_result, print_table
from tui.common.format import count, duration, number, size
from tui.common.sanitize import one_line

SAMPLES = 8


def show_run(run: Run, as_json: bool) -> None:
    """Everything worth knowing about a run."""
    row, history, record = summarize_run(run), _history(run), read_record(run)
    if as_json:
        print_json(
            {
                **dataclasses.asdict(row),
                "folder": str(run.folder),
                "record": record,
                "model": history.model,
                "train": history.train,
                "reference": history.reference,
                "snapshots": run.snapshot_steps(),
                "samples": [dataclasses.asdict(sample) for sample in history.samples],
            }
        )
        return
    print_result(f"{run.name}: {row.status}")
    for label, value in _lines(row, history, record, run):
        if value:
            print_result(f"  {label:<11} {one_line(value)}")
    for reason in history.reasons:
        print_result(f"  {'why':<11} {one_line(reason)}")
    for sample in history.samples[-SAMPLES:]:
        print_result(f"  {f'step {sample.step}':<11} {one_line(f'{sample.prompt}|{sample.text}')}")
    if history.failure:
        print_message(f"{history.failure.message}\n{history.failure.hint}")


def _history(run: Run) -> History:
    history, tail = History(), EventTail(run.events)
    while batch := tail.read():
        history.apply_all(batch)
    return history


def _lines(
    row: RunSummary, history: History, record: dict[str, Any], run: Run
) -> list[tuple[str, str]]:
    corpus, model = record["corpus"], history.model
    shape = ", ".join(f"{name} {model[name]}" for name in model)
    losses = ", ".join(f"{name} {number(value)}" for name, value in history.reference.items())
    parent = record.get("parent") or {}
    return [
        ("text", f"{corpus['name']}, {size(corpus['size'])}, read as {corpus['reading']}"),
        ("from", str(parent.get("run", ""))),
        ("created", row.created or ""),
        ("progress", f"step {row.step} of {history.steps or '?'}, epoch {number(row.epoch)}"),
        ("took", duration(history.elapsed) if history.elapsed is not None else ""),
        ("loss", f"{number(row.train_loss)}, validation {number(row.val_loss) or 'none'}"),
        ("compare", f"{losses} (on the {history.reference_on} part)" if losses else ""),
        ("parameters", count(row.parameters)),
        ("model", shape),
        ("snapshots", " ".join(map(str, run.snapshot_steps()))),
        ("size", size(row.size)),
        ("folder", str(run.folder)),
    ]


FIRST_LINES = 3
WIDEST = 76


def list_bundled(as_json: bool) -> None:
    """The texts that came with the program, one a line."""
    found = bundled_corpora()
    if as_json:
        for corpus in found:
            print_json(_described(corpus))
        return
    print_table(
        ("NAME", "SIZE", "READING", "TOKENIZER", "SHOWS"),
        [(c.name, size(c.size), c.reading or "", c.tokenizer or "", c.use) for c in found],
        right=(1,),
    )


def describe(home: Home, text: str, encoding: str | None, as_json: bool) -> None:
    """What a text is like, and its beginning."""
    corpus = resolve_corpus(text, home, encoding=encoding)
    found = compute_stats(corpus)
    beginning = [sample.text for sample in islice(read_samples(corpus, found.reading), FIRST_LINES)]
    if as_json:
        print_json({**_described(corpus), **dataclasses.asdict(found)})
        return
    print_result(f"{corpus.title or corpus.name}: {corpus.description}".rstrip(": "))
    for label, value in _facts(corpus, found):
        if value:
            print_result(f"  {label:<11} {one_line(value)}")
    print_result()
    between = "\n" if found.reading == "lines" else ""
    for line in between.join(beginning).splitlines()[:FIRST_LINES]:
        shown = one_line(line)
        print_result("  " + (shown if len(shown) <= WIDEST else f"{shown[: WIDEST - 1]}…"))


def _facts(corpus: Corpus, found: CorpusStats) -> list[tuple[str, str]]:
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

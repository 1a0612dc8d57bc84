"""The model card: README.md of an exported folder, with the header that the Hub reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from core.config.budget import count_parameters
from core.config.schema import to_json
from core.export.source import ExportSource
from core.export.targets import HF, ONNX_FILE
from core.text.corpus import bundled_corpora
from core.text.stats import fingerprint

BASELINES = {"random": "uniform"}  # where names differ from those in the events
TRAINING_SETTINGS = (
    "optimizer",
    "learning_rate",
    "schedule",
    "batch_size",
    "epochs",
    "steps",
    "dropout",
    "weight_decay",
    "mask_share",
    "precision",
)
NO_LICENCE = "not stated"


def model_card(source: ExportSource, target: str, dtype: str) -> str:
    """The text of the card: what it was trained on, how well, and how to load it.

    Names of a run, a corpus and its settings are data: they are quoted as code, on one line.
    """
    parts = [
        _header(source, target),
        f"# {_plain(source.run.name)}\n",
        _introduction(source, dtype),
        "## How to load it\n",
        _usage(source, target),
        *_provenance(source),
        "## Model\n",
        _table(("setting", "value"), to_json(source.loaded.model.config).items()),
    ]
    if not source.is_imported:
        parts += ["## Training\n", _table(("setting", "value"), _training_rows(source))]
    return "\n".join(parts)


def _provenance(source: ExportSource) -> list[str]:
    """The text it was trained on and its losses; of an imported model, where it is from."""
    if source.is_imported:
        return ["## Where it is from\n", _table(("import", ""), _import_rows(source))]
    return [
        "## Training text\n",
        _table(("text", ""), _corpus_rows(source)),
        "## Losses\n",
        _losses(source),
    ]


def _import_rows(source: ExportSource) -> list[tuple[str, object]]:
    """As noted at its import; of a folder of this machine only the name."""
    noted = source.record["imported"]
    place = str(noted.get("source", ""))
    return [
        ("source", Path(place).name if Path(place).is_absolute() else place),
        ("layout", noted.get("model_type", "")),
        ("licence", noted.get("licence") or NO_LICENCE),
    ]


def _made(source: ExportSource) -> str:
    """How the weights came about."""
    if source.is_imported:
        return "imported by minigpt-tui from the files of another program and not changed"
    parent = (source.record.get("parent") or {}).get("run")
    if not parent:
        return "trained from scratch with minigpt-tui"
    made = f"fine-tuned with minigpt-tui from {_code(parent)}"
    if source.loaded.tokenizer.is_imported:
        made += ", which descends from a model of another program: its licence applies as well"
    return made


def _header(source: ExportSource, target: str) -> str:
    library = "transformers" if target == HF else "onnx"
    pipeline = "fill-mask" if source.loaded.model.config.is_encoder else "text-generation"
    pipeline = "text-classification" if source.labels else pipeline
    lines = [f"library_name: {library}", f"pipeline_tag: {pipeline}"]
    tags = ["minigpt-tui", *(["conversational"] if source.is_chat else [])]
    lines.append(f"tags: {json.dumps(tags)}")
    return "\n".join(["---", *lines, "---\n"])


def _introduction(source: ExportSource, dtype: str) -> str:
    loaded = source.loaded
    count = count_parameters(loaded.model.config)
    step = "" if source.step is None or source.is_imported else f" after step {source.step:,}"
    if source.labels:
        does = "It labels texts"
    elif loaded.model.config.is_encoder:
        does = "It fills in the blanks of a text"
    elif source.is_chat:
        does = "It replies to messages"
    elif loaded.reading == "lines":
        does = "It continues a line"
    else:
        does = "It continues a text"
    # Of a model of another program it is not known what it has learnt.
    limit = "" if loaded.tokenizer.is_imported else ", and knows nothing else"
    return (
        f"A language model of {count:,} parameters, {_made(source)}; the weights{step}, in "
        f"{dtype}. {does} of the kind it was trained on{limit}. Its tokenizer is of the kind "
        f"{_code(loaded.tokenizer.kind)} and has {loaded.tokenizer.vocab_size:,} tokens; it reads "
        f"at most {loaded.model.config.context:,} tokens at a time.\n"
    )


def _usage(source: ExportSource, target: str) -> str:
    if target == HF:
        task, prompt, result = "text-generation", '"…"', '[0]["generated_text"]'
        if source.is_chat:
            prompt = '[{"role": "user", "content": "…"}]'
            result += '[-1]["content"]'
        elif source.labels:
            task, result = "text-classification", '[0]["label"]'
        elif source.loaded.model.config.is_encoder:
            task, prompt, result = "fill-mask", '"… <mask> …"', '[0]["sequence"]'
        code = (
            "from transformers import pipeline\n\n"
            f'model = pipeline("{task}", ".")  # the path of this folder\n'
            f"print(model({prompt}){result})"
        )
    else:
        code = (
            "import onnxruntime\n\n"
            f'session = onnxruntime.InferenceSession("{ONNX_FILE}")\n'
            "# inputs: input_ids, attention_mask, position_ids, past_key_values.N.key and .value\n"
            "# outputs: logits, present.N.key and .value, which are the next call's past"
        )
    return f"```python\n{code}\n```\n"


def _corpus_rows(source: ExportSource) -> list[tuple[str, object]]:
    corpus = source.record["corpus"]
    rows: list[tuple[str, object]] = [
        ("name", corpus["name"]),
        ("size", f"{corpus['size']:,} bytes"),
        ("SHA-256", corpus["sha256"]),
        ("read as", corpus["reading"]),
        ("licence", _licence(corpus["name"], corpus["sha256"])),
    ]
    if labels := corpus.get("labels"):
        rows.append(("labels", ", ".join(labels)))
    return rows


def _licence(name: str, sha256: str) -> str:
    """The licence of a bundled text; that of another is not known."""
    for corpus in bundled_corpora():
        if corpus.name == name and fingerprint(corpus) == sha256:
            return corpus.licence
    return NO_LICENCE


def _losses(source: ExportSource) -> str:
    """Losses at the exported step, beside the baselines."""
    history = source.history
    rows: list[tuple[str, object]] = []
    for title, series in (("training", history.train_loss), ("validation", history.val_loss)):
        points = [
            (step, value)
            for step, value in zip(series.steps, series.values, strict=True)
            if source.step is None or step <= source.step
        ]
        if points:
            rows.append((f"{title}, step {points[-1][0]:,}", f"{points[-1][1]:.4f}"))
    data = "validation" if history.reference_on == "validation" else "training"
    rows += [
        (f"{BASELINES.get(name, name)} baseline, {data} data", f"{loss:.4f}")
        for name, loss in history.reference.items()
        if not name.endswith("_accuracy")
    ]
    if not rows:
        return "Not recorded.\n"
    return "In nats per token; lower is better.\n\n" + _table(("data", "loss"), rows)


def _training_rows(source: ExportSource) -> list[tuple[str, Any]]:
    settings: Mapping[str, Any] = source.history.train
    rows = [(name, settings[name]) for name in TRAINING_SETTINGS if settings.get(name) is not None]
    parent = source.record.get("parent") or {}
    versions = source.record.get("versions")
    rows += [("fine-tuned from", parent["run"])] if parent.get("run") else []
    rows += [("seed", source.record["seed"])]
    if isinstance(versions, dict):
        rows += [("versions", ", ".join(f"{name} {value}" for name, value in versions.items()))]
    return rows


def _table(head: tuple[str, str], rows: Iterable[tuple[str, object]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|"]
    lines += [f"| {_plain(name)} | {_code(value)} |" for name, value in rows]
    return "\n".join(lines) + "\n"


def _code(value: object) -> str:
    """A value as code in a table: nothing in it acts as markup."""
    text = _one_line(value).replace("`", "'").replace("|", "¦")
    return f"`{text}`" if text else ""


def _plain(value: object) -> str:
    """A name as text, with the characters of markup escaped."""
    return "".join(f"\\{c}" if c in "\\`*{}[]<>()#|!&" else c for c in _one_line(value))


def _one_line(value: object) -> str:
    text = "".join(c if c.isprintable() else " " for c in str(value))
    return " ".join(text.split())

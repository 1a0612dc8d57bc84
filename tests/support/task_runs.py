"""Runs of pairs and conversations with a tiny model that was not trained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from core.config.configs import ModelConfig
from core.paths import Home
from core.run.directory import Run
from core.run.model_files import generation_config, hf_config
from core.system.files import write_json
from core.text import catalog
from core.text.corpus import Corpus, read_samples
from core.text.messages import Message, messages_to_json
from core.text.stats import compute_stats
from core.tokenizer.special_tokens import EOS
from core.tokenizer.tokenizer import Tokenizer
from tests.support.runs import TINY_SHAPE, make_run, run_record
from tests.support.texts import corpus_of_text

SUBJECTS = ("film", "soup", "room", "song", "walk", "meal", "play", "view")
LABELS = {"positive": "good", "negative": "bad", "neutral": "plain"}


def feelings(count: int = 240) -> str:
    """A table of sentences with one of three labels; "positive" is the most frequent."""
    rows = ["text,label"]
    labels = ["positive", *LABELS]
    for number in range(count):
        label = labels[number % len(labels)]
        subject = SUBJECTS[number // 4 % len(SUBJECTS)]
        rows.append(f"The {subject} number {number} was {LABELS[label]} .,{label}")
    return "\n".join(rows) + "\n"


def sums(count: int = 240) -> str:
    """A table of questions with answers."""
    rows = (f"What is {n // 20}+{n % 20} ?,It is {n // 20 + n % 20} ." for n in range(count))
    return "\n".join(["question,answer", *rows]) + "\n"


def talk(conversations: Sequence[Sequence[Message]]) -> str:
    """Lines of JSON with `messages`."""
    return "".join(json.dumps({"messages": messages_to_json(c)}) + "\n" for c in conversations)


def task_run(
    home: Home,
    name: str,
    text: str,
    *,
    suffix: str = "csv",
    kind: str = "word",
    context: int = 32,
    architecture: str = "qwen3",
    seed: int = 0,
    corpus: Corpus | None = None,
) -> Run:
    """A run on a text, which is written to the folder of the home unless the corpus is given.

    With the architecture "eurobert" it has a head of the text's labels.
    """
    corpus = corpus or corpus_of_text(home.root / "texts" / f"{name}.{suffix}", text)
    stats = compute_stats(corpus)
    catalog.register_corpus(corpus, stats, home)
    record = run_record(name, seed=seed)
    record["corpus"] |= {
        "name": corpus.name,
        "sha256": stats.sha256,
        "reading": stats.reading,
        "task": stats.task,
        "labels": list(stats.labels),
    }
    run = make_run(home, name, record)
    texts = [text for sample in read_samples(corpus, stats.reading) for text in sample.texts]
    tokenizer = Tokenizer.train(kind, texts, 300 if kind == "bpe" else None).with_roles()
    tokenizer.save(run.folder, stats.reading, is_encoder=architecture == "eurobert")
    shape = TINY_SHAPE
    if architecture == "tutorial":
        shape = shape | {"kv_heads": 2, "activation": "relu", "tie_embeddings": False}
    labels = stats.labels if architecture == "eurobert" else ()
    config = ModelConfig(
        vocab_size=tokenizer.vocab_size,
        context=context,
        architecture=architecture,
        labels=len(labels),
        **shape,
    )
    write_json(run.config, hf_config(config, None, labels))
    if not labels:
        never = tokenizer.never_generated
        write_json(run.generation_config, generation_config(config, stats.reading, never))
    write_random_weights(run.weights, config, seed)
    return run


def write_random_weights(path: Path, config: ModelConfig, seed: int) -> None:
    """Write weights so large that the predictions differ, and replies end after a few tokens."""
    import torch

    from core.model import factory, state_dict
    from core.model.safetensors_io import replace_tensors

    model = factory.build_model(config, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0.0, 0.5, generator=generator)
        output = "embedding" if config.tie_embeddings else "output"
        model.get_parameter(f"{output}.weight")[EOS] *= 2.0  # likelier, after some tokens
    replace_tensors(path, state_dict.to_stored(model))

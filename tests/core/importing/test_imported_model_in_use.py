"""What the program does with its own models, it does with imported ones."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from core.config.configs import ModelConfig, SamplingConfig, TrainConfig
from core.dataset.spans import Spans
from core.errors import MiniGPTError
from core.importing.model import import_model, read_foreign_model
from core.inference.load import LoadedModel, load_model
from core.inference.score import ScoreTotals, score_samples
from core.model.quantize import quantize_weights
from core.paths import Home
from core.run.create import create_run
from core.run.directory import Run
from core.run.model_files import read_model_config
from core.run.parents import list_parents
from core.server.dispatch import Dispatcher
from core.text.corpus import CorpusSample
from core.tokenizer.imported import FACTS_FILE, load_imported
from core.train.batches import gather_batch
from tests.support.direct_client import DirectClient
from tests.support.foreign_models import (
    CONTEXT,
    TEXT,
    blank_tokenizer,
    byte_level_tokenizer,
    edit_json,
    make_foreign_model,
)

TOKENIZERS = {"byte-level": byte_level_tokenizer, "with blanks": blank_tokenizer}
PROMPT = "The quick fox"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with an imported model of each kind of tokenizer."""
    folder = tmp_path_factory.mktemp("home")
    home = Home(root=folder / "home", cache=folder / "cache")
    for number, (name, tokenizer) in enumerate(TOKENIZERS.items()):
        make_foreign_model(folder / name, "llama", tokenizer, seed=number)
        import_model(home, read_foreign_model(folder / name), name=name.replace(" ", "-"))
    return home


@pytest.fixture(params=["byte-level", "with-blanks"])
def loaded(home: Home, request: pytest.FixtureRequest) -> LoadedModel:
    return load_model(Run(home.runs / request.param))


@pytest.fixture(params=["byte-level", "with-blanks"])
def run(home: Home, request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def call(home: Home) -> DirectClient:
    return DirectClient(Dispatcher(home))


def test_a_reply_ends_where_the_model_ends_it(loaded: LoadedModel) -> None:
    """The ids of its own end, not those of this program's vocabularies, are ends."""
    from core.inference.generate import generate
    from core.inference.session import Session

    (end,) = loaded.tokenizer.end_ids
    session = Session(loaded.model, keep_first=loaded.keep_first)
    config = SamplingConfig(max_tokens=200, temperature=1.0, seed=5)
    tokens = list(generate(session, loaded.encode(PROMPT), loaded.tokenizer, config))
    assert [token.id for token in tokens[:-1]].count(end) == 0
    assert tokens[-1].end_reason == ("end" if tokens[-1].id == end else "length")


def test_chat_continues_a_text_and_a_reply(call: DirectClient, run: str) -> None:
    load = call("load", run=run)
    assert (load["reading"], load["tokenizer"], load["context"]) == ("text", "bpe", CONTEXT)
    first = call("generate", run=run, prompt=PROMPT, settings={"max_tokens": 8})
    assert first["tokens"] == 8 or first["reason"] == "end"
    again = call("generate", continue_from=call.last_id, settings={"max_tokens": 70})
    assert again["tokens"] > 0  # the context slides


def test_step_cursor_and_inside_show_an_imported_model(call: DirectClient, run: str) -> None:
    step = call("step", run=run, prompt=PROMPT)
    assert len(step["top"]) > 0
    assert math.isclose(sum(token["probability"] for token in step["top"]), 1, abs_tol=1.0)
    inside = call("inside", run=run, prompt=PROMPT)
    assert len(inside["attention"]) == 2
    trace = call("trace", run=run, text=PROMPT)
    assert "".join(token["text"] for token in trace["tokens"]).strip() == PROMPT


def test_the_scores_of_a_text_are_those_of_the_model(loaded: LoadedModel) -> None:
    totals = ScoreTotals()
    sample = CorpusSample(TEXT[:60], offset=0, file=0, ends_document=True)
    scores = list(score_samples(loaded, [sample], totals))
    ids = [loaded.start_id, *loaded.tokenizer.encode(TEXT[:60])]
    with torch.inference_mode():
        logits = loaded.model.head(loaded.model(torch.tensor([ids[:CONTEXT]])))[0].log_softmax(-1)
    for place, score in enumerate(scores[: CONTEXT - 1]):
        assert score.id == ids[place + 1]
        assert math.isclose(score.score, float(logits[place, score.id]), rel_tol=1e-4)
    assert totals.size == len(TEXT[:60].encode())


def test_every_id_can_be_a_target(loaded: LoadedModel) -> None:
    """Id 0 is padding in this program's vocabularies, and a token in others."""
    ids = np.array([5, 0, 7, 0, 0, 9, 1, 2], np.uint16)
    no_target = loaded.tokenizer.no_target
    spans = Spans(np.array([0, 4]), np.array([4, 7]))
    inputs, targets = gather_batch(ids, spans, None, no_target)
    assert targets.tolist() == [[0, 7, 0], [9, 1, no_target]]
    model = loaded.model
    model.no_target = no_target
    logits = model.head(model(inputs)).log_softmax(-1)
    rows, columns = (targets != no_target).nonzero(as_tuple=True)
    expected = -logits[rows, columns, targets[rows, columns]].mean()
    torch.testing.assert_close(model.loss(inputs, targets), expected)


@pytest.mark.parametrize("reading", ["text", "lines"])
def test_training_starts_from_it(reading: str, home: Home, run: str, tmp_path: Path) -> None:
    """Its tokenizer, shape and special ids stay, and the loss falls."""
    from core.train.job import train

    text = tmp_path / f"{run}-{reading}.txt"
    text.write_text(TEXT * 8)
    config = TrainConfig(steps=12, batch_size=4, learning_rate=0.01, threads=1, warmup_steps=1)
    child, lock = create_run(home, str(text), config, {}, reading=reading, parent=run)
    train(home, child, lock)
    events = [json.loads(line) for line in child.events.read_text().splitlines()]
    losses = [event["train_loss"] for event in events if event["type"] == "step"]
    assert losses[-1] < losses[0]
    assert events[-1]["type"] == "finished", events[-1]
    parent = Run(home.runs / run)
    assert read_model_config(child.config) == read_model_config(parent.config)
    ours, theirs = load_imported(child.folder), load_imported(parent.folder)
    assert ours is not None
    assert theirs is not None
    assert ours.to_json() == theirs.to_json()
    assert json.loads(child.config.read_text()) == json.loads(parent.config.read_text())
    assert load_model(child).tokenizer.end_ids == theirs.end_ids


def test_it_is_offered_as_a_parent_of_texts_but_not_of_conversations(home: Home) -> None:
    names = {"byte-level", "with-blanks"}
    assert {parent.name for parent in list_parents(home, [PROMPT], "text")} >= names
    assert not {parent.name for parent in list_parents(home, [PROMPT], "conversations")} & names


def test_conversations_cannot_be_learnt(home: Home, run: str, tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    rows = [{"prompt": f"say {n}", "completion": f"{n}"} for n in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    before = sorted(home.runs.iterdir())
    with pytest.raises(MiniGPTError, match="keeps its vocabulary"):
        create_run(home, str(path), TrainConfig(steps=2), {}, parent=run)
    assert sorted(home.runs.iterdir()) == before


def test_the_origin_of_its_text_is_not_searched(call: DirectClient, run: str) -> None:
    with pytest.raises(MiniGPTError, match="another program"):
        call("origin", run=run, text=PROMPT)


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_it_runs_in_lower_precision(precision: str, loaded: LoadedModel) -> None:
    ids = torch.tensor([loaded.encode(PROMPT)])
    with torch.inference_mode():
        expected = loaded.model.head(loaded.model(ids))
        quantize_weights(loaded.model, precision)
        rough = loaded.model.head(loaded.model(ids))
    assert float((rough - expected).abs().max() / expected.abs().max()) < 0.1


@pytest.mark.parametrize(
    "facts",
    [
        {"begin_id": 10**9},
        {"begin_id": "1"},
        {"end_ids": [-1]},
        {"end_ids": 3},
        {"more": 1},
        {"vocab_size": 3},
    ],
    ids=str,
)
def test_facts_that_do_not_fit_are_an_error(
    facts: dict[str, object], home: Home, run: str, tmp_path: Path
) -> None:
    for path in (home.runs / run).iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    edit_json(tmp_path / FACTS_FILE, **facts)
    with pytest.raises(MiniGPTError, match=r"tokenizer"):
        load_imported(tmp_path)


def test_every_field_of_a_variant_is_checked() -> None:
    from core.config.budget import check_architecture
    from core.errors import SettingsError

    for field in ("mlp_bias", "parallel_residual"):
        with pytest.raises(SettingsError, match=field):
            check_architecture(ModelConfig(**{field: True}))
    with pytest.raises(SettingsError, match="kv_heads"):
        check_architecture(ModelConfig(architecture="gpt2", kv_heads=2))

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.budget import count_parameters
from core.config.configs import TrainConfig
from core.config.plan_inputs import DeviceFacts, TextFacts, TokenFacts
from core.config.planner import RunPlan, choose_tokenizer, plan_run
from core.config.presets import AUTO, PRESETS
from core.errors import InputError, NotFoundError

CPU = DeviceFacts(device="cpu", name="CPU", free_memory=8 * 2**30, threads=2)
GPU = DeviceFacts(device="cuda:0", name="GPU", free_memory=80 * 2**30, threads=8, bfloat16=True)
LANG = TokenFacts(reading="lines", vocab_size=140, train_tokens=280, train_samples=20, longest=19)
BOOK = TokenFacts(reading="text", vocab_size=2048, train_tokens=400_000, train_samples=0, longest=0)


def _plan(facts: TokenFacts = LANG, device: DeviceFacts = CPU, **train: Any) -> RunPlan:
    return plan_run(TrainConfig(**train), {}, facts, device)


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (TextFacts(reading="lines", characters=1200, distinct_words=130, spaces=190), "word"),
        (TextFacts(reading="lines", characters=90_000, distinct_words=9000, spaces=0), "char"),
        (TextFacts(reading="text", characters=90_000, distinct_words=900, spaces=15_000), "char"),
        (TextFacts(reading="text", characters=10**7, distinct_words=900, spaces=10**6), "bpe"),
    ],
)
def test_the_tokenizer_follows_the_text_and_says_why(facts: TextFacts, kind: str) -> None:
    choice = choose_tokenizer(TrainConfig(), facts)
    assert choice.kind == kind
    assert (choice.vocab_size is not None) == (kind == "bpe")
    assert choice.reason.startswith(f"{kind}: ")


def test_a_chosen_tokenizer_and_vocabulary_stay() -> None:
    facts = TextFacts(reading="text", characters=10**7, distinct_words=900, spaces=10**6)
    config = TrainConfig(tokenizer="char", vocab_size=99)
    choice = choose_tokenizer(config, facts, corpus_kind="bpe", corpus_vocab_size=512)
    assert (choice.kind, choice.vocab_size, choice.reason) == ("char", 99, "char: as chosen")


def test_the_corpus_proposes_a_tokenizer_where_the_user_chose_none() -> None:
    facts = TextFacts(reading="lines", characters=1200, distinct_words=130, spaces=190)
    choice = choose_tokenizer(TrainConfig(), facts, corpus_kind="bpe", corpus_vocab_size=512)
    assert (choice.kind, choice.vocab_size) == ("bpe", 512)
    assert choice.reason == "bpe: suits this corpus"


@given(
    st.sampled_from([AUTO, *PRESETS]),
    st.sampled_from(["lines", "text"]),
    st.integers(1, 10**9),
    st.sampled_from([CPU, GPU]),
)
def test_a_plan_leaves_nothing_open(
    preset: str, reading: str, tokens: int, device: DeviceFacts
) -> None:
    lines = max(1, tokens // 12)
    facts = TokenFacts(
        reading=reading, vocab_size=500, train_tokens=tokens, train_samples=lines, longest=30
    )
    made = _plan(facts, device, preset=preset)
    open_fields = {
        name
        for name, value in dataclasses.asdict(made.train).items()
        if value is None and name not in ("epochs", "minutes", "eval_steps", "sample_prompt")
    }
    assert open_fields <= {"tokenizer", "vocab_size"}
    assert made.model.vocab_size == 500
    assert made.reasons


def test_presets_have_the_sizes_they_promise() -> None:
    sizes = {}
    for name in PRESETS:
        vocabulary = 137 if name == "tutorial" else PRESETS[name].vocabulary
        facts = dataclasses.replace(BOOK, vocab_size=vocabulary)
        sizes[name] = count_parameters(_plan(facts, GPU, preset=name).model) / 1e6
    assert sizes["tiny"] == pytest.approx(1.05, abs=0.05)
    assert sizes["xl"] == pytest.approx(124, rel=0.02)
    assert sizes["tutorial"] == pytest.approx(19.1, rel=0.02)
    assert sorted(sizes.values())[0] < 1.1


def test_the_tutorial_preset_is_the_tutorials() -> None:
    made = _plan(preset="tutorial")
    assert (made.model.layers, made.model.heads, made.model.d_model) == (6, 8, 512)
    assert (made.model.d_ff, made.train.batch_size, made.train.steps) == (2048, 3, 500)
    assert (made.train.optimizer, made.train.learning_rate) == ("adam", 1e-4)


def test_what_the_user_chose_stays() -> None:
    made = plan_run(
        TrainConfig(learning_rate=0.5, epochs=3, batch_size=10, threads=1),
        {"layers": 2, "d_model": 64},
        LANG,
        CPU,
    )
    assert (made.train.learning_rate, made.train.steps, made.train.threads) == (0.5, 6, 1)
    assert (made.model.layers, made.model.d_model, made.model.head_dim) == (2, 64, 16)


def test_minutes_leave_the_steps_to_be_timed() -> None:
    assert _plan(minutes=5.0).train.steps is None


def test_a_batch_that_does_not_fit_is_cut_into_pieces() -> None:
    small = dataclasses.replace(CPU, free_memory=3 * 2**30)
    made = _plan(BOOK, small, preset="medium")
    assert made.train.accumulation > 1
    assert made.train.batch_size == _plan(BOOK, GPU, preset="medium").train.batch_size


def test_a_model_without_memory_is_refused_with_what_to_lower() -> None:
    none = dataclasses.replace(CPU, free_memory=2**28)
    with pytest.raises(InputError, match="smaller preset"):
        _plan(BOOK, none, preset="xl")


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(NotFoundError, match="tiny"):
        _plan(preset="tinny")


def test_a_parents_shape_stays() -> None:
    parent = _plan(BOOK).model
    made = plan_run(TrainConfig(), {}, LANG, CPU, parent)
    assert made.model == parent


def test_a_parent_of_another_size_than_the_text_suggests_keeps_its_own_rate() -> None:
    """Fine-tuning a large model on a few lines must not use the rate of a tiny one."""
    parent = plan_run(TrainConfig(preset="large"), {}, BOOK, CPU).model
    made = plan_run(TrainConfig(), {}, LANG, CPU, parent)
    assert made.train.learning_rate == PRESETS["large"].rates["adamw"]
    tutorial = plan_run(TrainConfig(preset="tutorial"), {}, LANG, CPU).model
    made = plan_run(TrainConfig(), {}, LANG, CPU, tutorial)
    assert (made.train.optimizer, made.train.learning_rate) == ("adam", 1e-4)


def test_every_choice_has_its_reason() -> None:
    chosen = TrainConfig(learning_rate=0.5, steps=7, batch_size=3, threads=1)
    said = "\n".join(plan_run(chosen, {"context": 64}, LANG, CPU).reasons)
    for part in (
        "context of 64 tokens: as",
        "batch of 3 lines: as",
        "rate 0.5",
        "7 steps",
        "1 thread,",
    ):
        assert part in said
    said = "\n".join(plan_run(TrainConfig(), {}, LANG, CPU).reasons)
    assert said.count("as chosen") == 0
    assert said.count("of this text and size") == 3


def test_running_text_trains_a_tiny_model_with_muon_and_lines_with_adamw() -> None:
    """Each rule has a learning rate twenty times the other's: neither must get the wrong one."""
    text = dataclasses.replace(BOOK, train_tokens=300_000)
    found = {
        "text": _plan(text, CPU),
        "lines": _plan(LANG, CPU),
        "chosen": _plan(text, CPU, optimizer="adamw"),
    }
    said = {name: (one.train.optimizer, one.train.learning_rate) for name, one in found.items()}
    assert {one.preset for one in found.values()} == {"tiny"}
    assert said["text"] == ("muon", PRESETS["tiny"].rates["muon"])
    assert said["lines"] == said["chosen"] == ("adamw", PRESETS["tiny"].rates["adamw"])


QUICK = dataclasses.replace(CPU, bfloat16=True)


@pytest.mark.parametrize(
    ("device", "facts", "preset", "precision"),
    [
        (QUICK, BOOK, "tiny", "bfloat16"),
        (QUICK, LANG, "tiny", "float32"),
        (QUICK, LANG, "medium", "bfloat16"),
        (QUICK, BOOK, "tutorial", "float32"),
        (CPU, BOOK, "medium", "float32"),
        (GPU, LANG, "tiny", "bfloat16"),
    ],
)
def test_short_numbers_are_for_models_that_gain_by_them(
    device: DeviceFacts, facts: TokenFacts, preset: str, precision: str
) -> None:
    assert _plan(facts, device, preset=preset).train.precision == precision
    assert _plan(facts, device, preset=preset, precision="float32").train.precision == "float32"

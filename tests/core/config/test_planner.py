"""The planner: a choice for every open setting, and a reason for each."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.budget import count_parameters
from core.config.configs import AUTO, TrainConfig
from core.config.plan_inputs import DeviceFacts, TextFacts, TokenFacts
from core.config.planner import RunPlan, choose_tokenizer, plan_run
from core.config.presets import PRESETS
from core.errors import InputError, NotFoundError

CPU = DeviceFacts(device="cpu", name="CPU", free_memory=8 * 2**30, threads=2)
BFLOAT16_CPU = dataclasses.replace(CPU, bfloat16=True)
GPU = DeviceFacts(device="cuda:0", name="GPU", free_memory=80 * 2**30, threads=8, bfloat16=True)
LANG = TokenFacts(reading="lines", vocab_size=140, train_tokens=280, train_samples=20, longest=19)
BOOK = TokenFacts(reading="text", vocab_size=2048, train_tokens=400_000, train_samples=0, longest=0)
LARGE_TEXT = TextFacts(reading="text", characters=10**7, spaces=10**6)


def plan_of(facts: TokenFacts = LANG, device: DeviceFacts = CPU, **train: Any) -> RunPlan:
    return plan_run(TrainConfig(**train), {}, facts, device)


def test_encoders_hide_many_tokens_and_the_tutorials_reads_few_lines_more_often() -> None:
    for preset, steps in (("encoder-modern", 150), ("encoder", 400)):
        plan = plan_of(LANG, preset=preset)
        assert (plan.train.mask_share, plan.train.steps) == (0.4, steps), preset
        chosen = plan_of(LANG, preset=preset, mask_share=0.15, steps=20).train
        assert (chosen.mask_share, chosen.steps) == (0.15, 20), preset


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (TextFacts(reading="lines", characters=1200, spaces=190), "bpe"),
        (TextFacts(reading="pairs", characters=1200, spaces=190), "bpe"),
        (TextFacts(reading="pairs", characters=1200, spaces=9), "char"),
        (TextFacts(reading="lines", characters=90_000, spaces=0), "char"),
        (TextFacts(reading="text", characters=90_000, spaces=15_000), "char"),
        (LARGE_TEXT, "bpe"),
    ],
)
def test_the_tokenizer_follows_from_the_text_with_a_reason(facts: TextFacts, kind: str) -> None:
    choice = choose_tokenizer(TrainConfig(), facts)
    assert choice.kind == kind
    assert (choice.vocab_size is not None) == (kind == "bpe")
    assert choice.reason.startswith(f"{kind} (")


def test_the_tutorial_has_words() -> None:
    facts = TextFacts(reading="lines", characters=1200, spaces=190)
    choice = choose_tokenizer(TrainConfig(preset="tutorial"), facts)
    assert (choice.kind, choice.reason) == ("word", "word (as in the tutorial)")


def test_the_users_tokenizer_and_vocabulary_are_kept() -> None:
    config = TrainConfig(tokenizer="char", vocab_size=99)
    choice = choose_tokenizer(config, LARGE_TEXT, corpus_kind="bpe", corpus_vocab_size=512)
    assert (choice.kind, choice.vocab_size, choice.reason) == ("char", 99, "char (your choice)")


def test_the_corpus_proposes_a_tokenizer_if_the_user_chose_none() -> None:
    facts = TextFacts(reading="lines", characters=1200, spaces=190)
    choice = choose_tokenizer(TrainConfig(), facts, corpus_kind="bpe", corpus_vocab_size=512)
    assert (choice.kind, choice.vocab_size) == ("bpe", 512)
    assert choice.reason == "bpe (suits this corpus)"


@given(
    st.sampled_from([AUTO, *PRESETS]),
    st.sampled_from(["lines", "text"]),
    st.integers(1, 10**9),
    st.sampled_from([CPU, GPU]),
)
def test_a_plan_leaves_no_setting_open(
    preset: str, reading: str, tokens: int, device: DeviceFacts
) -> None:
    lines = max(1, tokens // 12)
    facts = TokenFacts(
        reading=reading, vocab_size=500, train_tokens=tokens, train_samples=lines, longest=30
    )
    plan = plan_of(facts, device, preset=preset)
    open_fields = {
        name
        for name, value in dataclasses.asdict(plan.train).items()
        if value is None and name not in ("epochs", "minutes", "eval_steps", "sample_prompt")
    }
    assert open_fields <= {"tokenizer", "vocab_size", "mask_share"}
    assert (plan.train.mask_share is None) == (not plan.model.is_encoder)
    assert plan.model.vocab_size == 500
    assert plan.reasons


def test_presets_have_the_sizes_they_promise() -> None:
    sizes = {}
    for name, preset in PRESETS.items():
        vocabulary = 137 if name == "tutorial" else preset.max_vocab_size
        facts = dataclasses.replace(BOOK, vocab_size=vocabulary)
        sizes[name] = count_parameters(plan_of(facts, GPU, preset=name).model) / 1e6
    assert sizes["tiny"] == pytest.approx(1.05, abs=0.05)
    assert sizes["xl"] == pytest.approx(124, rel=0.02)
    assert sizes["tutorial"] == pytest.approx(19.1, rel=0.02)
    assert sorted(sizes.values())[0] < 1.1


def test_the_tutorial_preset_is_the_tutorials() -> None:
    plan = plan_of(preset="tutorial")
    assert (plan.model.layers, plan.model.heads, plan.model.d_model) == (6, 8, 512)
    assert (plan.model.d_ff, plan.train.batch_size, plan.train.steps) == (2048, 3, 500)
    assert (plan.train.optimizer, plan.train.learning_rate) == ("adam", 1e-4)


def test_the_users_settings_are_kept() -> None:
    plan = plan_run(
        TrainConfig(learning_rate=0.5, epochs=3, batch_size=10, threads=1),
        {"layers": 2, "d_model": 64},
        LANG,
        CPU,
    )
    assert (plan.train.learning_rate, plan.train.steps, plan.train.threads) == (0.5, 6, 1)
    assert (plan.model.layers, plan.model.d_model, plan.model.head_dim) == (2, 64, 16)


def test_an_epoch_of_lines_longer_than_the_context_has_a_sample_for_each_part() -> None:
    """Counted as one sample each, 64 lines of 1,202 tokens were a single step."""
    facts = dataclasses.replace(
        LANG, train_tokens=64 * 1202, train_samples=64, longest=1202, line_lengths=[[1202, 64]]
    )
    plan = plan_of(facts, preset="tiny", epochs=1)
    assert (plan.model.context, plan.train.batch_size, plan.train.steps) == (512, 64, 3)
    assert "batch of 64 lines, cut to 512 tokens (suits this text and size)" in plan.reasons
    assert any(reason.startswith("3 steps, 1 epoch of ") for reason in plan.reasons)


def test_lines_whose_lengths_are_unknown_are_taken_to_be_equally_long() -> None:
    """Requests to the model server may leave the lengths out."""
    facts = dataclasses.replace(LANG, train_tokens=64 * 1202, train_samples=64, longest=1202)
    assert facts.samples(512) == 3 * 64
    assert LANG.samples(32) == 20


def test_lengths_of_lines_that_are_not_pairs_are_an_error() -> None:
    with pytest.raises(InputError, match="pairs"):
        dataclasses.replace(LANG, line_lengths=[[3]])


def test_minutes_leave_the_number_of_steps_open() -> None:
    plan = plan_of(minutes=5.0)
    assert plan.train.steps is None
    assert "as many steps as fit into 5 minutes (your choice)" in plan.reasons
    assert "as many steps as fit into 1 minute (your choice)" in plan_of(minutes=1.0).reasons


def test_a_batch_that_does_not_fit_is_split_into_micro_batches() -> None:
    small = dataclasses.replace(CPU, free_memory=3 * 2**30)
    plan = plan_of(BOOK, small, preset="medium")
    assert plan.train.accumulation > 1
    assert plan.train.batch_size == plan_of(BOOK, GPU, preset="medium").train.batch_size


def test_a_model_larger_than_the_memory_is_an_error_with_advice() -> None:
    small = dataclasses.replace(CPU, free_memory=2**28)
    with pytest.raises(InputError, match="smaller preset"):
        plan_of(BOOK, small, preset="xl")


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(NotFoundError, match="tiny"):
        plan_of(preset="tinny")


def test_the_shape_of_a_parent_is_kept() -> None:
    parent = plan_of(BOOK).model
    assert plan_run(TrainConfig(), {}, LANG, CPU, parent).model == parent


def test_fine_tuning_uses_the_learning_rate_of_the_parents_size() -> None:
    """A large model fine-tuned on a few lines would be destroyed by the rate of a tiny one."""
    parent = plan_run(TrainConfig(preset="large"), {}, BOOK, CPU).model
    plan = plan_run(TrainConfig(), {}, LANG, CPU, parent)
    assert plan.train.learning_rate == PRESETS["large"].learning_rates["adamw"]
    tutorial = plan_run(TrainConfig(preset="tutorial"), {}, LANG, CPU).model
    plan = plan_run(TrainConfig(), {}, LANG, CPU, tutorial)
    assert (plan.train.optimizer, plan.train.learning_rate) == ("adam", 1e-4)


def test_every_choice_has_a_reason() -> None:
    config = TrainConfig(learning_rate=0.5, steps=7, batch_size=3, threads=1)
    reasons = "\n".join(plan_run(config, {"context": 64}, LANG, CPU).reasons)
    for part in (
        "context of 64 tokens (your choice)",
        "batch of 3 lines (your choice)",
        "learning rate 0.5",
        "7 steps, 1.05 epochs of 280 tokens (your choice)",
        "1 thread,",
    ):
        assert part in reasons
    reasons = "\n".join(plan_run(TrainConfig(), {}, LANG, CPU).reasons)
    assert "tiny model, 0.81 M parameters (280 tokens to learn from, CPU)" in reasons
    assert reasons.count("your choice") == 0
    assert reasons.count("(suits this text and size)") == 3


def test_tiny_models_train_with_muon_on_running_text_and_adamw_on_lines() -> None:
    """Each optimizer has a learning rate twenty times the other's; they must not be mixed up."""
    text = dataclasses.replace(BOOK, train_tokens=300_000)
    plans = {
        "text": plan_of(text, CPU),
        "lines": plan_of(LANG, CPU),
        "chosen": plan_of(text, CPU, optimizer="adamw"),
    }
    updates = {
        name: (plan.train.optimizer, plan.train.learning_rate) for name, plan in plans.items()
    }
    rates = PRESETS["tiny"].learning_rates
    assert {plan.preset for plan in plans.values()} == {"tiny"}
    assert updates["text"] == ("muon", rates["muon"])
    assert updates["lines"] == updates["chosen"] == ("adamw", rates["adamw"])


@pytest.mark.parametrize(
    ("device", "facts", "preset", "precision"),
    [
        (BFLOAT16_CPU, BOOK, "tiny", "bfloat16"),
        (BFLOAT16_CPU, LANG, "tiny", "float32"),
        (BFLOAT16_CPU, LANG, "medium", "bfloat16"),
        (BFLOAT16_CPU, BOOK, "tutorial", "float32"),
        (CPU, BOOK, "medium", "float32"),
        (GPU, LANG, "tiny", "bfloat16"),
    ],
)
def test_bfloat16_is_chosen_where_it_is_faster(
    device: DeviceFacts, facts: TokenFacts, preset: str, precision: str
) -> None:
    assert plan_of(facts, device, preset=preset).train.precision == precision
    assert plan_of(facts, device, preset=preset, precision="float32").train.precision == "float32"


def test_conversations_have_a_context_that_fits_most_of_them_and_batches_by_length() -> None:
    lengths = [[40, 600], [80, 360], [300, 40]]
    facts = TokenFacts(
        reading="conversations",
        vocab_size=4096,
        train_tokens=64_800,
        train_samples=1000,
        longest=300,
        line_lengths=lengths,
    )
    plan = plan_of(facts)
    assert plan.model.context == 80
    assert any("95% of the conversations fit" in reason for reason in plan.reasons)
    assert (plan.train.optimizer, plan.train.learning_rate, plan.train.batch_size) == (
        *("muon", 0.03, 16),
    )
    short = dataclasses.replace(facts, reading="pairs", longest=12, line_lengths=[[12, 5400]])
    plan = plan_of(short)
    assert (plan.model.context, plan.train.batch_size) == (32, 64)
    assert "longest pair: 12 tokens" in " ".join(plan.reasons)
    assert plan.train.steps == 1519, "18 epochs"
    assert plan.train.dropout == 0.1
    assert plan_of(short, epochs=3).train.dropout == 0.0
    assert plan_of(short, dropout=0.2).train.dropout == 0.2
    assert plan_of(short, optimizer="adamw").train.learning_rate == 3e-3
    assert plan_of(short, learning_rate=0.01).train.learning_rate == 0.01

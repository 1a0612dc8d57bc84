"""What auto chose, and what it would choose instead of the user's values."""

from __future__ import annotations

from typing import Any

import pytest

from core.config.configs import TrainConfig
from core.config.plan_inputs import DeviceFacts
from core.dataset.preview import Preview, preview
from core.text.corpus import bundled_corpora
from tui.runs.auto_values import auto_text, automatic_values, device_text, values_instead
from tui.runs.form_fields import FIELDS
from tui.runs.setup import RunDraft, forecast_run

CPU = DeviceFacts(device="cpu", name="a processor", free_memory=8 << 30, threads=4)
LANG = next(corpus for corpus in bundled_corpora() if corpus.name == "lang")


@pytest.fixture(scope="module")
def seen() -> Preview:
    return preview(LANG)


def words(seen: Preview, **chosen: Any) -> dict[str, str]:
    draft = RunDraft(corpus=LANG, preview=seen, config=TrainConfig(**chosen))
    plan = draft.plan(CPU)
    forecast = forecast_run(plan, draft.tokens, CPU, 1 << 40)
    values = automatic_values(forecast, plan.preset, draft)
    return {name: auto_text(name, values, forecast) for name in FIELDS}


def test_every_automatic_value_has_words(seen: Preview) -> None:
    text = words(seen)
    assert text["preset"] == "tiny, 809 k parameters"
    assert text["tokenizer"] == "word, 134 tokens"
    assert text["context"] == "32 tokens"
    assert text["batch_size"] == "20 lines"
    assert text["epochs"] == "150"
    assert text["learning_rate"] == "0.003, warm-up 15, linear"
    assert text["device"] == "cpu, a processor"
    assert text["sample_prompt"] == "“Python”"
    assert text["reading"] == "lines, each a sample"
    assert text["compile"] == text["minutes"] == "", "chosen only in training, or off"


def test_a_device_is_named_once() -> None:
    assert device_text("cpu", "CPU, AVX512") == "cpu, AVX512"
    assert device_text("cpu", "CPU") == "cpu"
    assert device_text("cuda:0", "NVIDIA H200") == "cuda:0, NVIDIA H200"


def test_values_follow_the_choices(seen: Preview) -> None:
    text = words(seen, preset="small", epochs=3.0)
    assert text["layers"] == "6"
    assert text["steps"] == "3"


@pytest.mark.parametrize(
    ("name", "chosen", "shape", "instead"),
    [
        ("context", {}, {"context": 512}, "32"),
        ("layers", {}, {"layers": 9}, "4"),
        ("preset", {"preset": "small"}, {}, "tiny"),
        ("tokenizer", {"tokenizer": "char"}, {}, "word"),
        ("epochs", {"epochs": 3.0}, {}, "150"),
        ("learning_rate", {"learning_rate": 0.1}, {}, "0.003"),
        ("seed", {"seed": 7}, {}, "0"),
        ("snapshots", {"snapshots": False}, {}, "on"),
    ],
)
def test_auto_says_what_a_plan_without_the_choice_would(
    name: str, chosen: dict[str, Any], shape: dict[str, Any], instead: str, seen: Preview
) -> None:
    draft = RunDraft(corpus=LANG, preview=seen, config=TrainConfig(**chosen), shape=shape)
    assert values_instead(draft, {name: "x"}, CPU) == {name: instead}


def test_what_cannot_be_known_is_not_said(seen: Preview) -> None:
    draft = RunDraft(corpus=LANG, preview=seen, config=TrainConfig(minutes=2.0))
    assert values_instead(draft, {"minutes": "2", "vocab_size": "9", "name": "x"}, CPU) == {}

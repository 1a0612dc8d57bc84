"""The words and bars of a forecast."""

from __future__ import annotations

import dataclasses

import pytest

from core.config.configs import ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts, TokenFacts
from tui.runs.forecast_text import (
    approximate_duration,
    compact_forecast,
    forecast_lines,
    reason_lines,
    setup_state,
    warning_lines,
)
from tui.runs.setup import RunForecast

FORECAST = RunForecast(
    model=ModelConfig(vocab_size=134),
    train=TrainConfig(batch_size=20, steps=150, optimizer="adamw"),
    tokens=TokenFacts(
        reading="lines", vocab_size=134, train_tokens=257, train_samples=20, longest=32
    ),
    reasons=(),
    memory=4_000_000_000,
    disk=200_000_000,
    free_memory=16_000_000_000,
    free_disk=100_000_000_000,
    steps=150,
    step_seconds=2.0,
    device=DeviceFacts(device="cpu", name="CPU", free_memory=16_000_000_000, threads=2),
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 s"),
        (10.4, "10 s"),
        (89.0, "89 s"),
        (100.0, "2 min"),
        (3600.0, "60 min"),
        (9000.0, "2.5 h"),
        (36 * 3600.0, "2 days"),
        (30 * 86400.0, "30 days"),
    ],
)
def test_durations_are_a_word(seconds: float, text: str) -> None:
    assert approximate_duration(seconds) == text


def test_the_forecast_has_a_line_for_every_figure() -> None:
    lines = forecast_lines(FORECAST, 60).plain.split("\n")
    assert lines[1] == "training  150 steps of 257 tokens"
    assert lines[2] == "speed     128 tokens/s"
    assert lines[4].startswith("time      about 5 min   ━╸")
    assert lines[4].rstrip().endswith("of an hour")
    assert "of 16 GB free" in lines[5]
    assert lines[5].count("━") / (lines[5].count("━") + lines[5].count("─")) == 0.25
    assert lines[-3] == "what the memory is for"
    state = FORECAST.state_memory
    assert f"{state / 1e6:.3g} MB" in lines[-1]
    assert max(map(len, lines)) <= 60


def test_what_is_not_known_yet_is_not_made_up() -> None:
    untimed = dataclasses.replace(FORECAST, steps=None, step_seconds=None)
    text = forecast_lines(untimed, 60).plain
    assert "as many steps as fit" in text
    assert "timing some steps…" in text
    assert "about" not in text
    assert "tokens/s" not in text


@pytest.mark.parametrize("width", [56, 60, 78, 100])
def test_the_compact_forecast_fits_its_width(width: int) -> None:
    lines = compact_forecast(FORECAST, width).plain.split("\n")
    assert len(lines) == (4 if width < 70 else 3)
    assert max(map(len, lines)) <= width
    assert "128 tokens/s" in lines[-1]


def test_the_ascii_forecast_is_ascii() -> None:
    text = forecast_lines(FORECAST, 60, is_ascii=True).plain
    assert "=" in text
    assert text.isascii()


def test_reasons_follow_what_was_chosen_and_ones_own_choices_are_marked() -> None:
    lines = reason_lines(["tiny model (257 tokens, CPU)", "context of 9 (your choice)"], 24)
    assert lines.plain.split("\n") == [
        "· tiny model  257",
        "  tokens, CPU",
        "• context of 9  your",
        "  choice",
    ]


def test_warnings_and_steps_are_marked_without_colours() -> None:
    assert warning_lines(["Small text"]).plain == "! Small text"
    assert setup_state(1).plain == "1 text ✓ ── 2 settings ── 3 train"

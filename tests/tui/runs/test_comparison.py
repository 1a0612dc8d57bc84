"""The state of a comparison: curves over steps, tokens and time, notes, names."""

from __future__ import annotations

from typing import Any

import pytest

from core.run.compare import ComparedRun
from core.run.history import Series
from tui.plot.axis import SECONDS, STEPS, TOKENS
from tui.runs.comparison import Comparison, curves_to_json, short_names


def compared(name: str, **fields: Any) -> ComparedRun:
    defaults: dict[str, Any] = {
        "text_id": "text",
        "tokenizer_id": "bpe",
        "train_loss": Series([1, 2, 3], [5.0, 4.0, 3.0]),
        "val_loss": Series([2, 3], [4.5, 3.5]),
        "elapsed": Series([1, 2, 3], [1.0, 2.0, 4.0]),
        "tokens_per_step": 100.0,
        "bytes_per_token": 4.0,
        "baselines": {"unigram": 6.0, "bigram": 5.0},
    }
    return ComparedRun(name=name, **(defaults | fields))


def comparison(*runs: ComparedRun, **fields: Any) -> Comparison:
    return Comparison(tuple(run.name for run in runs), runs, **fields)


def test_every_run_has_a_curve_with_its_own_colour_and_marker() -> None:
    chart = comparison(compared("a"), compared("b")).chart()
    assert [(curve.name, curve.colour, curve.marker) for curve in chart.curves] == [
        ("a", "primary", "●"),
        ("b", "accent", "▲"),
    ]
    assert chart.curves[0].xs.tolist() == [2, 3]
    assert chart.curves[0].ys.tolist() == [4.5, 3.5]
    assert chart.baselines == (("unigram", 6.0), ("bigram", 5.0))


def test_the_axis_cycles_through_steps_tokens_and_time() -> None:
    state = comparison(compared("a"), compared("b"))
    assert state.next_unit() == TOKENS
    assert state.chart().curves[0].xs.tolist() == [200, 300]
    assert state.chart().steps_per_unit is None
    assert state.next_unit() == SECONDS
    assert state.chart().curves[0].xs.tolist() == [2.0, 4.0]
    assert state.next_unit() == STEPS


def test_training_losses_and_hidden_runs() -> None:
    state = comparison(compared("a"), compared("b"), selected=1)
    assert state.toggle_loss() == "train"
    assert state.chart_name == "Training, nats per token"
    assert state.chart().curves[0].is_noisy
    assert state.toggle_hidden()
    assert [curve.name for curve in state.chart().curves] == ["a"]
    assert not state.toggle_hidden()
    assert len(state.chart().curves) == 2
    assert state.toggle_loss() == "validation"


def test_losses_are_per_byte_where_tokenizers_differ() -> None:
    a, b = compared("a"), compared("b", tokenizer_id="char", bytes_per_token=1.0)
    state = comparison(a, b)
    assert state.chart_name == "Validation, bits per byte"
    assert state.chart_notes == ["per byte, because the tokenizers differ"]
    one, other = state.chart().curves
    assert one.ys == pytest.approx([4.5 / 4 / 0.693147, 3.5 / 4 / 0.693147], rel=1e-5)
    assert other.ys == pytest.approx([4.5 / 0.693147, 3.5 / 0.693147], rel=1e-5)
    assert state.chart().baselines == (), "those of other tokens are other numbers"


@pytest.mark.parametrize(
    ("fields", "unit", "note"),
    [
        (
            {"tokenizer_id": "x", "bytes_per_token": None, "missing": "its number of tokens"},
            STEPS,
            "b has no bits per byte: its number of tokens is not recorded",
        ),
        ({"val_loss": Series()}, STEPS, "no validation loss: b"),
        ({"tokens_per_step": None}, TOKENS, "no tokens recorded: b"),
        ({"elapsed": Series()}, SECONDS, "no time recorded: b"),
        ({"text_id": "other"}, STEPS, "the texts differ"),
    ],
)
def test_the_border_names_the_run_that_lacks_something(
    fields: dict[str, Any], unit: str, note: str
) -> None:
    state = comparison(compared("a"), compared("b", **fields), unit=unit)
    assert state.chart_notes[0] == note
    shown = [curve.name for curve in state.chart().curves]
    assert shown == (["a", "b"] if "text_id" in fields else ["a"])


def test_baselines_are_shown_only_if_they_hold_for_all() -> None:
    other = compared("b", baselines={"unigram": 6.0, "bigram": 4.9})
    assert comparison(compared("a"), other).chart().baselines == (("unigram", 6.0),)
    assert comparison(compared("a"), compared("b", baselines={})).chart().baselines == ()


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["tales", "tales-wide", "tales-deep"], ["tales", "wide", "deep"]),
        (["tales", "poems"], ["tales", "poems"]),
        (["zh-char", "zh-bpe"], ["char", "bpe"]),
        (["a", "ab", "a-"], ["a", "ab", "a-"]),
        (["run-1", "run-10"], ["1", "10"]),
        (["lang"], ["lang"]),
    ],
)
def test_names_are_shortened_by_what_they_share(names: list[str], short: list[str]) -> None:
    assert short_names(names) == short


def test_curves_in_json_are_bounded_and_keep_their_end() -> None:
    steps = list(range(1, 20_001))
    run = compared("a", train_loss=Series(steps, [1.0 / step for step in steps]))
    curves = curves_to_json(comparison(run, compared("b")), run)
    assert len(curves["train"]["x"]) == len(curves["train"]["loss"]) <= 500
    assert curves["train"]["x"][0] == 1
    assert curves["train"]["x"][-1] == 20_000
    assert curves["validation"] == {"x": [2.0, 3.0], "loss": [4.5, 3.5]}

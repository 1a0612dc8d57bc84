"""The rows of the table of compared runs."""

from __future__ import annotations

from typing import Any

import pytest

from core.run.compare import ComparedRun
from core.run.events import FINISHED
from core.run.history import Series
from tui.runs.comparison_table import (
    BEST,
    DIFFERENT,
    LOOK,
    NOTHING,
    PLAIN,
    SAME,
    Row,
    result_rows,
    setting_rows,
    setting_text,
)


def compared(**fields: Any) -> ComparedRun:
    defaults = {"tokenizer_id": "bpe", "text_id": "text", "status": FINISHED}
    return ComparedRun(name="run", **(defaults | fields))


def kinds(*runs: ComparedRun, label: str) -> list[tuple[str, str]]:
    """The cells of a row; empty if it is left out."""
    rows = [row for row in result_rows(runs) if row.label == label]
    return [(cell.text, cell.kind) for row in rows for cell in row.cells]


def test_what_differs_from_the_first_run_is_marked() -> None:
    runs = [
        compared(settings={"layers": layers, "dropout": 0.1, "tie_embeddings": tied})
        for layers, tied in ((6, True), (12, True), (6, False))
    ]
    layers, tied, same = setting_rows(runs)
    assert layers.label == "layers"
    assert [cell.kind for cell in layers.cells] == [PLAIN, DIFFERENT, PLAIN]
    assert [cell.text for cell in tied.cells] == ["yes", "yes", "no"]
    assert same.label.endswith(" more")
    assert {cell.kind for cell in same.cells} == {SAME}


def test_equal_settings_are_one_row() -> None:
    (row,) = setting_rows([compared(settings={"layers": 6})] * 2)
    assert row.label.startswith("all ")


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, NOTHING), ("", NOTHING), (True, "yes"), (4096, "4,096"), (0.001, "0.001"), ("a", "a")],
)
def test_settings_as_text(value: Any, text: str) -> None:
    assert setting_text(value) == text


def test_the_best_of_a_row_has_a_star() -> None:
    runs = [compared(best=(10, loss)) for loss in (2.5, 2.25, 2.75)]
    assert kinds(*runs, label="loss per token") == [
        ("2.500", PLAIN),
        ("2.250", BEST),
        ("2.750", PLAIN),
    ]
    assert kinds(*runs, label="best at step") == [("10", PLAIN)] * 3
    equal = [compared(best=(10, 2.5))] * 2
    assert kinds(*equal, label="loss per token") == [("2.500", PLAIN)] * 2
    alone = [compared(best=(10, 2.5)), compared()]
    assert kinds(*alone, label="loss per token") == [("2.500", PLAIN), (NOTHING, PLAIN)]


def test_losses_of_different_tokens_are_compared_per_byte() -> None:
    """Detects a star for a character model, whose loss per token is always the lowest."""
    a = compared(best=(1, 2.0), bytes_per_token=4.0, speed=100.0)
    b = compared(best=(1, 1.0), bytes_per_token=1.0, speed=400.0, tokenizer_id="char")
    assert kinds(a, b, label="bits per byte") == [("0.721", BEST), ("1.443", PLAIN)]
    assert kinds(a, b, label="loss per token") == [("2.000", PLAIN), ("1.000", PLAIN)]
    assert kinds(a, b, label="tokens/s") == [("100", PLAIN), ("400", PLAIN)]
    assert kinds(a, a, label="bits per byte") == []


def test_losses_of_different_texts_have_no_star() -> None:
    a, b = compared(best=(1, 2.0)), compared(best=(1, 1.0), text_id="other")
    assert {kind for _, kind in kinds(a, b, label="loss per token")} == {PLAIN}


def test_a_validation_loss_that_rises_again_is_worth_a_look() -> None:
    rising = compared(best=(1, 2.0), val_loss=Series([1, 2], [2.0, 2.1]))
    steady = compared(best=(1, 2.0), val_loss=Series([1, 2], [2.0, 2.01]))
    cells = kinds(rising, steady, label="risen since by")
    assert cells == [("+0.100", LOOK), (NOTHING, PLAIN)]
    assert kinds(steady, steady, label="risen since by") == []


def test_copied_replies_are_worth_a_look_from_a_tenth_on() -> None:
    runs = [compared(copied=share) for share in (0.03, 0.11, 0.01)]
    assert kinds(*runs, label="copied") == [("3 %", PLAIN), ("11 %", LOOK), ("1 %", BEST)]


def test_times_are_compared_only_between_finished_runs() -> None:
    a, b = compared(seconds=360.0), compared(seconds=60.0)
    assert kinds(a, b, label="time") == [("6:00", PLAIN), ("1:00", BEST)]
    assert kinds(a, b, label="status") == []
    crashed = compared(seconds=1.0, status="crashed")
    assert kinds(a, crashed, label="time") == [("6:00", PLAIN), ("0:01", PLAIN)]
    assert kinds(a, crashed, label="status") == [("finished", PLAIN), ("crashed", LOOK)]
    damaged = compared(problem="no")
    assert kinds(a, damaged, label="status") == [("finished", PLAIN), ("damaged", LOOK)]


def test_rows_that_no_run_has_are_left_out() -> None:
    assert result_rows([compared(), compared()]) == []
    row = Row("disk", result_rows([compared(disk=2_000_000), compared()])[0].cells)
    assert [cell.text for cell in row.cells] == ["2 MB", NOTHING]

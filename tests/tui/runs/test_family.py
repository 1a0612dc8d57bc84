"""The order of the list: families, age, name and loss, and rows that keep their places."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.run.summary import RunSummary
from tui.runs.family import RunOrder, arrange_runs, find_parents, list_children
from tui.runs.library import LibraryRow


def row(
    name: str,
    parent: str | None = None,
    *,
    changed: float = 0.0,
    loss: float | None = None,
    created: str = "2026-01-01",
) -> LibraryRow:
    summary = RunSummary(
        name=name, status="finished", size=0, parent=parent, created=created, val_loss=loss
    )
    return LibraryRow(summary, (), changed)


FAMILY = [
    row("tales", changed=1, loss=2.0),
    row("chat", "tales", changed=9, loss=1.0),
    row("deep", "chat", changed=2, loss=3.0),
    row("lang", changed=5, loss=None),
    row("lost", "deleted", changed=3, loss=0.5),
]


def shape(order: RunOrder, shown: list[str] | None = None) -> list[str]:
    """The names, indented by their depth."""
    return ["-" * each.depth + each.name for each in arrange_runs(FAMILY, order, shown or [])]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (RunOrder.AGE, ["tales", "-chat", "--deep", "lang", "lost"]),
        (RunOrder.NAME, ["lang", "lost", "tales", "-chat", "--deep"]),
        (RunOrder.LOSS, ["lost", "tales", "-chat", "--deep", "lang"]),
    ],
)
def test_families_stay_together_in_every_order(order: RunOrder, expected: list[str]) -> None:
    """A family is as new as its newest member; a child without its parent is a root."""
    assert shape(order) == expected


def test_runs_shown_already_keep_their_places_and_new_ones_come_first() -> None:
    """No run may move under the cursor."""
    assert shape(RunOrder.AGE, ["lost", "tales", "chat", "deep"]) == [
        *("lang", "lost", "tales", "-chat", "--deep")
    ]
    assert shape(RunOrder.NAME, ["tales", "lang"]) == shape(RunOrder.NAME)


def test_a_new_run_with_the_name_of_a_deleted_parent_gets_no_children() -> None:
    rows = [row("tales", created="2026-02-02"), row("chat", "tales", created="2026-01-01")]
    assert find_parents(rows) == {}
    assert list_children(rows, "tales") == []
    rows = [row("tales"), row("chat", "tales"), row("b", "tales")]
    assert list_children(rows, "tales") == ["b", "chat"]


names = st.sampled_from("abcdef")


@given(
    st.lists(st.builds(row, names, st.none() | names, changed=st.floats(0, 9)), max_size=6),
    st.sampled_from(RunOrder),
    st.lists(names),
)
def test_every_run_is_shown_once_whatever_the_records_say(
    rows: list[LibraryRow], order: RunOrder, shown: list[str]
) -> None:
    """Also when parents name each other."""
    rows = list({each.summary.name: each for each in rows}.values())
    arranged = arrange_runs(rows, order, shown)
    assert sorted(each.name for each in arranged) == sorted(each.summary.name for each in rows)
    for index, each in enumerate(arranged):
        if each.depth:
            above = [other for other in arranged[:index] if other.depth == each.depth - 1]
            assert above[-1].name == each.row.summary.parent


def test_a_poll_keeps_the_order() -> None:
    """Arranging what is arranged changes nothing, while losses and times change."""
    before = arrange_runs(FAMILY, RunOrder.LOSS)
    later = [dataclasses.replace(each, changed=100.0 - index) for index, each in enumerate(FAMILY)]
    after = arrange_runs(later, RunOrder.LOSS, [each.name for each in before])
    assert [each.name for each in after] == [each.name for each in before]

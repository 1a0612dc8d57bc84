"""The order of runs in the list: children under the run whose weights they started from. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tui.runs.library import LibraryRow

UNKNOWN_PLACE = -1  # of a run that is not in the list yet: before all others


class RunOrder(StrEnum):
    """What the runs are sorted by; members of a family likewise."""

    AGE = "age"
    NAME = "name"
    LOSS = "loss"

    @property
    def following(self) -> RunOrder:
        """The next one, after the last the first."""
        orders = list(RunOrder)
        return orders[(orders.index(self) + 1) % len(orders)]


@dataclass(frozen=True)
class FamilyRow:
    """A run at its place in the list.

    Attributes:
        depth: 0 for a run without a parent in the list, else one more than that of its parent.
    """

    row: LibraryRow
    depth: int = 0

    @property
    def name(self) -> str:
        return self.row.summary.name


def arrange_runs(
    rows: Sequence[LibraryRow], order: RunOrder, shown: Sequence[str] = ()
) -> list[FamilyRow]:
    """Sort runs, with each family together.

    Args:
        shown: names in the order in which they are shown already. By age or loss these keep it,
            so that no run moves under the cursor while others train; new ones come first.
    """
    places = {name: place for place, name in enumerate(shown)} if order != RunOrder.NAME else {}
    parents = find_parents(rows)
    newest = {row.summary.name: row.changed for row in rows}
    for name in parents:  # a family is as new as its newest member
        for ancestor in _ancestors(name, parents):
            newest[ancestor] = max(newest[ancestor], newest[name])

    def key(row: LibraryRow) -> tuple[float, float, str]:
        summary = row.summary
        place = places.get(summary.name, UNKNOWN_PLACE) if places else 0
        if order == RunOrder.AGE:
            return place, -newest[summary.name], summary.name
        if order == RunOrder.LOSS:
            loss = summary.train_loss if summary.val_loss is None else summary.val_loss
            return place, math.inf if loss is None else loss, summary.name
        return 0, 0, summary.name

    children: dict[str | None, list[LibraryRow]] = {}
    for row in sorted(rows, key=key):
        children.setdefault(parents.get(row.summary.name), []).append(row)
    arranged: list[FamilyRow] = []
    pending = [(row, 0) for row in reversed(children.get(None, []))]
    while pending:
        row, depth = pending.pop()
        arranged.append(FamilyRow(row, depth))
        own = children.get(row.summary.name, [])
        pending += [(child, depth + 1) for child in reversed(own)]
    return arranged


def find_parents(rows: Sequence[LibraryRow]) -> dict[str, str]:
    """The name of the parent of each run that has one in the list.

    A run that was created after its child only has the name of the deleted parent.
    """
    created = {row.summary.name: row.summary.created or "" for row in rows}
    parents: dict[str, str] = {}
    for row in rows:
        name, parent = row.summary.name, row.summary.parent
        is_parent = parent in created and parent != name and created[parent] <= created[name]
        # Runs created in the same second and renamed could name each other.
        if is_parent and parent is not None and name not in (parent, *_ancestors(parent, parents)):
            parents[name] = parent
    return parents


def list_children(rows: Sequence[LibraryRow], name: str) -> list[str]:
    """The runs that started from the weights of a run, by name."""
    return sorted(child for child, parent in find_parents(rows).items() if parent == name)


def _ancestors(name: str, parents: dict[str, str]) -> list[str]:
    ancestors = []
    while name in parents:
        name = parents[name]
        ancestors.append(name)
    return ancestors

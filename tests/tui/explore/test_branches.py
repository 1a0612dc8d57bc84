"""The tree of branches and its lines in the record: nothing is lost or changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DamagedError
from tui.chat.record import Turn, read_last
from tui.chat.record import append as append_turn
from tui.common.sanitize import json_line
from tui.explore import branches
from tui.explore.branches import Branch, BranchToken, BranchTree, Fork, nearest_fork

TOKENS = st.lists(st.integers(3, 9), min_size=1, max_size=6).map(
    lambda ids: tuple(BranchToken(id, f" w{id}", id / 10) for id in ids)
)


@st.composite
def trees(draw: st.DrawFn) -> BranchTree:
    """Roots, and branches at any position of any path."""
    tree = BranchTree([Branch(tokens=draw(TOKENS))])
    for _ in range(draw(st.integers(0, 8))):
        id = draw(st.sampled_from([one.id for one in tree.branches]))
        if draw(st.integers(0, 9)) == 0:
            tree.add(Branch(tokens=draw(TOKENS)))
            continue
        fork = tree.fork(id, draw(st.integers(1, len(tree.path(id)))))
        assert tree.add(Branch(tokens=draw(TOKENS), parent=fork.branch, at=fork.at))
    return tree


def _ids(tree: BranchTree) -> list[str]:
    return [branch.id for branch in tree.branches]


@given(trees(), st.data(), TOKENS)
def test_a_new_branch_keeps_the_text_before_it_and_the_old_continuation(
    tree: BranchTree, data: st.DataObject, tokens: tuple[BranchToken, ...]
) -> None:
    """Detects a lost continuation, a branch at another position, other paths that change."""
    id = data.draw(st.sampled_from(_ids(tree)))
    before = {one: tree.path(one) for one in _ids(tree)}
    position = data.draw(st.integers(1, len(before[id])))
    fork = tree.fork(id, position)
    branch = Branch(tokens=tokens, parent=fork.branch, at=fork.at)
    old = tree.branch_taken(id, fork)
    assert tree.add(branch)
    assert tree.path(branch.id) == [*before[id][:position], *tokens]
    assert tree.position(branch.id) == position
    assert {one: tree.path(one) for one in before} == before
    branches_there = tree.branches_at(fork)
    assert branch.id in branches_there
    assert old is None or old in branches_there


@given(trees(), st.data())
def test_siblings_are_cyclic_and_share_the_text_before(
    tree: BranchTree, data: st.DataObject
) -> None:
    """Detects a branch that cannot be reached, or that starts with another text."""
    id = data.draw(st.sampled_from(_ids(tree)))
    for position, count in tree.fork_positions(id).items():
        seen, at = [], id
        fork = tree.fork(id, position)
        for _ in range(count):
            found = tree.sibling(at, position, 1)
            if found is None:
                break
            assert tree.path(found)[:position] == tree.path(id)[:position]
            assert tree.fork(found, position) == fork
            if len(tree.path(at)) > position and tree.branch_taken(at, fork) == at:
                back = tree.sibling(found, position, -1)
                assert back == at
            seen.append(at := found)
        assert set(seen) == set(tree.branches_at(fork))


@given(trees())
def test_every_branch_is_reached_from_its_parent_and_its_root(tree: BranchTree) -> None:
    """Detects a branch that navigation never shows."""
    for branch in tree.branches:
        if branch.parent is None:
            assert branch in tree.roots
            assert tree.root(branch.id) is branch
        else:
            assert branch.id in tree.children(branch.parent)
            assert tree.branch_taken(branch.id, Fork(branch.parent, branch.at)) == branch.id
            assert tree.root(branch.id) is tree.root(branch.parent)


@given(trees())
def test_the_tree_is_read_as_it_was_recorded(
    tmp_path_factory: pytest.TempPathFactory, tree: BranchTree
) -> None:
    """Detects a branch at another position, or none."""
    path = tmp_path_factory.mktemp("chat") / "talk.jsonl"
    for branch in tree.branches:
        branches.append_branch(path, branch)
    assert branches.read_branches(path).branches == tree.branches


@given(st.text(st.characters()), st.integers(0, 2**31 - 1), st.none() | st.floats(0, 1))
def test_any_token_is_recorded_in_one_safe_line(text: str, id: int, chance: float | None) -> None:
    """Detects a control code in a token that breaks the line, or the terminal of `cat`."""
    branch = Branch(
        tokens=(BranchToken(id, text, chance),), turn="t", typed=1, settings={"top_k": 3}
    )
    line = json_line(branches.branch_to_json(branch)).encode()
    assert b"\n" not in line
    assert b"\x1b" not in line
    assert branches.decode_branch(line) == branch


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"[]",
        b'{"type": "turn", "id": "a", "tokens": [[3, "a", null]]}',
        b'{"type": "branch", "tokens": [[3, "a", null]]}',
        b'{"type": "branch", "id": "a"}',
        b'{"type": "branch", "id": "a", "tokens": []}',
        b'{"type": "branch", "id": "a", "tokens": [[3, "a"]]}',
        b'{"type": "branch", "id": "a", "tokens": [[-3, "a", null]]}',
        b'{"type": "branch", "id": "a", "tokens": [["3", "a", null]]}',
        b'{"type": "branch", "id": "a", "parent": 5, "tokens": [[3, "a", null]]}',
    ],
)
def test_a_damaged_line_is_skipped(damage: bytes) -> None:
    """Detects a traceback, or a branch at another position."""
    assert branches.decode_branch(damage) is None


def test_a_branch_without_its_parent_is_skipped_and_stays_in_the_file(tmp_path: Path) -> None:
    """Detects a tree that cannot be shown because a line is missing; a rewritten file."""
    path = tmp_path / "talk.jsonl"
    root = Branch(tokens=(BranchToken(3, "a"), BranchToken(4, " b")))
    orphan = Branch(tokens=(BranchToken(5, " c"),), parent="gone", at=1)
    beyond = Branch(tokens=(BranchToken(5, " c"),), parent=root.id, at=3)
    before = Branch(tokens=(BranchToken(5, " c"),), parent=root.id, at=0)
    for branch in (root, orphan, beyond, before):
        branches.append_branch(path, branch)
    assert branches.read_branches(path).branches == [root]
    assert len(path.read_bytes().splitlines()) == 4


def test_turns_and_branches_share_a_file(tmp_path: Path) -> None:
    """Detects turns that are lost because of branches, or branches because of turns."""
    path = tmp_path / "talk.jsonl"
    turn = Turn(prompt="a", text=" b", weights="last", step=1, tokens=1, seconds=1.0, ended="end")
    branch = Branch(tokens=(BranchToken(3, "a"),), turn=turn.id)
    append_turn(path, turn)
    branches.append_branch(path, branch)
    with path.open("ab") as file:
        file.write(b'{"type": "of the future"}\nnot json\n')
    append_turn(path, turn)
    assert read_last(path, 10) == [turn, turn]
    assert branches.read_branches(path).branches == [branch]


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    """Detects a traceback, or an empty tree."""
    (tmp_path / "talk.jsonl").mkdir()
    with pytest.raises(DamagedError):
        branches.read_branches(tmp_path / "talk.jsonl")
    assert branches.read_branches(tmp_path / "none.jsonl").branches == []


def test_an_equal_branch_is_found() -> None:
    """Detects ten equal branches after ten presses of a key."""
    one, two, three = BranchToken(3, "a"), BranchToken(4, " b"), BranchToken(5, " c")
    tree = BranchTree([root := Branch(tokens=(one, two))])
    fork = tree.fork(root.id, 1)
    assert tree.find_same(fork, [two]) == root.id
    assert tree.find_same(fork, [three]) is None
    tree.add(branch := Branch(tokens=(three,), parent=root.id, at=1))
    assert tree.find_same(fork, [three]) == branch.id


@pytest.mark.parametrize(
    ("positions", "cursor", "nearest"),
    [([], 3, None), ([2, 5], 1, 2), ([2, 5], 2, 2), ([2, 5], 4, 2), ([2, 5], 9, 5)],
)
def test_the_nearest_fork(positions: list[int], cursor: int, nearest: int | None) -> None:
    """Detects a fork after the cursor although there is one before it."""
    assert nearest_fork(positions, cursor) == nearest

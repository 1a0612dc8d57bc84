"""The tree of branches: nothing is lost, every walk comes back, what is kept is what was made."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DamagedError
from tui.common.sanitize import json_line
from tui.explore import branches
from tui.explore.branches import Branch, BranchPoint, BranchToken, Tree, nearest_branch
from tui.talk.record import Turn, read_last
from tui.talk.record import append as append_turn

TOKENS = st.lists(st.integers(3, 9), min_size=1, max_size=6).map(
    lambda ids: tuple(BranchToken(id, f" w{id}", id / 10) for id in ids)
)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Beginnings, and branches put at any place of any path, as a person does."""
    tree = Tree([Branch(tokens=draw(TOKENS))])
    for _ in range(draw(st.integers(0, 8))):
        id = draw(st.sampled_from([one.id for one in tree.branches]))
        if draw(st.integers(0, 9)) == 0:
            tree.add(Branch(tokens=draw(TOKENS)))
            continue
        fork = tree.fork(id, draw(st.integers(1, len(tree.path(id)))))
        assert tree.add(Branch(tokens=draw(TOKENS), parent=fork.branch, at=fork.at))
    return tree


def _ids(tree: Tree) -> list[str]:
    return [branch.id for branch in tree.branches]


@given(trees(), st.data(), TOKENS)
def test_a_swap_keeps_what_was_before_it_and_the_old_tail(
    tree: Tree, data: st.DataObject, tokens: tuple[BranchToken, ...]
) -> None:
    """A tail that is lost, a branch that hangs at another place, other paths that change."""
    id = data.draw(st.sampled_from(_ids(tree)))
    before = {one: tree.path(one) for one in _ids(tree)}
    place = data.draw(st.integers(1, len(before[id])))
    fork = tree.fork(id, place)
    branch = Branch(tokens=tokens, parent=fork.branch, at=fork.at)
    old = tree.way(id, fork)
    assert tree.add(branch)
    assert tree.path(branch.id) == [*before[id][:place], *tokens]
    assert tree.place(branch.id) == place
    assert {one: tree.path(one) for one in before} == before
    ways = tree.ways(fork)
    assert branch.id in ways
    assert old is None or old in ways


@given(trees(), st.data())
def test_siblings_go_round_and_share_all_that_is_before(tree: Tree, data: st.DataObject) -> None:
    """A way that cannot be reached, or whose beginning is another's."""
    id = data.draw(st.sampled_from(_ids(tree)))
    for place, ways in tree.parted(id).items():
        seen, at = [], id
        fork = tree.fork(id, place)
        for _ in range(ways):
            found = tree.sibling(at, place, 1)
            if found is None:
                break
            assert tree.path(found)[:place] == tree.path(id)[:place]
            assert tree.fork(found, place) == fork
            if len(tree.path(at)) > place and tree.way(at, fork) == at:
                back = tree.sibling(found, place, -1)
                assert back == at
            seen.append(at := found)
        assert set(seen) == set(tree.ways(fork))


@given(trees())
def test_every_branch_is_reached_from_its_parent_and_its_beginning(tree: Tree) -> None:
    for branch in tree.branches:
        if branch.parent is None:
            assert branch in tree.roots
            assert tree.root(branch.id) is branch
        else:
            assert branch.id in tree.children(branch.parent)
            assert tree.way(branch.id, BranchPoint(branch.parent, branch.at)) == branch.id
            assert tree.root(branch.id) is tree.root(branch.parent)


@given(trees())
def test_the_file_gives_back_the_tree(tmp_path_factory: pytest.TempPathFactory, tree: Tree) -> None:
    """A branch that comes back at another place, or not at all."""
    path = tmp_path_factory.mktemp("talk") / "talk.jsonl"
    for branch in tree.branches:
        branches.append_branch(path, branch)
    assert branches.read_branches(path).branches == tree.branches


@given(st.text(st.characters()), st.integers(0, 2**31 - 1), st.none() | st.floats(0, 1))
def test_any_token_survives_in_one_safe_line(text: str, id: int, chance: float | None) -> None:
    """A control code in a token that breaks the line, or the terminal of `cat`."""
    branch = Branch(
        tokens=(BranchToken(id, text, chance),), turn="t", typed=1, settings={"top_k": 3}
    )
    line = json_line(branches.to_json(branch)).encode()
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
def test_a_damaged_line_is_no_branch(damage: bytes) -> None:
    """A traceback, or a branch that hangs somewhere else, for a slip of a disk."""
    assert branches.decode_branch(damage) is None


def test_a_branch_without_its_parent_is_left_out_and_not_lost(tmp_path: Path) -> None:
    """A tree that cannot be shown because one line is gone; a file that is written anew."""
    path = tmp_path / "talk.jsonl"
    root = Branch(tokens=(BranchToken(3, "a"), BranchToken(4, " b")))
    orphan = Branch(tokens=(BranchToken(5, " c"),), parent="gone", at=1)
    beyond = Branch(tokens=(BranchToken(5, " c"),), parent=root.id, at=3)
    before = Branch(tokens=(BranchToken(5, " c"),), parent=root.id, at=0)
    for branch in (root, orphan, beyond, before):
        branches.append_branch(path, branch)
    assert branches.read_branches(path).branches == [root]
    assert len(path.read_bytes().splitlines()) == 4


def test_turns_and_branches_stand_in_one_file(tmp_path: Path) -> None:
    """A talk that is empty, or broken, because somebody branched in it; and the other way round."""
    path = tmp_path / "talk.jsonl"
    said = Turn(prompt="a", text=" b", weights="last", step=1, tokens=1, seconds=1.0, ended="end")
    branch = Branch(tokens=(BranchToken(3, "a"),), turn=said.id)
    append_turn(path, said)
    branches.append_branch(path, branch)
    with path.open("ab") as file:
        file.write(b'{"type": "of the future"}\nnot json\n')
    append_turn(path, said)
    assert read_last(path, 10) == [said, said]
    assert branches.read_branches(path).branches == [branch]


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "talk.jsonl").mkdir()
    with pytest.raises(DamagedError):
        branches.read_branches(tmp_path / "talk.jsonl")
    assert branches.read_branches(tmp_path / "none.jsonl").branches == []


def test_the_same_tokens_are_the_way_that_is_there() -> None:
    """Ten branches that say the same, of ten presses of a key."""
    one, two, three = BranchToken(3, "a"), BranchToken(4, " b"), BranchToken(5, " c")
    tree = Tree([root := Branch(tokens=(one, two))])
    fork = tree.fork(root.id, 1)
    assert tree.same(fork, [two]) == root.id
    assert tree.same(fork, [three]) is None
    tree.add(branch := Branch(tokens=(three,), parent=root.id, at=1))
    assert tree.same(fork, [three]) == branch.id


@pytest.mark.parametrize(
    ("places", "cursor", "found"),
    [([], 3, None), ([2, 5], 1, 2), ([2, 5], 2, 2), ([2, 5], 4, 2), ([2, 5], 9, 5)],
)
def test_the_nearest_fork(places: list[int], cursor: int, found: int | None) -> None:
    assert nearest_branch(places, cursor) == found

"""How `train` and `resume` choose between background, foreground and several processes."""

from __future__ import annotations

import click
import pytest

from core.system.rank_env import RankInfo
from tui.cli.training import train_options

NO_OPTIONS = {"detach": False, "foreground": False, "as_json": False, "devices": None}


def test_a_process_of_torchrun_trains_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Options that would start more processes are refused, not ignored."""
    assert train_options(**NO_OPTIONS).rank is None
    for name, value in {"RANK": 3, "LOCAL_RANK": 1, "WORLD_SIZE": 4, "LOCAL_WORLD_SIZE": 2}.items():
        monkeypatch.setenv(name, str(value))
    options = train_options(**NO_OPTIONS)
    assert (options.foreground, options.worker) == (
        True,
        RankInfo(rank=3, local_rank=1, world_size=4, local_world_size=2),
    )
    for refused in ({"detach": True}, {"devices": 2}):
        with pytest.raises(click.UsageError, match="rank 3 of 4"):
            train_options(**{**NO_OPTIONS, **refused})
    monkeypatch.setenv("RANK", "0")
    assert train_options(**NO_OPTIONS).worker is None


def test_a_single_process_of_torchrun_is_an_ordinary_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 1, "LOCAL_WORLD_SIZE": 1}.items():
        monkeypatch.setenv(name, str(value))
    assert train_options(**{**NO_OPTIONS, "detach": True}).detach

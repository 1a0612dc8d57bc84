"""Starting the application, and what it leaves on the terminal."""

from __future__ import annotations

from pathlib import Path

from core.paths import find_home
from tests.support.app_runs import make_three_runs
from tests.support.runs import ScriptedRun
from tui.launch import describe_live_runs


def test_runs_that_train_on_are_named_with_how_to_watch_and_stop_them(tmp_path: Path) -> None:
    home = find_home(tmp_path)
    assert describe_live_runs(home) == ""
    make_three_runs(home)
    assert describe_live_runs(home) == (
        "poem continues training: `minigpt-tui attach poem` watches, "
        "`minigpt-tui stop poem` stops.\n"
    )
    ScriptedRun(home.root, "more").start()
    assert describe_live_runs(home).startswith("2 runs continue training (more, poem): ")

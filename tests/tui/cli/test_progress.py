"""What a command says beside its bar."""

from __future__ import annotations

import pytest

from core.run import events
from core.run.events import Event
from tui.cli.progress import TrainingView


def test_a_change_that_nobody_asked_for_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    changes = {"changes": {"accumulation": [1, 2]}}
    with TrainingView("tales") as line:
        line.show(
            [
                Event(events.CHANGED, 1.0, 7, {**changes, "reason": "out\nof \x1b[31mmemory"}),
                Event(events.CHANGED, 1.0, 9, {**changes, "reason": None}),
            ]
        )
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("accumulation 1 → 2 from step 7 on: out")
    assert first.endswith("memory")
    assert "\x1b" not in first
    assert second == "accumulation 1 → 2 from step 9 on"

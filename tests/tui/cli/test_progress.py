"""What the progress display prints."""

from __future__ import annotations

import pytest

from core.run import events
from core.run.events import Event
from core.run.history import History
from tui.cli.progress import TrainingView


def test_an_automatic_change_gives_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    changes = {"changes": {"accumulation": [1, 2]}}
    with TrainingView("tales") as view:
        view.show(
            [
                Event(events.CHANGED, 1.0, 7, {**changes, "reason": "out\nof \x1b[31mmemory"}),
                Event(events.CHANGED, 1.0, 9, {**changes, "reason": None}),
            ],
            History(),
        )
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("accumulation 1 → 2 from step 7: out")
    assert first.endswith("memory")
    assert "\x1b" not in first
    assert second == "accumulation 1 → 2 from step 9"

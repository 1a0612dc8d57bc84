"""What is printed when a training has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.paths import Home
from core.run.events import FINISHED
from core.run.history import EpochRow, History
from core.run.status import EventState
from core.system.files import read_json, write_json
from tests.support.runs import tiny_run
from tui.cli.outcome import report_outcome


@pytest.mark.parametrize(
    ("task", "line"),
    [
        ("classify", 'moods is trained. It labels "a fine cat":'),
        ("answer", 'moods is trained. It replies to "a fine cat" with:'),
    ],
)
def test_a_sample_is_introduced_by_what_the_model_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], task: str, line: str
) -> None:
    """Detects a label that is called a reply."""
    run = tiny_run(Home(root=tmp_path, cache=tmp_path / "cache"), "moods", reading="pairs")
    record = read_json(run.record, 1 << 20)
    record["corpus"] |= {"task": task, "labels": ["good", "bad"]}
    write_json(run.record, record)
    history = History(state=EventState(FINISHED), train={"sample_prompt": "a fine cat"})
    history.epochs.append(EpochRow(9, 1.0, 0.5, None, "good", 1.0))
    assert report_outcome(run, history, as_json=False) == 0
    captured = capsys.readouterr()
    assert line in captured.err
    assert captured.out == "good\n"

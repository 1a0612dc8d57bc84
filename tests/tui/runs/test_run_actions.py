"""Why something is not possible with a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.paths import Home
from core.run.status import CRASHED, RUNNING
from core.run.summary import RunSummary
from core.text.messages import CLASSIFY, CONTINUE, FILL
from tests.support.blanks import make_encoder
from tests.support.runs import make_run
from tui.runs.run_actions import GENERATING, RUN_ACTIONS, explain_refusal, is_encoder


def _summary(task: str, status: str = "finished", reading: str = "lines") -> RunSummary:
    return RunSummary(name="lang", status=status, size=1, task=task, reading=reading)


@pytest.mark.parametrize("action", GENERATING)
def test_an_encoder_fills_in_blanks_only(action: str) -> None:
    refusal = explain_refusal(action, _summary(FILL))
    assert refusal is not None
    assert "t opens Blank" in refusal
    assert explain_refusal("blank", _summary(FILL)) is None


def test_a_decoder_fills_in_no_blanks() -> None:
    assert "--preset encoder-modern" in (explain_refusal("blank", _summary(CONTINUE)) or "")
    refused = {name for name in GENERATING if explain_refusal(name, _summary(CONTINUE))}
    assert refused == {"test"}, "no reply of a text is right or wrong"
    assert explain_refusal("test", _summary(CLASSIFY, reading="pairs")) is None


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (RUNNING, {"rename", "delete", "resume"}),
        ("finished", {"stop", "resume"}),
        (CRASHED, {"stop"}),
    ],
)
def test_what_a_status_allows(status: str, refused: set[str]) -> None:
    actions = RUN_ACTIONS - {*GENERATING, "blank"}
    summary = _summary(CONTINUE, status)
    assert {action for action in actions if explain_refusal(action, summary)} == refused


def test_an_encoder_is_known_by_its_record(tmp_path: Path) -> None:
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    run = make_run(home)
    assert not is_encoder(run)
    make_encoder(run)
    assert is_encoder(run)
    run.record.write_text("{")
    assert not is_encoder(run)

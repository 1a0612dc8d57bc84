"""`wait`: what it waits for, its exit codes, and what it reports."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from tests.support.runners import DEADLINE, command
from tests.support.runs import ScriptedRun
from tests.support.terminals import environment
from tui.__main__ import run
from tui.cli.wait import COMPARISONS, METRICS, Condition, parse_condition

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def story(tmp_path: Path) -> ScriptedRun:
    """A run at step 60 of 200."""
    return ScriptedRun(tmp_path).train_partly()


def wait(home: Path, *arguments: str) -> int:
    return run(["--home", str(home), "wait", "poem", *arguments])


def state(captured: Captured) -> dict[str, Any]:
    (line,) = captured.readouterr().out.splitlines()
    values = json.loads(line)
    assert isinstance(values, dict)
    return values


@given(
    st.sampled_from(METRICS),
    st.sampled_from(list(COMPARISONS)),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", " ", "  "]),
)
def test_conditions_are_read_with_or_without_spaces(
    metric: str, comparison: str, limit: float, space: str
) -> None:
    text = f"{space}{metric}{space}{comparison}{space}{limit!r}{space}"
    assert parse_condition(text) == Condition(metric, comparison, limit)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "'' is not a valid condition"),
        ("val_loss", "'val_loss' is not a valid condition"),
        ("<1.5", "is not a valid condition"),
        ("val_loss<", "is not a valid condition"),
        ("val_loss<1 2", "is not a valid condition"),
        ("val_loss<1 and step>3", "is not a valid condition"),
        ("loss<1.5", "no metric 'loss'"),
        ("VAL_LOSS<1.5", "no metric 'VAL_LOSS'"),
        ("val_loss=1.5", "'=' is not a valid comparison"),
        ("val_loss==1.5", "'==' is not a valid comparison"),
        ("val_loss!=1.5", "'!=' is not a valid comparison"),
        ("val_loss<>1.5", "'<>' is not a valid comparison"),
        ("val_loss<low", "'low' is not a valid number"),
        ("val_loss<nan", "'nan' is not a valid number"),
        ("val_loss<inf", "'inf' is not a valid number"),
    ],
)
def test_what_is_wrong_with_a_condition_is_named(
    text: str, problem: str, story: ScriptedRun, tmp_path: Path, capsys: Captured
) -> None:
    with pytest.raises(InputError) as raised:
        parse_condition(text)
    assert problem in str(raised.value)
    with story.lock:
        assert wait(tmp_path, "--until", text) == 2
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize(
    ("type", "fields", "code"),
    [
        ("finished", {}, 0),
        ("failed", {"message": "no"}, 1),
        ("failed", {"message": "no", "code": 2}, 1),
        ("stopped", {"reason": "asked to stop"}, 3),
    ],
)
def test_the_exit_code_tells_how_a_run_ended(
    type: str, fields: dict[str, Any], code: int, story: ScriptedRun, tmp_path: Path
) -> None:
    story.end(type, 60, **fields)
    assert wait(tmp_path) == code


def test_a_crash_is_a_failure(story: ScriptedRun, tmp_path: Path, capsys: Captured) -> None:
    story.lock.release()
    assert wait(tmp_path, "--json") == 1
    assert state(capsys)["status"] == "crashed"


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("step>=60", 0), ("step>60", 3), ("epoch >= 3", 0), ("epoch > 3", 3),
        ("train_loss<1.5", 0), ("train_loss<1", 3), ("val_loss<=1.8", 0), ("val_loss<1.7", 3),
        ("train_loss>4.7", 0), ("bits_per_byte<259", 0), ("bits_per_byte<258", 3),
    ],
)  # fmt: skip
def test_a_condition_is_met_or_the_run_ends_without(
    condition: str, code: int, story: ScriptedRun, tmp_path: Path, capsys: Captured
) -> None:
    """Bits per byte: 1.793 nats per token, 100 tokens per byte in this script."""
    story.end("finished", 60)
    assert wait(tmp_path, "--until", condition, "--json") == code
    values = state(capsys)
    assert (values["met"], values["exit_code"]) == (code == 0, code)
    assert values["bits_per_byte"] == pytest.approx(258.6, abs=0.1)


def test_a_value_that_a_resume_undid_does_not_count(story: ScriptedRun, tmp_path: Path) -> None:
    story.emit("started", 20, pid=1, resumed_from=20)
    story.end("finished", 20)
    assert wait(tmp_path, "--until", "train_loss<1.5") == 3
    assert wait(tmp_path, "--until", "train_loss<3.5") == 0


def test_the_share_of_right_replies_can_be_waited_for(tmp_path: Path, capsys: Captured) -> None:
    story = ScriptedRun(tmp_path)
    story.start(reading="pairs")
    story.emit("eval", 10, val_loss=1.0, task_accuracy=0.9, task_items=200)
    story.emit("eval", 20, val_loss=0.5, task_accuracy=0.8, task_items=200)
    with story.lock:
        assert wait(tmp_path, "--until", "task_accuracy>=0.9", "--json") == 0
    assert state(capsys)["task_accuracy"] == 0.8


def test_no_share_of_right_replies_is_waited_for_in_running_text(
    tmp_path: Path, capsys: Captured
) -> None:
    story = ScriptedRun(tmp_path)
    story.start(reading="text")
    with story.lock:
        assert wait(tmp_path, "--until", "task_accuracy>=0.9") == 2
    assert "poem continues texts" in capsys.readouterr().err


def test_a_loss_that_will_never_be_known_is_refused(tmp_path: Path, capsys: Captured) -> None:
    story = ScriptedRun(tmp_path)
    story.start(val_tokens=0)
    with story.lock:
        assert wait(tmp_path, "--until", "val_loss<1") == 2
    assert "Use train_loss." in capsys.readouterr().err


def test_it_returns_at_the_first_event_that_meets_the_condition(
    story: ScriptedRun, tmp_path: Path, capsys: Captured
) -> None:
    """The run is still being trained."""
    writer = threading.Timer(0.0, lambda: story.train(61, 90))
    with story.lock:
        writer.start()
        assert wait(tmp_path, "--until", "step>=90", "--json") == 0
        writer.join()
    values = state(capsys)
    assert (values["status"], values["step"], values["met"]) == ("running", 90, True)


def test_it_returns_when_the_run_ends(story: ScriptedRun, tmp_path: Path) -> None:
    writer = threading.Timer(0.0, lambda: story.end("finished", 60))
    writer.start()
    assert wait(tmp_path) == 0
    writer.join()


def test_the_timeout_has_an_exit_code(story: ScriptedRun, tmp_path: Path, capsys: Captured) -> None:
    with story.lock:
        assert wait(tmp_path, "--timeout", "0", "--json") == 124
        values = state(capsys)
        assert (values["timeout"], values["status"], values["until"]) == (True, "running", None)
        assert wait(tmp_path, "--timeout", "0", "--until", "step>=60") == 0
        assert wait(tmp_path, "--timeout", "-1") == 2
        assert wait(tmp_path, "--timeout", "nan") == 2
    assert wait(tmp_path, "--timeout", "0") == 1, "it crashed: no timeout"


def test_ctrl_c_ends_it_with_130_and_the_run_trains_on(story: ScriptedRun, tmp_path: Path) -> None:
    with (
        story.lock,
        subprocess.Popen(
            command(tmp_path, "wait", "poem", "--until", "step>=1000"),
            env=environment(tmp_path, PYTHONUNBUFFERED="1", PYTHONPROFILEIMPORTTIME="1"),
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stderr is not None
        for line in process.stderr:
            if line.rstrip().endswith(" tui.launch"):
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE)
        assert process.returncode == 130
        assert story.requests() == []

"""Arbitrary control requests: each is answered, and training continues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.config.configs import TrainConfig
from core.config.schema import setting_specs
from core.run.control_file import TYPES, RequestReader
from core.train.control import Control
from core.train.trainer import Trainer
from tests.support.tiny_trainer import events_of, tiny_trainer

STOP = {"id": "end", "type": "stop", "time": 1}
SETTINGS = sorted(setting_specs(TrainConfig))
LIVE = sorted(name for name, spec in setting_specs(TrainConfig).items() if spec.live)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 10**400, 1e308, -1e308, 5e-324, "", "2", "nan"])
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(max_size=9)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
CHANGES = st.dictionaries(st.sampled_from(LIVE) | st.sampled_from([*SETTINGS, "x"]), VALUES)
REQUESTS = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(TYPES))},
    optional={
        "changes": CHANGES | VALUES,
        "reason": VALUES,
        "action": VALUES,
        "step": VALUES,
        "problems": VALUES,
        "steps": VALUES,
    },
)


def answers(trainer: Trainer, path: Path, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    """Have a trainer handle the lines of a request file; return its answers."""
    path.write_text("".join(json.dumps(request) + "\n" for request in (*requests, STOP)))
    events = events_of(trainer)
    before = len(events.events)
    Control(RequestReader(path), events)(trainer)
    return [fields for _, _, fields in events.events[before:]]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"epochs": "2"}, "must be a number, is '2'"),
        ({"epochs": 1e308}, "must be at most 1e+07, is 1e+308"),
        ({"epochs": -3}, "must be at least 0.001, is -3"),
        ({"epochs": True}, "must be a number, is True"),
        ({"epochs": [1]}, "must be a number, is [1]"),
        ({"epochs": 2, "learning_rate": 0.001, "steps": 9}, "choose one of epochs and steps"),
    ],
)
def test_an_impossible_number_of_epochs_is_answered_with_the_problem(
    changes: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    trainer = tiny_trainer()
    before = trainer.config
    request = {"id": "a", "type": "change", "time": 1, "changes": changes}
    (answer,) = answers(trainer, tmp_path / "requests.jsonl", request)
    assert (answer["id"], answer["changes"]) == ("a", {})
    assert list(answer["problems"].values()) == [problem]
    assert trainer.config == before


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(REQUESTS, min_size=1, max_size=3))
def test_no_request_ends_training_but_stop(
    tmp_path_factory: pytest.TempPathFactory, requests: list[dict[str, Any]]
) -> None:
    """Requests may be written by hand: every field of every type."""
    trainer = tiny_trainer()
    path = tmp_path_factory.mktemp("run") / "requests.jsonl"
    lines = [{"id": f"{n}", "time": 1, **request} for n, request in enumerate(requests)]
    answered = answers(trainer, path, *lines)
    assert trainer.stop_reason is not None
    for line in lines:
        if line["type"] == "change":
            answer = next(fields for fields in answered if fields.get("id") == line["id"])
            assert bool(answer["changes"]) != bool(answer.get("problems"))

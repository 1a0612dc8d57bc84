"""How much longer a run is to train."""

from __future__ import annotations

import pytest

from core.config.configs import More
from core.errors import SettingsError


@pytest.mark.parametrize(
    ("more", "steps"),
    [(More(steps=7), 7), (More(epochs=2), 50), (More(epochs=0.01), 1), (More(minutes=1), 120)],
)
def test_all_three_become_steps(more: More, steps: int) -> None:
    assert more
    assert more.added(25.0, 0.5) == steps
    assert More(**more.to_json()) == more


def test_nothing_asked_is_nothing_more() -> None:
    assert not More()


@pytest.mark.parametrize("asked", [{"steps": 0}, {"epochs": -1.0}, {"steps": 3, "epochs": 1.0}])
def test_impossible_wishes_are_refused(asked: dict[str, float]) -> None:
    with pytest.raises(SettingsError):
        More(**asked)  # type: ignore[arg-type]

"""How much longer a run is to train."""

from __future__ import annotations

import pytest

from core.config.configs import Extension
from core.errors import SettingsError


@pytest.mark.parametrize(
    ("more", "steps"),
    [
        (Extension(steps=7), 7),
        (Extension(epochs=2), 50),
        (Extension(epochs=0.01), 1),
        (Extension(minutes=1), 120),
    ],
)
def test_all_three_become_steps(more: Extension, steps: int) -> None:
    assert more
    assert more.steps_to_add(25.0, 0.5) == steps
    assert Extension(**more.to_json()) == more


def test_nothing_asked_is_nothing_more() -> None:
    assert not Extension()


@pytest.mark.parametrize("asked", [{"steps": 0}, {"epochs": -1.0}, {"steps": 3, "epochs": 1.0}])
def test_impossible_wishes_are_refused(asked: dict[str, float]) -> None:
    with pytest.raises(SettingsError):
        Extension(**asked)  # type: ignore[arg-type]

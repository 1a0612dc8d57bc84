"""Memory of the application over hundreds of visits to each screen, in a process without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.paths import find_home
from core.run import store
from tests.support.app_runs import make_three_runs
from tests.support.memory_visits import RUN, SCREENS, VISITS

MAX_GROWTH_BYTES = 5_000_000
TIMEOUT_S = 900.0


@pytest.mark.slow
@pytest.mark.parametrize("screen", SCREENS)
def test_two_hundred_visits_add_no_more_than_five_megabytes(tmp_path: Path, screen: str) -> None:
    home = find_home(tmp_path / "home")
    make_three_runs(home)
    store.find_run(home, RUN).weights.write_bytes(b"weights")
    command = [sys.executable, "-m", "tests.support.memory_visits", str(home.root), screen]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=Path(__file__).parents[2]
    )
    assert result.returncode == 0, result.stderr
    growth = int(result.stdout.split()[-1])
    assert growth <= MAX_GROWTH_BYTES, f"{growth:,} bytes in {VISITS} visits"

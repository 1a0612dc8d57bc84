"""Every benchmark still runs; what it measures in a few steps is nobody's figure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "benchmarks"
BESIDE = {"apart", "machine", "plain_gpt"}  # what several of them share
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in BESIDE)
MORE = {"bundled_corpora": ["lang", "sentiment"], "quality_per_second": [str(ROOT / "README.md")]}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_runs(name: str, tmp_path: Path) -> None:
    """A script that nobody ran since an interface changed."""
    command = [sys.executable, str(FOLDER / f"{name}.py"), *MORE.get(name, []), "--quick"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.strip(), "it said nothing"

"""Every benchmark runs with --quick; the figures of so short a run mean nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "benchmarks"
SHARED = {"apart", "machine", "plain_gpt"}  # modules that several benchmarks import
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in SHARED)
ARGUMENTS = {
    "bundled_corpora": ["lang", "sentiment"],
    "quality_per_second": [str(ROOT / "data" / "arithmetic" / "corpus.txt")],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_benchmark_runs_quickly(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / f"{name}.py"), *ARGUMENTS.get(name, []), "--quick"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr[-4000:]
    assert result.stdout.strip()

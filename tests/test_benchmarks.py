"""Every benchmark script runs; its figures are not checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "benchmarks"
HELPER_MODULES = {"apart", "finetuning_chart", "machine", "plain_gpt"}
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in HELPER_MODULES)
ARGUMENTS = {
    "bundled_corpora": ["lang", "sentiment"],
    "quality_per_second": [str(ROOT / "README.md")],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_benchmark_runs(name: str, tmp_path: Path) -> None:
    """Scripts must keep up with changed interfaces."""
    command = [sys.executable, str(FOLDER / f"{name}.py"), *ARGUMENTS.get(name, []), "--quick"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stderr[-4000:]
    assert process.stdout.strip(), "it printed nothing"

"""An export in a process of its own: its messages, its cancellation, and how it can end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import Cancelled
from core.export import process
from core.export.plan import ExportPlan, plan_export
from core.export.process import ProcessError, ReportedError, export_in_process
from core.export.report import ExportReport, Verification
from core.paths import Home
from core.run.launch import environment
from tests.support.runs import tiny_run
from tests.support.wait import wait_until


@pytest.fixture
def plan(tmp_path: Path) -> ExportPlan:
    """An export of a tiny run as a script, into an empty folder."""
    run = tiny_run(Home(root=tmp_path / "home", cache=tmp_path / "cache"), "pets")
    (tmp_path / "out").mkdir()
    return plan_export(run, "last", "script", out=tmp_path / "out" / "result")


def _entries(plan: ExportPlan) -> list[str]:
    return sorted(path.name for path in plan.path.parent.iterdir())


def test_its_progress_and_its_report_come_back(plan: ExportPlan) -> None:
    phases: list[tuple[int, int, str]] = []
    report = export_in_process(plan, lambda *progress: phases.append(progress))
    assert [(done, total) for done, total, _ in phases] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert report.label == "pets"
    assert report.path == plan.path
    assert report.verification is not None
    assert report.verification.tokens == 96
    assert _entries(plan) == ["result"]


def test_it_is_cancelled_and_leaves_nothing(plan: ExportPlan) -> None:
    """In the comparison, when all is written."""
    phases: list[str] = []
    with pytest.raises(Cancelled):
        export_in_process(
            plan,
            lambda done, total, phase: phases.append(phase),
            lambda: any("comparing" in phase for phase in phases),
        )
    assert any("comparing" in phase for phase in phases)
    assert _entries(plan) == []


def test_an_export_that_is_cancelled_at_once_ends_so(plan: ExportPlan) -> None:
    with pytest.raises(Cancelled):
        export_in_process(plan, cancelled=lambda: True)
    assert _entries(plan) == []


def test_it_leaves_nothing_when_the_program_that_started_it_has_crashed(plan: ExportPlan) -> None:
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from core.export.plan import plan_export\n"
        "from core.export.process import export_in_process\n"
        "from core.run.directory import Run\n"
        "def crash(done, total, phase):\n"
        "    if 'comparing' in phase:\n"
        "        print(os.listdir(Path(sys.argv[2]).parent), flush=True)\n"
        "        os._exit(7)\n"
        "plan = plan_export(Run(Path(sys.argv[1])), 'last', 'script', out=Path(sys.argv[2]))\n"
        "export_in_process(plan, crash)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(plan.run.folder), str(plan.path)],
        env=environment(), capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 7, done.stderr
    assert ".tmp" in done.stdout, "it had begun to write"
    wait_until(lambda: _entries(plan) == [], lambda: f"nothing is left: {_entries(plan)}")


def test_an_error_comes_back_with_its_title_and_hint(plan: ExportPlan) -> None:
    plan.path.write_text("")
    with pytest.raises(ReportedError, match="exists already") as caught:
        export_in_process(plan)
    assert caught.value.title == "Invalid input"
    assert "--force" in caught.value.hint
    assert _entries(plan) == ["result"]


def test_a_process_that_ends_without_a_reply_is_an_error_with_what_it_said(
    plan: ExportPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "MODULE", "core.export.gone")
    with pytest.raises(ProcessError, match=r"(?s)It ended with exit code 1\..*core\.export\.gone"):
        export_in_process(plan)


@pytest.mark.parametrize("proof", [None, Verification("other 1.0", 3, 90, 1, 1e-6)])
def test_a_report_survives_json(proof: Verification | None) -> None:
    report = ExportReport("pets@best", "hf", "float32", Path("/a/b"), 5, proof, "pip install x")
    assert ExportReport.from_json(report.to_json()) == report

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from core.system import machine
from core.system.machine import free_disk, free_memory, memory_limit, usable_threads


@pytest.mark.parametrize(
    ("quota", "most"), [("150000 100000", 1), ("50000 100000", 1), ("max 100000", 10**6)]
)
def test_threads_respect_a_cgroups_quota(tmp_path: Path, quota: str, most: int) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert 1 <= usable_threads(tmp_path) <= most


def test_threads_respect_the_older_cgroups(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert usable_threads(tmp_path) == 1


def test_threads_respect_affinity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)
    assert usable_threads(tmp_path) == 1


def test_memory_is_what_the_cgroup_leaves_cached_files_included(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("3000000")
    (tmp_path / "memory.current").write_text("2500000")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 200000\n")
    assert free_memory(tmp_path) == 700_000


def test_memory_without_a_limit_is_the_systems(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max")
    assert 0 < free_memory(tmp_path) <= psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("own", "folder", "limit", "used"),
    [
        ("0::/job/task", "job", "memory.max", "memory.current"),
        ("0::/job", "job", "memory.max", "memory.current"),
        ("4:cpu,memory:/job", "memory/job", "memory.limit_in_bytes", "memory.usage_in_bytes"),
        ("0::/../job", "", "memory.max", "memory.current"),
    ],
)
def test_memory_is_what_the_tightest_group_around_us_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str, folder: str, limit: str, used: str
) -> None:
    """A batch system's limit, which is not the topmost group's, and a death for exceeding it."""
    (tmp_path / "self").write_text(f"7:pids:/other\n{own}\n")
    monkeypatch.setattr(machine, "PROC_SELF_CGROUP", tmp_path / "self")
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / folder / limit).write_text("3000000")
    (tmp_path / folder / used).write_text("2500000")
    assert free_memory(tmp_path) == 500_000
    assert memory_limit(tmp_path) == 3_000_000


def test_no_limit_is_no_limit(tmp_path: Path) -> None:
    """The number by which version 1 says that there is none."""
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712")
    assert memory_limit(tmp_path) is None


def test_the_disk_of_a_folder_that_is_yet_to_be_made(tmp_path: Path) -> None:
    assert free_disk(tmp_path / "a" / "b") == pytest.approx(free_disk(tmp_path), rel=0.1)

"""CPUs, memory and disk of this machine, within the limits of cgroups; its identity."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from core.system import machine
from core.system.machine import (
    Host,
    free_disk,
    free_memory,
    memory_limit,
    this_host,
    usable_threads,
)


@pytest.mark.parametrize(
    ("quota", "most"), [("150000 100000", 1), ("50000 100000", 1), ("max 100000", 10**6)]
)
def test_threads_respect_a_cgroups_quota(tmp_path: Path, quota: str, most: int) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert 1 <= usable_threads(tmp_path) <= most


def test_threads_respect_the_quota_of_cgroups_v1(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert usable_threads(tmp_path) == 1


def test_threads_respect_affinity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)
    assert usable_threads(tmp_path) == 1


def test_free_memory_is_the_rest_of_the_cgroup_with_cached_files(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("3000000")
    (tmp_path / "memory.current").write_text("2500000")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 200000\n")
    assert free_memory(tmp_path) == 700_000


def test_free_memory_without_a_limit_is_the_systems(tmp_path: Path) -> None:
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
def test_free_memory_respects_every_cgroup_around_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str, folder: str, limit: str, used: str
) -> None:
    """A batch system limits an inner cgroup and kills jobs that exceed it."""
    (tmp_path / "self").write_text(f"7:pids:/other\n{own}\n")
    monkeypatch.setattr(machine, "PROC_SELF_CGROUP", tmp_path / "self")
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / folder / limit).write_text("3000000")
    (tmp_path / folder / used).write_text("2500000")
    assert free_memory(tmp_path) == 500_000
    assert memory_limit(tmp_path) == 3_000_000


def test_the_largest_number_of_cgroups_v1_means_no_limit(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712")
    assert memory_limit(tmp_path) is None


def test_free_disk_of_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    assert free_disk(tmp_path / "a" / "b") == pytest.approx(free_disk(tmp_path), rel=0.1)


@pytest.mark.parametrize(
    ("name", "boot", "same"),
    [("here", "1", True), ("here", "2", True), ("box", "1", True), ("there", "2", False)],
)
def test_the_name_or_the_boot_identifies_the_machine(name: str, boot: str, same: bool) -> None:
    """Containers share the boot; a restarted machine keeps its name."""
    assert Host("here", "1").is_same_machine(name, boot) is same


def test_this_host_is_identified_and_constant() -> None:
    assert this_host().name
    assert this_host().boot
    assert this_host() == this_host()

"""Refused memory, threads and disk space, and moved folders, are named as what they are."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.dataset.token_files import TokenWriter
from core.errors import find_resource_error
from core.paths import Home
from core.run.directory import Run
from core.system.files import storage_hint
from core.text.corpus import CorpusSample
from core.train.job import describe_failure
from tests.support.runs import tiny_run
from tui.__main__ import run

ROOT = Path(__file__).parents[2]
MEMORY_LIMIT = 300_000 * 1024


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "words", "the"],
        ["step", "words", "the", "--plain"],
        ["train", "lang", "--steps", "2", "--foreground"],
        ["train", "lang", "--steps", "2", "--json"],
    ],
    ids=" ".join,
)
def test_too_little_memory_is_an_error_without_a_traceback(
    arguments: list[str], tmp_path: Path
) -> None:
    """As with `ulimit -v 300000`: PyTorch cannot be mapped."""
    tiny_run(Home(root=tmp_path, cache=tmp_path / "cache"), "words")
    process = subprocess.run(
        [sys.executable, "-P", "-m", "tui", "--home", str(tmp_path), *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=_limit_memory,
        check=False,
    )
    assert process.returncode == 1, process.stderr
    assert "Traceback" not in process.stderr
    assert "not enough memory" in process.stderr
    assert "Install PyTorch" not in process.stderr


def test_refused_threads_are_an_error_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As with `ulimit -u 8`, which does not bind root."""

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    tiny_run(Home(root=tmp_path, cache=tmp_path / "cache"), "words")
    monkeypatch.setattr("core.run.store.find_run", refuse)
    assert run(["--home", str(tmp_path), "generate", "words", "the"]) == 1
    assert "allows no more threads or processes" in capsys.readouterr().err
    shortage = find_resource_error(BlockingIOError(errno.EAGAIN, "Resource unavailable"))
    assert shortage is not None
    assert "processes" in shortage.message
    assert find_resource_error(RuntimeError("a bug")) is None


def test_a_full_cache_is_reported_by_the_system_not_as_counts(tmp_path: Path) -> None:
    """It was "262173 requested and 32768 written"."""
    writer = TokenWriter(tmp_path, "text", 100, 1)
    sample = CorpusSample("text", 0, 0, True)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 15, hard))
        try:
            with pytest.raises(OSError, match="File too large") as raised:
                writer.add([sample], [[np.ones(1 << 18, int).tolist()]])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert raised.value.errno == errno.EFBIG


def test_a_moved_run_is_not_told_to_free_disk_space(tmp_path: Path) -> None:
    gone = describe_failure(OSError(errno.ENOENT, "No such file", "x"), Run(tmp_path))
    assert gone is not None
    assert "moved or deleted" in gone["hint"]
    full = describe_failure(OSError(errno.ENOSPC, "No space left", "x"), Run(tmp_path))
    assert full is not None
    assert "Free disk space" in full["hint"]
    assert "permissions" in storage_hint(OSError(errno.EROFS, "Read-only"), "")

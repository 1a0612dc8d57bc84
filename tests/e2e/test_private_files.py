"""Everything the program creates is accessible to its owner only, whatever the umask."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.runners import TINY, command, small_text


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_files_and_folders_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    text, home = small_text(tmp_path), tmp_path / "new" / "home"
    commands = [
        ("train", "-", "--name", "mine", "--steps", "3", *TINY),
        ("chat", "mine", "--plain"),
        ("origin", "mine", "the cat"),
        ("stop", "mine"),
    ]
    for arguments in commands:
        with text.open() as stdin:
            subprocess.run(
                command(home, *arguments),
                stdin=stdin,
                preexec_fn=lambda: os.umask(umask),
                capture_output=True,
                check=False,
            )
    paths = [home.parent, home, *home.rglob("*")]
    assert {"cache", "mine", "corpora"} <= {path.name for path in paths}
    for path in paths:
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), (path, oct(mode))

"""The command corpora."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.__main__ import run

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("between", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r"])
@pytest.mark.parametrize("reading", ["lines", "text"])
def test_only_a_line_feed_ends_a_line_of_the_preview(
    between: str, reading: str, tmp_path: Path, capsys: Captured
) -> None:
    """A line with U+2028 was shown as several."""
    blank = "\n" if reading == "text" else ""
    path = tmp_path / "a.txt"
    path.write_bytes(f"one{between}two\n{blank}three\nfour\nfive\n".encode())
    assert run(["corpora", str(path)]) == 0
    shown = capsys.readouterr().out.partition("SHA-256")[2].splitlines()[2:]
    assert len(shown) == 3
    assert "one" in shown[0]
    assert "two" in shown[0]
    assert shown[2].strip() == ("three" if reading == "text" else "four")

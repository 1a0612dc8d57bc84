"""A few losses out of a long file of events."""

from __future__ import annotations

from pathlib import Path

from core.run.events import encode
from core.run.summary import sample_losses


def test_losses_are_spread_over_the_whole_file(tmp_path: Path) -> None:
    """A list of 300 runs cannot read 300 whole files."""
    path = tmp_path / "events.jsonl"
    lines = [encode("step", 1.0, n, train_loss=10_000.0 - n) for n in range(10_000)]
    path.write_text("\n".join(lines) + "\n")
    found = sample_losses(path, 10)
    assert len(found) == 10
    assert found == sorted(found, reverse=True)
    assert found[0] == 10_000.0
    assert found[-1] < 1100.0


def test_what_has_no_losses_gives_none(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert sample_losses(path, 8) == []
    path.write_bytes(b'{"type":"step","train_loss":null\n\0\0\nnoise')
    assert sample_losses(path, 8) == []
    path.write_text(encode("step", 1.0, 1, train_loss=2.5) + "\n")
    assert sample_losses(path, 8) == [2.5]

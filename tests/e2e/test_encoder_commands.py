"""An encoder trained, asked and scored by commands, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROCESS_TIMEOUT_S = 240.0
TINY = [
    "--set", "layers=2", "--set", "heads=2", "--set", "d_model=64", "--set", "d_ff=128",
    "--set", "batch_size=8", "--set", "threads=1", "--tokenizer", "word",
]  # fmt: skip
PETS, SOUNDS = ("cat", "dog", "cow", "owl"), ("meows", "barks", "moos", "hoots")


def _run(*command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tui", *command],
        input=text, capture_output=True, text=True, timeout=PROCESS_TIMEOUT_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_an_encoder_reads_on_both_sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What belongs in the blank can only be known from what is on the right of it."""
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    lines = [
        f"{n} : the {pet} {sound} ."
        for n in range(60)
        for pet, sound in zip(PETS, SOUNDS, strict=True)
    ]
    (tmp_path / "pets.txt").write_text("\n".join([*lines, "a <mask> is plain text ."]) + "\n")
    done = _run(
        "train", "pets.txt", "--preset", "encoder-modern", "--steps", "250",
        "--name", "both", *TINY,
    )  # fmt: skip
    assert "both is trained. It fills in the blank:" in done.stderr
    assert "More: minigpt-tui blank both " in done.stderr
    assert "generate" not in done.stderr
    _run("train", "pets.txt", "--steps", "100", "--name", "left", *TINY)

    blank = _run("blank", "both", "-", "--json", text="7 : the [] hoots .\n")
    reply = json.loads(blank.stdout)
    assert (reply["filled"], reply["decoder"]) == ("7 : the [owl] hoots .", "left")
    (place,) = reply["blanks"]
    by_decoder = {token["text"]: token["probability"] for token in place["decoder"]}
    assert by_decoder["owl"] < 0.45, "it cannot know"
    assert place["candidates"][0]["probability"] > 1.5 * by_decoder["owl"]
    assert place["counts"][0]["text"] == "owl"
    assert place["total"] == place["counts"][0]["count"] > 40

    total = json.loads(_run("score", "both", "pets.txt", "--json").stdout)
    assert 1.0 < total["pseudo_perplexity"] < 60.0

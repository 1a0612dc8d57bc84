"""The command export: what it prints, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.export import export as exporting
from core.export import targets, verify
from core.export.report import Verification
from core.paths import Home
from tests.support.runners import alive
from tests.support.runs import tiny_run
from tests.support.wait import wait_until
from tui.__main__ import run as command

ROOT = Path(__file__).parents[3]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A run `pets`, and an empty working folder."""
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    home = Home(root=tmp_path / "home", cache=tmp_path / "cache")
    tiny_run(home, "pets", snapshots=(4,))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return home


def test_it_says_where_the_result_is_and_that_it_was_proven(home: Home, capsys: Captured) -> None:
    assert command(["export", "pets@4", "--to", "script"]) == 0
    out = capsys.readouterr().out.splitlines()
    path = Path.cwd() / "pets-4-script"
    assert out[0].startswith("pets@4 as a Python script with its weights, float32, ")
    assert out[0].endswith(f" kB: {path}")
    assert out[1] == (
        "verified: continue_text.py chose the same 96 tokens as the run for 3 prompts"
    )
    done = subprocess.run(
        [sys.executable, str(path / "continue_text.py"), "the cat", "--tokens", "8"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert command(["generate", "pets@4", "the cat", "--max-tokens", "8"]) == 0
    assert capsys.readouterr().out == done.stdout


def test_json_has_everything(home: Home, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "verify", lambda *_: Verification("other 1.0", 3, 90, 1))
    assert command(["export", "pets", "--to", "script", "--out", "mine", "--json"]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert captured.err == ""
    assert report.pop("bytes") > 1000
    assert report == {
        "label": "pets",
        "target": "script",
        "dtype": "float32",
        "path": str(Path.cwd() / "mine"),
        "verification": {
            "program": "other 1.0",
            "prompts": 3,
            "tokens": 90,
            "ties": 1,
            "max_logit_difference": None,
        },
        "how_to_verify": "",
    }


@pytest.mark.parametrize(
    ("ties", "difference", "words"),
    [
        (1, None, "prompts; 1 prompt was left where rounding decided between two tokens"),
        (2, None, "prompts; 2 prompts were left where rounding decided between two tokens"),
        (0, 4.2e-6, "prompts; logits differ by at most 4e-06"),
    ],
)
def test_the_proof_is_described_with_its_limits(
    ties: int,
    difference: float | None,
    words: str,
    home: Home,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proof = Verification("other 1.0", 3, 90, ties, difference)
    monkeypatch.setattr(exporting, "verify", lambda *_: proof)
    assert command(["export", "pets", "--to", "script"]) == 0
    out = capsys.readouterr().out
    assert f"verified: other 1.0 chose the same 90 tokens as the run for 3 {words}\n" in out


def test_what_was_not_compared_is_not_called_verified(
    home: Home, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "verify", lambda *_: None)
    assert command(["export", "pets", "--to", "hf"]) == 0
    captured = capsys.readouterr()
    assert "verified" not in captured.out
    expected = "Not verified. transformers is not installed: pip install transformers\n"
    assert captured.err == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone", "--to", "hf"], "There is no run named 'gone'."),
        (["pets@7", "--to", "hf"], "The run pets has no weights named '7'."),
        (["pets", "--to", "hf", "--dtype", "q8_0"], "hf has no precision 'q8_0'."),
        (["pets", "--to", "hf", "--out", "no/such"], "There is no folder"),
        (["pets", "--to", "hf", "--out", "taken"], "taken exists already."),
        (["pets", "--to", "hf", "--out", "taken", "--force"], "taken is not a folder"),
        (["pets", "--to", "word"], "'word' is not one of"),
        (["pets"], "Missing option '--to'"),
        (["pets", "--to", "gguf"], "Writing gguf needs the package gguf."),
    ],
)
def test_a_mistake_is_refused_with_exit_code_2_and_nothing_is_written(
    arguments: list[str],
    message: str,
    home: Home,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(targets, "is_installed", lambda _: False)
    Path("taken").write_text("")
    assert command(["export", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in Path.cwd().iterdir()] == ["taken"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_comparison_leaves_nothing_and_ends_the_other_program(
    number: signal.Signals, home: Home, tmp_path: Path
) -> None:
    """The script of this export reports that it runs, and then never answers."""
    started = tmp_path / "started"
    code = (
        "import sys; from core.export import script; text = script.script_text\n"
        "wait = 'import os, pathlib, time\\n'\n"
        f"wait += 'pathlib.Path({json.dumps(str(started))}).write_text(str(os.getpid()))\\n'\n"
        "wait += 'time.sleep(600)\\n'\n"
        "script.script_text = lambda source: wait + text(source)\n"
        "from tui.__main__ import run; sys.exit(run(sys.argv[1:]))"
    )
    arguments = ["export", "pets", "--to", "script"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        wait_until(lambda: started.is_file() and started.read_text() != "", "it runs", 100.0)
        process.send_signal(number)
        assert process.wait(60) == 130
    finally:
        process.kill()
    assert process.communicate()[1].strip() == "Interrupted."
    assert list(Path.cwd().iterdir()) == []
    assert not alive(int(started.read_text()))


def test_a_result_that_is_not_the_same_is_reported_with_exit_code_1(
    home: Home, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise verify.ExportError("other 1.0 chooses other tokens.")

    monkeypatch.setattr(exporting, "verify", fail)
    assert command(["export", "pets", "--to", "script"]) == 1
    assert capsys.readouterr().err == (
        "The export is not the same: other 1.0 chooses other tokens.\nNothing was kept of it.\n"
    )
    assert list(Path.cwd().iterdir()) == []

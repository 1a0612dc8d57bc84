"""Commands as a user types them, in this process; heavy ones with a tiny model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.model.quantize import unsupported_reason
from tui.__main__ import run

TINY = [
    "--set", "layers=1", "--set", "heads=2", "--set", "d_model=32", "--set", "d_ff=64",
    "--set", "threads=1",
]  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "cats.txt"
    path.write_text("the cat sat on the mat\nthe dog ran to the door\na bird sang in the tree\n")
    return path


def _train(text: Path, *more: str) -> int:
    return run(["train", str(text), "--steps", "60", *TINY, *more])


def _lines(captured: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in captured.splitlines()]


def test_without_a_command_it_prints_how_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "minigpt-tui train lang" in capsys.readouterr().out


def test_a_model_is_trained_listed_shown_and_generates(
    text: Path, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert _train(text) == 0
    capsys.readouterr()
    assert run(["ls", "--json"]) == 0
    (row,) = _lines(capsys.readouterr().out)
    assert (row["name"], row["status"], row["step"], row["corpus"]) == (
        "cats",
        "finished",
        60,
        "cats",
    )
    assert row.keys() >= {"epoch", "train_loss", "val_loss", "parameters"}
    assert run(["show", "cats"]) == 0
    assert "step 60 of 60" in capsys.readouterr().out
    assert run(["path", "cats"]) == 0
    assert Path(capsys.readouterr().out.strip()) == home / "runs" / "cats"
    assert run(["generate", "cats@16", "the", "--max-tokens", "3"]) == 0
    assert 0 < len(capsys.readouterr().out.split()) <= 3


def test_training_prints_its_events_as_json(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _train(text, "--json", "--name", "told") == 0
    events = _lines(capsys.readouterr().out)
    assert all(event.keys() >= {"type", "time", "step"} for event in events)
    types = [event["type"] for event in events]
    assert types[0] == "started"
    assert types[-1] == "finished"
    assert {"prepare", "prepared", "step", "epoch", "sample", "saved"} <= set(types)


def test_generation_as_json_has_a_line_a_token_and_a_summary(
    text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _train(text)
    capsys.readouterr()
    assert run(["generate", "cats", "the", "--json", "--top", "2", "--max-tokens", "4"]) == 0
    *tokens, summary = _lines(capsys.readouterr().out)
    assert [set(t) >= {"id", "text", "probability", "top"} for t in tokens] == [True] * len(tokens)
    assert all(len(t["top"]) == 2 for t in tokens)  # type: ignore[arg-type]
    assert summary["text"] == "".join(str(t["text"]) for t in tokens)


def test_choices_can_be_seen_token_by_token(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _train(text)
    capsys.readouterr()
    assert run(["generate", "cats", "the", "--top", "3", "--max-tokens", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.count("%") for line in lines] == [4, 4]


def test_several_continuations_and_shortened_weights(
    text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Detects an option that is taken and then forgotten."""
    _train(text)
    capsys.readouterr()
    asked = ["generate", "cats", "the", "--temperature", "2", "--max-tokens", "6"]
    assert run([*asked, "-n", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:3] for line in lines] == ["[1]", "[2]", "[3]"]
    assert run([*asked, "-n", "3", "--json"]) == 0
    rows = _lines(capsys.readouterr().out)
    assert [row["n"] for row in rows] == [1, 2, 3]
    assert len({str(row["text"]) for row in rows}) > 1
    assert run([*asked, "-n", "3", "--top", "2"]) == 2
    assert run(["generate", "cats", "the", "-n", "3"]) == 2
    assert "temperature" in capsys.readouterr().err
    for name in ("bfloat16", "int8"):
        refused = bool(unsupported_reason(name))
        assert run([*asked, "--precision", name, "--json"]) == (2 if refused else 0)


def test_messages_are_not_part_of_the_output(
    text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _train(text)
    captured = capsys.readouterr()
    assert "parameters" in captured.err
    assert "parameters" not in captured.out


def test_a_taken_name_proposes_a_free_one(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _train(text, "--name", "mine")
    assert _train(text, "--name", "mine") == 2
    assert "mine-2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "lnag"], "lang"),
        (["train", "lang", "--preset", "tinny"], "tiny"),
        (["train", "lang", "--set", "learning_rat=1"], "learning_rate"),
        (["train", "lang", "--set", "layers=0"], "at least 1"),
        (["train", "lang", "--set", "layers"], "KEY=VALUE"),
        (["train", "lang", "--steps", "5", "--epochs", "2"], "choose one"),
        (["train", "lang", "--name", "../up"], "letters"),
        (["train", "lang", "--from", "nothing"], "nothing"),
        (["train", "lang", "--device", "cuda:99", "--steps", "1"], "cuda:99"),
        (["train", "lang", "--set", "sample_prompt=xyzzy", "--steps", "1"], "xyzzy"),
        (["train", "lang", "--tokenizer", "bpe", "--vocab-size", "100"], "259"),
        (["train", "empty.txt"], "empty.txt"),
        (["train", "binary.bin"], "binary.bin"),
        (["train", "latin.txt"], "--encoding"),
        (["train", "missing.txt"], "missing.txt"),
        (["train", "folder"], "folder"),
        (["train", "lang", "--encoding", "no-such"], "no-such"),
        (["generate", "nothing", "hello"], "nothing"),
        (["generate", "nothing", "--temperature", "-1"], "temperature"),
        (["generate", "nothing", "--top", "-3"], "--top"),
        (["show", "nothing"], "nothing"),
        (["path", "../.."], "../.."),
        (["no-such-command"], "no-such-command"),
    ],
)
def test_unusable_input_is_explained_with_exit_code_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    home: Path,
) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "binary.bin").write_bytes(bytes(range(256)))
    (tmp_path / "latin.txt").write_bytes("café\n".encode("latin-1"))
    (tmp_path / "folder").mkdir()
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    runs = home / "runs"
    assert not runs.exists() or not list(runs.glob("[!.]*")), "a mistake leaves no run behind"


def test_an_unknown_word_suggests_similar_ones(
    text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _train(text, "--tokenizer", "word")
    assert run(["generate", "cats", "the caat"]) == 2
    errors = capsys.readouterr().err
    assert "caat" in errors
    assert "cat" in errors.replace("caat", "")


def test_no_control_code_of_a_text_reaches_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = tmp_path / "hostile.txt"
    hostile.write_text("\x1b]0;title\x07 red\x1b[31m [bold] \x9b31m\n" * 4)
    assert _train(hostile, "--tokenizer", "char") == 0
    assert run(["generate", "hostile", "--max-tokens", "40"]) == 0
    assert run(["generate", "hostile", "--max-tokens", "40", "--json"]) == 0
    assert run(["corpora", str(hostile)]) == 0
    assert run(["show", "hostile"]) == 0
    captured = capsys.readouterr()
    assert "␛" in captured.out
    for text in (captured.out, captured.err):
        assert not {"\x1b", "\x9b", "\x07"} & set(text)


def test_fine_tuning_starts_from_a_runs_weights_and_tokenizer(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    _train(text, "--name", "parent", "--tokenizer", "word")
    other = tmp_path / "dogs.txt"
    other.write_text("the dog sat in the tree\n" * 30 + "a zebra\n")
    more = ["--from", "parent", "--name", "child", "--steps", "60", "--set", "threads=1"]
    assert run(["train", str(other), *more]) == 0
    record = json.loads((home / "runs" / "child" / "run.json").read_text())
    assert record["parent"]["run"] == "parent"
    assert "not in the tokenizer's vocabulary" in capsys.readouterr().err
    files = [home / "runs" / name / "tokenizer.json" for name in ("parent", "child")]
    assert files[0].read_bytes() == files[1].read_bytes()
    capsys.readouterr()
    replies = []
    for name in ("parent", "child"):
        run(["generate", name, "the dog"])
        replies.append(capsys.readouterr().out.strip())
    assert replies == ["ran to the door", "sat in the tree"]


@pytest.mark.parametrize("kind", ["word", "char"])
def test_a_text_that_the_parents_vocabulary_lacks_is_refused(
    kind: str, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    """With 69 % of the tokens unknown, training taught nothing and exited 0."""
    assert _train(text, "--name", "parent", "--tokenizer", kind) == 0
    strange = tmp_path / "strange.txt"
    strange.write_text("the zebra quagga\nПривет мир\n")
    before = sorted(home.rglob("*"))
    capsys.readouterr()
    command = ["train", str(strange), "--from", "parent", "--steps", "2"]
    assert run(command) == 2
    message = capsys.readouterr().err
    assert "% of the" in message
    assert "not in the vocabulary of parent" in message
    assert "--tokenizer bpe" in message
    assert "--force" in message
    assert sorted(home.rglob("*")) == before
    assert run([*command, "--force"]) == 0


def test_a_byte_level_parent_reads_every_text(text: Path, tmp_path: Path) -> None:
    _train(text, "--name", "parent", "--tokenizer", "bpe", "--vocab-size", "300")
    strange = tmp_path / "strange.txt"
    strange.write_text("Привет мир\n")
    assert run(["train", str(strange), "--from", "parent", "--steps", "2"]) == 0


def test_settings_of_the_parent_cannot_be_changed(
    text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _train(text, "--name", "parent")
    assert _train(text, "--from", "parent", "--tokenizer", "char", "--preset", "tiny") == 2
    errors = capsys.readouterr().err
    assert all(name in errors for name in ("tokenizer", "preset", "layers"))


def test_bundled_texts_are_listed_with_their_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["corpora"]) == 0
    listed = capsys.readouterr().out
    names = ["lang", "arithmetic", "dialogues", "translation", "sentiment", "questions", "stories"]
    assert all(name in listed for name in names)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("command", ["corpora", "corpora --json", "ls --json", "--help"])
def test_a_full_output_is_an_error_message(command: str, text: Path) -> None:
    _train(text)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tui", *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_output_of_another_encoding_is_no_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "corpora", "translation"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")

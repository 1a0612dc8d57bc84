"""The command blank, and what other commands say of an encoder, against a real model server."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from core.attribution.attribution import find_source
from core.dataset.token_store import build_tokens
from core.paths import Home
from tests.support.runs import MORE_LINES, TINY_CORPUS, set_corpus, tiny_run
from tests.support.texts import corpus_of_text
from tui.__main__ import run as command

Captured = pytest.CaptureFixture[str]
TEXT = "the [] sat on the mat"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    monkeypatch.delenv("ACCESSIBLE", raising=False)
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    encoder = tiny_run(home, "blanks", architecture="eurobert", context=16)
    text = "\n".join([*TINY_CORPUS, *MORE_LINES])
    corpus = corpus_of_text(tmp_path / "lines.txt", text)
    set_corpus(home, encoder, corpus)
    set_corpus(home, tiny_run(home, "words"), corpus)
    source = find_source(home, encoder)
    build_tokens(source.corpus, source.reading, source.tokenizer, home)
    return home


def test_it_prints_candidates_beside_a_decoder_and_the_corpus(
    home: Home, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(["blank", "blanks", TEXT, "--top", "3", "--json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert (reply["run"], reply["weights"], reply["decoder"]) == ("blanks", "last", "words")
    (blank,) = reply["blanks"]
    assert blank["place"] == 2
    assert [len(blank[name]) for name in ("candidates", "decoder", "counts")] == [3, 3, 1]
    assert (blank["counts"][0]["text"], blank["counts"][0]["count"], blank["total"]) == (
        "cat",
        3,
        3,
    )
    best = blank["candidates"][0]["text"]
    assert reply["filled"] == f"the [{best}] sat on the mat"

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{TEXT}\n".encode())))
    assert command(["blank", "blanks", "-", "--top", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [reply["filled"], "The decoder words reads only what is on the left."]
    assert lines[3] == TEXT
    assert lines[4].split() == ["ENCODER", "DECODER", "CORPUS"]
    rows = [line.split() for line in lines[5:8]]
    assert [row[0] for row in rows] == [one["text"] for one in blank["candidates"]]
    assert [row[2] for row in rows] == [one["text"] for one in blank["decoder"]]
    assert rows[0][4:] == ["cat", "3"]

    assert command(["blank", "blanks", TEXT, "--top", "2", "--plain"]) == 0
    out = capsys.readouterr().out
    assert f"Blank 1. The encoder: {best} " in out
    assert "The decoder words: " in out
    assert "In the training text: cat 3 times." in out


def test_a_decoder_that_cannot_be_loaded_is_named_only_if_it_was_not_chosen(
    home: Home, capsys: Captured
) -> None:
    weights = home.runs / "words" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    assert command(["blank", "blanks", TEXT, "--json"]) == 0
    captured = capsys.readouterr()
    assert "Not compared with words: " in captured.err
    assert json.loads(captured.out)["decoder"] is None
    assert command(["blank", "blanks", TEXT, "--decoder", "words"]) == 2
    assert "Not compared" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["blanks", "the cat sat"], "Invalid input: There is no [] in the text.\nPut one where"),
        (
            ["blanks", "the caat [] sat"],
            "'caat' is not in the vocabulary.\nNearest known: 'caat': 'cat'",
        ),
        (["blanks", "the cat " * 8 + "[]"], "The text has 19 tokens; blanks reads at most 16."),
        (["words", TEXT], "words is a decoder: it continues a text and cannot fill in blanks."),
        (["gone", TEXT], "There is no run named 'gone'"),
        (["blanks@best", TEXT], "blanks"),
        (["blanks", TEXT, "--decoder", "blanks"], "blanks is an encoder"),
    ],
)
def test_what_cannot_be_filled_in_is_refused(
    home: Home, capsys: Captured, arguments: list[str], message: str
) -> None:
    assert command(["blank", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_unknown_words_are_read_as_unk_if_allowed(home: Home, capsys: Captured) -> None:
    assert command(["blank", "blanks", "the zebra [] on", "--allow-unknown"]) == 0
    assert "Read as <unk>: zebra" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "blanks", "the"],
        ["chat", "blanks"],
        ["step", "blanks", "the"],
        ["trace", "blanks", "the"],
    ],
)
def test_commands_that_continue_a_text_refuse_an_encoder(
    home: Home, capsys: Captured, arguments: list[str]
) -> None:
    assert command(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "blanks is an encoder: it fills in blanks and cannot continue a text." in captured.err
    assert 'minigpt-tui blank blanks "A text with a [] in it"' in captured.err


def test_an_encoder_is_scored_by_its_pseudo_perplexity(home: Home, capsys: Captured) -> None:
    file = home.root / "some.txt"
    file.write_text("the cat sat\na bird\n")
    assert command(["score", "blanks", str(file), "--json", "--tokens"]) == 0
    *tokens, total = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [token["text"] for token in tokens] == ["the", "cat", "sat", "a", "bird"]
    assert total.keys() == {"tokens", "total", "loss", "pseudo_perplexity", "bytes"}
    assert total["total"] == pytest.approx(sum(token["loss"] for token in tokens))
    assert command(["score", "blanks", str(file)]) == 0
    out = capsys.readouterr().out
    assert "pseudo-perplexity  " in out
    assert "bits per byte" not in out
    assert command(["test", "blanks"]) == 2
    assert (
        "blanks is an encoder: it fills in blanks and gives no replies." in capsys.readouterr().err
    )


def test_a_long_text_is_cut_at_words_around_a_blank(home: Home, capsys: Captured) -> None:
    """Detects a word cut in the middle to save a character or two."""
    text = "the cat sat on the mat sat on the [] sat"
    assert command(["blank", "blanks", text, "--top", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "… cat sat on the mat sat on the [] sat" in lines
    text = "the [] sat on the mat the cat sat on the mat"
    assert command(["blank", "blanks", text, "--top", "1"]) == 0
    assert "the [] sat on the mat the cat sat …" in capsys.readouterr().out.splitlines()

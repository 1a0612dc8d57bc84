"""The decoder that an encoder is compared with."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from core.paths import Home
from core.run.comparable import find_comparable_decoder, find_encoder
from core.run.directory import Run
from core.run.model_files import hf_config, read_model_config
from core.run.store import delete_run
from core.system.files import read_json, write_json
from tests.support.runs import tiny_run


def _set_text(run: Run, sha256: str) -> None:
    record = read_json(run.record)
    record["corpus"]["sha256"] = sha256
    write_json(run.record, record)


def test_it_has_the_same_text_reading_and_vocabulary(tmp_path: Path) -> None:
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    encoder = tiny_run(home, "blanks", architecture="eurobert")
    other_encoder = tiny_run(home, "blanks-2", architecture="eurobert")
    assert find_comparable_decoder(home, encoder) is None, "there are encoders only"
    tiny_run(home, "letters", "char")
    tiny_run(home, "running", reading="text")
    _set_text(tiny_run(home, "elsewhere"), "1" * 64)
    assert find_comparable_decoder(home, encoder) is None
    old, new = tiny_run(home, "zold"), tiny_run(home, "new")
    os.utime(old.weights, (1, 1))
    assert find_comparable_decoder(home, encoder) == "new"
    assert find_comparable_decoder(home, other_encoder) == "new"
    delete_run(home, new)
    assert find_comparable_decoder(home, encoder) == "zold"


def test_damaged_runs_are_passed_over(tmp_path: Path) -> None:
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    encoder = tiny_run(home, "blanks", "bpe", architecture="eurobert")
    decoder, damaged = tiny_run(home, "good", "bpe"), tiny_run(home, "bad", "bpe")
    os.utime(decoder.weights, (1, 1))
    damaged.tokenizer.write_text("{")
    assert find_comparable_decoder(home, encoder) == "good"
    decoder.config.write_text("{}")
    assert find_comparable_decoder(home, encoder) is None
    encoder.tokenizer.unlink()
    assert find_comparable_decoder(home, encoder) is None


def test_an_encoder_of_the_same_text_is_found_for_a_decoder(tmp_path: Path) -> None:
    """Detects an encoder of another text, and the newer one of another vocabulary."""
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    decoder = tiny_run(home, "words")
    tiny_run(home, "words-2")
    _set_text(tiny_run(home, "elsewhere", architecture="eurobert"), "1" * 64)
    assert find_encoder(home, decoder) is None
    tiny_run(home, "letters", "char", architecture="eurobert")
    assert find_encoder(home, decoder) == "letters", "its text is the same, if not its tokens"
    same = tiny_run(home, "blanks", architecture="eurobert")
    os.utime(same.weights, (1, 1))
    assert find_encoder(home, decoder) == "blanks"
    same.weights.unlink()
    assert find_encoder(home, decoder) == "letters"
    decoder.tokenizer.unlink()
    assert find_encoder(home, decoder) is None


def test_an_encoder_that_labels_texts_fills_in_no_blanks(tmp_path: Path) -> None:
    """Blank would open on it and could show nothing."""
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    decoder = tiny_run(home, "words")
    encoder = tiny_run(home, "blanks", architecture="eurobert")
    assert find_encoder(home, decoder) == "blanks"
    config = dataclasses.replace(read_model_config(encoder.config), labels=2)
    write_json(encoder.config, hf_config(config, config.vocab_size - 1, ["good", "bad"]))
    assert find_encoder(home, decoder) is None

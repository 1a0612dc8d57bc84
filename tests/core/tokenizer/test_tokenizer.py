"""Tokenizers: round trips, files, and agreement with `transformers`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DamagedError
from core.tokenizer.special_tokens import EOS, PAD, SOS, SPECIAL
from core.tokenizer.tokenizer import KINDS, Tokenizer
from tests.support.vocabularies import ALL, BPE, CHAR, KNOWN, LINES, WORD


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_come_first_and_never_from_a_text(kind: str) -> None:
    """A literal `<eos>` in a text must not end a sample."""
    tokenizer = ALL[kind]
    assert [tokenizer.token_text(id) for id in (PAD, SOS, EOS)] == list(SPECIAL)
    text = "Python is <eos> a snake data <pad>x<unk> science <eos>"
    ids = tokenizer.encode_prompt(text)
    assert not {PAD, SOS, EOS, tokenizer.unk_id} & set(ids)
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode([SOS, *ids, EOS, PAD]) == text


@given(text=st.text(max_size=60))
def test_bpe_round_trips_any_text(text: str) -> None:
    """Every character has bytes, control codes included."""
    assert BPE.decode(BPE.encode(text)) == text


@given(text=st.text(alphabet=KNOWN, max_size=60))
def test_characters_round_trip_any_known_text(text: str) -> None:
    """One id per character."""
    ids = CHAR.encode_prompt(text)
    assert len(ids) == len(text)
    assert CHAR.decode(ids) == text


@given(
    words=st.lists(st.sampled_from(" ".join(LINES).split()), max_size=9),
    blank=st.sampled_from([" ", "\t", "\n\n", " \u3000", "\xa0"]),
)
def test_words_round_trip_up_to_white_space(words: list[str], blank: str) -> None:
    """Any white space between words becomes one blank."""
    assert WORD.decode(WORD.encode_prompt(blank.join(words))) == " ".join(words)


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_tokenizer_equals_the_saved_one(tmp_path: Path, kind: str) -> None:
    """Token files are cached by the tokenizer's JSON: loading must not change it."""
    ALL[kind].save(tmp_path, "lines")
    again = Tokenizer.load(tmp_path)
    assert again.kind == kind
    assert again.to_json() == ALL[kind].to_json()
    text = " ".join(LINES)
    assert again.encode(text) == ALL[kind].encode(text)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_or_foreign_tokenizers_are_refused(tmp_path: Path, kind: str) -> None:
    """The library itself raises a bare exception, panics, or accepts them."""
    good = json.loads(ALL[kind].to_json())
    model = good["model"]
    swapped = model["vocab"] | {"<pad>": 1, "<sos>": 0}
    gap = model["vocab"] | {"<pad>": 9999}
    broken: list[object] = [3, [], {}, good | {"model": 3}, good | {"model": {}}]
    broken += [good | {"decoder": {"type": "Metaspace"}}, good | {"decoder": None}]
    vocabularies: list[object] = [3, {}, [], swapped, gap]
    broken += [good | {"model": model | {"vocab": vocab}} for vocab in vocabularies]
    broken += [good | {"model": model | {"merges": m}} for m in (3, [3], [["a"]], [["a", "§"]])]
    texts = ["", "{", "[" * 100_000, *map(json.dumps, broken)]
    for text in texts:
        (tmp_path / "tokenizer.json").write_text(text)
        with pytest.raises(DamagedError, match=r"tokenizer\.json"):
            Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(DamagedError, match="No such file"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokenizer_saved_by_an_earlier_version_loads(tmp_path: Path, kind: str) -> None:
    """It had no post-processor; its tokens in the cache must be found again."""
    (tmp_path / "tokenizer.json").write_text(ALL[kind].to_json())
    assert '"post_processor":null' in ALL[kind].to_json()
    assert Tokenizer.load(tmp_path).to_json() == ALL[kind].to_json()


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_tokenizer_adds_no_special_tokens_itself(tmp_path: Path, kind: str) -> None:
    """What the file adds for other programs must not be doubled here; `<eos>` stays text."""
    ALL[kind].save(tmp_path, "lines")
    text = "Python is <eos>"
    ids = Tokenizer.load(tmp_path).encode_prompt(text)
    assert not {PAD, SOS, EOS} & set(ids)
    assert ALL[kind].decode(ids) == text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("reading", "start"), [("lines", SOS), ("text", EOS)])
def test_other_programs_find_the_special_tokens(
    tmp_path: Path, kind: str, reading: str, start: int
) -> None:
    """Converters and harnesses look them up by name, as ids, and by encoding their names.

    llama.cpp's converter encodes the name of each special token and decodes the ids again; lm-eval
    begins with `bos_token_id`, which must be a token that begins texts in training.
    """
    transformers = pytest.importorskip("transformers")
    ALL[kind].save(tmp_path, reading)
    (tmp_path / "config.json").write_text('{"model_type": "qwen3"}')
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert (theirs.pad_token_id, theirs.bos_token_id, theirs.eos_token_id) == (PAD, start, EOS)
    assert theirs.unk_token_id == ALL[kind].unk_id
    unknown = {} if kind == "bpe" else {"<unk>": ALL[kind].unk_id}
    for name, id in {**dict(zip(SPECIAL, range(3), strict=True)), **unknown}.items():
        assert theirs.convert_tokens_to_ids(name) == id
        assert theirs.encode(name, add_special_tokens=False) == [id]
        assert theirs.decode([id]) == name
        assert theirs.added_tokens_decoder[id].special
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert config["add_bos_token"] is (reading == "lines")
    assert theirs("a")["input_ids"][0] == SOS or reading == "text"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("reading", "first"), [("lines", [SOS]), ("text", [])])
def test_transformers_encodes_to_the_same_ids(
    tmp_path: Path, kind: str, reading: str, first: list[int]
) -> None:
    """Other programs load run folders; a model type must not select another tokenizer."""
    transformers = pytest.importorskip("transformers")
    ALL[kind].save(tmp_path, reading)
    (tmp_path / "config.json").write_text('{"model_type": "qwen3"}')
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in (*LINES, " ".join(LINES), "Python  is\n\n1234 <eos>", "e\u0301 never seen"):
        ids = ALL[kind].encode(text)
        # There, names of special tokens in a text are special tokens unless it is called so.
        assert theirs(text, split_special_tokens=True)["input_ids"] == first + ids
        assert ("<" in text) or theirs(text)["input_ids"] == first + ids
        if ALL[kind].unk_id not in ids:
            blank = " " * (kind == "word")  # theirs may be a continuation
            assert theirs.decode(ids) == blank + ALL[kind].decode(ids)

"""Tokenizers: numbering, round trips, streaming, prompts, and what `transformers` makes of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import learning, vocabulary
from core.corpus import Corpus, Sample
from core.errors import Cancelled, DamagedError, InputError
from core.learning import learn, spread, thinned
from core.tokenizer import EOS, KINDS, PAD, SOS, SPECIAL, Tokenizer
from core.unknown import UnknownWordError

LINES = [
    "Python is a popular language.",
    "Python is <eos> a snake",
    "data <pad>x<unk> science",
    "日本 你好 🙂 café",
]
WORD = Tokenizer.train("word", LINES)
CHAR = Tokenizer.train("char", LINES)
BPE = Tokenizer.train("bpe", LINES * 9, 300)
ALL = {"word": WORD, "char": CHAR, "bpe": BPE}
KNOWN = "".join(sorted(set("".join(LINES))))


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_are_first_and_never_come_out_of_a_text(kind: str) -> None:
    """A text that speaks of `<eos>` must not end a sample."""
    tokenizer = ALL[kind]
    assert [tokenizer.token_text(id) for id in (PAD, SOS, EOS)] == list(SPECIAL)
    text = "Python is <eos> a snake data <pad>x<unk> science <eos>"
    ids = tokenizer.encode_prompt(text)
    assert not {PAD, SOS, EOS, tokenizer.unk_id} & set(ids)
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode([SOS, *ids, EOS, PAD]) == text


def test_words_and_characters_are_numbered_by_first_appearance() -> None:
    """The tutorial's numbers: words from 3 on, <unk> behind the last."""
    tokenizer = Tokenizer.train("word", ["b a", "a c b"])
    assert [tokenizer.token_text(id) for id in range(7)] == [*SPECIAL, "b", "a", "c", "<unk>"]
    assert (tokenizer.vocab_size, tokenizer.unk_id) == (7, 6)
    tokenizer = Tokenizer.train("char", ["ba", "abc"])
    assert [tokenizer.token_text(id) for id in range(7)] == [*SPECIAL, "b", "a", "c", "<unk>"]


@pytest.mark.parametrize("kind", ["word", "char"])
def test_a_limit_keeps_the_frequent_in_their_order(kind: str) -> None:
    """The rest is <unk>; of equally frequent ones the first stay."""
    text = " ".join("edcbacba")
    tokenizer = Tokenizer.train(kind, [text if kind == "word" else text.replace(" ", "")], 7)
    assert [tokenizer.token_text(id) for id in range(3, 7)] == ["c", "b", "a", "<unk>"]
    assert tokenizer.encode("d")[0] == tokenizer.unk_id


def test_bpe_holds_every_byte_and_respects_its_size() -> None:
    """Any text can be written with it, so it needs no <unk>."""
    assert BPE.unk_id is None
    assert BPE.vocab_size <= 300
    assert {BPE.token_bytes(id) for id in range(3, 259)} == {bytes([n]) for n in range(256)}
    assert Tokenizer.train("bpe", ["x"]).vocab_size == 259


@pytest.mark.parametrize(("kind", "size"), [("bpe", 258), ("word", 4), ("char", 4)])
def test_sizes_without_room_are_refused(kind: str, size: int) -> None:
    """The least possible is said."""
    with pytest.raises(InputError, match="at least"):
        Tokenizer.train(kind, ["a b"], size)


def test_rare_words_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gigabyte of serial numbers must not fill the memory."""
    monkeypatch.setattr(vocabulary, "PRUNE_AT", 50)
    monkeypatch.setattr(vocabulary, "MOST_UNITS", 10)
    texts = (f"often w{n} common" for n in range(1000))
    units = vocabulary.count_units("word", texts, None)
    assert {"often", "common"} <= set(units)
    assert len(units) == 10 - 4


@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_bpe_gives_every_text_back(text: str) -> None:
    """Bytes know no unknown character, control codes and all."""
    assert BPE.decode(BPE.encode(text)) == text


@settings(deadline=None)
@given(text=st.text(alphabet=KNOWN, max_size=60))
def test_characters_give_every_known_text_back(text: str) -> None:
    """One id a character, nothing joined, nothing lost."""
    ids = CHAR.encode_prompt(text)
    assert len(ids) == len(text)
    assert CHAR.decode(ids) == text


@settings(deadline=None)
@given(
    words=st.lists(st.sampled_from(" ".join(LINES).split()), max_size=9),
    blank=st.sampled_from([" ", "\t", "\n\n", " \u3000", "\xa0"]),
)
def test_words_give_the_text_back_up_to_white_space(words: list[str], blank: str) -> None:
    """One blank stands between two words whatever stood there."""
    assert WORD.decode(WORD.encode_prompt(blank.join(words))) == " ".join(words)


@settings(deadline=None)
@given(text=st.text(alphabet="ab \t\x1c\x1f\x85\xa0\u2028\u200b\u3000<eos>", max_size=20))
def test_words_are_split_as_the_library_splits(text: str) -> None:
    """Python and the library disagree on some white space; a word learnt must be found again."""
    if not text.strip():
        return
    tokenizer = Tokenizer.train("word", [text])
    assert tokenizer.unk_id not in tokenizer.encode(text)


def test_names_of_special_tokens_hide_in_no_other_word() -> None:
    """The private character that keeps them apart gives no number twice."""
    tokenizer = Tokenizer.train("word", ["<eos> <\ue000eos> x"])
    assert tokenizer.vocab_size == len(tokenizer.units) == 6
    assert tokenizer.encode("<eos> x") == [3, 4]


@settings(deadline=None)
@given(ids=st.lists(st.integers(0, BPE.vocab_size - 1), max_size=30))
def test_streaming_gives_the_same_text_in_whole_characters(ids: list[int]) -> None:
    """Whatever a model says: the pieces are the whole, and no later piece mends an earlier one."""
    stream = BPE.stream()
    pieces = [stream.push(id) for id in ids]
    assert "".join(pieces) + stream.flush() == BPE.decode(ids)
    raw = b"".join(BPE.token_bytes(id) for id in ids)
    assert raw.decode(errors="replace").startswith("".join(pieces))


@pytest.mark.parametrize("text", ["你好，世界", "🙂👩‍👩‍👧", "é"])
def test_streaming_never_shows_half_a_character(text: str) -> None:
    """One byte at a time, Chinese must appear character by character."""
    stream = BPE.stream()
    ids = [
        3 + next(i for i in range(256) if BPE.token_bytes(3 + i) == bytes([b]))
        for b in text.encode()
    ]
    pieces = [stream.push(id) for id in ids]
    assert "\ufffd" not in "".join(pieces)
    assert [piece for piece in pieces if piece] == list(text)
    assert BPE.decode(ids[:-1]) == text[:-1]
    assert all(BPE.token_text(id).startswith("<") for id in ids)


def test_streamed_words_bring_their_blank() -> None:
    """A reply is glued to its prompt: the first word of a text has no blank, the others have."""
    ids = WORD.encode("Python is a")
    stream = WORD.stream()
    assert [stream.push(id) for id in ids] == ["Python", " is", " a"]
    assert WORD.stream(after=[SOS, *ids]).push(ids[1]) == " is"
    assert WORD.stream(after=[SOS]).push(ids[1]) == "is"
    assert WORD.decode([WORD.unk_id or 0]) == "<unk>"


def test_unknown_words_of_a_prompt_are_named_with_what_was_meant() -> None:
    """The tutorial ends in a KeyError here."""
    with pytest.raises(UnknownWordError) as caught:
        WORD.encode_prompt("python is langage. zzz")
    assert list(caught.value.near) == ["python", "langage.", "zzz"]
    assert caught.value.near["python"] == ["Python"]
    assert caught.value.near["zzz"] == []
    assert "'langage.': language." in caught.value.hint
    with pytest.raises(UnknownWordError, match="characters 'Q', '!'"):
        CHAR.encode_prompt("Q!Q")
    assert WORD.encode_prompt("") == []


def test_nearest_words_are_found_in_a_large_vocabulary() -> None:
    """Comparing with every word would take minutes; a slip keeps the first letter."""
    tokenizer = Tokenizer.train("word", [" ".join(f"w{n}" for n in range(30_000)), "banana"])
    with pytest.raises(UnknownWordError) as caught:
        tokenizer.encode_prompt("bannana")
    assert caught.value.near == {"bannana": ["banana"]}


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_character_in_a_prompt_is_said(kind: str) -> None:
    """A terminal that is not in UTF-8 gives lone surrogates."""
    with pytest.raises(InputError, match="position 1"):
        ALL[kind].encode_prompt("a\udce9")


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_tokenizer_is_the_same(tmp_path: Path, kind: str) -> None:
    """Token files are kept by it: loading must not make another one of it."""
    ALL[kind].save(tmp_path)
    again = Tokenizer.load(tmp_path)
    assert again.kind == kind
    assert again.to_json() == ALL[kind].to_json()
    text = " ".join(LINES)
    assert again.encode(text) == ALL[kind].encode(text)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_or_foreign_tokenizers_are_refused(tmp_path: Path, kind: str) -> None:
    """The library itself answers with a bare exception, or a panic, or not at all."""
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
def test_transformers_gives_the_same_ids(tmp_path: Path, kind: str) -> None:
    """A run directory is loaded by others; there a model type brings a tokenizer of its own."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported
    transformers = pytest.importorskip("transformers")
    ALL[kind].save(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "qwen3"}')
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert (theirs.pad_token_id, theirs.bos_token_id, theirs.eos_token_id) == (PAD, SOS, EOS)
    assert theirs.unk_token_id == ALL[kind].unk_id
    for text in (*LINES, " ".join(LINES), "Python  is\n\n1234 <eos>", "e\u0301 never seen"):
        ids = ALL[kind].encode(text)
        assert theirs(text)["input_ids"] == ids
        if ALL[kind].unk_id not in ids:
            assert theirs.decode(ids) == ALL[kind].decode(ids)


# Learning from a corpus


def test_pieces_are_learnt_from_a_sample_of_all_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beginning and end of a large text may differ; the sample is said."""
    monkeypatch.setattr(learning, "SAMPLE_BYTES", 300_000)
    monkeypatch.setattr(learning, "DIFFERENT_BYTES", 200_000)
    path = tmp_path / "a.txt"
    path.write_text("alpha beta\n" * 100_000 + "gamma delta\n" * 100_000)
    found = learn(Corpus(name="a", files=(path,)), "text", "bpe")
    pieces = {found.tokenizer.token_text(id) for id in range(found.tokenizer.vocab_size)}
    assert {"alpha", " beta", "gamma", " delta"} <= pieces
    assert "even sample" in found.note
    whole = learn(Corpus(name="a", files=(path,)), "text", "word")
    assert whole.tokenizer.encode("alpha beta gamma delta") == [3, 4, 5, 6]
    assert whole.note == ""


def test_a_word_without_end_is_learnt_from_in_parts(tmp_path: Path) -> None:
    """Every join would go through all of it: a minute for a megabyte, and hours for more."""
    path = tmp_path / "a.txt"
    path.write_text("abcd" * 50_000)
    seen: list[str] = []

    def train(kind: str, texts: Iterable[str], vocab_size: int | None) -> Tokenizer:
        seen.extend(texts)
        return BPE

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tokenizer, "train", train)
        assert learn(Corpus(name="a", files=(path,)), "text", "bpe").note == ""
    assert "".join(seen) == "abcd" * 50_000
    assert max(map(len, seen)) == learning.LONGEST_WORD


def test_a_sample_is_even() -> None:
    """A share of the text in about that share of the parts, whatever their lengths."""
    texts = [Sample(str(n % 10) * (1 + n % 7), 0, 0, True) for n in range(7000)]
    found = list(spread(texts, 0.25))
    total = sum(len(sample.text) for sample in texts)
    assert abs(sum(map(len, found)) / total - 0.25) < 0.01
    assert len(list(spread(texts, 1.0))) == 7000


def test_texts_of_different_words_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chinese has no blanks: every sentence is a word of its own to keep in memory."""
    monkeypatch.setattr(learning, "DIFFERENT_BYTES", 1000)
    texts = [f"{n:0100}" for n in range(64)]
    assert len(thinned(texts)) == 8
    assert thinned(["same words"] * 64) == ["same words"] * 64


@pytest.mark.parametrize("kind", KINDS)
def test_learning_can_be_stopped(tmp_path: Path, kind: str) -> None:
    """A stop asked for while a text is read must not wait for its end."""
    path = tmp_path / "a.txt"
    path.write_text("some words\n" * 400_000)
    answers = iter([False, False, True])
    told: list[int] = []
    with pytest.raises(Cancelled):
        learn(
            Corpus(name="a", files=(path,)),
            "text",
            kind,
            progress=lambda done, total, phase: told.append(done),
            cancelled=lambda: next(answers),
        )
    assert len(told) == 3
    assert list(islice(sorted(told), 3)) == told

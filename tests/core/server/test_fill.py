"""Requests to fill in blanks, answered by the dispatcher in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.attribution.attribution import find_source
from core.dataset.token_store import build_tokens
from core.errors import InputError
from core.inference.load import load_encoder, load_model
from core.paths import Home
from core.run.directory import Run
from core.server.dispatch import Dispatcher
from core.tokenizer.special_tokens import EOS, SOS
from core.tokenizer.unknown_words import UnknownWordError
from tests.support.direct_client import DirectClient
from tests.support.runs import MORE_LINES, TINY_CORPUS, set_corpus, tiny_run
from tests.support.texts import corpus_of_text

TEXT = "the [] sat on the mat"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    root = tmp_path_factory.mktemp("home")
    home = Home(root=root, cache=root / "cache")
    corpus = corpus_of_text(root / "lines.txt", "\n".join([*TINY_CORPUS, *MORE_LINES]))
    set_corpus(home, tiny_run(home, "blanks", architecture="eurobert", context=16), corpus)
    tiny_run(home, "words")
    tiny_run(home, "running", reading="text")
    tiny_run(home, "letters", "char", "text", architecture="eurobert")
    tiny_run(home, "letter-decoder", "char", "text")
    tiny_run(home, "pieces", "bpe", architecture="eurobert")
    return home


@pytest.fixture
def client(home: Home) -> DirectClient:
    return DirectClient(Dispatcher(home))


def _texts(reply: dict[str, object]) -> list[str]:
    return [text for _, text, _ in reply["tokens"]]  # type: ignore[attr-defined]


def test_a_blank_gets_the_candidates_of_the_encoder(home: Home, client: DirectClient) -> None:
    reply = client("fill", run="blanks", text=TEXT, top=5)
    loaded = load_encoder(Run(home.runs / "blanks"))
    ids = [id for id, *_ in reply["tokens"]]
    assert "".join(_texts(reply)) == TEXT
    assert (ids[0], ids[-1], ids[2]) == (SOS, EOS, loaded.tokenizer.mask_id)
    assert [word for *_, word in reply["tokens"]] == [None, 0, 1, 2, 3, 4, 5, None]
    (place,) = reply["places"]
    with torch.inference_mode():
        logits = loaded.model.head(loaded.model(torch.tensor([ids])))[0, 2]
    probabilities = logits.softmax(-1)
    assert place["place"] == 2
    assert place["original"] is place["decoder"] is place["decoder_original"] is None
    best = sorted(loaded.tokenizer.unit_ids, key=lambda unit: -float(probabilities[unit]))
    assert [id for id, *_ in place["candidates"]] == best[:5]
    for id, text, probability in place["candidates"]:
        assert text == loaded.tokenizer.token_text(id)
        assert probability == pytest.approx(float(probabilities[id]), rel=1e-4)
    assert reply["context"] == 16


def test_tokens_are_masked_by_index_and_keep_what_they_were(client: DirectClient) -> None:
    first = client("fill", run="blanks", text="the cat sat on the mat")
    assert first["places"] == []
    ids = [id for id, *_ in first["tokens"]]
    reply = client("fill", tokens=ids, masked=[2, 5], top=20)
    assert reply["tokens"] == first["tokens"], "with what was masked"
    assert [place["place"] for place in reply["places"]] == [2, 5]
    place = reply["places"][0]
    id, text, rank, probability = place["original"]
    assert (id, text) == (ids[2], "cat")
    assert rank > sum(p > probability for *_, p in place["candidates"])
    assert 0.0 < probability < 1.0
    blank = client("fill", text="the [] sat on [] mat", top=20)
    assert [p["candidates"] for p in blank["places"]] == [
        p["candidates"] for p in reply["places"]
    ], "all are masked at once"


def test_what_is_put_in_is_read_by_the_others(client: DirectClient) -> None:
    masked = client("fill", run="blanks", text="the [] sat on the []")
    cat = client("fill", text="the cat sat on the []")
    id = next(id for id, text, _ in cat["tokens"] if text == " cat")
    filled = client("fill", text="the [] sat on the []", fill=[[2, id]])
    assert filled["tokens"] == cat["tokens"]
    assert filled["places"] == cat["places"]
    assert filled["places"][0]["candidates"] != masked["places"][1]["candidates"]
    again = client("fill", text="the [] sat on the []", fill=[[2, id]], masked=[2])
    assert again["places"] == cat["places"], "it is not masked again"


def test_the_corpus_counts_what_is_between_the_neighbours(home: Home, client: DirectClient) -> None:
    assert client("fill", run="blanks", text=TEXT)["places"][0]["counts"] is None, "no tokens yet"
    source = find_source(home, Run(home.runs / "blanks"))
    build_tokens(source.corpus, source.reading, source.tokenizer, home)
    (place,) = client("fill", text=TEXT)["places"]
    assert [(text, count) for _, text, count in place["counts"]] == [("cat", 3)]
    assert (place["total"], place["at_least"]) == (3, False)
    assert client("fill", text="the cat sat on the []")["places"][0]["total"] == 6
    first, second = client("fill", text="the [] [] on")["places"]
    assert (first["counts"], first["total"]) == (None, 0), "a neighbour is masked"
    assert second["counts"] is None
    source.build()
    assert client("fill", text=TEXT)["places"][0] == place, "with an index too"


def test_a_decoder_reads_what_is_before_the_blanks(home: Home, client: DirectClient) -> None:
    reply = client("fill", run="blanks", text="the [] sat [] the mat", decoder="words", top=30)
    loaded = load_model(Run(home.runs / "words"))
    before = loaded.tokenizer.encode("the")
    units = loaded.tokenizer.unit_ids

    def distribution(ids: list[int]) -> torch.Tensor:
        with torch.inference_mode():
            hidden = loaded.model(torch.tensor([[SOS, *ids]]))
            return loaded.model.head(hidden)[0, -1].softmax(-1)

    for place in reply["places"]:
        expected = distribution(before)
        for id, _, probability in place["decoder"]:
            assert probability == pytest.approx(float(expected[id]), rel=1e-3)
        own = units.start + int(expected[units.start : units.stop].argmax())
        assert place["decoder"][0][0] == own
        before += [own, *loaded.tokenizer.encode("sat")]
    known = client("fill", text="the cat sat", masked=[2], decoder="words")["places"][0]
    assert known["decoder_original"][1] == "cat"
    assert client("fill", text="the [] sat")["places"], "the encoder is the model used last"


def test_running_text_may_begin_with_a_blank(client: DirectClient) -> None:
    reply = client("fill", run="letters", text="[]he c[]t", decoder="letter-decoder")
    assert _texts(reply) == ["[]", "h", "e", " ", "c", "[]", "t"]
    assert [word for *_, word in reply["tokens"]] == [0, 0, 0, 1, 2, 2, 2]
    assert [len(place["decoder"]) for place in reply["places"]] == [10, 10]


def test_pieces_know_their_words(client: DirectClient) -> None:
    text = "the cats, naïve 猫猫 [] x."
    reply = client("fill", run="pieces", text=text)
    assert "".join(_texts(reply)) == text
    words = dict[int, str]()
    for _, piece, word in reply["tokens"]:
        if word is not None:
            words[word] = words.get(word, "") + piece
    parts = ["the", "cats", ",", "naïve", "猫", "猫", "[]", "x", "."]
    assert [part.strip() for part in words.values()] == parts


def test_random_masking_depends_on_the_seed_alone(client: DirectClient) -> None:
    text = "the cat sat on the mat the dog ran to the door"
    replies = [client("fill", run="blanks", text=text, mask_random=seed) for seed in range(9)]
    places = [tuple(place["place"] for place in reply["places"]) for reply in replies]
    assert {len(chosen) for chosen in places} == {2}, "15 % of 12"
    assert len(set(places)) > 3
    assert all(0 < place < 13 for chosen in places for place in chosen)
    again = client("fill", text=text, mask_random=3)
    assert again["places"] == replies[3]["places"]
    assert all(place["original"] for place in again["places"])


def test_unknown_words_are_read_as_unk_or_refused(client: DirectClient) -> None:
    reply = client("fill", run="blanks", text="the zebra [] on")
    assert reply["unknown"] == ["zebra"]
    assert " <unk>" in _texts(reply)
    with pytest.raises(UnknownWordError, match="zebra"):
        client("fill", text="the zebra [] on", allow_unknown=False)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"run": "words", "text": TEXT}, "words is a decoder: it continues a text"),
        ({"text": "the cat " * 8 + "[]"}, "The text has 19 tokens; blanks reads at most 16."),
        ({"tokens": []}, "There is no text"),
        ({"tokens": [1, 99, 2]}, "An id must be from 0"),
        ({"tokens": [1, 5, 2], "text": "the"}, "one of text and tokens"),
        ({"text": "the", "masked": [0]}, "<sos> at 0 cannot be masked"),
        ({"text": "the", "masked": [3]}, "An index in masked"),
        ({"text": "the []", "fill": [[2, 0]]}, "The token 0 cannot be put in"),
        ({"text": "the []", "fill": [[9, 5]]}, "An index in fill"),
        ({"text": "the []", "fill": [[2]]}, "fill has [2]"),
        ({"text": "the []", "mask_random": -1}, "mask_random"),
        ({"text": "the []", "top": 0}, "top must be from 1"),
        ({"text": TEXT, "decoder": "running"}, "running reads text, blanks reads lines"),
        ({"text": TEXT, "decoder": "letter-decoder"}, "letter-decoder has another vocabulary"),
        ({"text": TEXT, "decoder": "letters"}, "letters is an encoder"),
        ({"text": TEXT, "decoder": "gone"}, "gone"),
    ],
)
def test_what_cannot_be_filled_in_is_refused(
    client: DirectClient, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError) as refusal:
        client("fill", **{"run": "blanks", **fields})
    assert message in refusal.value.message


@pytest.mark.parametrize(
    ("op", "fields"),
    [
        ("load", {}),
        ("generate", {"prompt": "the"}),
        ("step", {"prompt": "the"}),
        ("look", {"prompt": "the"}),
        ("fork", {"ids": [1, 5]}),
        ("score", {"text": "the"}),
        ("trace", {"text": "the"}),
        ("classify", {"text": "the"}),
    ],
)
def test_an_encoder_refuses_what_decoders_do_and_stays_loaded(
    client: DirectClient, op: str, fields: dict[str, object]
) -> None:
    client("fill", run="blanks", text=TEXT)
    for run in ({"run": "blanks"}, {}):
        with pytest.raises(InputError, match="blanks is an encoder: it fills in blanks"):
            client(op, **run, **fields)
    assert len(client.dispatcher.cache.models) == 1


def test_a_decoder_used_last_refuses_to_fill(client: DirectClient) -> None:
    client("load", run="words")
    with pytest.raises(InputError, match="words is a decoder"):
        client("fill", text=TEXT)


def test_an_encoder_trained_on_is_loaded_again(tmp_path: Path) -> None:
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    run = tiny_run(home, "blanks", architecture="eurobert")
    client = DirectClient(Dispatcher(home))
    before = client("fill", run="blanks", text=TEXT)["places"]
    other = tiny_run(home, "other", architecture="eurobert", seed=5)
    other.weights.replace(run.weights)
    assert client("fill", run="blanks", text=TEXT, reload=False)["places"] == before
    assert client("fill", run="blanks", text=TEXT)["places"] != before
    assert len(client.dispatcher.cache.models) == 1


def test_the_rank_of_a_word_is_its_place_in_the_list(client: DirectClient) -> None:
    """Detects a rank that counts special tokens, which are not listed."""
    ids = [id for id, *_ in client("fill", run="blanks", text="the cat sat on the mat")["tokens"]]
    masked = list(range(1, len(ids) - 1))
    reply = client("fill", run="blanks", tokens=ids, masked=masked, top=1000, decoder="words")
    for place in reply["places"]:
        for listed, known in (("candidates", "original"), ("decoder", "decoder_original")):
            id, _, rank, _ = place[known]
            assert [other for other, *_ in place[listed]].index(id) == rank - 1


def test_what_frames_a_text_is_not_replaced(client: DirectClient) -> None:
    with pytest.raises(InputError, match="<sos> at 0 cannot be replaced"):
        client("fill", run="blanks", text=TEXT, fill=[[0, 3]])


def test_a_reply_too_long_for_a_line_is_refused(
    client: DirectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client gives up a server that sends one."""
    monkeypatch.setattr("core.server.fill.MAX_LISTED", 11)
    assert client("fill", run="blanks", text="[] cat []", top=5)["places"]
    with pytest.raises(InputError, match="2 blanks with 6 candidates each are too many"):
        client("fill", run="blanks", text="[] cat []", top=6)

"""Candidates in step mode: their distribution, and finding tokens."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch

from core.config.configs import SamplingConfig
from core.errors import InputError
from core.inference.load import load_model
from core.inference.sampling import TokenSampler
from core.inference.session import Session
from core.paths import Home
from core.run.directory import Run
from core.server.dispatch import Dispatcher
from core.system.files import JsonObject
from tests.support.direct_client import DirectClient, tiny_home

DRAWS = 10_000
SETTINGS: list[JsonObject] = [
    {"temperature": 1.0},
    {"temperature": 1.7, "top_k": 7, "repetition_penalty": 1.4},
    {"temperature": 1.3, "top_p": 0.8},
    {"temperature": 2.0, "min_p": 0.05},
]
# Where 1 of 1,000 draws of chi-square with so many degrees of freedom lies above.
THRESHOLD = {
    1: 10.83, 2: 13.82, 3: 16.27, 4: 18.47, 5: 20.52, 6: 22.46, 7: 24.32, 8: 26.12, 9: 27.88,
    10: 29.59, 11: 31.26, 12: 32.91, 13: 34.53, 14: 36.12, 15: 37.70, 16: 39.25,
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return tiny_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def client(home: Home) -> DirectClient:
    return DirectClient(Dispatcher(home))


def _model(home: Home, prompt: str) -> Session:
    loaded = load_model(Run(home.runs / "words"))
    session = Session(loaded.model, keep_first=loaded.keep_first)
    session.extend(loaded.encode(prompt))
    return session


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda one: "+".join(one))
def test_draws_follow_the_reported_chances(
    client: DirectClient, home: Home, settings: JsonObject
) -> None:
    """Pearson's chi-square test."""
    view = client("step", run="words", prompt="the cat", top=100, settings=settings)
    chances = {one["id"]: one["chance"] for one in view["top"]}
    session = _model(home, "the cat")
    logits = session.next_logits()[0]
    config = SamplingConfig(**settings, seed=11)
    generator = torch.Generator().manual_seed(11)
    counts: Counter[int] = Counter()
    for _ in range(DRAWS):
        seed = int(torch.randint(1 << 30, (), generator=generator))
        chooser = TokenSampler(config, session.ids, len(logits), seed=seed)
        counts[chooser.choose(logits)] += 1
    assert all(chances[id] > 0 for id in counts)
    _agrees(counts, chances)


def _agrees(counts: Counter[int], chances: dict[int, float]) -> None:
    """Pearson's test; what is expected less than five times is put together."""
    often = [id for id, chance in chances.items() if chance * DRAWS >= 5]
    cells = [(counts[id], chances[id] * DRAWS) for id in often]
    rest = DRAWS - sum(drawn for drawn, _ in cells), DRAWS - sum(due for _, due in cells)
    cells += [rest] if rest[1] >= 5 else []
    assert len(cells) > 2
    off = sum((drawn - due) ** 2 / due for drawn, due in cells)
    assert off < THRESHOLD[len(cells) - 1]


def test_a_changed_setting_needs_no_forward_pass(
    client: DirectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chances are those of the new setting."""
    view = client("step", run="words", prompt="the cat")
    name, length = view["session"], view["length"]
    monkeypatch.setattr(Session, "_forward", lambda *_: pytest.fail("a forward pass"))
    warm = client("cut", session=name, length=length, settings={"temperature": 2.0})
    assert [one["probability"] for one in warm["top"]] == [
        one["probability"] for one in view["top"]
    ]
    highest = [max(one["chance"] for one in message["top"]) for message in (view, warm)]
    assert highest[0] == 1.0 > highest[1]


def test_going_back_needs_no_forward_pass(
    client: DirectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = client("step", run="words", prompt="the")["session"]
    views = [client("step", session=name, pick="sampler") for _ in range(5)]
    monkeypatch.setattr(Session, "_forward", lambda *_: pytest.fail("a forward pass"))
    for view in reversed(views[:-1]):
        back = client("cut", session=name, length=view["length"])
        assert {**back, "picked": None} == {**view, "picked": None}


def test_the_loss_equals_that_of_score(client: DirectClient) -> None:
    """With the prompt, and also after going back."""
    name = client("step", run="words", prompt="the cat")["session"]
    for _ in range(3):
        view = client("step", session=name, pick="sampler")
    whole = client("score", run="words", text="the cat" + view["text"])
    assert view["loss"] == pytest.approx(whole["loss"], rel=1e-5)
    back = client("cut", session=name, length=3)
    assert back["loss"] == pytest.approx(
        client("score", run="words", text="the cat")["loss"], rel=1e-5
    )
    assert client("cut", session=name, length=1)["loss"] is None


def test_a_session_can_be_opened_with_chosen_tokens(client: DirectClient) -> None:
    """So another snapshot continues at the same place."""
    first = client("step", run="words", prompt="the")
    for _ in range(3):
        first = client("step", session=first["session"], pick="sampler")
    ids = [id for id, *_ in client("step", run="words", prompt="the" + first["text"])["tokens"]]
    again = client("step", run="words", prompt="the", chosen=ids[2:])
    assert (again["begun"], again["length"], again["text"]) == (2, 5, first["text"])
    assert again["loss"] == pytest.approx(first["loss"], rel=1e-5)
    bare = client("step", run="words", prompt=None, chosen=ids)
    assert ([id for id, *_ in bare["tokens"]], bare["top"]) == (ids, again["top"])
    older = client("step", run="words", weights="4", prompt="the", chosen=ids[2:])
    assert older["text"] == first["text"]
    assert older["top"] != again["top"]
    with pytest.raises(InputError, match="id"):
        client("step", run="words", prompt="the", chosen=[99])


def test_find_lists_exact_matches_first_with_their_ranks(client: DirectClient) -> None:
    view = client("step", run="words", prompt="the", top=100)
    name = view["session"]
    assert [one["rank"] for one in view["top"]] == list(range(1, 19))
    reply = client("find", session=name, text="at", top=100)
    texts = [one["text"] for one in reply["tokens"]]
    assert reply["matches"] == len(texts) == 3
    assert set(texts) == {"cat", "sat", "mat"}
    assert [one["probability"] for one in reply["tokens"]] == sorted(
        (one["probability"] for one in reply["tokens"]), reverse=True
    )
    assert client("find", session=name, text="a")["tokens"][0]["text"] == "a"
    assert client("find", session=name, text=" CAT ")["tokens"][0] == next(
        one for one in view["top"] if one["text"] == "cat"
    )
    assert client("find", session=name, text="zebra") == {
        "session": name, "matches": 0, "tokens": [], "step": None,
    }  # fmt: skip
    blank = client("step", run="chars", prompt="the")["session"]
    assert client("find", session=blank, text=" ")["tokens"][0]["text"] == " "


def test_the_entropy_is_that_of_the_models_distribution(client: DirectClient) -> None:
    view = client("step", run="words", prompt="the", top=100, settings={"temperature": 3.0})
    own = [one["probability"] for one in view["top"]]
    assert view["entropy"] == pytest.approx(-sum(p * math.log(p) for p in own), rel=1e-4)


@pytest.mark.parametrize(
    ("run", "prompt", "blanks"),
    [("words", "the ", ""), ("words", "the", " "), ("chars", "the ", "")],
)
def test_a_continuation_follows_the_prompt_as_typed(
    client: DirectClient, run: str, prompt: str, blanks: str
) -> None:
    """Detects two blanks where a prompt ends with one, and a generated blank that is dropped."""
    view = client("step", run=run, prompt=prompt)
    names = {
        one["text"]: one["id"]
        for one in client("find", session=view["session"], text="c", top=50)["tokens"]
    }
    word = "cat" if run == "words" else "c"
    picked = client("step", session=view["session"], pick=names[word])
    assert picked["text"] == blanks + word
    reply = client("generate", run=run, prompt=prompt, settings={"max_tokens": 1})
    generated = client("step", run=run, prompt=prompt, pick="sampler")
    assert reply["text"] == generated["text"]
    if run == "words":
        assert reply["text"].startswith(" ") == bool(blanks)
    else:
        space = client("find", session=view["session"], text=" ")["tokens"][0]["id"]
        assert client("step", run=run, prompt=prompt, chosen=[space])["text"] == " "


def test_tokens_of_a_session_have_the_ranks_and_probabilities_of_their_picks(
    client: DirectClient,
) -> None:
    """Detects a path whose figures differ once the session was opened again."""
    view = client("step", run="words", prompt="the")
    picks = []
    for rank in (2, 0, 4):
        top = client("cut", session=view["session"], length=2 + len(picks), top=9)["top"]
        picks.append(client("step", session=view["session"], pick=top[rank]["id"])["picked"])
    ids = [picked["id"] for picked in picks]
    first, *rest = client("step", run="words", prompt="the", chosen=ids)["tokens"]
    assert first[2:] == [None, None]
    assert [token[3] for token in rest[-3:]] == [picked["rank"] for picked in picks] == [3, 1, 5]
    expected = pytest.approx([picked["probability"] for picked in picks], rel=1e-5)
    assert [token[2] for token in rest[-3:]] == expected


def test_the_effects_are_what_each_setting_leaves(client: DirectClient) -> None:
    """Detects counts or shares of another stage, and an entropy of the model's distribution."""
    settings = {"temperature": 1.5, "top_k": 6, "min_p": 0.3}
    view = client("step", run="words", prompt="the", top=100, settings=settings)
    assert view["vocab_size"] == len(view["top"])
    left = view["top"]
    for name, kept, share in view["effects"]:
        left = [one for one in left if one["removed"] != name]
        assert kept == len(left)
        assert share == pytest.approx(sum(one["probability"] for one in left), rel=1e-5)
    assert [name for name, *_ in view["effects"]][:2] == ["special", "top_k"]
    chances = [one["chance"] for one in view["top"] if one["chance"]]
    own = -sum(chance * math.log(chance) for chance in chances)
    assert view["entropy_as_set"] == pytest.approx(own, rel=1e-4)
    greedy = client("step", run="words", prompt="the", top=100)
    assert greedy["entropy_as_set"] == 0.0
    assert greedy["effects"][-1][:2] == ["temperature", 1]

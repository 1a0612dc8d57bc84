"""A look inside: attention is the model's own, heads can be switched off, any place is shown."""

from __future__ import annotations

import pytest
import torch

from core.errors import InputError
from core.inference.load import load_model
from core.inference.session import Session
from core.model.attention import AttentionRecord
from core.paths import Home
from core.run.directory import Run
from core.server.dispatch import Dispatcher
from tests.support.askers import Asker, tiny_home

TEXT = "the cat sat on the mat"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return tiny_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def ask(home: Home) -> Asker:
    return Asker(Dispatcher(home))


def _record(home: Home, mask: torch.Tensor | None = None) -> tuple[AttentionRecord, torch.Tensor]:
    """What the model itself returns, and what it says at every place, (T, V)."""
    loaded, record = load_model(Run(home.runs / "words")), AttentionRecord()
    ids = torch.tensor([loaded.encode(TEXT)])
    with torch.no_grad():
        hidden = loaded.model(ids, record=record, head_mask=mask)
        return record, loaded.model.head(hidden)[0].softmax(-1)


def test_looks_are_the_attention_weights_of_the_model(ask: Asker, home: Home) -> None:
    """Weights of another layer, head or place than they are shown for."""
    record, _ = _record(home)
    for at in (None, 0, 3):
        for head in (None, 0, 1):
            found = ask("inside", run="words", prompt=TEXT, head=head, at=at)
            last = 6 if at is None else at
            for layer, weights in enumerate(record.attention):
                own = weights[0].mean(0) if head is None else weights[0, head]
                assert found["attention_by_layer"][layer] == pytest.approx(
                    own[last].tolist(), abs=1e-6
                )
            assert sum(found["attention_by_layer"][0]) == pytest.approx(1.0, abs=1e-5)
            assert found["positions"] == [last]
            assert found["attention_by_layer"][-1] == found["attention"][-1]


def test_a_head_that_is_off_adds_nothing(ask: Asker, home: Home) -> None:
    """A switch that shows what the whole model says, or that another head is off."""
    mask = torch.ones(2, 2)
    mask[1, 0] = 0.0
    _, whole = _record(home)
    _, without = _record(home, mask)
    session = ask("step", run="words", prompt=TEXT)["session"]
    on = ask("inside", session=session)
    off = ask("inside", session=session, disabled_heads=[[1, 0]])
    again = ask("inside", session=session)
    id = int(whole[-1].argmax())
    assert on["ablation"][0] == off["ablation"][0] == on["lens"][-1][-1][0] == id
    assert on["ablation"][2:] == pytest.approx([float(whole[-1, id])] * 2, rel=1e-4)
    assert off["ablation"][2:] == pytest.approx([float(whole[-1, id]), float(without[-1, id])])
    assert off["lens"][-1][-1][2] == pytest.approx(float(without[-1].max()), rel=1e-4)
    assert off["lens"][-1][:2] == on["lens"][-1][:2], "what is below the head stays"
    assert again == on
    assert ask("step", session=session)["top"][0]["id"] == id, "the session stays whole"


def test_looking_again_needs_no_forward_pass(ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cursor that computes everything anew for each token, layer and head."""
    session = ask("step", run="words", prompt=TEXT)["session"]
    ask("inside", session=session)
    monkeypatch.setattr(Session, "inspect", lambda *_, **__: pytest.fail("a forward pass"))
    for at in range(7):
        ask("inside", session=session, at=at, layer=0, head=1)


def test_a_look_follows_the_text(ask: Asker) -> None:
    """What was kept of a text shown for another one of the same length."""
    session = ask("step", run="words", prompt="the")["session"]
    looks = []
    for id in (3, 4, 3):
        ask("step", session=session, pick=id)
        looks.append(ask("inside", session=session)["lens"])
        ask("cut", session=session, length=2)
    assert looks[0] == looks[2] != looks[1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": 7},
        {"at": -1},
        {"disabled_heads": [[2, 0]]},
        {"disabled_heads": [[0, 2]]},
        {"disabled_heads": [[0]]},
    ],
)
def test_places_and_heads_that_are_none_are_refused(ask: Asker, wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        ask("inside", run="words", prompt=TEXT, **wrong)

"""Attention weights, the logit lens and disabled heads."""

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
from tests.support.direct_client import DirectClient, tiny_home

TEXT = "the cat sat on the mat"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return tiny_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def client(home: Home) -> DirectClient:
    return DirectClient(Dispatcher(home))


def _record(home: Home, mask: torch.Tensor | None = None) -> tuple[AttentionRecord, torch.Tensor]:
    """What the model itself returns, and what it predicts at every position, (T, V)."""
    loaded, record = load_model(Run(home.runs / "words")), AttentionRecord()
    ids = torch.tensor([loaded.encode(TEXT)])
    with torch.no_grad():
        hidden = loaded.model(ids, record=record, head_mask=mask)
        return record, loaded.model.head(hidden)[0].softmax(-1)


def test_attention_weights_are_those_of_the_model(client: DirectClient, home: Home) -> None:
    """For each layer, head and position."""
    record, _ = _record(home)
    for at in (None, 0, 3):
        for head in (None, 0, 1):
            reply = client("inside", run="words", prompt=TEXT, head=head, at=at)
            last = 6 if at is None else at
            for layer, weights in enumerate(record.attention):
                own = weights[0].mean(0) if head is None else weights[0, head]
                assert reply["attention_by_layer"][layer] == pytest.approx(
                    own[last].tolist(), abs=1e-6
                )
            assert sum(reply["attention_by_layer"][0]) == pytest.approx(1.0, abs=1e-5)
            assert reply["positions"] == [last]
            assert reply["attention_by_layer"][-1] == reply["attention"][-1]


def test_a_disabled_head_adds_nothing(client: DirectClient, home: Home) -> None:
    """The reply shows the prediction without it; the session keeps all heads."""
    mask = torch.ones(2, 2)
    mask[1, 0] = 0.0
    _, whole = _record(home)
    _, without = _record(home, mask)
    session = client("step", run="words", prompt=TEXT)["session"]
    on = client("inside", session=session)
    off = client("inside", session=session, disabled_heads=[[1, 0]])
    again = client("inside", session=session)
    id = int(whole[-1].argmax())
    assert on["ablation"][0] == off["ablation"][0] == on["lens"][-1][-1][0] == id
    assert on["ablation"][2:] == pytest.approx([float(whole[-1, id])] * 2, rel=1e-4)
    assert off["ablation"][2:] == pytest.approx([float(whole[-1, id]), float(without[-1, id])])
    assert off["lens"][-1][-1][2] == pytest.approx(float(without[-1].max()), rel=1e-4)
    assert off["lens"][-1][:2] == on["lens"][-1][:2], "what is below the head stays"
    assert again == on
    assert client("step", session=session)["top"][0]["id"] == id, "the session stays whole"


def test_another_position_layer_or_head_needs_no_forward_pass(
    client: DirectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = client("step", run="words", prompt=TEXT)["session"]
    client("inside", session=session)
    monkeypatch.setattr(Session, "inspect", lambda *_, **__: pytest.fail("a forward pass"))
    for at in range(7):
        client("inside", session=session, at=at, layer=0, head=1)


def test_a_cached_record_is_not_used_for_another_text(client: DirectClient) -> None:
    """Not even for one of the same length."""
    session = client("step", run="words", prompt="the")["session"]
    looks = []
    for id in (3, 4, 3):
        client("step", session=session, pick=id)
        looks.append(client("inside", session=session)["lens"])
        client("cut", session=session, length=2)
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
def test_positions_and_heads_out_of_range_are_refused(
    client: DirectClient, wrong: dict[str, object]
) -> None:
    with pytest.raises(InputError):
        client("inside", run="words", prompt=TEXT, **wrong)

"""Attention weights, the logit lens and disabled heads."""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode

import pytest
import torch

from core.errors import InputError
from core.inference.head_patterns import name_patterns
from core.inference.load import load_model
from core.inference.session import Session
from core.model.attention import AttentionRecord
from core.paths import Home
from core.run.directory import Run
from core.server.dispatch import Dispatcher
from core.system.files import JsonObject
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


def _weights(reply: JsonObject, layer: int, head: int) -> torch.Tensor:
    """(R, 1 + R): the weights on earlier tokens, then on the token of each row."""
    numbers = array("H", b64decode(reply["attention"][layer][head]))
    if sys.byteorder == "big":
        numbers.byteswap()
    rows = len(reply["positions"])
    return torch.tensor(numbers.tolist()).view(rows, 1 + rows) / 65535


def test_attention_weights_are_those_of_the_model(client: DirectClient, home: Home) -> None:
    """For each layer, head and row, also where the rows begin after the first token."""
    record, _ = _record(home)
    for at, rows, first in ((None, 64, 0), (0, 64, 0), (3, 3, 2), (6, 4, 3), (1, 2, 0)):
        reply = client("inside", run="words", prompt=TEXT, at=at, rows=rows)
        assert reply["positions"] == list(range(first, first + min(rows, 7)))
        places = slice(first, first + min(rows, 7))
        for layer, weights in enumerate(record.attention):
            for head in range(2):
                own = weights[0, head, places]
                packed = _weights(reply, layer, head)
                assert packed.sum(-1) == pytest.approx(1.0, abs=1e-3)
                assert not packed[:, 1:].triu(1).any(), "no position attends to a later one"
                assert torch.allclose(packed[:, 1:], own[:, places], atol=1e-4)
                assert torch.allclose(packed[:, 0], own[:, :first].sum(-1), atol=1e-4)


def test_predictions_are_those_of_the_model(client: DirectClient, home: Home) -> None:
    """The eight likeliest after every row, of which the first is that of the last layer."""
    _, probabilities = _record(home)
    reply = client("inside", run="words", prompt=TEXT)
    for row, predictions in enumerate(reply["predictions"]):
        values, ids = probabilities[row].topk(8)
        assert [token[0] for token in predictions] == ids.tolist()
        assert [token[2] for token in predictions] == pytest.approx(values.tolist(), rel=1e-4)
        assert predictions[0] == reply["lens"][row][-1]


def test_every_head_of_a_model_has_a_pattern(client: DirectClient, home: Home) -> None:
    """The names are those of the rule for the model's own weights."""
    record, _ = _record(home)
    ids = load_model(Run(home.runs / "words")).encode(TEXT)
    reply = client("inside", run="words", prompt=TEXT)
    assert reply["patterns"] == [name_patterns(each[0], ids, 0) for each in record.attention]
    assert "short" not in reply["patterns"][0]
    assert client("inside", run="words", prompt="the")["patterns"] == [["short"] * 2] * 2


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
    before, after = on["ablations"][-1], off["ablations"][-1]
    assert before[0] == after[0] == on["lens"][-1][-1][0] == id
    assert before[2:] == pytest.approx([float(whole[-1, id])] * 2, rel=1e-4)
    assert after[2:] == pytest.approx([float(whole[-1, id]), float(without[-1, id])], rel=1e-4)
    assert off["lens"][-1][-1][2] == pytest.approx(float(without[-1].max()), rel=1e-4)
    assert off["lens"][-1][:2] == on["lens"][-1][:2], "what is below the head stays"
    assert again == on
    assert client("step", session=session)["top"][0]["id"] == id, "the session stays whole"


def test_other_rows_need_no_forward_pass(
    client: DirectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = client("step", run="words", prompt=TEXT)["session"]
    client("inside", session=session)
    monkeypatch.setattr(Session, "inspect", lambda *_, **__: pytest.fail("a forward pass"))
    for at in range(7):
        client("inside", session=session, at=at, rows=2)


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
        {"rows": 0},
        {"rows": 65},
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

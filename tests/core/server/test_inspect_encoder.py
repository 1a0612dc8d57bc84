"""A look inside an encoder: attention both ways, padding, and what belongs in a place."""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode

import pytest
import torch

from core.errors import InputError
from core.inference.fill import encode_blanks
from core.inference.load import load_encoder
from core.model.attention import AttentionRecord
from core.paths import Home
from core.run.directory import Run
from core.server.dispatch import Dispatcher
from core.system.files import JsonObject
from core.tokenizer.special_tokens import PAD
from tests.support.direct_client import DirectClient
from tests.support.runs import tiny_run

TEXT = "the [] sat on the mat"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    root = tmp_path_factory.mktemp("home")
    home = Home(root=root, cache=root / "cache")
    tiny_run(home, "blanks", architecture="eurobert", context=24)
    return home


@pytest.fixture
def client(home: Home) -> DirectClient:
    return DirectClient(Dispatcher(home))


def _weights(reply: JsonObject, layer: int, head: int) -> torch.Tensor:
    """(R, 1 + R + P): the weights on other tokens, on the rows' own, and on padding."""
    numbers = array("H", b64decode(reply["attention"][layer][head]))
    if sys.byteorder == "big":
        numbers.byteswap()
    rows = len(reply["positions"])
    return torch.tensor(numbers.tolist()).view(rows, 1 + rows + reply["pads"]) / 65535


def test_weights_go_both_ways_and_none_to_padding(client: DirectClient, home: Home) -> None:
    loaded, record = load_encoder(Run(home.runs / "blanks")), AttentionRecord()
    ids = encode_blanks(loaded.tokenizer, "lines", TEXT)
    with torch.no_grad():
        hidden = loaded.model(torch.tensor([ids]), record=record)
        expected = loaded.model.head(hidden)[0].softmax(-1)
    reply = client("inside", run="blanks", prompt=TEXT)
    assert [token[1] for token in reply["window"]] == ids
    assert (reply["both_ways"], reply["pads"], reply["session"]) == (True, 8, None)
    for layer in range(reply["layers"]):
        for head in range(reply["heads"]):
            weights = _weights(reply, layer, head)
            own = weights[:, 1 : 1 + len(ids)]
            assert torch.allclose(own, record.attention[layer][0, head], atol=1e-4)
            assert weights[:, 0].max() < 1e-3
            assert weights[:, 1 + len(ids) :].max() == 0
    for row, best in zip(expected, reply["predictions"], strict=True):
        assert best[0][2] == pytest.approx(float(row.max()), rel=1e-3)
    assert [row[-1][0] for row in reply["lens"]] == expected.argmax(-1).tolist()


def test_rows_of_a_part_sum_up_what_is_before_and_after(client: DirectClient) -> None:
    reply = client("inside", run="blanks", prompt=TEXT, at=3, rows=3)
    assert reply["positions"] == [2, 3, 4]
    assert _weights(reply, 0, 0).sum(-1).tolist() == pytest.approx([1.0] * 3, abs=1e-3)


def test_ids_take_the_place_of_a_text_and_heads_may_be_off(client: DirectClient) -> None:
    whole = client("inside", run="blanks", prompt=TEXT)
    ids = [token[1] for token in whole["window"]]
    off = client("inside", run="blanks", tokens=ids, disabled_heads=[[0, 0], [0, 1]])
    assert off["window"] == whole["window"]
    assert off["predictions"] != whole["predictions"]
    _, _, before, without = off["ablations"][2]
    assert before == pytest.approx(whole["predictions"][2][0][2], rel=1e-4)
    assert without != pytest.approx(before)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prompt": "the cat " * 30}, "The text has 62 tokens; blanks reads at most 24."),
        ({"tokens": [1, 9999]}, "An id must be from 0"),
        ({"tokens": []}, "There is no text"),
        ({"prompt": TEXT, "at": 99}, "at must be from 0"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(
    client: DirectClient, fields: JsonObject, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        client("inside", run="blanks", **fields)


def test_a_text_of_the_whole_context_has_no_padding(client: DirectClient) -> None:
    ids = [1, *[5] * 22, 2]
    reply = client("inside", run="blanks", tokens=ids)
    assert reply["pads"] == 0
    assert PAD not in [token[1] for token in reply["window"]]

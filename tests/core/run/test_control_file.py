"""Control requests to a trainer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.run.control_file import RequestReader, append_request, decode_request


def test_each_request_arrives_once_with_its_id(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    reader = RequestReader(path)
    assert reader.read() == []
    first = append_request(path, "change", changes={"learning_rate": 1e-3})
    second = append_request(path, "stop")
    change, stop = reader.read()
    assert (change.id, change.type, change.fields) == (
        first,
        "change",
        {"changes": {"learning_rate": 1e-3}},
    )
    assert (stop.id, stop.type) == (second, "stop")
    assert len({first, second}) == 2
    assert len(first) == 32
    assert reader.read() == []


def test_requests_to_an_earlier_trainer_are_skipped(tmp_path: Path) -> None:
    """A resumed run must not obey the stop that ended the earlier training."""
    path = tmp_path / "requests.jsonl"
    append_request(path, "stop")
    reader = RequestReader(path, path.stat().st_size)
    assert reader.read() == []


def test_only_the_torn_line_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_bytes(b'{"id":"a","type":"sto')
    reader = RequestReader(path)
    id = append_request(path, "save")
    assert [request.id for request in reader.read()] == [id]


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b'{"id":1,"type":"stop","time":1}',
        b'{"id":"a","type":["stop"],"time":1}',
        b'{"id":"a","type":"explode","time":1}',
        b'{"id":"a","type":"stop","time":"1"}',
        b"[]",
        b"\xff",
    ],
)
def test_broken_requests_are_skipped(line: bytes) -> None:
    assert decode_request(line) is None


@given(st.binary())
def test_no_bytes_break_the_reader(line: bytes) -> None:
    decode_request(line)


def test_two_processes_never_mix_their_lines(tmp_path: Path) -> None:
    """Two terminals may send requests at the same moment."""
    path = tmp_path / "requests.jsonl"
    code = (
        "import sys; from pathlib import Path; from core.run.control_file import append_request\n"
        "for i in range(100):\n"
        "    append_request(Path(sys.argv[1]), 'change', who=sys.argv[2], pad='x' * 5000)"
    )
    command = [sys.executable, "-c", code, str(path)]
    children = [subprocess.Popen([*command, who], cwd=Path(__file__).parents[3]) for who in "ab"]
    assert [child.wait() for child in children] == [0, 0]
    requests = RequestReader(path).read()
    assert sorted(request.fields["who"] for request in requests) == ["a"] * 100 + ["b"] * 100
    assert len({request.id for request in requests}) == 200

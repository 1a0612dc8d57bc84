"""What is checked before the server starts, and its messages to who started it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError, MiniGPTError
from core.paths import Home
from core.serve.events import (
    MAX_LINE_BYTES,
    Event,
    Failed,
    Listening,
    Replied,
    Requested,
    decode_event,
    encode_event,
    error_of,
    failure_of,
)
from core.serve.launch import (
    NotInstalledError,
    ServeArguments,
    check_arguments,
    check_installed,
)
from tests.support.runs import make_run, tiny_run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("home")
    home = Home(root=folder, cache=folder / "cache")
    tiny_run(home, "words", snapshots=(4,))
    tiny_run(home, "blanks", architecture="eurobert")
    make_run(home, "young")
    return home


def arguments(home: Home, *runs: str, **fields: Any) -> ServeArguments:
    return ServeArguments(
        root=str(home.root), cache=str(home.cache), runs=runs or ("words",), **fields
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"host": "localhost"},
        {"host": "::1"},
        {"host": "127.0.0.2"},
        {"host": "0.0.0.0", "token": "secret"},
        {"unix": "/tmp/x", "host": "0.0.0.0"},
        {"token": "sk-1_2"},
    ],
)
def test_this_machine_needs_no_token(home: Home, fields: dict[str, Any]) -> None:
    check_arguments(arguments(home, **fields))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_other_machines_need_a_token(home: Home, host: str) -> None:
    with pytest.raises(InputError, match="needs a token"):
        check_arguments(arguments(home, host=host))


@pytest.mark.parametrize("token", ["", " ", "a b", "schlüssel", "a\nb"])
def test_a_token_that_no_header_can_carry_is_refused(home: Home, token: str) -> None:
    with pytest.raises(InputError, match="token"):
        check_arguments(arguments(home, token=token))


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        (("wodrs",), "Did you mean words"),
        (("words@7",), "no weights named '7'"),
        (("words@best",), "no best weights"),
        (("young",), "has no weights"),
        (("blanks",), "blanks is an encoder: it fills in blanks"),
        (("words", "words"), "named twice"),
    ],
)
def test_what_cannot_be_served_is_named(home: Home, runs: tuple[str, ...], words: str) -> None:
    with pytest.raises(MiniGPTError) as error:
        check_arguments(arguments(home, *runs))
    assert words in str(error.value)


def test_several_weights_of_a_run_are_served(home: Home) -> None:
    check_arguments(arguments(home, "words", "words@4"))


def test_a_missing_package_is_named_with_how_to_install_it() -> None:
    with pytest.raises(NotInstalledError) as error:
        check_installed(["starlette", "no_such_package", "nor_this"])
    assert "needs the packages no_such_package and nor_this" in str(error.value)
    assert ".[serve]" in str(error.value)


def test_arguments_pass_as_a_line(home: Home) -> None:
    given = arguments(home, "words", "words@4", token="t", unix="/tmp/\udcff")
    assert ServeArguments.from_line(given.to_line()) == given
    assert given.to_line().isascii()


TEXT = st.text(max_size=300)
EVENTS = st.one_of(
    st.builds(Listening, address=TEXT, models=st.lists(TEXT, max_size=3)),
    st.builds(
        Requested,
        id=st.integers(1),
        path=st.just("/v1/completions"),
        model=st.text(max_size=80),
        client=st.text(max_size=80),
        waiting=st.integers(1),
    ),
    st.builds(Failed, title=TEXT, message=TEXT, hint=TEXT, code=st.integers(1, 2)),
)


@given(EVENTS)
def test_an_event_passes_as_a_line(event: Event) -> None:
    line = encode_event(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_event(line) == event


def test_a_long_message_fits_into_a_pipe_at_once() -> None:
    fields: dict[str, Any] = dict.fromkeys(
        ("path", "model", "client", "message"), "\U0001f600" * 9999
    )
    event = Replied(id=1, status=400, prompt_tokens=0, completion_tokens=0, seconds=0.5, **fields)
    assert len(encode_event(event)) <= MAX_LINE_BYTES
    assert decode_event(encode_event(event)) is not None


@pytest.mark.parametrize(
    "line", [b"", b"x", b"[]", b"{}", b'{"type": "listening"}', b'{"type": 7}']
)
def test_a_line_that_is_no_event_is_none(line: bytes) -> None:
    assert decode_event(line) is None


def test_an_error_keeps_its_title_hint_and_exit_code() -> None:
    error = error_of(failure_of(InputError("Wrong.", "Do right.")))
    assert (error.title, error.message, error.hint, error.exit_code) == (
        "Invalid input", "Wrong.", "Do right.", 2,
    )  # fmt: skip

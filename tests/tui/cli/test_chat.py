"""The commands chat, step, trace and score, line by line and as JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from core.errors import InputError
from core.paths import Home, find_home
from core.run.directory import Run
from core.server.protocol import FindRequest, GenerateRequest, StepRequest
from core.server.replies import TraceReply
from core.server.tokens import TokenProbability, TracedEnd, TracedToken
from core.system.files import read_json, write_json
from tests.support.fake_server import LABELS, REPLY_TOKENS, FakeServer
from tests.support.runs import tiny_run
from tui.__main__ import run
from tui.chat.record import read_last
from tui.cli.progress import TrainingView
from tui.common import plain_mode

Captured = pytest.CaptureFixture[str]
TRACED = TraceReply(
    tokens=[
        TracedToken(
            id=3,
            text="Pyt\x1bhon",
            probability=0.62,
            rank=1200,
            entropy=2.0,
            lens=[TokenProbability(4, "a", 0.2), TokenProbability(5, "[b]", 0.00001)],
        )
    ],
    next=TracedEnd(
        entropy=0.6931472, lens=[TokenProbability(4, "a", 0.2), TokenProbability(5, "is", 1.0)]
    ),
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A library with the runs lang (words) and chars; plain mode is off."""
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(plain_mode.VARIABLE, "")  # restored after the test: --plain sets it
    found = find_home()
    tiny_run(found, "lang", snapshots=(0, 4))
    tiny_run(found, "chars", "char", "text")
    return found


def _type(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def _use_server(monkeypatch: pytest.MonkeyPatch, server: FakeServer) -> None:
    monkeypatch.setattr("tui.common.client.ServerClient", lambda *_, **__: server)


def _lines(captured: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in captured.splitlines()]


def test_step_by_lines(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """Detects a command that does something else than its help says."""
    server = FakeServer()
    _use_server(monkeypatch, server)
    _type(monkeypatch, "2", "", "r", "u", "/lang", "1", "temperature 1", "f", "?", "0", "q", "7")
    assert run(["step", "lang", "Python"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert len(server.sessions["s1"][1]) == 2 + 2 + 1 + 5
    for line in (
        "1 token contains “lang”",
        "Temperature is 1.",
        "The numbers are 1 to 9.",
        "u removes the last token.",
        "25 percent, removed: temperature",
    ):
        assert line in captured.out
    assert "\x1b" not in captured.out
    assert "rank" in captured.out.split("contains “lang”")[1].splitlines()[1]


def test_only_the_end_of_the_input_ends_step(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """Detects a mistake that ends the command."""
    server = FakeServer(failures={FindRequest: InputError("Not so.", "Thus.")})
    _use_server(monkeypatch, server)
    _type(monkeypatch, "/a", "temprature 1", "top_k many", "1")
    assert run(["step", "lang", "Python"]) == 0
    captured = capsys.readouterr()
    assert "Not so." in captured.err
    assert "temperature" in captured.err
    assert len(server.sessions["s2"][1]) == 3


def test_a_word_at_the_prompt_of_step_is_answered_with_what_can_be_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """It was called an invalid setting, without a word on how to find a token."""
    _use_server(monkeypatch, FakeServer())
    _type(monkeypatch, "popular", "temperature", "help")
    assert run(["step", "lang", "Python"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "Not found: There is no command or setting named 'popular'.",
        "/popular finds tokens with this text; ? lists the commands.",
        "Invalid settings: temperature: needs a value; it is 0.0 now",
        "Not found: There is no command or setting named 'help'.",
        "/help finds tokens with this text; ? lists the commands.",
    ]


def test_step_prints_json(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """Detects missing fields, or fields of the session."""
    server = FakeServer()
    _use_server(monkeypatch, server)
    assert run(["step", "lang@4", "Python", "--json", "--top", "3", "--temperature", "1"]) == 0
    (view,) = _lines(capsys.readouterr().out)
    assert len(view["top"]) == 3  # type: ignore[arg-type]
    assert view.keys() >= {"entropy", "loss", "choice", "length", "context"}
    assert not view.keys() & {"session", "picked", "tokens"}
    (request,) = server.sent(StepRequest)
    assert (request.run, request.weights) == ("lang", "4")


@pytest.mark.parametrize(
    "arguments", [["step", "nothing"], ["chat", "lang@9"], ["trace", "x", "y"]]
)
def test_a_missing_run_is_an_error(arguments: list[str], capsys: Captured) -> None:
    """Detects exit code 0, or anything on standard output."""
    assert run(arguments) == 2
    assert capsys.readouterr().out == ""


def test_chat_by_lines(monkeypatch: pytest.MonkeyPatch, capsys: Captured, home: Home) -> None:
    """Detects a turn that is not recorded; a setting without effect; an error that ends the
    command.
    """
    server = FakeServer()
    _use_server(monkeypatch, server)
    _type(monkeypatch, "Python", "/temperature 0.5", "/older", "Python", "/bogus", "/help", "/quit")
    assert run(["chat", "lang"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("Python is a popular programming language.\n") == 2
    assert "Temperature is 0.5." in captured.out
    assert "Weights: " in captured.out
    assert "There is no command or setting named 'bogus'." in captured.err
    assert "/help lists the commands." in captured.err
    temperatures = [request.settings.temperature for request in server.sent(GenerateRequest)]
    assert temperatures == [0.0, 0.5]
    turns = read_last(Run(home.runs / "lang").chat, 9)
    assert [turn.text for turn in turns] == ["".join(REPLY_TOKENS)] * 2
    assert server.closes == 1


def test_a_conversation_by_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, home: Home
) -> None:
    """Detects a model without memory; an empty line, or a new conversation, that is sent."""
    record = read_json(Run(home.runs / "lang").record, 1 << 20)
    record["corpus"] |= {"reading": "conversations", "task": "converse"}
    write_json(Run(home.runs / "lang").record, record)
    server, reply = FakeServer(dropped=1), "".join(REPLY_TOKENS)
    _use_server(monkeypatch, server)
    lines = ("one", "", "  ", "two", "/again", "/history off", "three", "/history", "/new")
    _type(monkeypatch, *lines, "/system Be kind.", "four", "/help")
    assert run(["chat", "lang"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("The model answers you, and reads the earlier turns")
    assert f"\n{reply.strip()}\n" in captured.out
    assert "1 earlier turn dropped" in captured.out
    assert "History is off." in captured.out
    assert "/new begins a new conversation." in captured.out
    assert captured.err == ""
    sent = [[one["content"] for one in each.messages] for each in server.sent(GenerateRequest)]
    assert sent == [
        ["one"],
        ["one", reply, "two"],
        ["one", reply, "two"],
        ["three"],
        ["Be kind.", "four"],
    ]
    _type(monkeypatch, "five")
    assert run(["chat", "lang"]) == 0
    assert "Continuing the last conversation, 1 turn; /new" in capsys.readouterr().out
    last = server.sent(GenerateRequest)[-1].messages
    assert [one["content"] for one in last] == ["Be kind.", "four", reply, "five"]


def test_labels_by_lines(monkeypatch: pytest.MonkeyPatch, capsys: Captured, home: Home) -> None:
    """Detects a sentence that is generated from, or a label that is not recorded."""
    record = read_json(Run(home.runs / "lang").record, 1 << 20)
    record["corpus"] |= {"reading": "pairs", "task": "classify", "labels": list(LABELS)}
    write_json(Run(home.runs / "lang").record, record)
    _use_server(monkeypatch, FakeServer())
    _type(monkeypatch, "so good", "")
    assert run(["chat", "lang"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "good 70 percent, bad 10 percent, neutral 10 percent, other text 10 percent" in lines
    assert "“good” decides: without it, bad." in lines
    (turn,) = read_last(Run(home.runs / "lang").chat, 9)
    assert (turn.prompt, turn.text) == ("so good", "good")


def test_conversation_commands_need_a_run_that_converses(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, home: Home
) -> None:
    """Detects /new and /system that seem to do something for a text, and an empty line sent."""
    server = FakeServer()
    _use_server(monkeypatch, server)
    _type(monkeypatch, "/new", "/system Be kind.", "")
    assert run(["chat", "lang"]) == 0
    assert capsys.readouterr().out.count("This run holds no conversations.") == 2
    assert server.sent(GenerateRequest) == []


def test_the_former_name_of_the_command_still_works(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, home: Home
) -> None:
    """`talk` is `chat`, but is no longer listed."""
    _use_server(monkeypatch, FakeServer())
    _type(monkeypatch, "Python")
    assert run(["talk", "lang"]) == 0
    assert "Python is a popular programming language.\n" in capsys.readouterr().out
    assert run(["--help"]) == 0
    assert "talk  " not in capsys.readouterr().out


def test_a_failed_reply_is_not_recorded(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, home: Home
) -> None:
    """Detects a turn without text in the record."""
    error = InputError("No such word.")
    _use_server(monkeypatch, FakeServer(failures={GenerateRequest: error}))
    _type(monkeypatch, "zebra")
    assert run(["chat", "lang"]) == 0
    assert "No such word." in capsys.readouterr().err
    assert read_last(Run(home.runs / "lang").chat, 9) == []


def test_trace_prints_a_table_sentences_or_json(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """Detects wrong figures; control codes of a model on the terminal."""
    _use_server(monkeypatch, FakeServer(trace=TRACED))
    assert run(["trace", "lang", "Python"]) == 0
    head, row, after = capsys.readouterr().out.splitlines()
    assert head.split() == ["TOKEN", "MODEL", "RANK", "BITS", "IN", "1"]
    assert row.split() == ["Pyt␛hon", "62.0%", "1,200", "2.89", "a", "20.0%", "[b]", "<.01%"]
    assert after.split() == ["1.00", "a", "20.0%", "is", "100%"]
    assert run(["trace", "lang", "Python", "--json"]) == 0
    first, last = _lines(capsys.readouterr().out)
    assert (first["rank"], last.keys()) == (1200, {"entropy", "lens"})
    assert run(["trace", "lang", "Python", "--plain"]) == 0
    output = capsys.readouterr().out
    assert "62 percent, rank 1200; the layers predicted a 20 percent, [b] less than" in output
    assert "Next token: the layers predict a 20 percent, is 100 percent." in output


def test_score_prints_tokens_and_totals(capsys: Captured, tmp_path: Path) -> None:
    """With a tiny model: totals that differ from the tokens."""
    text = tmp_path / "some.txt"
    text.write_text("the cat sat\na bird\n")
    assert run(["score", "lang", str(text), "--json", "--tokens"]) == 0
    *tokens, total = _lines(capsys.readouterr().out)
    assert [token["text"] for token in tokens] == [
        "the",
        "cat",
        "sat",
        "<eos>",
        "a",
        "bird",
        "<eos>",
    ]
    assert total["total"] == pytest.approx(sum(float(str(token["loss"])) for token in tokens))
    assert total["tokens"] == 7
    assert total["bytes"] == 19
    assert run(["score", "lang", str(text)]) == 0
    assert "bits per byte" in capsys.readouterr().out
    assert run(["score", "chars", str(text)]) == 2, "line breaks are not in its vocabulary"
    assert run(["score", "lang", str(tmp_path / "nothing.txt")]) == 2


def test_plain_mode_is_on_by_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not plain_mode.is_plain_mode({})
    assert not plain_mode.is_plain_mode({"ACCESSIBLE": "0"})
    assert plain_mode.is_plain_mode({"ACCESSIBLE": "1"})
    monkeypatch.setenv("ACCESSIBLE", "1")
    assert TrainingView("lang")._bar.disable
    assert [plain_mode.spoken_percent(share) for share in (0, 0.00001, 0.004, 0.621, 1)] == [
        "0 percent", "less than 0.01 percent", "0.4 percent", "62 percent", "100 percent",
    ]  # fmt: skip

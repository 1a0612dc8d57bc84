"""The Blank screen by keys and mouse: mask, choose, put in, edit, play, go back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.errors import InputError
from core.paths import Home, find_home
from core.run.directory import Run
from core.server.protocol import FillRequest
from tests.support.app_runs import make_three_runs, run_app
from tests.support.apps import SIZES, StageApp, play, press, run_command, settle
from tests.support.blanks import (
    TEXT,
    blank_app,
    blank_screen,
    home_with_encoder,
    make_encoder,
)
from tests.support.captures import assert_same_as_capture, screen_text
from tests.support.fake_server import FakeServer
from tests.support.runs import write_event
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.common.client import ServerExitedError
from tui.common.messages import OpenChat, OpenInside, OpenModels, OpenStep
from tui.common.terminal import NO_COLOUR_THEME, Terminal
from tui.screens import blank
from tui.screens.blank import BlankScreen
from tui.screens.dialogs import TextDialog
from tui.screens.models import ModelsScreen
from tui.screens.train import TrainScreen
from tui.widgets.blank_table import BlankTable
from tui.widgets.prompt import Prompt
from tui.widgets.run_table import RunTable
from tui.widgets.token_text import TokenText


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A library with an encoder, and the name of a decoder beside it."""
    monkeypatch.setattr(blank, "find_comparable_decoder", lambda *_: "lang-decoder")
    return home_with_encoder(tmp_path)


def line_of(app: StageApp, words: str) -> str:
    """The line of the screen that contains some words."""
    return next(line for line in app.text.split("\n") if words in line)


def test_a_typed_blank_is_shown_with_what_belongs_there(home: Home) -> None:
    """Detects a table of another place, or of one model only."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "Python is[____]popular language." in app.text
        assert "24 tokens between “is” and “popular”" in app.text
        row = line_of(app, "language.  ")
        assert row.index("12.0%") < row.index("3.0%"), "the encoder, then the decoder"
        assert row.endswith("0")

    app = play(blank_app(home, server), journey)
    assert app.errors == []
    first, *_, last = server.sent(FillRequest)
    assert (first.text, first.decoder) == (TEXT, None)
    assert (last.masked, last.decoder, last.top) == ([3], "lang-decoder", 50)


def test_space_masks_words_and_restores_them(home: Home) -> None:
    """Detects a word that is masked for the eye only; several that cannot be masked at once."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        text = await press(app, pilot, "left")
        assert "here is “is”" in text
        text = await press(app, pilot, "space", "end", "space")
        assert "Python ____ ____ popular[____]" in text
        assert server.sent(FillRequest)[-1].masked == [2, 3, 5]
        assert "not counted" in await press(app, pilot, "left_square_bracket")
        assert "Python ____[____]popular ____" in app.text
        text = await press(app, pilot, "right_square_bracket", "space")
        assert "Python ____ ____ popular[language.]" in text
        assert "Esc Restore" in text.replace("esc", "Esc")
        text = await press(app, pilot, "escape")
        assert "Python is ____ popular[language.]" in text

    play(blank_app(home, server), journey)


def test_enter_puts_the_selected_word_in(home: Home) -> None:
    """Detects a choice that the models do not read; text of the model that is taken as markup."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        selected = blank_screen(app).query_one(BlankTable).selected
        assert selected is not None
        assert selected.text == " [b]bold"
        text = await press(app, pilot, "enter")
        assert "Python is[[b]bold]popular" in text
        text = await press(app, pilot, "down", "enter", "right")
        assert "Python is ␛esc[popular]language." in text
        assert server.sent(FillRequest)[-1].fill == [[3, 8]]
        assert server.sent(FillRequest)[-1].masked == [4]
        text = await press(app, pilot, "left", "up", "space")
        assert "Python is[____]popular" in text
        await press(app, pilot, "y", "i")

    app = play(blank_app(home, server), journey)
    assert app.copied == [("text", TEXT)]
    (inside,) = app.posted(OpenInside)
    assert (inside.name, inside.prompt, inside.position) == ("lang", TEXT, 3)


def test_keys_pressed_while_the_model_loads_act_in_turn(home: Home) -> None:
    """Detects keys that are lost, or act on another word."""
    server = FakeServer(gates={FillRequest: asyncio.Event()})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("right", "space", "left", "enter")
        assert "Loading the weights of lang…" in app.text
        server.gates[FillRequest].set()
        text = await press(app, pilot)
        assert "Python is[[b]bold]____ language." in text

    async def run() -> None:
        app = blank_app(home, server)
        async with app.run_test(size=(80, 24), message_hook=app.record) as pilot:
            await pilot.pause()
            await journey(app, pilot)

    asyncio.run(run())


def test_moving_back_asks_for_nothing_again(home: Home) -> None:
    """Detects a move that waits for the model although the answer is known."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left", "left")
        count = len(server.sent(FillRequest))
        await press(app, pilot, "right", "right", "left")
        assert len(server.sent(FillRequest)) == count

    play(blank_app(home, server), journey)


def test_the_game_hides_the_models_until_all_words_are_answered(home: Home) -> None:
    """Detects a choice of the model that shows early; a score that counts only one round."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        text = await press(app, pilot, "m")
        assert "Python[____]____ ____ language." in text
        assert "%" not in text
        assert "rank" not in text
        await press(app, pilot, *"IS")
        assert "m masks" not in app.text
        text = await press(app, pilot, "enter")
        assert "Python •IS ____[____]language." in text
        assert "%" not in text
        assert "1 of 2 left to guess" in text
        await press(app, pilot, "enter")
        assert "Type a word, or choose one" in app.text
        text = await press(app, pilot, "down", "down", "enter")
        assert "Python is✓ ____[[b]bold✗→popular]language." in text
        assert "You 1 of 2, model 0 of 2, decoder 0 of 2 right." in text
        assert "%" in text
        assert "You 1 of 2, model 0 of 2" in text.split("\n")[0]
        text = await press(app, pilot, "m", *"is", "enter", *"popular", "enter")
        assert "You 3 of 4, model 0 of 4" in text.split("\n")[0]
        assert "Python is ____[popular]language." in await press(app, pilot, "escape")
        assert server.sent(FillRequest)[-1].mask_random is None

    app = play(blank_app(home, server), journey)
    assert app.errors == []
    seeds = [request.mask_random for request in server.sent(FillRequest)]
    assert len({seed for seed in seeds if seed is not None}) == 2


def test_escape_backs_out_in_steps(home: Home) -> None:
    """Detects a key that loses the answer, the round and the screen at once."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "home", "space", "m", *"wrong")
        answer = app.screen.query_one(Input)
        await press(app, pilot, "escape")
        assert (answer.value, answer.display) == ("", True)
        text = await press(app, pilot, "escape")
        assert "Python[is]____ popular" in text
        assert not answer.display
        text = await press(app, pilot, "space", "escape")
        assert "Python[is]____ popular" in text
        await press(app, pilot, "escape")

    app = play(blank_app(home, FakeServer()), journey)
    assert len(app.posted(OpenModels)) == 1


def test_a_key_that_cannot_act_in_the_game_says_why(home: Home) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        screen = blank_screen(app)
        assert screen.explain_refusal("mask") is None
        await press(app, pilot, "m")
        for action in ("mask", "game", "inside", "edit", "older", "best"):
            assert screen.explain_refusal(action) == blank.IN_GAME
        await press(app, pilot, "x", "enter", "x", "enter")
        assert screen.explain_refusal("mask") == blank.ROUND_OVER
        assert screen.explain_refusal("game") is None

    play(blank_app(home, FakeServer()), journey)


def test_the_mouse_moves_masks_chooses_and_answers(home: Home) -> None:
    """Detects a click that is a row or a word off."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.click(TokenText, offset=(2, 0))
        await settle(app, pilot)
        assert "[Python]is" in app.text
        await pilot.click(TokenText, offset=(2, 0), times=2)
        await settle(app, pilot)
        assert "[____]is" in app.text
        table = app.screen.query_one(BlankTable)
        await pilot.click(BlankTable, offset=(8, 3))
        await settle(app, pilot)
        assert table.cursor == 2
        await pilot.click(BlankTable, offset=(8, 3), times=2)
        await settle(app, pilot)
        assert table.selected is not None
        assert f"[{table.selected.text.strip()}]is" in app.text
        await press(app, pilot, "m")
        await pilot.click(BlankTable, offset=(4, 3))
        await settle(app, pilot)
        assert app.screen.query_one(Input).value == "a"
        await pilot.click(BlankTable, offset=(4, 3), times=2)
        await settle(app, pilot)
        assert "Python •a ____[____]language." in app.text

    app = play(blank_app(home, FakeServer()), journey)
    assert app.errors == []


def test_the_text_is_edited_in_a_dialog_that_keeps_what_is_refused(home: Home) -> None:
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left", "space", "e")
        assert isinstance(app.screen, TextDialog)
        prompt = app.screen.query_one(Prompt)
        assert prompt.text == "Python [] [] popular language."
        server.failures[FillRequest] = InputError("The text has 99 tokens.", "Use a shorter text.")
        await press(app, pilot, "enter")
        assert "The text has 99 tokens." in app.text
        prompt.text = "a [] unheard popular"
        text = await press(app, pilot, "enter")
        assert "a[____]Python popular" in text
        assert "Not in the vocabulary, read as unknown: unheard" in text

    app = play(blank_app(home, server), journey)
    assert app.errors == []


def test_without_a_text_one_is_asked_for(home: Home) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert isinstance(app.screen, TextDialog)
        await press(app, pilot, "escape")
        assert blank.NO_TEXT in app.text
        await press(app, pilot, "space", "m", "enter", "left", "right_square_bracket")
        app.screen.query_one(BlankTable).focus()
        app.screen.action_edit()  # type: ignore[attr-defined]
        await settle(app, pilot)
        await press(app, pilot, *"is a", "enter")
        assert "[is]a" in app.text

    app = play(blank_app(home, FakeServer(), ""), journey)
    assert app.errors == []


def test_a_word_of_several_pieces_is_masked_whole_in_the_game(home: Home) -> None:
    """Detects a word of which a part shows while it is to be guessed."""
    server = FakeServer(random_places=[4], word_of=lambda place: min(place - 1, 2))

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "m")
        assert server.sent(FillRequest)[-1].masked == [3, 4, 5]
        assert "Python is[____+____+____]" in app.text
        assert "type the word" not in app.text, "there are no options for a word of pieces"
        text = await press(app, pilot, *"x", "enter")
        assert "You 0 of 1, model 0 of 1" in text

    play(blank_app(home, server, "Python is a popular language."), journey)


def test_other_weights_are_used_and_kept_after_an_error(home: Home) -> None:
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        before = line_of(app, "  1 ")
        text = await press(app, pilot, "comma", "comma")
        assert "step 1" in text.split("\n")[0]
        assert line_of(app, "  1 ") != before
        server.failures[FillRequest] = InputError("Damaged.", "")
        text = await press(app, pilot, "comma")
        assert "step 1" in text.split("\n")[0]
        text = await run_command(app, pilot, "newest")
        assert line_of(app, "  1 ") == before
        assert "no validation data" in await press(app, pilot, "b")

    app = play(blank_app(home, server), journey)
    assert [error.message for error in app.errors] == ["Damaged."]


def test_a_decoder_that_cannot_be_asked_leaves_the_encoder(home: Home) -> None:
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "encoder" in app.text)
        assert "decoder" not in app.text

    async def run() -> None:
        app = blank_app(home, server)
        fill = server._fill

        def refuse(request: FillRequest) -> object:
            if request.decoder:
                raise InputError("Its weights are damaged.", "")
            return fill(request)

        server._fill = refuse  # type: ignore[method-assign,assignment]
        async with app.run_test(size=(80, 24), message_hook=app.record) as pilot:
            await settle(app, pilot)
            await journey(app, pilot)
        assert [error.message for error in app.errors] == ["Its weights are damaged."]

    asyncio.run(run())


def test_a_decoder_that_is_deleted_leaves_the_encoder(home: Home) -> None:
    """Detects a screen that says nothing any more."""
    server = FakeServer()
    fill, is_gone = server._fill, False

    def refuse(request: FillRequest) -> object:
        if request.decoder and is_gone:
            raise InputError("There is no run named 'lang-decoder'.", "")
        return fill(request)

    server._fill = refuse  # type: ignore[method-assign,assignment]

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        nonlocal is_gone
        assert "decoder" in app.text
        is_gone = True
        server.refused["lang-decoder"] = InputError("There is no run named 'lang-decoder'.", "")
        text = await press(app, pilot, "left")
        assert "here is “is” · encoder" in text
        assert "decoder" not in text
        await press(app, pilot, "left")

    app = play(blank_app(home, server), journey)
    assert [error.message for error in app.errors] == ["There is no run named 'lang-decoder'."]


def test_a_round_that_cannot_begin_leaves_what_was_masked(home: Home) -> None:
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        before = await press(app, pilot, "left", "space")
        assert "Python[____]____ popular" in before
        server.failures[FillRequest] = ServerExitedError("It ended by signal -9.", "")
        await press(app, pilot, "m")
        assert "Python[____]____ popular" in app.text
        fill = server._fill

        def refuse(request: FillRequest) -> object:
            if request.mask_random is None and 4 in request.masked:
                raise ServerExitedError("It ended by signal -9.", "")
            return fill(request)

        server._fill = refuse  # type: ignore[method-assign,assignment]
        server.random_places = [2, 4]
        await press(app, pilot, "m")
        assert "Python[____]____ popular" in app.text

    play(blank_app(home, server), journey)


def test_unknown_words_are_edited_as_they_were_typed(home: Home) -> None:
    """Detects a dialog with <unk> in place of what the person typed."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "read as unknown: zebras" in app.text
        await press(app, pilot, "e")
        assert app.screen.query_one(Prompt).text == "zebras popular []"

    play(blank_app(home, FakeServer(), "zebras popular []"), journey)


def test_the_score_can_be_forgotten(home: Home) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "m", *"x", "enter", *"x", "enter")
        assert "You 0 of 2" in app.text
        await run_command(app, pilot, "forget_score")
        assert "You 0 of 2, model" not in app.text.split("\n")[0]

    play(blank_app(home, FakeServer()), journey)


@pytest.mark.parametrize("size", [*SIZES, (200, 50)])
def test_the_screen_looks_as_captured(home: Home, size: tuple[int, int]) -> None:
    name = f"{size[0]}x{size[1]}"

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert_same_as_capture(app, f"blank_{name}")
        await press(app, pilot, "m")
        assert_same_as_capture(app, f"blank_game_{name}")
        await press(app, pilot, *"is", "enter", "down", "enter")
        assert_same_as_capture(app, f"blank_score_{name}")

    play(blank_app(home, FakeServer()), journey, size)


def test_nothing_depends_on_colours(home: Home) -> None:
    """Detects a cursor, a blank or a result that only a colour shows."""
    terminal = Terminal(theme=NO_COLOUR_THEME, colour=False)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "is[____]popular" in app.text
        assert "›   1 " in app.text
        text = await press(app, pilot, "m", *"is", "enter", *"x", "enter")
        assert "is✓" in text
        assert "x✗→popular" in text

    play(blank_app(home, FakeServer(), terminal=terminal), journey)


def test_models_and_train_open_blank_for_an_encoder(tmp_path: Path) -> None:
    """Detects Chat with a model that cannot chat; a key that fails instead of saying why."""
    home = find_home(tmp_path / "home")
    make_three_runs(home)
    run = Run(home.runs / "lang")
    write_event(run, "saved", 200, kind="checkpoint", bytes=1)
    write_event(run, "sample", 200, prompt=TEXT, text=TEXT)
    make_encoder(run)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = app.screen.query_one(RunTable)
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        table.move_cursor(table.names.index("lang"))
        await wait_until_shown(pilot, lambda: "t Blank" in screen_text(app))
        await pilot.press("x")
        await wait_until_shown(pilot, lambda: "is an encoder" in screen_text(app))
        await pilot.press("t")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, BlankScreen))
        await wait_until_shown(pilot, lambda: "is[____]popular" in screen_text(app))
        await pilot.press("escape")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, ModelsScreen))
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, TrainScreen))
        await wait_until_shown(pilot, lambda: "t Blank" in screen_text(app))
        await pilot.press("t")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, BlankScreen))
        await wait_until_shown(pilot, lambda: "is[____]popular" in screen_text(app))

    run_app(home, journey)


@pytest.mark.parametrize("message", [OpenChat("lang"), OpenStep("lang", prompt="is [] popular")])
def test_chat_and_step_of_an_encoder_are_blank(home: Home, message: OpenChat | OpenStep) -> None:
    """Also from the command line."""

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        app.post_message(message)
        await wait_until_shown(
            pilot, lambda: isinstance(app.screen_stack[-1], BlankScreen | TextDialog)
        )

    run_app(home, journey)

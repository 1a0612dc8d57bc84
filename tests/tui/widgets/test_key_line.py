"""The line of keys: new widgets only for new keys, and none that stays behind."""

from __future__ import annotations

import asyncio
import gc
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.pilot import Pilot
from textual.widgets._footer import FooterKey

from tui.widgets.key_line import KeyLine


class KeysApp(App[None]):
    """Its second key can be used every other time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "bell", "Always"),
        Binding("b", "hide_help_panel", "Sometimes"),
    ]
    usable = True

    def compose(self) -> ComposeResult:
        """The line alone."""
        yield KeyLine()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether the second can be used."""
        return self.usable or action != "hide_help_panel"


async def _changed(app: KeysApp, pilot: Pilot[None]) -> list[FooterKey]:
    """What stands in the line after the screen looked at its bindings again."""
    app.screen.refresh_bindings()
    await pilot.pause()
    await pilot.pause()
    return list(app.query(FooterKey))


def test_the_same_keys_keep_their_widgets() -> None:
    async def journey() -> None:
        app = KeysApp()
        async with app.run_test() as pilot:
            first = await _changed(app, pilot)
            assert [key.description for key in first] == ["Always", "Sometimes"]
            assert await _changed(app, pilot) == first

    asyncio.run(journey())


def test_other_keys_are_shown_and_old_widgets_go() -> None:
    """Of hundreds of changes only the last widgets live."""

    async def journey() -> None:
        app = KeysApp()
        async with app.run_test() as pilot:
            for number in range(12):
                app.usable = number % 2 == 1
                said = [key.description for key in await _changed(app, pilot)]
                assert said == ["Always", "Sometimes"][: 1 + app.usable]
            gc.collect()
            alive = [one for one in gc.get_objects() if type(one) is FooterKey]
            assert sum(key.app is app for key in alive) <= 4, "these and those before them"

    asyncio.run(journey())


class ManyKeysApp(App[None]):
    """More keys than have room in a narrow terminal."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"bell_{key}", "Ring a bell") for key in "abcdef"),
        Binding("escape", "bell", "Back", key_display="Esc"),
    ]

    def compose(self) -> ComposeResult:
        """The line alone."""
        yield KeyLine()


def test_the_way_out_has_room_in_a_narrow_terminal() -> None:
    """80 cells hold all seven keys but one; 40 hold two and the way out."""

    def seen(app: App[None]) -> list[str]:
        return [key.key for key in app.query(FooterKey) if key.display]

    async def journey() -> None:
        app = ManyKeysApp()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            assert seen(app) == ["a", "b", "c", "d", "e", "escape"]
            await pilot.resize_terminal(40, 20)
            await pilot.pause()
            assert seen(app) == ["a", "b", "escape"]
            assert app.query(FooterKey).last().region.right <= 40
            await pilot.resize_terminal(120, 20)
            await pilot.pause()
            assert seen(app) == [*"abcdef", "escape"]

    asyncio.run(journey())

"""The footer: widgets are replaced only for other keys, and old ones are freed."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.pilot import Pilot
from textual.widgets._footer import FooterKey

from tui.widgets.key_line import KeyLine


class KeysApp(App[None]):
    """An app whose second key can be disabled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "bell", "Always"),
        Binding("b", "hide_help_panel", "Sometimes"),
    ]
    usable = True

    def compose(self) -> ComposeResult:
        """The line alone."""
        yield KeyLine()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable the second key unless `usable`."""
        return self.usable or action != "hide_help_panel"


async def _refresh_keys(app: KeysApp, pilot: Pilot[None]) -> list[FooterKey]:
    """Refresh the bindings; return the keys in the footer."""
    app.screen.refresh_bindings()
    await pilot.pause()
    await pilot.pause()
    return list(app.query(FooterKey))


def test_the_same_keys_keep_their_widgets() -> None:
    async def journey() -> None:
        app = KeysApp()
        async with app.run_test() as pilot:
            first = await _refresh_keys(app, pilot)
            assert [key.description for key in first] == ["Always", "Sometimes"]
            assert await _refresh_keys(app, pilot) == first

    asyncio.run(journey())


def test_changed_keys_are_shown_and_old_widgets_are_freed() -> None:
    seen: weakref.WeakSet[FooterKey] = weakref.WeakSet()

    async def journey() -> None:
        app = KeysApp()
        async with app.run_test() as pilot:
            for number in range(12):
                app.usable = number % 2 == 1
                keys = await _refresh_keys(app, pilot)
                seen.update(keys)
                descriptions = [key.description for key in keys]
                assert descriptions == ["Always", "Sometimes"][: 1 + app.usable]
            gc.collect()
            assert len(seen) <= 4, "only the current and the previous widgets exist"

    asyncio.run(journey())


class ManyKeysApp(App[None]):
    """An app with more keys than fit into a narrow terminal."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"bell_{key}", "Ring a bell") for key in "abcdef"),
        Binding("escape", "bell", "Back", key_display="Esc"),
    ]

    def compose(self) -> ComposeResult:
        """The line alone."""
        yield KeyLine()


def test_back_is_shown_in_a_narrow_terminal() -> None:
    """80 cells fit five of seven keys; 40 cells fit one and Back."""

    def shown_keys(app: App[None]) -> list[str]:
        return [key.key for key in app.query(FooterKey) if key.display]

    async def journey() -> None:
        app = ManyKeysApp()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            assert shown_keys(app) == ["a", "b", "c", "d", "escape"]
            await pilot.resize_terminal(40, 20)
            await pilot.pause()
            assert shown_keys(app) == ["a", "escape"]
            assert app.query(FooterKey).last().region.right <= 40
            await pilot.resize_terminal(120, 20)
            await pilot.pause()
            assert shown_keys(app) == [*"abcdef", "escape"]

    asyncio.run(journey())

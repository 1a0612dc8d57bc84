"""Themes: exact colours of the xterm-256 table, enough contrast, our roles under every theme."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from core.paths import Home
from tests.support.fake_server import FakeServer
from tui.app import MiniGPTApp
from tui.common.terminal import DEFAULT_THEME, LIGHT_THEME, Terminal
from tui.common.theme import create_themes, derive_variables

LEVELS = [0, 95, 135, 175, 215, 255]
TABLE = {(r, g, b) for r in LEVELS for g in LEVELS for b in LEVELS} | {
    (grey, grey, grey) for grey in range(8, 239, 10)
}
THEMES = {theme.name: theme for theme in create_themes()}
OWN_VARIABLES = set(derive_variables(BUILTIN_THEMES["nord"]))


def contrast_ratio(one: Color, other: Color) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.1)."""

    def luminance(colour: Color) -> float:
        parts = [part / 255 for part in colour.rgb]
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_every_colour_is_one_of_the_256(theme: Theme) -> None:
    colours = [value for value in theme.variables.values() if value.startswith("#")]
    colours += [theme.background, theme.primary, theme.secondary, theme.accent, theme.error]
    for colour in colours:
        assert Color.parse(colour).rgb in TABLE, colour


@pytest.mark.parametrize(
    ("theme", "minimum"),
    [(THEMES[DEFAULT_THEME], 4.7), (THEMES[LIGHT_THEME], 4.0)],
    ids=[DEFAULT_THEME, LIGHT_THEME],
)
def test_text_is_readable_on_the_background(theme: Theme, minimum: float) -> None:
    background = Color.parse(theme.background)
    names = ["ink", "muted", "faint", "text-success", "text-warning", "text-error", "text-primary"]
    for name in names:
        contrast = contrast_ratio(background, Color.parse(theme.variables[name]))
        assert contrast >= minimum, f"{name}: {contrast:.2f}"


@pytest.mark.parametrize("name", BUILTIN_THEMES)
def test_every_theme_of_textual_gets_our_roles(name: str) -> None:
    variables = derive_variables(BUILTIN_THEMES[name])
    assert variables.keys() == OWN_VARIABLES
    assert variables.keys() <= THEMES[DEFAULT_THEME].variables.keys()
    pattern = r"ansi_default" if BUILTIN_THEMES[name].ansi else r"#[0-9A-Fa-f]{6}"
    assert all(re.fullmatch(pattern, value) for value in variables.values())


@pytest.mark.parametrize("name", [DEFAULT_THEME, LIGHT_THEME, "nord", "textual-light"])
def test_the_application_takes_a_theme_while_it_runs(tmp_path: Path, name: str) -> None:
    async def journey() -> None:
        app = MiniGPTApp(Home(root=tmp_path, cache=tmp_path), Terminal(), FakeServer())
        async with app.run_test() as pilot:
            app.theme = name
            await pilot.pause()
            expected = Color.parse(app.theme_variables["background"])
            assert app.screen.styles.background.rgb == expected.rgb

    asyncio.run(journey())

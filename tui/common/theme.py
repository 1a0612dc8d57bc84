"""The themes minigpt-night and minigpt-day, and the colours of our own under every other theme.

Every colour of both is an exact entry of the xterm-256 table, so that a terminal without true
colour, tmux or SSH shows the same. Screens use the names of roles, never a colour.
"""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.color import Color
from textual.theme import Theme

from tui.common.terminal import DEFAULT_THEME, LIGHT_THEME

HEAT_LEVELS = 6  # $heat0 … $heat5, from nothing to certain
SHADE_LEVELS = 4  # $shade0 … $shade3, behind tokens: $shade3 is the least likely
# Roles beside Textual's own: cursor row, rules between panels, three strengths of text, the colour
# of a fourth run, the points of single steps.
ROLES = ("cursor", "rule", "faint", "muted", "ink", "fourth", "cloud")


class ThemedApp(App[None]):
    """An app with both themes, and with their roles under all others."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for theme in create_themes():
            self.register_theme(theme)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The colours of our roles under one of Textual's themes."""
        theme = self.current_theme
        return {} if theme.name in (DEFAULT_THEME, LIGHT_THEME) else derive_variables(theme)


def create_themes() -> tuple[Theme, Theme]:
    """Both themes, the dark one first."""
    return (
        _create_theme(
            DEFAULT_THEME,
            dark=True,
            surfaces=("#121212", "#1c1c1c", "#262626"),
            roles=("#303030", "#444444", "#808080", "#a8a8a8", "#dadada", "#d787d7", "#5f5f87"),
            hues=("#87afff", "#87d7af", "#ffaf5f"),
            states=("#87d787", "#ffd75f", "#ff8787"),
            heat=("#1c1c1c", "#303030", "#5f5f87", "#5f87d7", "#87afff", "#afd7ff"),
            shades=("#262626", "#3a3a3a", "#4e4e4e", "#875f00"),
        ),
        _create_theme(
            LIGHT_THEME,
            dark=False,
            surfaces=("#eeeeee", "#e4e4e4", "#dadada"),
            roles=("#d7d7ff", "#b2b2b2", "#6c6c6c", "#585858", "#1c1c1c", "#870087", "#87afd7"),
            hues=("#005faf", "#00875f", "#af5f00"),
            states=("#008700", "#875f00", "#af0000"),
            heat=("#e4e4e4", "#d0d0d0", "#afd7ff", "#87afff", "#5f87d7", "#005faf"),
            shades=("#e4e4e4", "#d0d0d0", "#ffd7af", "#ffaf5f"),
        ),
    )


def _create_theme(
    name: str,
    *,
    dark: bool,
    surfaces: tuple[str, str, str],
    roles: tuple[str, ...],
    hues: tuple[str, str, str],
    states: tuple[str, str, str],
    heat: tuple[str, ...],
    shades: tuple[str, ...],
) -> Theme:
    background, surface, panel = surfaces
    primary, secondary, accent = hues
    success, warning, error = states
    own = dict(zip(ROLES, roles, strict=True))
    own |= {f"heat{level}": each for level, each in zip(range(HEAT_LEVELS), heat, strict=True)}
    own |= {f"shade{level}": each for level, each in zip(range(SHADE_LEVELS), shades, strict=True)}
    # What Textual would blend from these is no entry of the table.
    textual = {
        "text": own["ink"],
        "text-muted": own["muted"],
        "text-disabled": own["faint"],
        "text-primary": primary,
        "text-secondary": secondary,
        "text-accent": accent,
        "text-success": success,
        "text-warning": warning,
        "text-error": error,
        "block-cursor-background": own["cursor"],
        "block-cursor-foreground": own["ink"],
        "block-cursor-blurred-background": surface,
        "block-cursor-blurred-foreground": own["ink"],
        "block-hover-background": surface,
        "border": primary,
        "border-blurred": own["rule"],
        "footer-key-foreground": own["ink"],
        "footer-description-foreground": own["muted"],
        "input-cursor-background": primary,
        "input-cursor-foreground": background,
        "input-selection-background": own["cursor"],
        "screen-selection-background": own["cursor"],
        "scrollbar": own["rule"],
        "scrollbar-hover": own["faint"],
        "scrollbar-active": primary,
        "scrollbar-background": background,
        "scrollbar-background-hover": background,
        "scrollbar-background-active": background,
        "scrollbar-corner-color": background,
    }
    return Theme(
        name=name,
        dark=dark,
        background=background,
        surface=surface,
        panel=panel,
        foreground=own["ink"],
        primary=primary,
        secondary=secondary,
        accent=accent,
        success=success,
        warning=warning,
        error=error,
        variables=own | textual,
    )


def derive_variables(theme: Theme) -> dict[str, str]:
    """The colours of our roles under one of Textual's themes, by mixing its own colours.

    Under a theme of the terminal's sixteen colours, which cannot be mixed, text keeps the
    terminal's colour: signs and bold carry the meaning there.
    """
    if theme.ansi:
        levels = [f"heat{level}" for level in range(HEAT_LEVELS)]
        levels += [f"shade{level}" for level in range(SHADE_LEVELS)]
        return dict.fromkeys((*ROLES, *levels), "ansi_default")
    colours = theme.to_color_system().generate()
    background, ink, primary, warning = (
        Color.parse(colours[name]) for name in ("background", "foreground", "primary", "warning")
    )
    mixed = {
        "cursor": background.blend(ink, 0.15),
        "rule": background.blend(ink, 0.3),
        "faint": background.blend(ink, 0.6),
        "muted": background.blend(ink, 0.75),
        "ink": ink,
        "fourth": Color.parse("#d787d7" if theme.dark else "#870087"),
        "cloud": background.blend(primary, 0.45),
    }
    assert tuple(mixed) == ROLES
    for level in range(HEAT_LEVELS):
        mixed[f"heat{level}"] = background.blend(primary, 0.08 + 0.92 * level / (HEAT_LEVELS - 1))
    for level in range(SHADE_LEVELS - 1):
        mixed[f"shade{level}"] = background.blend(ink, 0.08 * (level + 1))
    mixed[f"shade{SHADE_LEVELS - 1}"] = background.blend(warning, 0.5)
    return {name: colour.hex6 for name, colour in mixed.items()}

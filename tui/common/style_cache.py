"""Textual's cache of background styles, without keeping removed widgets alive."""

from __future__ import annotations

from functools import lru_cache

from textual._styles_cache import StylesCache
from textual.color import Color
from textual.style import Style


def share_background_styles() -> None:
    """Key the cache by the colours alone.

    Textual 8.2.8 keys it by the cache of each widget too, so that the rendered lines of the last
    thousand widgets stay in memory after these were removed.
    """
    StylesCache.get_inner_outer = staticmethod(background_styles)  # type: ignore[method-assign, assignment]


@lru_cache(1024)
def background_styles(base_background: Color, background: Color) -> tuple[Style, Style]:
    """Return the styles inside and outside a border."""
    return Style(background=base_background + background), Style(background=base_background)

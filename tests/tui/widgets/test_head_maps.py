"""All heads as small multiples: names, maps, and scrolling where not even the names fit."""

from __future__ import annotations

from textual.events import MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot

from tests.support.apps import play_widget, widget_lines
from tests.support.inside import inside_reply
from tui.explore.inside_view import InsideView
from tui.widgets.head_maps import HeadMaps


def _view(tokens: int, layers: int, heads: int) -> InsideView:
    reply = inside_reply(["x"] * tokens, layers=layers, heads=heads)
    return InsideView(reply, tokens - 1, layers - 1, heads - 1)


def test_a_map_shows_where_the_weights_are() -> None:
    """Two rows of the map share a line; the upper right half is empty."""

    async def journey(maps: HeadMaps, pilot: Pilot[None]) -> None:
        maps.show(_view(8, 1, 2))
        await pilot.pause()
        names, *rows = widget_lines(maps)[:5]
        assert names.split() == ["1.1", "even", "›1.2", "prev"]
        start = names.index("1.1")
        assert maps.grid(_view(8, 1, 2), *maps.size).side == 8
        ends = [len(row[start : start + 8].rstrip()) for row in rows]
        assert ends == [2, 4, 6, 8], "the tokens themselves"
        assert "▀" in rows[0]

    play_widget(HeadMaps(), journey, size=(40, 6))


def test_names_that_do_not_fit_are_scrolled_by_choice_and_by_the_wheel() -> None:
    """Twelve layers of twelve heads have no room for maps."""

    async def journey(maps: HeadMaps, pilot: Pilot[None]) -> None:
        view = _view(8, 12, 12)
        maps.show(view)
        await pilot.pause()
        assert "›12.12 mixed" in widget_lines(maps)[-1]
        for _ in range(3):
            await pilot._post_mouse_events([MouseScrollUp], maps, button=0, offset=(3, 3))
        await pilot.pause()
        assert "›12.12" not in " ".join(widget_lines(maps))
        for _ in range(99):
            await pilot._post_mouse_events([MouseScrollDown], maps, button=0, offset=(3, 3))
        await pilot.pause()
        assert "›12.12 mixed" in widget_lines(maps)[-1]
        view.layer, view.head = 0, 0
        maps.show(view)
        await pilot.pause()
        assert "›1.1 even" in widget_lines(maps)[0]

    play_widget(HeadMaps(), journey, size=(80, 10))

"""Views of Inside without a server: three layers of two heads."""

from __future__ import annotations

from collections.abc import Sequence

from core.server.replies import InsideReply
from core.server.tokens import HeadAblation, TokenProbability, WindowToken
from tests.support.fake_server import packed_attention
from tui.explore.inside_view import InsideView

LAYERS, HEADS = 3, 2


def inside_reply(
    tokens: Sequence[str], rows: range | None = None, layers: int = LAYERS, heads: int = HEADS
) -> InsideReply:
    """A reply about a text; head n spreads a quarter of n evenly, the rest is on the token itself.

    Args:
        rows: positions with rows; all by default.
    """
    positions = list(range(len(tokens)) if rows is None else rows)
    lens = [TokenProbability(0, f"t{depth}", (depth + 1) / 10) for depth in range(layers + 1)]
    attention = [packed_attention(positions, positions[0], head) for head in range(heads)]
    return InsideReply(
        session="s1",
        layers=layers,
        heads=heads,
        window=[WindowToken(n, n, token) for n, token in enumerate(tokens)],
        positions=positions,
        lens=[lens] * len(positions),
        predictions=[[TokenProbability(0, "is", 0.62), TokenProbability(1, "a", 0.1)]]
        * len(positions),
        ablations=[HeadAblation(0, "is", 0.62, 0.31)] * len(positions),
        attention=[attention] * layers,
        patterns=[["even", "prev"][:heads] + ["mixed"] * (heads - 2)] * layers,
    )


def inside_view(tokens: Sequence[str], rows: range | None = None) -> InsideView:
    """A view of such a reply at its last row and layer."""
    reply = inside_reply(tokens, rows)
    return InsideView(reply, reply.positions[-1], LAYERS - 1)

"""Key bindings that Step and Cursor share: settings, weights, and other views."""

from __future__ import annotations

from textual.binding import BindingType

from tui.common.keys import hidden_key
from tui.common.sampling_settings import setting_bindings


def setting_keys(seed_tooltip: str) -> list[BindingType]:
    """Return the keys of the sampling settings."""
    return [
        *setting_bindings(),
        hidden_key("s", "seed", "Seed", seed_tooltip),
        hidden_key("g", "greedy", "Greedy", "Back to greedy: always the likeliest token"),
    ]


OLDER = hidden_key("comma", "older", "Older", "Previous snapshot, same text")
NEWER = hidden_key("full_stop", "newer", "Newer", "Next snapshot, same text")
NEWEST = hidden_key("l", "newest", "Newest", "Load the newest weights")


def best_key(key: str) -> BindingType:
    """Return the key that loads the best weights."""
    return hidden_key(key, "best", "Best", "Weights with the lowest validation loss")

"""Key bindings that Step and Cursor share: panels, weights, and other views."""

from __future__ import annotations

from textual.binding import Binding

from tui.common.keys import hidden_key

PANEL = Binding("tab", "app.focus_next", "Panel", key_display="Tab", tooltip="Next panel")
INSIDE = Binding("i", "inside", "Inside", tooltip="Look inside the model at this position")
GREEDY = hidden_key("g", "greedy", "Greedy", "Back to greedy: always the likeliest token")
OLDER = hidden_key("comma", "older", "Older", "Older weights, same text")
NEWER = hidden_key("full_stop", "newer", "Newer", "Newer weights, same text")
BEST = hidden_key("b", "best", "Best", "Best weights, by the validation part")

"""The tables of keys in README.md, made from the bindings themselves.

python docs/keys.py          # writes them into README.md
"""

from __future__ import annotations

import re
from pathlib import Path

from textual.binding import Binding
from textual.dom import DOMNode

from tui.app import MiniGPTApp
from tui.common.keys import KeyRow, key_name, merge_digit_rows
from tui.screens.cursor import CursorScreen
from tui.screens.inside import InsideScreen
from tui.screens.models import ModelsScreen
from tui.screens.new_corpus import CorpusTable, NewCorpusScreen
from tui.screens.new_setup import NewSetupScreen
from tui.screens.origin import OriginScreen, PassageScreen
from tui.screens.step import StepScreen
from tui.screens.talk import TalkScreen
from tui.screens.train import TrainScreen
from tui.widgets.run_table import RunTable

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- keys, made by docs/keys.py -->\n", "<!-- end of keys -->"
SCREENS: dict[str, tuple[type[DOMNode], ...]] = {  # what has the focus first
    "everywhere": (MiniGPTApp,),
    "Models": (RunTable, ModelsScreen),
    "New run, text": (CorpusTable, NewCorpusScreen),
    "New run, settings": (NewSetupScreen,),
    "Train": (TrainScreen,),
    "Talk": (TalkScreen,),
    "Step": (StepScreen,),
    "Cursor": (CursorScreen,),
    "Inside": (InsideScreen,),
    "Where did it read that?": (OriginScreen,),
    "Corpus": (PassageScreen,),
}


def table() -> str:
    """Markdown: a folded table a screen, its keys and what they do."""
    return "\n".join(_table(name, nodes) for name, nodes in SCREENS.items())


def _table(name: str, nodes: tuple[type[DOMNode], ...]) -> str:
    said: dict[str, dict[str, None]] = {}
    for binding in (each for node in nodes for each in node.BINDINGS):
        assert isinstance(binding, Binding)
        keys = [Binding(key, binding.action) for key in binding.key.split(",")]
        names = [binding.key_display] if binding.key_display else map(key_name, keys)
        said.setdefault(binding.tooltip, {}).update(dict.fromkeys(names))
    all = merge_digit_rows(KeyRow(" ".join(keys), says, "") for says, keys in said.items())
    rows = "\n".join(f"| `{'` `'.join(row.key.split())}` | {row.description} |" for row in all)
    head = f"<details><summary>Keys: {name}</summary>\n\n| key | what it does |\n|---|---|\n"
    return f"{head}{rows}\n\n</details>\n"


def with_table(readme: str) -> str:
    """README's text with the tables as they are now."""
    return re.sub(f"(?s){BEGIN}.*?{END}", lambda _: BEGIN + table() + END, readme)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))

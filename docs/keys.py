"""Write docs/keys.md from the key bindings of the screens.

python docs/keys.py
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from textual.binding import Binding
from textual.dom import DOMNode

sys.path.insert(0, str(Path(__file__).parents[1]))

from tui.app import MiniGPTApp
from tui.common.keymap import scope_of, with_ids
from tui.common.keys import KeyRow, key_name, merge_digit_rows
from tui.screens.accuracy import AccuracyScreen
from tui.screens.blank import BlankScreen
from tui.screens.chat import ChatScreen
from tui.screens.compare import CompareScreen
from tui.screens.corpus import PassageScreen
from tui.screens.cursor import CursorScreen
from tui.screens.inside import InsideScreen
from tui.screens.log import LogScreen
from tui.screens.models import ModelsScreen
from tui.screens.new_corpus import NewCorpusScreen
from tui.screens.new_setup import NewSetupScreen
from tui.screens.origin import OriginScreen
from tui.screens.serve import ServeScreen
from tui.screens.step import StepScreen
from tui.screens.train import TrainScreen
from tui.widgets.answer_input import AnswerInput
from tui.widgets.comparison_table import ComparisonTable
from tui.widgets.config_form import ConfigForm
from tui.widgets.loss_plot import LossPlot
from tui.widgets.run_table import RunTable
from tui.widgets.text_list import TextList

PAGE = Path(__file__).parent / "keys.md"
INTRODUCTION = """\
# Keys

Written by `docs/keys.py` from the bindings of the screens. In the application, F1 shows the keys of
the current screen, and Ctrl+P runs any action by name. In Chat, Esc leaves the prompt; after that,
letters are commands.

Any key can be changed in the configuration file, by the id of its action; several keys are
separated by commas. `minigpt-tui config` names ids that do not exist, and keys that have another
meaning in the same place:

```toml
[keymap]
train.pause = "f5"
models.new = "n,Ctrl+N"
```
"""
# Bindings of the widget that has the focus come first.
SCREENS: dict[str, tuple[type[DOMNode], ...]] = {
    "Everywhere": (MiniGPTApp,),
    "Models": (RunTable, ModelsScreen),
    "New run: the text": (TextList, NewCorpusScreen),
    "New run: the settings": (ConfigForm, NewSetupScreen),
    "Train": (TrainScreen, LossPlot),
    "Chat": (ChatScreen,),
    "Step": (StepScreen,),
    "Cursor": (CursorScreen,),
    "Blank": (BlankScreen, AnswerInput),
    "Inside": (InsideScreen,),
    "Test": (AccuracyScreen,),
    "Compare": (CompareScreen, ComparisonTable, LossPlot),
    "Sources": (OriginScreen,),
    "Sources: the corpus": (PassageScreen,),
    "Log": (LogScreen,),
    "Serve": (ServeScreen,),
}


def keys_page() -> str:
    """The page in Markdown: one table per screen."""
    sections = (_section(name, nodes) for name, nodes in SCREENS.items())
    return "\n".join([INTRODUCTION, *sections])


def _section(name: str, nodes: tuple[type[DOMNode], ...]) -> str:
    keys_by_action: dict[str, dict[str, None]] = {}
    ids_by_action: dict[str, dict[str, None]] = {}
    for binding in (each for node in nodes for each in with_ids(scope_of(node), node.BINDINGS)):
        assert isinstance(binding, Binding)
        keys = [Binding(key, binding.action) for key in binding.key.split(",")]
        names = [binding.key_display] if binding.key_display else map(key_name, keys)
        keys_by_action.setdefault(binding.tooltip, {}).update(dict.fromkeys(names))
        ids_by_action.setdefault(binding.tooltip, {})[binding.id or ""] = None
    rows = merge_digit_rows(
        KeyRow(" ".join(keys), action, " ".join(ids_by_action[action]))
        for action, keys in keys_by_action.items()
    )
    lines = "".join(
        f"| {_code(row.key)} | {row.description} | {_code(_first_id(row))} |\n" for row in rows
    )
    return f"## {name}\n\n| key | action | id |\n|---|---|---|\n{lines}"


def _code(words: str) -> str:
    return f"`{'` `'.join(words.split())}`"


def _first_id(row: KeyRow) -> str:
    """The ids of a row; of several digits, the first and the last."""
    digits = re.fullmatch(r"(\d)-\d", row.key)
    if digits is None:
        return row.action
    return f"{re.sub(r'[0-9]$', digits[1], row.action)} {row.action}"


if __name__ == "__main__":
    PAGE.write_text(keys_page())

"""Write the tables of packages in docs/architecture.md from docstrings and allowed imports.

python docs/packages.py
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.test_architecture import ARROWS, ROOT, TORCH

PAGE = Path(__file__).parent / "architecture.md"
BEGIN, END = "<!-- packages: written by docs/packages.py -->\n", "<!-- end of packages -->"


def with_tables(page: str) -> str:
    """The page with its tables as packages and arrows are now."""
    tables = "".join(f"\n{_table(root)}" for root in ("core", "tui")) + "\n"
    return re.sub(f"(?s){BEGIN}.*?{END}", lambda _: BEGIN + tables + END, page)


def _table(root: str) -> str:
    """A row for each package, lowest first: a package imports only from rows above it."""
    names = _lowest_first(name for name in ARROWS if name.startswith(f"{root}."))
    rows = [f"| `{name}`{_mark(name)} | {_purpose(name)} | {_arrows(name)} |\n" for name in names]
    return "".join([f"| {root} | purpose | may import |\n|---|---|---|\n", *rows])


def _lowest_first(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (_depth(name), name))


def _depth(name: str) -> int:
    return 1 + max(map(_depth, ARROWS[name]), default=0)


def _mark(name: str) -> str:
    return " †" if name in TORCH else ""


def _purpose(name: str) -> str:
    """The first line of a package's or a module's docstring."""
    path = ROOT.joinpath(*name.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(source.read_text())) or ""
    return docstring.partition("\n")[0]


def _arrows(name: str) -> str:
    return ", ".join(below.partition(".")[2] for below in _lowest_first(ARROWS[name]))


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))

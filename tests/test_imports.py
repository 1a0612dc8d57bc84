"""Who may import whom, and how long a file may grow: the rules a reader relies on.

Imports are tried in a process of its own, one module after another, each without what the module
before it had loaded of ours. A finder stands in front of all others there, writes down every
forbidden name that is asked for and refuses it.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST_FILE = 320
LONGEST_FUNCTION = 45

# The half of `core` that computes. A module that belongs here no longer, or newly, is a decision.
WITH_TORCH = {
    "adam", "agent", "attention", "baselines", "branching", "cache", "checkpoint", "compiling",
    "consent", "control", "dataset", "decoder", "encoder", "evaluation", "failing", "generate",
    "gpt", "graphs", "inside", "joining", "keeper", "layout", "length", "linear", "loading",
    "meter", "models", "muon", "nodes", "optimizer", "passes", "precision", "prepare", "probe",
    "quick", "ranks", "restored", "sampler_ops", "sampling", "scoring", "session", "several",
    "shares", "shelf", "shortage", "stepping", "tracing", "trainer", "training", "trial",
    "tutorial", "updater", "viewing", "weights",
}  # fmt: skip

IMPORTING = """
import contextlib, importlib, importlib.abc, io, json, sys

forbidden, modules = set(json.loads(sys.argv[1])), json.loads(sys.argv[2])
asked, said = set(), io.StringIO()

class Guard(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in forbidden:
            asked.add(name.partition(".")[0])
            raise ImportError(f"{name} is forbidden here")

sys.meta_path.insert(0, Guard())
found = {}
for module in modules:
    for ours in [name for name in sys.modules if name.partition(".")[0] in ("core", "tui")]:
        del sys.modules[ours]
    asked.clear()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            importlib.import_module(module)
        except ImportError as error:
            if not asked:
                raise
    asked.update(forbidden.intersection(name.partition(".")[0] for name in sys.modules))
    if said.getvalue():
        asked.add("said " + repr(said.getvalue()))
        said.seek(0), said.truncate()
    if asked:
        found[module] = sorted(asked)
print(json.dumps(found))
"""

COMMANDS = """
import json, os, sys
from tui.__main__ import run

found = {}
for arguments in json.loads(sys.argv[1]):
    run(arguments)
    if "torch" in sys.modules:
        found[" ".join(arguments)] = "torch"
        break
os.write(3, json.dumps(found).encode())
"""


def _modules(package: str) -> list[str]:
    return sorted(path.stem for path in (ROOT / package).glob("*.py") if path.stem != "__init__")


def _offenders(package: str, forbidden: Sequence[str]) -> dict[str, list[str]]:
    """By module: which forbidden packages it asks for when it is imported, or what it says."""
    names = [package, *(f"{package}.{module}" for module in _modules(package))]
    command = [sys.executable, "-c", IMPORTING, json.dumps(forbidden), json.dumps(names)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found: dict[str, list[str]] = json.loads(done.stdout)
    return {name.removeprefix(f"{package}."): asked for name, asked in found.items()}


def test_core_knows_no_user_interface_and_is_silent_at_import() -> None:
    """A trainer that needs a terminal's libraries; a line printed by an import; a circle."""
    assert _offenders("core", ["tui", "textual", "rich", "click"]) == {}


def test_the_light_half_of_core_needs_no_torch() -> None:
    """A command or screen that takes seconds to start because one of its modules loads torch."""
    assert set(_offenders("core", ["torch"])) == WITH_TORCH


def test_the_terminal_loads_no_torch_by_itself() -> None:
    """A first frame that waits for torch."""
    assert _offenders("tui", ["torch"]) == {}


def test_light_commands_and_mistakes_load_no_torch(tmp_path: Path) -> None:
    """A list, a help text or an error message that comes seconds late."""
    commands = [
        [],
        ["--help"],
        ["--version"],
        ["train", "--help"],
        ["generate", "--help"],
        ["corpora"],
        ["corpora", "lang"],
        ["ls"],
        ["ls", "--json"],
        ["show", "nothing"],
        ["logs", "nothing"],
        ["rename", "nothing", "new"],
        ["rm", "nothing"],
        ["generate", "nothing"],
        ["train", "lnag"],
        ["train", "lang", "--set", "layers=0"],
        ["train", "lang", "--from", "nothing"],
    ]
    read, write = os.pipe()
    # Descriptor 3 tells the result; what the commands say themselves is not looked at.
    shell = ["bash", "-c", 'exec "$@" 3>&"$0" >/dev/null 2>&1', str(write)]
    subprocess.run(
        [*shell, sys.executable, "-c", COMMANDS, json.dumps(commands)],
        cwd=ROOT,
        env=os.environ | {"MINIGPT_HOME": str(tmp_path)},
        pass_fds=[write],
        check=True,
        timeout=120,
    )
    os.close(write)
    with os.fdopen(read) as told:
        assert json.loads(told.read()) == {}


def _sources(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_grows_too_long() -> None:
    """A file of several nouns."""
    sources = _sources("core", "tui", "data", "tests")
    lengths = {path: len(path.read_text().splitlines()) for path in sources}
    assert {
        str(path.relative_to(ROOT)): length
        for path, length in lengths.items()
        if length > LONGEST_FILE
    } == {}


def test_no_function_grows_too_long() -> None:
    """A function that does several things."""
    lengths = {
        f"{path.relative_to(ROOT)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in _sources("core", "tui")
        for node in _functions(path)
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


SPEAKING = ("print", "sys.stdout", "sys.stderr", "input")
UNPICKLING = ("torch.load", "np.load", "numpy.load", "pickle", "marshal", "shelve", "eval", "exec")


@pytest.mark.parametrize(
    ("packages", "names"),
    [(("core",), SPEAKING), (("core", "tui", "data"), UNPICKLING)],
    ids=["core says nothing itself", "nothing runs code found in a file"],
)
def test_what_must_not_be_used_is_not(packages: Sequence[str], names: Sequence[str]) -> None:
    """A line of a trainer in the middle of a screen; a model file that runs code."""
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in _sources(*packages)
        for name, line in _used(path)
        if name in names
    ]
    assert found == []


def _used(path: Path) -> Iterator[tuple[str, int]]:
    """Functions called, attributes of names, and packages imported, with their lines."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                yield name, node.lineno
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                yield f"{owner}.{name}", node.lineno
            case ast.Import(names=aliases):
                yield from ((alias.name.partition(".")[0], node.lineno) for alias in aliases)
            case ast.ImportFrom(module=str(name), level=0):
                yield name.partition(".")[0], node.lineno

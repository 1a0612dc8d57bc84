"""Which package may import which, what loads torch, and what no source file may call.

The arrows are those of docs/architecture.md. Every import counts: lazy ones, and those that only a
type checker follows. What an import loads is tried in processes of their own.
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

# A package may import the packages named here and the root modules of `core`, nothing else.
ARROWS: dict[str, set[str]] = {
    "core": set(),
    "core.system": set(),
    "core.config": set(),
    "core.text": {"core.system"},
    "core.tokenizer": {"core.text", "core.system"},
    "core.dataset": {"core.config", "core.text", "core.tokenizer", "core.system"},
    "core.run": {"core.config", "core.text", "core.tokenizer", "core.system"},
    "core.attribution": {
        "core.dataset", "core.run", "core.text", "core.tokenizer", "core.system",
    },
    "core.model": {"core.config", "core.run", "core.tokenizer", "core.system"},
    "core.inference": {
        "core.config", "core.model", "core.run", "core.text", "core.tokenizer", "core.system",
    },
    "core.doctor": {"core.config", "core.model", "core.system"},
    "core.importing": {
        "core.config", "core.model", "core.run", "core.text", "core.tokenizer", "core.system",
    },
    "core.export": {
        "core.config", "core.inference", "core.model", "core.run", "core.text", "core.tokenizer",
        "core.system",
    },
    "core.train": {
        "core.attribution", "core.config", "core.dataset", "core.inference", "core.model",
        "core.run", "core.text", "core.tokenizer", "core.system",
    },
    "core.server": {
        "core.attribution", "core.config", "core.inference", "core.model", "core.run",
        "core.text", "core.tokenizer", "core.train", "core.system",
    },
    "core.serve": {
        "core.config", "core.inference", "core.model", "core.run", "core.text", "core.tokenizer",
        "core.system",
    },
    "data": set(),
    "tui.common": set(),
    "tui.plot": set(),
    "tui.chat": {"tui.common"},
    "tui.runs": {"tui.common", "tui.plot"},
    "tui.explore": {"tui.common", "tui.chat"},
    "tui.widgets": {"tui.common", "tui.plot", "tui.chat", "tui.runs", "tui.explore"},
    "tui.screens": {"tui.common", "tui.chat", "tui.runs", "tui.explore", "tui.widgets"},
    "tui.app": {"tui.common", "tui.runs", "tui.screens"},
    "tui.launch": {"tui.app", "tui.common", "tui.widgets"},
    "tui.cli": {"tui.common", "tui.chat", "tui.runs", "tui.explore", "tui.launch"},
    "tui.__main__": {"tui.cli", "tui.common"},
}  # fmt: skip

# Packages whose modules may load torch when imported, and their modules that must not.
TORCH = {
    "core.model", "core.inference", "core.importing", "core.export", "core.train", "core.server",
    "core.serve",
}  # fmt: skip
TORCH_FREE_IN_TORCH = {
    "core.export.output",
    "core.export.plan",
    "core.export.process",
    "core.export.programs",
    "core.export.report",
    "core.export.targets",
    "core.train.__main__",
    "core.serve.__main__",
    "core.serve.errors",
    "core.serve.events",
    "core.serve.guard",
    "core.serve.launch",
    "core.serve.listener",
    "core.serve.protocol",
    "core.serve.queue",
    "core.serve.schemas",
    "core.server.__main__",
    "core.server.codec",
    "core.server.origin",
    "core.server.protocol",
    "core.server.replies",
    "core.server.tokens",
}
LIGHT = sorted(
    package
    for package in ARROWS
    if package.startswith("core.") and package not in TORCH | {"core.doctor"}
)
# `tui` may import every light package of `core` anywhere, and of the others:
TUI_ANYWHERE = {
    *LIGHT,
    "core",
    "core.serve.events",
    "core.serve.launch",
    "core.export.plan",
    "core.export.process",
    "core.export.report",
    "core.export.targets",
    "core.server.codec",
    "core.server.protocol",
    "core.server.replies",
    "core.server.tokens",
}
TUI_CLI_LAZILY = {
    "core.inference", "core.importing", "core.export", "core.train", "core.server", "core.model",
}  # fmt: skip

IMPORTING = """
import contextlib, importlib, importlib.abc, io, json, sys

forbidden, modules = set(json.loads(sys.argv[1])), json.loads(sys.argv[2])
asked, output = set(), io.StringIO()

class Guard(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in forbidden:
            asked.add(name.partition(".")[0])
            raise ImportError(f"{name} is forbidden here")

sys.meta_path.insert(0, Guard())
offenders = {}
for module in modules:
    for ours in [name for name in sys.modules if name.partition(".")[0] in ("core", "tui")]:
        del sys.modules[ours]
    asked.clear()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            importlib.import_module(module)
        except ImportError as error:
            if not asked:
                raise
    asked.update(forbidden.intersection(name.partition(".")[0] for name in sys.modules))
    if output.getvalue():
        asked.add("printed " + repr(output.getvalue()))
        output.seek(0), output.truncate()
    if asked:
        offenders[module] = sorted(asked)
print(json.dumps(offenders))
"""

COMMANDS = """
import json, os, sys
from tui.__main__ import run

offenders = {}
for arguments in json.loads(sys.argv[1]):
    run(arguments)
    if "torch" in sys.modules:
        offenders[" ".join(arguments)] = "torch"
        break
os.write(3, json.dumps(offenders).encode())
"""


def _module_name(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def _sources(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


MODULES = {_module_name(path): path for path in _sources("core", "tui", "data")}


def _package_of(module: str) -> str:
    """The key of `ARROWS` that a module belongs to: the longest that it begins with."""
    parts = module.split(".")
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in ARROWS), module)


def _imports(module: str) -> Iterator[tuple[str, bool]]:
    """Our modules that a module imports, each with whether importing the module leaves it alone."""
    tree = ast.parse(MODULES[module].read_text())
    later = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.FunctionDef | ast.AsyncFunctionDef) or _is_type_only(block)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            base = node.module or ""
            full = [f"{base}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else base for name in full]
        for name in names:
            if name.partition(".")[0] in ("core", "tui", "data"):
                yield name, id(node) in later


def _is_type_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def test_every_arrow_between_packages_is_an_allowed_one() -> None:
    """Detects a lower package that imports a higher one; two packages that import each other."""
    arrows = {
        (_package_of(module), _package_of(imported))
        for module in MODULES
        for imported, _ in _imports(module)
        if imported.partition(".")[0] == module.partition(".")[0]
    }
    allowed = {(a, b) for a, names in ARROWS.items() for b in {*names, a}}
    allowed |= {(a, "core") for a in ARROWS if a.startswith("core")}
    assert arrows - allowed == set()


def test_the_allowed_arrows_form_no_circle() -> None:
    """Detects a table that allows two packages to import each other."""
    placed: set[str] = set()
    while len(placed) < len(ARROWS):
        free = {name for name, below in ARROWS.items() if below <= placed} - placed
        assert free, sorted(set(ARROWS) - placed)
        placed |= free


def test_core_never_imports_tui_and_tui_reaches_torch_only_from_commands() -> None:
    """Detects a trainer that needs Textual; a screen that loads torch."""
    offenders = [
        f"{module} imports {imported}"
        for module in MODULES
        for imported, lazily in _imports(module)
        if not _may_cross(module, imported, lazily=lazily)
    ]
    assert offenders == []


def _may_cross(module: str, imported: str, *, lazily: bool) -> bool:
    ours, theirs = module.partition(".")[0], imported.partition(".")[0]
    if ours == theirs or theirs == "data":
        return True
    if ours != "tui":
        return False
    if {imported, _package_of(imported)} & TUI_ANYWHERE:
        return True
    if _package_of(module) != "tui.cli":
        return False
    package = _package_of(imported)
    return package == "core.doctor" or (lazily and package in TUI_CLI_LAZILY)


def _offenders(modules: Sequence[str], forbidden: Sequence[str]) -> dict[str, list[str]]:
    """By module: which forbidden packages its import loads, or what it prints."""
    command = [sys.executable, "-c", IMPORTING, json.dumps(forbidden), json.dumps(modules)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    offenders: dict[str, list[str]] = json.loads(done.stdout)
    return offenders


def _modules_of(package: str) -> list[str]:
    return sorted(m for m in MODULES if _package_of(m) == package and not m.endswith("__main__"))


def test_core_loads_no_user_interface_and_is_silent_at_import() -> None:
    """Detects a trainer that needs a terminal's libraries; an import that prints; a circle."""
    modules = sorted(module for module in MODULES if module.startswith("core"))
    assert _offenders(modules, ["tui", "textual", "rich", "click"]) == {}


@pytest.mark.parametrize("package", [*LIGHT, "core", "core.doctor"])
def test_a_light_package_loads_no_torch(package: str) -> None:
    """Detects a command or screen that starts slowly because one of its modules loads torch."""
    modules = _modules_of(package)
    assert modules
    assert _offenders(modules, ["torch"]) == {}


def test_modules_that_must_answer_before_torch_is_loaded_do_not_load_it() -> None:
    """Detects a process that ignores signals for two seconds; a client that loads torch."""
    assert set(MODULES) >= TORCH_FREE_IN_TORCH
    assert _offenders(sorted(TORCH_FREE_IN_TORCH), ["torch"]) == {}


def test_the_terminal_loads_no_torch_by_itself() -> None:
    """Detects a first frame that waits for torch."""
    modules = sorted(module for module in MODULES if module.startswith("tui"))
    assert _offenders(modules, ["torch"]) == {}


def test_light_commands_and_mistakes_load_no_torch(tmp_path: Path) -> None:
    """Detects a list, a help text or an error message that comes seconds late."""
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
        ["serve", "--help"],
        ["serve", "nothing"],
        ["serve", "nothing", "--host", "0.0.0.0"],
        ["export", "--help"],
        ["export", "nothing", "--to", "hf"],
        ["train", "lnag"],
        ["train", "lang", "--set", "layers=0"],
        ["train", "lang", "--from", "nothing"],
    ]
    read, write = os.pipe()
    # The result comes through descriptor 3; the commands' own output is discarded.
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
    with os.fdopen(read) as result:
        assert json.loads(result.read()) == {}


def test_a_package_has_one_sentence_and_no_re_exports() -> None:
    """Detects a second import path for a class; an `__init__` that loads torch."""
    for path in _sources("core", "tui", "data"):
        if path.name == "__init__.py":
            tree = ast.parse(path.read_text())
            docstring = ast.get_docstring(tree) or ""
            assert len(tree.body) == 1, path
            assert docstring.endswith("."), path
            assert "TODO" not in docstring, path


SPEAKING = ("print", "sys.stdout", "sys.stderr", "input")
UNPICKLING = ("torch.load", "np.load", "numpy.load", "pickle", "marshal", "shelve", "eval", "exec")


@pytest.mark.parametrize(
    ("packages", "names"),
    [(("core",), SPEAKING), (("core", "tui", "data"), UNPICKLING)],
    ids=["core prints nothing", "nothing runs code from a file"],
)
def test_forbidden_functions_are_not_used(packages: Sequence[str], names: Sequence[str]) -> None:
    """Detects a trainer's line in the middle of a screen; a model file that runs code."""
    uses = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in _sources(*packages)
        for name, line in _used(path)
        if name in names
    ]
    assert uses == []


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

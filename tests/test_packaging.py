"""The wheel as a stranger gets it: built, installed and used where other folders have our names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
BUNDLED = ["lang", "arithmetic", "dialogues", "translation", "sentiment", "questions", "stories"]
TINY = [
    "--set", "layers=1", "--set", "heads=2", "--set", "d_model=16", "--set", "d_ff=24",
    "--set", "threads=1", "--steps", "5",
]  # fmt: skip

# In every folder of our names where the user stands.
TRAP = """
import pathlib
(pathlib.Path(__file__).parent / "marker").write_text("imported")
raise RuntimeError("a folder of the user was imported")
"""


def _run(*command: str | Path, cwd: Path, **more: str) -> str:
    """What a command that succeeds prints."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | more
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked files: what somebody who clones the project has."""
    folder = tmp_path_factory.mktemp("source")
    names = _run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    for name in filter(None, names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    _run(*build, "-w", folder, ".", cwd=source)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; what it depends on is read from the one the tests run in.

    A folder named in a .pth file is searched, its own .pth files are not read: the checkout that is
    installed in our environment for development is not found through it.
    """
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    _run(*pip, "install", "--no-index", "--no-deps", wheel, cwd=folder)
    packages = _run(
        python, "-P", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    ).strip()
    theirs = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(packages) / "dependencies.pth").write_text("\n".join(sorted(theirs)) + "\n")
    return folder


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """A working directory with folders that are called as our packages are."""
    folder = tmp_path / "here"
    for name in ("core", "tui", "data"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(TRAP)
    return folder


@pytest.mark.parametrize("package", ["core", "tui", "data"])
def test_the_wheel_has_every_module_and_text(wheel: Path, source: Path, package: str) -> None:
    """A file that is there in the checkout and missing once installed."""
    kinds = {".py", ".typed", ".tcss", ".txt", ".toml", ".md"}
    tracked = {
        str(path.relative_to(source))
        for path in (source / package).rglob("*")
        if path.suffix in kinds or path.name == "py.typed"
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith(f"{package}/")}
    assert packed == tracked


def test_the_wheel_has_the_texts_the_types_and_the_licence_but_no_tests(wheel: Path) -> None:
    """Corpora that stay behind; a package named `tests` in everybody's environment."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert names >= {f"data/{corpus}/corpus.txt" for corpus in BUNDLED}
    assert names >= {f"data/{corpus}/about.toml" for corpus in BUNDLED}
    assert names >= {"core/py.typed", "tui/py.typed"}
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"core", "tui", "data"}
    assert any(name.endswith("/LICENSE") for name in names)


def test_the_trap_springs(installed: Path, crowded: Path) -> None:
    """A test below that finds no marker because none is ever written."""
    python = installed / "bin" / "python"
    done = subprocess.run([python, "-B", "-c", "import data"], cwd=crowded, capture_output=True)
    assert done.returncode == 1
    assert (crowded / "data" / "marker").is_file()


def test_the_installed_program_works_where_folders_have_its_names(
    installed: Path, crowded: Path, tmp_path: Path
) -> None:
    """A user's folder `data` that is imported for ours; a text that is looked for in a checkout."""
    program, home = installed / "bin" / "minigpt-tui", str(tmp_path / "home")
    for package in ("core", "tui", "data"):
        where = f"import {package}; print({package}.__file__)"
        found = _run(installed / "bin" / "python", "-P", "-c", where, cwd=crowded).strip()
        assert Path(found).is_relative_to(installed)
    threads = {"MINIGPT_HOME": home, "OMP_NUM_THREADS": "1"}
    assert _listed(program, crowded, threads) == sorted(BUNDLED)
    said = _run(program, "--version", cwd=crowded, **threads)
    assert said.startswith("minigpt-tui ")
    _run(program, "train", "lang", *TINY, cwd=crowded, **threads)
    generated = _run(program, "generate", "lang", "Python", cwd=crowded, **threads)
    assert generated.endswith("\n")
    assert _run(program, "path", "lang", cwd=crowded, **threads).startswith(home)
    assert sorted(path.name for path in crowded.rglob("*") if path.is_file()) == ["__init__.py"] * 3


def _listed(program: Path, cwd: Path, environment: Mapping[str, str]) -> list[str]:
    """The names `corpora` lists."""
    head, *rows = _run(program, "corpora", cwd=cwd, **environment).splitlines()
    assert head.startswith("NAME")
    return sorted(row.split()[0] for row in rows)

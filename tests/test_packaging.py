"""The wheel as users get it: built, installed, and run beside folders with our packages' names."""

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

# The `__init__.py` of folders in the working directory that are named like our packages.
TRAP = """
import pathlib
(pathlib.Path(__file__).parent / "marker").write_text("imported")
raise RuntimeError("a folder of the user was imported")
"""


def _run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a command that must succeed, without Python's variables; return its standard output."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    result = subprocess.run(
        command, cwd=cwd, env=inherited | variables, capture_output=True, text=True, timeout=240
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked files, as in a fresh clone."""
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
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and the dependencies of the tests' own environment.

    Those are added through a .pth file. The .pth files of the folders it names are not read, so the
    checkout that is installed there for development is not found.
    """
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    _run(*pip, "install", "--no-index", "--no-deps", wheel, cwd=folder)
    packages = _run(
        python, "-P", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    ).strip()
    dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(packages) / "dependencies.pth").write_text("\n".join(sorted(dependencies)) + "\n")
    return folder


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """A working directory with folders named like our packages."""
    folder = tmp_path / "here"
    for name in ("core", "tui", "data"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(TRAP)
    return folder


@pytest.mark.parametrize("package", ["core", "tui", "data"])
def test_the_wheel_has_every_tracked_file_of_a_package(
    wheel: Path, source: Path, package: str
) -> None:
    kinds = {".py", ".typed", ".tcss", ".txt", ".csv", ".gz", ".toml", ".md"}
    tracked = {
        str(path.relative_to(source))
        for path in (source / package).rglob("*")
        if path.suffix in kinds or path.name == "py.typed"
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith(f"{package}/")}
    assert packed == tracked


def test_the_wheel_has_corpora_type_markers_and_licence_but_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    files = [name for name in names if name.startswith("data/") and "/corpus." in name]
    corpora = {name.partition("/corpus.")[0] for name in files}
    assert corpora == {f"data/{corpus}" for corpus in BUNDLED}
    assert names >= {f"data/{corpus}/about.toml" for corpus in BUNDLED}
    assert names >= {"core/py.typed", "tui/py.typed"}
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"core", "tui", "data"}
    assert any(name.endswith("/LICENSE") for name in names)


def test_importing_a_folder_of_the_user_leaves_a_marker(installed: Path, crowded: Path) -> None:
    """The next test checks that there is no marker."""
    python = installed / "bin" / "python"
    result = subprocess.run([python, "-B", "-c", "import data"], cwd=crowded, capture_output=True)
    assert result.returncode == 1
    assert (crowded / "data" / "marker").is_file()


def test_the_installed_program_ignores_folders_with_its_packages_names(
    installed: Path, crowded: Path, tmp_path: Path
) -> None:
    program, home = installed / "bin" / "minigpt-tui", str(tmp_path / "home")
    for package in ("core", "tui", "data"):
        code = f"import {package}; print({package}.__file__)"
        path = _run(installed / "bin" / "python", "-P", "-c", code, cwd=crowded).strip()
        assert Path(path).is_relative_to(installed)
    variables = {"MINIGPT_HOME": home, "OMP_NUM_THREADS": "1"}
    assert _listed_corpora(program, crowded, variables) == sorted(BUNDLED)
    version = _run(program, "--version", cwd=crowded, **variables)
    assert version.startswith("minigpt-tui ")
    _run(program, "train", "lang", *TINY, cwd=crowded, **variables)
    generated = _run(program, "generate", "lang", "Python", cwd=crowded, **variables)
    assert generated.endswith("\n")
    assert _run(program, "path", "lang", cwd=crowded, **variables).startswith(home)
    assert sorted(path.name for path in crowded.rglob("*") if path.is_file()) == ["__init__.py"] * 3


def _listed_corpora(program: Path, cwd: Path, environment: Mapping[str, str]) -> list[str]:
    head, *rows = _run(program, "corpora", cwd=cwd, **environment).splitlines()
    assert head.startswith("NAME")
    return sorted(row.split()[0] for row in rows)

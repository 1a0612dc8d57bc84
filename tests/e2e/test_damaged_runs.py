"""Files of a run that are damaged, missing, or of a newer version: said, and nothing else lost."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core.paths import find_home
from core.run.directory import Run
from core.run.store import find_run
from tests.support.runners import TINY, small_text
from tui.__main__ import run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a run of a few steps."""
    folder = tmp_path_factory.mktemp("trained")
    text = small_text(folder)
    home = folder / "home"
    asked = ["train", str(text), "--name", "pets", "--foreground", "--steps", "6", *TINY]
    assert run(["--home", str(home), *asked, "--set", "eval_steps=3"]) == 0
    return home


@pytest.fixture
def one(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A copy of it, to be damaged."""
    shutil.copytree(trained, tmp_path / "home", symlinks=True)
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    return find_run(find_home(tmp_path / "home"), "pets")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def huge(path: Path) -> None:
    """A header that claims a terabyte."""
    path.write_bytes((1 << 40).to_bytes(8, "little") + b"{}")


def gone(path: Path) -> None:
    path.unlink()


def noise(path: Path) -> None:
    path.write_bytes(b"\xff\x00\x1b]0;title\x07" * 50)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weights": [1.0]}))


def newer(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))


DAMAGE: list[tuple[str, Callable[[Path], None]]] = [
    *[("record", how) for how in (cut, zero, noise, newer)],
    *[("config", how) for how in (cut, gone, noise, folder)],
    *[("tokenizer", how) for how in (cut, gone, noise, folder, pickled)],
    *[("weights", how) for how in (cut, zero, huge, gone, noise, folder, pickled)],
]


@pytest.mark.parametrize(("file", "how"), DAMAGE, ids=lambda v: getattr(v, "__name__", v))
def test_a_model_with_a_damaged_file_is_refused_by_its_name(
    file: str, how: Callable[[Path], None], one: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    path: Path = getattr(one, file)
    capsys.readouterr()
    how(path)
    assert run(["generate", "pets", "the cat"]) == 2
    said = capsys.readouterr().err
    assert path.name in said or "newer version" in said
    assert "Traceback" not in said
    assert "\x1b" not in said


@pytest.mark.parametrize("how", [cut, zero, gone, noise, folder])
@pytest.mark.parametrize("file", ["record", "config", "tokenizer", "weights", "events", "log"])
def test_lists_show_what_is_left_of_a_damaged_run(
    file: str, how: Callable[[Path], None], one: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    path: Path = getattr(one, file)
    path.touch()
    how(path)
    for arguments in (["ls"], ["ls", "--json"], ["show", "pets"], ["logs", "pets"]):
        code = run(arguments)
        said = capsys.readouterr()
        assert code in (0, 2), (arguments, said)
        assert "Traceback" not in said.err
        assert "\x1b" not in said.out + said.err
        assert "\x07" not in said.out + said.err


@pytest.mark.parametrize("how", [cut, zero, noise])
def test_a_run_with_damaged_events_can_be_resumed(
    how: Callable[[Path], None], one: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    how(one.events)
    assert run(["resume", "pets", "--foreground", "--steps", "2"]) == 0
    assert "Traceback" not in capsys.readouterr().err


def test_a_checkpoint_of_a_newer_version_is_said(
    one: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in (3, 6):
        newer(one.checkpoint(step).state)
    capsys.readouterr()
    assert run(["resume", "pets", "--foreground", "--steps", "2"]) == 2
    assert "newer" in capsys.readouterr().err


def test_last_that_leads_out_of_the_folder_is_not_followed(
    one: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = one.folder.parent / "outside"
    shutil.copytree(one.checkpoint(6).folder, outside)
    one.last_checkpoint.write_text("../../outside\n")
    assert run(["resume", "pets", "--foreground", "--steps", "2"]) == 0
    events = one.events.read_text()
    assert "missing or damaged" in events


def test_a_pickle_is_not_opened(one: Run, tmp_path: Path) -> None:
    """Whoever opens one runs its code."""
    mark = tmp_path / "opened"

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (mark,)

    one.weights.write_bytes(pickle.dumps(Bomb()))
    assert run(["generate", "pets", "the cat"]) == 2
    assert not mark.exists()


def test_nothing_in_the_source_unpickles() -> None:
    barred = ("pickle", "torch.load", "np.load(", "shelve", "marshal", "yaml", "eval(", "exec(")
    root = Path(__file__).parents[2]
    sources = [path for name in ("core", "tui", "data") for path in (root / name).rglob("*.py")]
    found = [
        (path.name, word)
        for path in sources
        for word in barred
        if any(
            word in line and f".{word}" not in line and f"_{word}" not in line
            for line in path.read_text().splitlines()
            if not line.lstrip().startswith(("#", '"'))
        )
    ]
    assert found == []

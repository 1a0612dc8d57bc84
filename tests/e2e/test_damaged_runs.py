"""Damaged, missing or newer files of a run: a clear error, and the rest stays usable."""

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
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a run of a few steps."""
    replace_by_folder = tmp_path_factory.mktemp("trained")
    text = small_text(replace_by_folder)
    home = replace_by_folder / "home"
    arguments = ["train", str(text), "--name", "pets", "--foreground", "--steps", "6", *TINY]
    assert run(["--home", str(home), *arguments, "--set", "eval_steps=3"]) == 0
    return home


@pytest.fixture
def run_copy(trained_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A copy of that run."""
    shutil.copytree(trained_home, tmp_path / "home", symlinks=True)
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path / "home"))
    return find_run(find_home(tmp_path / "home"), "pets")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zero_fill(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def claim_terabyte(path: Path) -> None:
    """A safetensors header that claims a terabyte."""
    path.write_bytes((1 << 40).to_bytes(8, "little") + b"{}")


def remove(path: Path) -> None:
    path.unlink()


def fill_with_noise(path: Path) -> None:
    path.write_bytes(b"\xff\x00\x1b]0;title\x07" * 50)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weights": [1.0]}))


def set_newer_format(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))


DAMAGES: list[tuple[str, Callable[[Path], None]]] = [
    *[("record", damage) for damage in (truncate, zero_fill, fill_with_noise, set_newer_format)],
    *[("config", damage) for damage in (truncate, remove, fill_with_noise, replace_by_folder)],
    *[
        ("tokenizer", damage)
        for damage in (truncate, remove, fill_with_noise, replace_by_folder, replace_by_pickle)
    ],
    *[
        ("weights", damage)
        for damage in (
            truncate,
            zero_fill,
            claim_terabyte,
            remove,
            fill_with_noise,
            replace_by_folder,
            replace_by_pickle,
        )
    ],
]


@pytest.mark.parametrize(("file", "damage"), DAMAGES, ids=lambda v: getattr(v, "__name__", v))
def test_generate_names_the_damaged_file(
    file: str, damage: Callable[[Path], None], run_copy: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    path: Path = getattr(run_copy, file)
    capsys.readouterr()
    damage(path)
    assert run(["generate", "pets", "the cat"]) == 2
    output = capsys.readouterr().err
    assert path.name in output or "newer version" in output
    assert "Traceback" not in output
    assert "\x1b" not in output


@pytest.mark.parametrize(
    "damage", [truncate, zero_fill, remove, fill_with_noise, replace_by_folder]
)
@pytest.mark.parametrize("file", ["record", "config", "tokenizer", "weights", "events", "log"])
def test_list_and_show_work_with_a_damaged_run(
    file: str, damage: Callable[[Path], None], run_copy: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    path: Path = getattr(run_copy, file)
    path.touch()
    damage(path)
    for arguments in (["ls"], ["ls", "--json"], ["show", "pets"], ["logs", "pets"]):
        code = run(arguments)
        output = capsys.readouterr()
        assert code in (0, 2), (arguments, output)
        assert "Traceback" not in output.err
        assert "\x1b" not in output.out + output.err
        assert "\x07" not in output.out + output.err


@pytest.mark.parametrize("damage", [truncate, zero_fill, fill_with_noise])
def test_a_run_with_damaged_events_can_be_resumed(
    damage: Callable[[Path], None], run_copy: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(run_copy.events)
    assert run(["resume", "pets", "--foreground", "--steps", "2"]) == 0
    assert "Traceback" not in capsys.readouterr().err


def test_a_checkpoint_of_a_newer_version_is_reported(
    run_copy: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in (3, 6):
        set_newer_format(run_copy.checkpoint(step).state)
    capsys.readouterr()
    assert run(["resume", "pets", "--foreground", "--steps", "2"]) == 2
    assert "newer" in capsys.readouterr().err


def test_a_checkpoint_pointer_out_of_the_run_is_ignored(
    run_copy: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = run_copy.folder.parent / "outside"
    shutil.copytree(run_copy.checkpoint(6).folder, outside)
    run_copy.last_checkpoint.write_text("../../outside\n")
    assert run(["resume", "pets", "--foreground", "--steps", "2"]) == 0
    events = run_copy.events.read_text()
    assert "missing or damaged" in events


def test_a_pickle_is_not_loaded(run_copy: Run, tmp_path: Path) -> None:
    """Loading a pickle runs its code."""
    marker = tmp_path / "opened"

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (marker,)

    run_copy.weights.write_bytes(pickle.dumps(Bomb()))
    assert run(["generate", "pets", "the cat"]) == 2
    assert not marker.exists()


def test_the_source_uses_no_unsafe_loader() -> None:
    forbidden = ("pickle", "torch.load", "np.load(", "shelve", "marshal", "yaml", "eval(", "exec(")
    root = Path(__file__).parents[2]
    sources = [path for name in ("core", "tui", "data") for path in (root / name).rglob("*.py")]
    uses = [
        (path.name, word)
        for path in sources
        for word in forbidden
        if any(
            word in line and f".{word}" not in line and f"_{word}" not in line
            for line in path.read_text().splitlines()
            if not line.lstrip().startswith(("#", '"'))
        )
    ]
    assert uses == []

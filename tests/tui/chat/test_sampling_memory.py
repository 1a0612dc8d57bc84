"""The sampling settings last used with a run come back; damaged or foreign ones do not."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.configs import SamplingConfig
from core.errors import StorageError
from core.paths import find_home
from core.run.directory import Run
from tests.support.runs import make_run
from tui.chat.sampling_memory import initial_controls, remember_controls, remembered_values
from tui.common.sampling_settings import SamplingControls
from tui.common.user_config import UserConfig, load_user_config

GREEDY = SamplingControls()
WARM = SamplingControls(SamplingConfig(temperature=0.8, top_p=0.95, max_tokens=20), fixed=False)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(find_home(tmp_path / "home"), "lang")


def test_a_run_that_nobody_changed_begins_greedily(run: Run) -> None:
    assert initial_controls(run, UserConfig()) == GREEDY


def test_the_configured_settings_apply_until_others_are_chosen(run: Run, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[sampling]\ntemperature = 0.5\nseed = 3\n")
    config = load_user_config(tmp_path / "c.toml")
    configured = SamplingControls(SamplingConfig(temperature=0.5, seed=3), fixed=True)
    assert initial_controls(run, config) == configured
    remember_controls(run, GREEDY)
    assert initial_controls(run, config).greedy


settings = st.builds(
    SamplingConfig,
    temperature=st.floats(0, 5),
    top_k=st.integers(0, 1000),
    top_p=st.floats(0, 1),
    min_p=st.floats(0, 1),
    repetition_penalty=st.floats(0.5, 3),
    max_tokens=st.integers(1, 10_000),
    seed=st.integers(0, 2**63 - 1),
)


@given(settings, st.booleans())
def test_settings_come_back_and_a_seed_only_if_it_is_fixed(
    config: SamplingConfig, fixed: bool
) -> None:
    controls = SamplingControls(config, fixed=fixed)
    with tempfile.TemporaryDirectory() as folder:
        remember_controls(Run(Path(folder)), controls)
        again = initial_controls(Run(Path(folder)), UserConfig())
    assert remembered_values(again) == remembered_values(controls)
    assert again.config.seed == (config.seed if fixed else 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"temperature": "warm"}',
        '{"temperature": 1e999}',
        '{"top_p": 3}',
        '{"heat": 3}',
        '{"temperature": 0.8, "fixed": 1}',
        '{"temperature": 0.8, "x": "' + "y" * 5000 + '"}',
    ],
)
def test_a_file_that_is_not_valid_counts_as_none(run: Run, text: str) -> None:
    run.sampling.write_text(text)
    assert initial_controls(run, UserConfig()) == GREEDY


def test_a_pipe_does_not_block_and_a_link_is_replaced_not_followed(
    run: Run, tmp_path: Path
) -> None:
    os.mkfifo(run.sampling)
    assert initial_controls(run, UserConfig()) == GREEDY
    run.sampling.unlink()
    (tmp_path / "other").write_text("mine")
    run.sampling.symlink_to(tmp_path / "other")
    remember_controls(run, WARM)
    assert (tmp_path / "other").read_text() == "mine"
    assert json.loads(run.sampling.read_text())["temperature"] == 0.8


def test_a_deleted_run_stays_deleted(run: Run) -> None:
    shutil.rmtree(run.folder)
    remember_controls(run, WARM)
    assert not run.folder.exists()


def test_a_run_that_cannot_be_written_is_named(run: Run) -> None:
    run.sampling.mkdir()
    with pytest.raises(StorageError, match=r"sampling\.json: "):
        remember_controls(run, WARM)

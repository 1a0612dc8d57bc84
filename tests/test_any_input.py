"""Whatever comes in: it is used, or refused in words. Never another exception, never elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import runs, tokens
from core.config import SamplingConfig, TrainConfig
from core.errors import InputError, MiniGPTError, SettingsError
from core.facts import facts
from core.finding import find
from core.learning import learn
from core.paths import Home, find_home
from core.settings import check_values, parse_value, settings_of
from core.summary import summary
from core.tokenizer import Tokenizer

quick = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty library, with something beside it that is none of its business."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "run.json").write_text("{}")
    return find_home(tmp_path / "home")


@given(name=st.text(max_size=80) | st.from_regex(r"[./]{0,4}[a-z./]{0,12}", fullmatch=True))
@quick
def test_no_name_leaves_the_folder_of_runs(name: str, home: Home) -> None:
    try:
        runs.check_name(name)
    except InputError:
        with pytest.raises(InputError):
            runs.find(home, name)
        return
    inside = (home.runs / name).resolve()
    assert inside.parent == home.runs.resolve()


@given(data=st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
@quick
def test_any_bytes_are_a_text_with_tokens_or_are_refused(data: bytes, home: Home) -> None:
    path = home.root.parent / "text"
    path.write_bytes(data)
    try:
        corpus = find(str(path), home)
        found = facts(corpus)
        tokenizer = learn(corpus, found.reading, "char").tokenizer
        made = tokens.build(corpus, found.reading, tokenizer, home)
    except InputError as error:
        assert "text" in str(error)
        return
    assert int(made.ids.max()) < tokenizer.vocab_size


@given(
    name=st.sampled_from([*settings_of(TrainConfig), *settings_of(SamplingConfig), "x", ""]),
    text=st.text(max_size=20) | st.integers().map(str) | st.floats().map(str),
)
def test_any_value_of_a_setting_is_taken_or_refused(name: str, text: str) -> None:
    owner = TrainConfig if name in settings_of(TrainConfig) else SamplingConfig
    try:
        value = parse_value(owner, name, text)
    except SettingsError as error:
        assert name in error.problems
        return
    assert check_values(owner, {name: value}) in ({},) or name in check_values(owner, {name: value})


@given(values=st.dictionaries(st.sampled_from([*settings_of(TrainConfig), "x"]), json_values))
def test_any_json_is_settings_or_refused(values: dict[str, Any]) -> None:
    problems = check_values(TrainConfig, values)
    assert set(problems) <= set(values)


@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
@given(prompt=st.text(max_size=60))
@quick
def test_any_prompt_gives_ids_or_names_what_is_unknown(kind: str, prompt: str) -> None:
    tokenizer = Tokenizer.train(kind, ["the cat sat on the mat", "猫 🙂"])
    try:
        ids = tokenizer.encode_prompt(prompt)
    except InputError as error:
        assert kind != "bpe"
        assert error.hint
        return
    assert all(0 <= id < tokenizer.vocab_size for id in ids)


@given(
    record=st.dictionaries(st.text(max_size=8) | st.sampled_from(["format", "corpus"]), json_values)
)
@quick
def test_any_record_is_read_or_said_to_be_damaged(record: dict[str, Any], home: Home) -> None:
    folder = home.runs / "one"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(record))
    run = runs.find(home, "one")
    row = summary(run)
    try:
        runs.read_record(run)
    except MiniGPTError as error:
        assert row.problem == str(error)
    else:
        assert row.problem == ""

"""Arbitrary names, settings, events, texts, prompts and records either work or are rejected."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.config.configs import ModelConfig, SamplingConfig, TrainConfig
from core.config.schema import find_value_problems, from_json, parse_value, setting_specs, to_json
from core.dataset import token_store
from core.errors import InputError, MiniGPTError, SettingsError
from core.paths import Home, find_home
from core.run.directory import Run
from core.run.event_log import EventTail
from core.run.history import History
from core.run.status import STATUSES
from core.run.store import (
    RUN_NAME,
    check_free,
    check_name,
    find_run,
    list_runs,
    propose_name,
)
from core.run.summary import summarize_run, summarize_runs
from core.text import resolve, stats
from core.text.corpus import CHAT_READINGS, READINGS, Corpus
from core.tokenizer.tokenizer import KINDS, Tokenizer
from tests.support.runs import make_run
from tui.__main__ import run as command
from tui.cli.show import show_run

CONFIGS = (ModelConfig, TrainConfig, SamplingConfig)
# Names from the command line (invalid UTF-8 included), from a file, or hostile ones.
any_name = st.one_of(
    st.text(max_size=300),
    st.binary(max_size=80).map(os.fsdecode),
    st.text(alphabet="aZ0._-/\\~\0\n\x1b\u202e ", max_size=70),
    st.sampled_from(["..", ".", "../x", "a/../b", "/etc", "~", "con", "a" * 300, "-", "runs"]),
)
any_number = st.integers() | st.integers(-(10**400), 10**400) | st.floats()
any_json = st.recursive(
    st.none() | st.booleans() | any_number | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
shared_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return find_home(tmp_path_factory.mktemp("any"))


@given(name=any_name)
def test_run_names_never_leave_the_folder_of_runs(name: str, home: Home) -> None:
    for function in (
        lambda: find_run(home, name),
        lambda: check_free(home, name),
        lambda: check_name(name),
    ):
        try:
            function()
        except InputError as error:
            str(error).encode("utf-8", "surrogateescape")
        assert (home.runs / name).parent == home.runs or not RUN_NAME.fullmatch(name)
    assert (home.runs / propose_name(home, name)).parent == home.runs


@given(spec=any_name)
def test_any_corpus_name_is_resolved_or_rejected(spec: str, home: Home) -> None:
    if spec in ("-", "~") or spec.startswith(("/", "..", ".", "~")) or "*" in spec or "/" in spec:
        return  # standard input would wait, real folders would be read
    try:
        resolve.resolve_corpus(spec, home)
    except InputError as error:
        assert error.hint


@given(st.sampled_from(CONFIGS), st.dictionaries(st.text(max_size=5), any_json, max_size=3))
def test_any_settings_of_a_file_are_loaded_or_rejected(
    config: type[Any], values: dict[str, Any]
) -> None:
    known = list(setting_specs(config))
    values |= {known[len(name) * 7 % len(known)]: value for name, value in values.items()}
    for subset in (values, {name: values[name] for name in values if name in known}):
        find_value_problems(config, subset)
        try:
            config_value = from_json(config, subset)
        except SettingsError as error:
            assert error.problems
            continue
        assert from_json(config, json.loads(json.dumps(to_json(config_value)))) == config_value


@given(config=st.sampled_from(CONFIGS), data=st.data())
def test_any_typed_setting_is_parsed_or_rejected(config: type[Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(list(setting_specs(config))) | st.text(max_size=12))
    text = data.draw(
        st.text(max_size=12) | any_number.map(repr) | st.sampled_from(["9" * 5000, "1e999"])
    )
    try:
        value = parse_value(config, name, text)
        config_value = config(**{name: value})
    except SettingsError as error:
        assert name in error.problems
        return
    assert (
        from_json(config, json.loads(json.dumps(dataclasses.asdict(config_value)))) == config_value
    )


event_lines = st.one_of(
    st.binary(max_size=40),
    any_json.map(lambda value: json.dumps(value).encode()),
    st.builds(
        lambda kind, time, step, fields: json.dumps(
            {**fields, "type": kind, "time": time, "step": step}
        ).encode(),
        st.sampled_from(["started", "prepared", "step", "epoch", "saved", "failed", "x"]),
        any_json,
        st.integers(-1, 2**70) | any_json,
        st.dictionaries(
            st.sampled_from(["reasons", "model", "train", "reference", "steps", "elapsed", "text",
                             "epoch", "val_loss", "parameters", "resumed_from", "host", "boot"]),
            any_json,
            max_size=5,
        ),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def foreign_run(home: Home) -> Run:
    text = {"name": "t", "sha256": "", "reading": "lines", "encoding": "", "errors": "", "size": 1}
    return make_run(home, "foreign", {"corpus": text, "train": {}, "model": {}, "seed": 1})


@shared_fixtures
@given(written_lines=st.lists(event_lines, max_size=8))
def test_a_run_with_any_events_is_listed_and_shown(
    written_lines: list[bytes], foreign_run: Run, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign_run.events.write_bytes(b"\n".join(written_lines))
    history, tail = History(), EventTail(foreign_run.events)
    while batch := tail.read():
        history.apply_all(batch)
    assert summarize_run(foreign_run).status in STATUSES
    for as_json in (False, True):
        show_run(foreign_run, as_json)
    assert "\x1b" not in capsys.readouterr().out


any_record = st.one_of(
    any_json,
    st.fixed_dictionaries(
        {},
        optional={
            "format": st.just(1) | any_json,
            "corpus": st.just({"name": "t", "size": 1, "reading": "text"}) | any_json,
            "train": st.just({}) | any_json,
            "model": st.just({}) | any_json,
            "seed": st.just(1) | any_json,
            "parent": any_json,
            "created": any_json,
        },
    ),
    st.fixed_dictionaries(
        {
            "format": st.just(1),
            "seed": st.just(1),
            "train": st.just({"a": 1}),
            "model": st.just({}),
            "corpus": st.fixed_dictionaries(
                {
                    "name": st.text(max_size=5),
                    "sha256": st.text(max_size=5),
                    "reading": st.sampled_from(READINGS),
                    "encoding": st.text(max_size=5),
                    "errors": st.text(max_size=5),
                    "size": st.integers(0, 2**62) | any_json,
                }
            ),
        },
        optional={"parent": st.none() | st.dictionaries(st.text(max_size=4), any_json, max_size=2)},
    ),
)


@shared_fixtures
@given(record=any_record)
def test_a_run_with_any_record_is_listed_and_shown_or_reported_as_damaged(
    record: Any, foreign_run: Run, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign_run.record.write_text(json.dumps(record))
    foreign_run.events.write_bytes(b"")
    assert "foreign" in [row.name for row in summarize_runs(home)]
    for arguments in (["ls"], ["ls", "--json"], ["show", "foreign"], ["show", "foreign", "--json"]):
        assert command(["--home", str(home.root), *arguments]) in (0, 2)
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err
    assert [run.name for run in list_runs(home)] == ["foreign"]


any_content = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(max_size=50).map(lambda text: text.encode("utf-16", "surrogatepass")),
    st.text(alphabet="ab \n\r\t\0\x1c\u2028\ufeff", max_size=60).map(str.encode),
)
TOKENIZERS = {kind: Tokenizer.train(kind, ["the cat é 猫\n<eos>"], None) for kind in KINDS}


@shared_fixtures
@given(
    data=any_content,
    suffix=st.sampled_from([".txt", ".jsonl", ".gz", ".jsonl.gz"]),
    encoding=st.sampled_from(["utf-8", "utf-8:replace", "latin-1", "utf-16", "gb18030"]),
    kind=st.sampled_from(KINDS),
)
def test_any_bytes_are_a_corpus_or_rejected(
    data: bytes, suffix: str, encoding: str, kind: str, home: Home
) -> None:
    """Statistics succeed exactly for texts that can be tokenized, with ids in range."""
    path = home.root / f"text{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    name, _, replace = encoding.partition(":")
    corpus = Corpus(name="t", files=(path,), encoding=name, errors=replace or "strict")
    try:
        corpus_stats = stats.compute_stats(corpus)
    except InputError as error:
        assert str(path) in error.message
        with pytest.raises(InputError):
            token_store.build_tokens(corpus, "text", TOKENIZERS[kind], home)
        return
    assert corpus_stats.characters > 0
    for reading in READINGS:
        tokenizer = TOKENIZERS[kind]
        if reading in CHAT_READINGS:
            tokenizer = tokenizer.with_roles()
        try:
            store = token_store.build_tokens(corpus, reading, tokenizer, home)
        except InputError:
            assert reading in CHAT_READINGS, "only a format that the file does not have"
            continue
        assert len(store.ids) > 0
        assert int(store.ids.max()) < tokenizer.vocab_size
    shutil.rmtree(home.cache)


@given(text=any_name | st.text(alphabet="the cat é猫<eos>\ud800", max_size=40))
def test_any_prompt_becomes_ids_in_range_or_is_rejected(text: str) -> None:
    for kind, tokenizer in TOKENIZERS.items():
        try:
            ids = tokenizer.encode_prompt(text)
        except InputError as error:
            assert error.hint, kind
            continue
        assert all(3 <= id < tokenizer.vocab_size for id in ids)
        tokenizer.decode(ids).encode()


def test_deeply_nested_json_is_rejected_before_it_is_written_again(
    foreign_run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python reads slightly deeper nesting than it can write; both end at about 1,000 levels."""
    text = {"name": "t", "sha256": "", "reading": "lines", "encoding": "", "errors": "", "size": 1}
    record = json.dumps({"format": 1, "corpus": text, "train": {}, "model": {}, "seed": 1})
    for depth in (101, 800, *range(900, 1000, 9)):
        deep = "[" * depth + "]" * depth
        foreign_run.record.write_text(f'{record[:-1]}, "deep": {deep}}}')
        event = f'{{"type":"prepared","time":1,"step":1,"model":{{"a":{deep}}}}}\n'
        foreign_run.events.write_text(event)
        with pytest.raises(MiniGPTError, match=r"nested deeper than|recursion depth"):
            show_run(foreign_run, as_json=True)
        foreign_run.record.write_text(record)
        show_run(foreign_run, as_json=True)
        assert len(capsys.readouterr().out) < 2000

"""Whatever comes: names, settings, lines of events, bytes of texts, prompts, records. (hypothesis)

Each either works or ends in an error with words for a person; nothing else may come out.
"""

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
from core.text.corpus import READINGS, Corpus
from core.tokenizer.tokenizer import KINDS, Tokenizer
from tests.support.runs import make_run
from tui.__main__ import run as command
from tui.cli.show import show_run

CONFIGS = (ModelConfig, TrainConfig, SamplingConfig)
# Names as they come from an argument (bytes that are no text included), a file, a neighbour.
names = st.one_of(
    st.text(max_size=300),
    st.binary(max_size=80).map(os.fsdecode),
    st.text(alphabet="aZ0._-/\\~\0\n\x1b\u202e ", max_size=70),
    st.sampled_from(["..", ".", "../x", "a/../b", "/etc", "~", "con", "a" * 300, "-", "runs"]),
)
numbers = st.integers() | st.integers(-(10**400), 10**400) | st.floats()
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return find_home(tmp_path_factory.mktemp("any"))


@given(name=names)
def test_no_name_leaves_the_folder_of_runs(name: str, home: Home) -> None:
    """A `rm` or a `--name` that reaches beyond it."""
    for ask in (
        lambda: find_run(home, name),
        lambda: check_free(home, name),
        lambda: check_name(name),
    ):
        try:
            ask()
        except InputError as error:
            str(error).encode("utf-8", "surrogateescape")
        assert (home.runs / name).parent == home.runs or not RUN_NAME.fullmatch(name)
    assert (home.runs / propose_name(home, name)).parent == home.runs


@given(spec=names)
def test_any_name_of_a_text_is_found_or_refused(spec: str, home: Home) -> None:
    if spec in ("-", "~") or spec.startswith(("/", "..", ".", "~")) or "*" in spec or "/" in spec:
        return  # stdin waits, and real folders are read
    try:
        resolve.resolve_corpus(spec, home)
    except InputError as error:
        assert error.hint


@given(st.sampled_from(CONFIGS), st.dictionaries(st.text(max_size=5), anything, max_size=3))
def test_any_settings_of_a_file_are_settings_or_refused(
    config: type[Any], values: dict[str, Any]
) -> None:
    known = list(setting_specs(config))
    values |= {known[len(name) * 7 % len(known)]: value for name, value in values.items()}
    for some in (values, {name: values[name] for name in values if name in known}):
        find_value_problems(config, some)
        try:
            made = from_json(config, some)
        except SettingsError as error:
            assert error.problems
            continue
        assert from_json(config, json.loads(json.dumps(to_json(made)))) == made


@given(config=st.sampled_from(CONFIGS), data=st.data())
def test_any_setting_typed_is_parsed_or_refused(config: type[Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(list(setting_specs(config))) | st.text(max_size=12))
    text = data.draw(
        st.text(max_size=12) | numbers.map(repr) | st.sampled_from(["9" * 5000, "1e999"])
    )
    try:
        value = parse_value(config, name, text)
        made = config(**{name: value})
    except SettingsError as error:
        assert name in error.problems
        return
    assert from_json(config, json.loads(json.dumps(dataclasses.asdict(made)))) == made


lines = st.one_of(
    st.binary(max_size=40),
    anything.map(lambda value: json.dumps(value).encode()),
    st.builds(
        lambda kind, time, step, fields: json.dumps(
            {**fields, "type": kind, "time": time, "step": step}
        ).encode(),
        st.sampled_from(["started", "prepared", "step", "epoch", "saved", "failed", "x"]),
        anything,
        st.integers(-1, 2**70) | anything,
        st.dictionaries(
            st.sampled_from(["reasons", "model", "train", "reference", "steps", "elapsed", "text",
                             "epoch", "val_loss", "parameters", "resumed_from", "host", "boot"]),
            anything,
            max_size=5,
        ),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def foreign(home: Home) -> Run:
    text = {"name": "t", "sha256": "", "reading": "lines", "encoding": "", "errors": "", "size": 1}
    return make_run(home, "foreign", {"corpus": text, "train": {}, "model": {}, "seed": 1})


@shared
@given(story=st.lists(lines, max_size=8))
def test_any_file_of_events_is_listed_and_shown(
    story: list[bytes], foreign: Run, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign.events.write_bytes(b"\n".join(story))
    history, tail = History(), EventTail(foreign.events)
    while batch := tail.read():
        history.apply_all(batch)
    assert summarize_run(foreign).status in STATUSES
    for as_json in (False, True):
        show_run(foreign, as_json)
    assert "\x1b" not in capsys.readouterr().out


records = st.one_of(
    anything,
    st.fixed_dictionaries(
        {},
        optional={
            "format": st.just(1) | anything,
            "corpus": st.just({"name": "t", "size": 1, "reading": "text"}) | anything,
            "train": st.just({}) | anything,
            "model": st.just({}) | anything,
            "seed": st.just(1) | anything,
            "parent": anything,
            "created": anything,
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
                    "size": st.integers(0, 2**62) | anything,
                }
            ),
        },
        optional={"parent": st.none() | st.dictionaries(st.text(max_size=4), anything, max_size=2)},
    ),
)


@shared
@given(record=records)
def test_any_record_is_listed_and_shown_or_said_to_be_damaged(
    record: Any, foreign: Run, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign.record.write_text(json.dumps(record))
    foreign.events.write_bytes(b"")
    assert "foreign" in [row.name for row in summarize_runs(home)]
    for arguments in (["ls"], ["ls", "--json"], ["show", "foreign"], ["show", "foreign", "--json"]):
        assert command(["--home", str(home.root), *arguments]) in (0, 2)
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert [run.name for run in list_runs(home)] == ["foreign"]


content = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(max_size=50).map(lambda text: text.encode("utf-16", "surrogatepass")),
    st.text(alphabet="ab \n\r\t\0\x1c\u2028\ufeff", max_size=60).map(str.encode),
)
TOKENIZERS = {kind: Tokenizer.train(kind, ["the cat é 猫\n<eos>"], None) for kind in KINDS}


@shared
@given(
    data=content,
    suffix=st.sampled_from([".txt", ".jsonl", ".gz", ".jsonl.gz"]),
    encoding=st.sampled_from(["utf-8", "utf-8:replace", "latin-1", "utf-16", "gb18030"]),
    kind=st.sampled_from(KINDS),
)
def test_any_bytes_are_a_text_or_refused(
    data: bytes, suffix: str, encoding: str, kind: str, home: Home
) -> None:
    """Facts are told of exactly what can be turned into tokens, and into tokens in range."""
    path = home.root / f"text{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    name, _, replace = encoding.partition(":")
    corpus = Corpus(name="t", files=(path,), encoding=name, errors=replace or "strict")
    try:
        found = stats.compute_stats(corpus)
    except InputError as error:
        assert str(path) in error.message
        with pytest.raises(InputError):
            token_store.build_tokens(corpus, "text", TOKENIZERS[kind], home)
        return
    assert found.characters > 0
    for reading in READINGS:
        stored = token_store.build_tokens(corpus, reading, TOKENIZERS[kind], home)
        assert len(stored.ids) > 0
        assert int(stored.ids.max()) < TOKENIZERS[kind].vocab_size
    shutil.rmtree(home.cache)


@given(text=names | st.text(alphabet="the cat é猫<eos>\ud800", max_size=40))
def test_any_prompt_becomes_ids_in_range_or_is_refused(text: str) -> None:
    for kind, tokenizer in TOKENIZERS.items():
        try:
            ids = tokenizer.encode_prompt(text)
        except InputError as error:
            assert error.hint, kind
            continue
        assert all(3 <= id < tokenizer.vocab_size for id in ids)
        tokenizer.decode(ids).encode()


def test_what_is_nested_as_deeply_as_can_be_read_is_refused(
    foreign: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """What reading allows, writing may not: both end at about a thousand levels."""
    text = {"name": "t", "sha256": "", "reading": "lines", "encoding": "", "errors": "", "size": 1}
    record = json.dumps({"format": 1, "corpus": text, "train": {}, "model": {}, "seed": 1})
    for depth in (101, 800, *range(900, 1000, 9)):
        deep = "[" * depth + "]" * depth
        foreign.record.write_text(f'{record[:-1]}, "deep": {deep}}}')
        told = f'{{"type":"prepared","time":1,"step":1,"model":{{"a":{deep}}}}}\n'
        foreign.events.write_text(told)
        with pytest.raises(MiniGPTError, match=r"nested deeper than|recursion depth"):
            show_run(foreign, as_json=True)
        foreign.record.write_text(record)
        show_run(foreign, as_json=True)
        assert len(capsys.readouterr().out) < 2000

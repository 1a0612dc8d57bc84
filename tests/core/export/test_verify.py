"""The comparison with another program: what counts as the same, and what is said otherwise."""

from __future__ import annotations

import dataclasses
import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import Cancelled
from core.export import verify as verification
from core.export.programs import CONTINUE, FILL, REPLY, ProgramReply
from core.export.references import PROMPTS, Reference, make_references
from core.export.verify import ExportError, compare, verify
from core.inference.load import load_model
from core.tokenizer.imported import ImportedTokenizer, TokenizerFacts
from core.tokenizer.special_tokens import EOS
from core.tokenizer.tokenizer import Tokenizer
from tests.support.exports import KINDS, READINGS, exported_run
from tests.support.foreign_models import byte_level_tokenizer

TOKENIZER = Tokenizer.train("word", ["the cat sat on a mat"])
THE, CAT, SAT, ON, A, MAT, UNKNOWN = range(3, 10)


def _logits(*rows: dict[int, float]) -> torch.Tensor:
    """Logits that are -9 but for those given."""
    logits = torch.full((len(rows), TOKENIZER.vocab_size), -9.0)
    for row, values in zip(logits, rows, strict=True):
        for id, value in values.items():
            row[id] = value
    return logits


OURS = Reference(
    kind=CONTINUE,
    text="the cat",
    ids=[1, THE, CAT],
    count=4,
    ends=True,
    hidden_ids=(0, 1),
    new_ids=[SAT, ON],
    logits=_logits({SAT: 2.0, MAT: 1.9995}, {ON: 3.0, A: 1.0}, {EOS: 2.0, CAT: 1.0}),
)


def _compare(*, target: str = "gguf", dtype: str = "float32", **fields: Any) -> Any:
    reply = ProgramReply(prompt_ids=[1, THE, CAT], ids=[SAT, ON], text=" sat on")
    return compare(target, dtype, TOKENIZER, [OURS], [dataclasses.replace(reply, **fields)])


def test_the_same_tokens_and_text_are_counted() -> None:
    proof = _compare()
    assert (proof.prompts, proof.tokens, proof.ties, proof.max_logit_difference) == (1, 2, 0, None)
    assert "llama.cpp" in proof.program


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"prompt_ids": [1, THE, MAT]},
            "reads other tokens: of 'the cat', token 3 is 'mat' (8), not 'cat' (4).",
        ),
        (
            {"prompt_ids": [THE, CAT]},
            "reads other tokens: of 'the cat', token 1 is 'the' (3), not '<sos>' (1).",
        ),
        (
            {"prompt_ids": [1, THE, CAT, A]},
            "of 'the cat', token 4 is 'a' (7), not the end.",
        ),
        (
            {"ids": [SAT, A]},
            "after 'the cat', token 2 is 'a' (7), not 'on' (6), which is 2 nats more likely.",
        ),
        (
            {"ids": [SAT]},
            "after 'the cat', token 2 is the end, not 'on' (6), which is 12 nats more likely.",
        ),
        (
            {"ids": [SAT, ON, CAT]},
            "after 'the cat', token 3 is 'cat' (4), not the end, which is 1 nats more likely.",
        ),
        (
            {"text": " sat  on"},
            "another text for the same tokens, after 'the cat': ' sat  on', not",
        ),
        ({"logits": [[0.0] * 10] * 3}, "The logits of"),
    ],
)
def test_a_difference_is_named_with_its_first_token(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ExportError) as error:
        _compare(**fields)
    assert message in error.value.message
    assert "Nothing was kept" in error.value.hint


def test_a_token_that_rounding_decides_ends_the_comparison_of_its_prompt() -> None:
    proof = _compare(ids=[MAT, CAT, CAT], text=" mat cat cat")
    assert (proof.tokens, proof.ties) == (0, 1)


@pytest.mark.parametrize(
    ("target", "dtype", "is_tie"),
    [("gguf", "q8_0", True), ("gguf", "float32", False), ("hf", "bfloat16", False)],
)
def test_only_programs_that_round_activations_may_differ_by_more(
    target: str, dtype: str, is_tie: bool
) -> None:
    close = dataclasses.replace(OURS, logits=_logits({SAT: 2.0, MAT: 1.9}), new_ids=[SAT], count=1)
    reply = ProgramReply([1, THE, CAT], [MAT], " mat")
    if is_tie:
        assert compare(target, dtype, TOKENIZER, [close], [reply]).ties == 1
        return
    with pytest.raises(ExportError, match=r"0\.1 nats more likely"):
        compare(target, dtype, TOKENIZER, [close], [reply])


def test_tokens_beyond_those_that_were_asked_for_are_a_difference() -> None:
    full = dataclasses.replace(OURS, logits=OURS.logits[:2], count=2)
    with pytest.raises(ExportError, match="token 3 is 'mat'"):
        compare("gguf", "q8_0", TOKENIZER, [full], [ProgramReply(full.ids, [SAT, ON, MAT], "")])


def test_any_token_that_ends_a_text_is_its_end() -> None:
    """Imported models have ends of their own, several or none."""
    early = ProgramReply(OURS.ids, [SAT], " sat")
    likely = dataclasses.replace(OURS, end_ids=(EOS, A), logits=OURS.logits.clone())
    likely.logits[1, A] = 2.9995
    assert compare("hf", "float32", TOKENIZER, [likely], [early]).ties == 1
    for end_ids in ((EOS,), ()):
        other = dataclasses.replace(likely, end_ids=end_ids)
        with pytest.raises(ExportError, match="token 2 is the end"):
            compare("hf", "float32", TOKENIZER, [other], [early])


def test_bytes_that_are_no_text_are_compared_as_tokens_only_of_imported_tokenizers() -> None:
    data = byte_level_tokenizer().to_str().encode()
    facts = TokenizerFacts(vocab_size=420, begin_id=None, end_ids=[0], pad_id=None)
    tokenizer = ImportedTokenizer(data, facts)
    letter, half = tokenizer.encode("a")[0], tokenizer.id_of("\u00c3") or 0
    logits = torch.zeros(3, 420)
    for row, id in enumerate((half, letter, 0)):
        logits[row, id] = 1.0
    ours = Reference(CONTINUE, "a", [letter], 4, True, (), [half, letter], logits, (0,))
    reply = ProgramReply([letter], [half, letter], "?a")
    compare("hf", "float32", tokenizer, [ours], [reply])
    whole = dataclasses.replace(ours, new_ids=[letter], logits=logits[1:])
    with pytest.raises(ExportError, match="another text"):
        compare("hf", "float32", tokenizer, [whole], [ProgramReply([letter], [letter], "?")])


def test_a_first_blank_half_a_character_and_the_unknown_word_of_transformers_are_no_difference(
) -> None:  # fmt: skip
    _compare(text="sat on")
    _compare(text=" sat on\ufffd")
    unknown = dataclasses.replace(OURS, new_ids=[SAT, UNKNOWN])
    reply = ProgramReply(OURS.ids, [SAT, UNKNOWN], " sat")
    compare("hf", "float32", TOKENIZER, [unknown], [reply])
    with pytest.raises(ExportError, match="another text"):
        compare("gguf", "float32", TOKENIZER, [unknown], [reply])


def test_logits_are_compared_up_to_the_first_token_that_differs() -> None:
    rows = (OURS.logits + 5e-5).tolist()
    proof = _compare(target="onnx", logits=rows, text=None, prompt_ids=None)
    assert proof.max_logit_difference == pytest.approx(5e-5, rel=0.05)
    with pytest.raises(ExportError, match=r"differ from ours by 0\.0002"):
        _compare(target="onnx", logits=(OURS.logits + 2e-4).tolist(), text=None, prompt_ids=None)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_prompts_are_known_texts_and_continuations_greedy(
    kind: str, reading: str, tmp_path: Path
) -> None:
    loaded = load_model(exported_run(tmp_path, kind, reading), device="cpu")
    references = make_references(loaded, slides=False)
    assert len(references) == len(PROMPTS) == 3
    for item in references:
        assert item.text == item.text.strip() != ""
        assert loaded.tokenizer.unk_id not in loaded.tokenizer.encode(item.text)
        assert item.kind == (REPLY if reading == "conversations" else CONTINUE)
        assert len(item.ids) + item.count <= loaded.model.config.context
        assert len(item.new_ids) == len(item.logits) or item.ends
        for id, row in zip(item.new_ids, item.logits, strict=False):
            row[list(item.hidden_ids)] = -math.inf
            assert int(row.argmax()) == id
    assert [item.ends for item in references] == [False, False, True]
    assert all(EOS in item.hidden_ids for item in references if not item.ends)


def test_continuations_slide_only_where_the_program_slides(tmp_path: Path) -> None:
    loaded = load_model(exported_run(tmp_path, "char", "text", context=24), device="cpu")
    assert [item.count for item in make_references(loaded, slides=True)] == [32, 32, 32]
    for item in make_references(loaded, slides=False):
        assert item.count == 24 - len(item.ids)


def test_an_encoder_fills_one_blank_of_each_text(tmp_path: Path) -> None:
    from core.config.configs import ModelConfig
    from core.inference.load import LoadedEncoder
    from core.model.factory import build_encoder
    from tests.support.runs import TINY_CORPUS, TINY_SHAPE

    for kind in KINDS:
        tokenizer = Tokenizer.train(kind, TINY_CORPUS).with_mask()
        config = ModelConfig(
            architecture="eurobert", vocab_size=tokenizer.vocab_size, context=32, **TINY_SHAPE
        )
        loaded = LoadedEncoder(build_encoder(config).eval(), tokenizer, "lines")
        for item in make_references(loaded, slides=False):
            assert item.kind == FILL
            assert item.text.count("[]") == 1
            assert item.ids.count(tokenizer.mask_id) == 1
            assert item.new_ids[0] in tokenizer.unit_ids


def test_a_program_that_is_missing_compares_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "is_installed", lambda _: False)
    loaded = load_model(exported_run(tmp_path), device="cpu")
    assert verify("gguf", tmp_path / "nothing.gguf", loaded, "float32") is None


def test_a_program_that_cannot_open_the_export_is_quoted(tmp_path: Path) -> None:
    loaded = load_model(exported_run(tmp_path), device="cpu")
    (tmp_path / "continue_text.py").write_text("raise RuntimeError('broken here')")
    with pytest.raises(ExportError, match=r"could not open it \(exit code 1\)") as error:
        verify("script", tmp_path, loaded, "float32")
    assert "RuntimeError: broken here" in error.value.message


def test_a_program_is_ended_when_the_comparison_is_cancelled(tmp_path: Path) -> None:
    loaded = load_model(exported_run(tmp_path), device="cpu")
    (tmp_path / "continue_text.py").write_text("import time\ntime.sleep(600)")
    with pytest.raises(Cancelled):
        verify("script", tmp_path, loaded, "float32", lambda: True)


def test_a_program_that_never_answers_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "TIMEOUT_S", 0.3)
    loaded = load_model(exported_run(tmp_path), device="cpu")
    (tmp_path / "continue_text.py").write_text("import time\ntime.sleep(600)")
    with pytest.raises(ExportError, match="took more than"):
        verify("script", tmp_path, loaded, "float32")


def test_the_program_finds_no_folder_of_the_user_that_is_named_like_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.export import script
    from core.export.source import load_source

    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.chdir(tmp_path)
    source = load_source(exported_run(tmp_path / "home"))
    (tmp_path / "out").mkdir()
    script.write_folder(source, tmp_path / "out", "float32")
    proof = verify("script", tmp_path / "out", source.loaded, "float32")
    assert proof is not None
    assert proof.tokens > 60
    assert "core" in sys.modules

"""The vocabulary of an encoder: `<mask>` last, and its name in a text is text."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.tokenizer.tokenizer import KINDS, Tokenizer

PLAIN = "a cat sat on a mat"
HOSTILE = "a <mask> b <unk> <eos> <|user|> [] <mask>"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", [PLAIN, HOSTILE])
def test_it_adds_one_id_and_changes_none(kind: str, text: str, tmp_path: Path) -> None:
    plain = Tokenizer.train(kind, [text])
    masked = plain.with_mask()
    assert masked.mask_id == plain.vocab_size == masked.vocab_size - 1
    assert [masked.token_text(id) for id in range(plain.vocab_size)] == plain.names
    assert (masked.unk_id, masked.unit_ids) == (plain.unk_id, plain.unit_ids)
    assert masked.encode(text) == plain.encode(text)
    assert masked.mask_id in masked.never_generated
    masked.save(tmp_path, "lines")
    assert Tokenizer.load(tmp_path).to_json() == masked.to_json()
    assert masked.with_mask() is masked


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("corpus", [PLAIN, HOSTILE])
def test_its_name_in_a_text_is_text(kind: str, corpus: str) -> None:
    tokenizer = Tokenizer.train(kind, [corpus]).with_mask()
    ids = tokenizer.encode(HOSTILE)
    assert not any(map(tokenizer.is_special, ids))
    if corpus == HOSTILE or kind == "bpe":
        assert tokenizer.decode(ids) == HOSTILE

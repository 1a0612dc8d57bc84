"""From a token to file, byte and line, in every encoding and with any newlines."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.attribution import corpus_index, passages
from core.attribution.attribution import IndexedText
from core.attribution.corpus_index import count_newlines
from core.attribution.passages import PassageReader, read_lines_around
from core.errors import InputError
from core.text.encoding import Encoding
from core.text.readers import open_text
from core.tokenizer.special_tokens import EOS, SOS
from core.tokenizer.tokenizer import Tokenizer
from tests.support.indexed import WORDS, indexed
from tests.support.texts import write

CONTENT = "a b\r\n\r\n  cé <eos> dd\n🙂 e\x1cf a\u3000g\n\n\nb é\r\nlast"
BPE = Tokenizer.train("bpe", [CONTENT] * 3, 280)
CHARS = Tokenizer.train("char", [CONTENT])
KINDS = {"word": Tokenizer.train("word", [CONTENT]), "char": CHARS, "bpe": BPE}


def reader_of(text: IndexedText) -> PassageReader:
    return PassageReader(text.corpus, text.tokens, text.tokenizer, text.index.newline_counts)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("reading", ["lines", "text"])
@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
def test_every_token_is_traced_to_its_text_and_line(
    tmp_path: Path, kind: str, reading: str, encoding: str
) -> None:
    """Empty lines, multi-byte characters and CRLF must not shift the result."""
    text = indexed(tmp_path, CONTENT.encode(encoding), KINDS[kind], reading, encoding=encoding)
    reader, raw = reader_of(text), text.corpus.files[0].read_bytes()
    mark = {"utf-8": 0, "utf-16": 2, "utf-8-sig": 3}[encoding]
    name = {"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(encoding, encoding)
    for token, id in enumerate(text.tokens.ids.tolist()):
        if id in (SOS, EOS):
            continue
        passage = reader.passage(token, 1)
        before = raw[mark : passage.offset].decode(name)
        rest = raw[passage.offset :].decode(name)
        assert passage.line == before.count("\n") + 1
        assert rest.replace("\r\n", "\n").startswith(passage.text)
        joined = (before + passage.text).replace("\r\n", "\n")
        assert joined.endswith((passage.before + passage.text)[-20:])
        assert passage.text, "every token has text"


CONVERSATION = [("user", "a b"), ("assistant", "cé dd\n e"), ("user", "a"), ("assistant", "dd g")]


@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
@pytest.mark.parametrize("name", ["it.jsonl", "it.csv"])
def test_every_token_of_a_message_is_traced_to_its_record(
    tmp_path: Path, name: str, kind: str
) -> None:
    turns = CONVERSATION if name == "it.jsonl" else CONVERSATION[:2]
    record = {"messages": [{"role": role, "content": text} for role, text in turns]}
    content = f"\n{json.dumps(record)}\n{json.dumps(record)}\n"
    if name == "it.csv":
        content = 'answer,question\n"cé dd\n e",a b\n"cé dd\n e","a b"\n'
    reading = "conversations" if name == "it.jsonl" else "pairs"
    tokenizer = KINDS[kind].with_roles()
    text = indexed(tmp_path, content.encode(), tokenizer, reading, name=name)
    reader = reader_of(text)
    whole = "\n".join(content for _, content in turns)
    for token, id in enumerate(text.tokens.ids.tolist()):
        if tokenizer.is_special(id) or id == tokenizer.unk_id:
            continue
        passage = reader.passage(token, 1)
        is_second = token >= text.tokens.starts[1]
        assert passage.line == 2 + is_second * (2 if name == "it.csv" else 1)
        assert whole == passage.before + passage.text + passage.after
        assert passage.text, "every token has text"
        assert passage.text.encode() in whole.encode()
        assert tokenizer.token_bytes(id) in passage.text.encode()


def test_replaced_bytes_are_counted_with_their_real_length(tmp_path: Path) -> None:
    """U+FFFD has three bytes in UTF-8, the bad byte it replaces is one."""
    raw = b"\xff\xfea b\n\xff c a\n"
    text = indexed(tmp_path, raw, WORDS, errors="replace")
    tokens = text.tokens.ids.tolist()
    passage = reader_of(text).passage(tokens.index(5), 1)
    assert (passage.line, passage.text) == (2, "c")
    assert raw[passage.offset : passage.offset + 1] == b"c"


def test_passages_in_records_have_the_line_of_the_record(tmp_path: Path) -> None:
    """Offsets inside the JSON would be meaningless."""
    lines = [json.dumps({"text": t}) for t in ("a b", "c d e", "b " * 40_000 + "e d")]
    content = "\n\n".join(lines)
    text = indexed(tmp_path, content, WORDS, "text", name="a.jsonl")
    reader, ids = reader_of(text), text.tokens.ids.tolist()
    passage = reader.passage(ids.index(5), 2)
    assert (passage.line, passage.text, passage.after) == (3, "c d", " e")
    assert passage.offset == content.index(lines[1])
    last = reader.passage(len(ids) - 3, 2)
    assert (last.line, last.text) == (5, "e d")


def test_a_passage_may_span_two_samples(tmp_path: Path) -> None:
    """A file is tokenised in parts of 32 KiB."""
    content = "a b " * 20_000
    text = indexed(tmp_path, content, WORDS, "text")
    edge = int(text.tokens.starts[1])
    passage = reader_of(text).passage(edge - 2, 4)
    assert passage.text.split() == ["a", "b", "a", "b"]
    assert content[passage.offset :].startswith("a b")


def test_a_changed_text_is_refused(tmp_path: Path) -> None:
    text = indexed(tmp_path, "a b c d\n")
    text.corpus.files[0].write_text("a\n")
    with pytest.raises(InputError, match="changed"):
        reader_of(text).passage(3, 2)


@settings(max_examples=50, deadline=None)
@given(
    content=st.text(alphabet="ab\r\n é", max_size=60),
    encoding=st.sampled_from(["utf-8", "utf-16-le", "utf-32"]),
    block=st.sampled_from([4, 8, 1 << 20]),
    data=st.data(),
)
def test_surrounding_lines_equal_those_of_the_file(
    content: str, encoding: str, block: int, data: st.DataObject
) -> None:
    """Even at the edges of the bytes that are read."""
    path = write(Path(tempfile.mkdtemp()) / "a.txt", content.encode(encoding))
    codec = Encoding(encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus_index, "LINE_BLOCK_BYTES", block)
        patch.setattr(passages, "BYTES_BEFORE_LINE", block)
        patch.setattr(passages, "BYTES_AFTER_LINE", block)
        (counts,) = count_newlines((path,), codec)
        lines = content.split("\n")
        number = data.draw(st.integers(1, len(lines)))
        before = "".join(f"{line}\n" for line in lines[: number - 1])
        start = {"utf-32": 4}.get(encoding, 0)
        name = {"utf-32": "utf-32-le"}.get(encoding, encoding)
        offset = start + len(before.encode(name))
        with open_text(path, codec) as source:
            assert corpus_index.find_line_at(counts, source, offset) == number
        for line in read_lines_around(path, codec, offset, number):
            wanted = lines[line.number - 1].removesuffix("\r")
            cut = len(f"{wanted}\r\n".encode(name)) > block
            assert wanted == line.text if not cut else line.text.strip("\ufffd") in wanted

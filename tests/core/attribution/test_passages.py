"""From a token back to file, byte and line, whatever the encoding and the line ends."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.attribution import corpus_index, passages
from core.attribution.attribution import IndexedText
from core.attribution.corpus_index import count_lines
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
def test_every_token_is_found_again(tmp_path: Path, kind: str, reading: str, encoding: str) -> None:
    """A line too few after an empty one; bytes counted as characters; CRLF counted as one."""
    text = indexed(tmp_path, CONTENT.encode(encoding), KINDS[kind], reading, encoding=encoding)
    reader, raw = reader_of(text), text.corpus.files[0].read_bytes()
    mark = {"utf-8": 0, "utf-16": 2, "utf-8-sig": 3}[encoding]
    name = {"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(encoding, encoding)
    for token, id in enumerate(text.tokens.ids.tolist()):
        if id in (SOS, EOS):
            continue
        found = reader.passage(token, 1)
        before = raw[mark : found.offset].decode(name)
        rest = raw[found.offset :].decode(name)
        assert found.line == before.count("\n") + 1
        assert rest.replace("\r\n", "\n").startswith(found.text)
        joined = (before + found.text).replace("\r\n", "\n")
        assert joined.endswith((found.before + found.text)[-20:])
        assert found.text, "a token stands for something"


def test_bytes_that_were_replaced_are_counted_as_they_stand(tmp_path: Path) -> None:
    """A place moved by the three bytes of the sign that stands for one bad byte."""
    raw = b"\xff\xfea b\n\xff c a\n"
    text = indexed(tmp_path, raw, WORDS, errors="replace")
    tokens = text.tokens.ids.tolist()
    found = reader_of(text).passage(tokens.index(5), 1)
    assert (found.line, found.text) == (2, "c")
    assert raw[found.offset : found.offset + 1] == b"c"


def test_records_are_found_by_their_line(tmp_path: Path) -> None:
    """A place inside JSON, which no tokenizer ever saw."""
    lines = [json.dumps({"text": t}) for t in ("a b", "c d e", "b " * 40_000 + "e d")]
    content = "\n\n".join(lines)
    text = indexed(tmp_path, content, WORDS, "text", name="a.jsonl")
    reader, ids = reader_of(text), text.tokens.ids.tolist()
    found = reader.passage(ids.index(5), 2)
    assert (found.line, found.text, found.after) == (3, "c d", " e")
    assert found.offset == content.index(lines[1])
    last = reader.passage(len(ids) - 3, 2)
    assert (last.line, last.text) == (5, "e d")


def test_a_span_over_two_parts_of_a_long_text(tmp_path: Path) -> None:
    """A file is tokenised in parts of 32 KiB; a span does not care."""
    content = "a b " * 20_000
    text = indexed(tmp_path, content, WORDS, "text")
    edge = int(text.tokens.starts[1])
    found = reader_of(text).passage(edge - 2, 4)
    assert found.text.split() == ["a", "b", "a", "b"]
    assert content[found.offset :].startswith("a b")


def test_a_text_that_changed_is_refused(tmp_path: Path) -> None:
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
def test_lines_around_are_those_of_the_file(
    content: str, encoding: str, block: int, data: st.DataObject
) -> None:
    """Lines counted or cut wrongly at the edge of what is read."""
    path = write(Path(tempfile.mkdtemp()) / "a.txt", content.encode(encoding))
    codec = Encoding(encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus_index, "LINE_BLOCK_BYTES", block)
        patch.setattr(passages, "BYTES_BEFORE_LINE", block)
        patch.setattr(passages, "BYTES_AFTER_LINE", block)
        (counts,) = count_lines((path,), codec)
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

"""llama.cpp reads any text as the tokens that we read, and writes the same text."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from core.export.programs import open_llama_cpp, post
from core.export.source import ExportSource, load_source
from core.inference.load import LoadedModel
from core.tokenizer import vocabulary
from tests.support.exports import exported_run, greedy_ids

pytest.importorskip("gguf", reason="needs the extra [gguf]")
pytest.importorskip("xllamacpp", reason="needs the extra [gguf]")

TEXTS = 300
SPACES = [
    " ",
    " ",
    " ",
    "  ",
    "\n",
    "\t",
    "\r\n",
    "\x85",
    "\xa0",
    "\u1680",
    "\u2003",
    "\u2028",
    "\u3000",
]
PIECES = [
    *("'s", "'re", " don't", "  ", "\n\n", "\t", " the", " cat", "123", "!!", " ?", "\u3000"),
    *(
        "\xa0",
        "\u200b",
        "é",
        "中",
        "😀",
        "\u0301",
        "\x1c",
        "\x85",
        "\ufeff",
        "\r\n",
        " \n ",
        "<eos>",
    ),
]


class LlamaCpp:
    """llama.cpp with a file open, at an address of this machine."""

    def __init__(self, path: Path, source: ExportSource) -> None:
        self.loaded: LoadedModel = source.decoder
        self._server = open_llama_cpp(str(path))

    def ask(self, path: str, **fields: Any) -> dict[str, Any]:
        return post(self._server.listening_address, path, fields)


@pytest.fixture(scope="module", params=["word", "char", "bpe"])
def llama(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LlamaCpp:
    from core.export.gguf import write_file

    folder = tmp_path_factory.mktemp("llama")
    source = load_source(exported_run(folder, request.param, "lines"))
    write_file(source, folder / "m.gguf", "float32")
    return LlamaCpp(folder / "m.gguf", source)


def _random_text(rng: random.Random, loaded: LoadedModel) -> str:
    """Known words between any white space, known characters, or any characters."""
    tokenizer = loaded.tokenizer
    units = [tokenizer.units[id] for id in tokenizer.unit_ids]
    count = rng.randrange(1, 20)
    if tokenizer.kind == "word":
        words = [vocabulary.unescape_special(rng.choice(units)) for _ in range(count)]
        return rng.choice(["", *SPACES]) + "".join(word + rng.choice(SPACES) for word in words)
    if tokenizer.kind == "char":
        return "".join(rng.choice(units) for _ in range(count))
    ranges = [(32, 127), (160, 0x250), (0x250, 0xD800), (0xE000, 0x20000)]
    return "".join(
        rng.choice(PIECES) if rng.random() < 0.5 else chr(rng.randrange(*rng.choice(ranges)))
        for _ in range(count)
    )


def test_it_reads_the_same_tokens_and_writes_the_same_text(llama: LlamaCpp) -> None:
    rng, tokenizer = random.Random(5), llama.loaded.tokenizer
    for _ in range(TEXTS):
        text = _random_text(rng, llama.loaded)
        ids = tokenizer.encode(text)
        question = {"content": text, "add_special": False, "parse_special": False}
        assert llama.ask("/tokenize", **question)["tokens"] == ids, ascii(text)
        theirs, ours = llama.ask("/detokenize", tokens=ids)["content"], tokenizer.decode(ids)
        assert theirs.removeprefix(" ") == ours.removeprefix(" "), ascii(text)


def test_it_is_greedy_by_default_and_never_writes_what_follows_no_text(llama: LlamaCpp) -> None:
    """With the settings in the file alone, llama.cpp writes what `generate` prints."""
    loaded = llama.loaded
    ids = loaded.encode("the cat")
    reply = llama.ask("/completion", prompt="the cat", n_predict=24, return_tokens=True)
    assert reply["tokens"] == greedy_ids(loaded, ids, 24)
    never = loaded.tokenizer.never_generated
    hot = llama.ask(
        "/completion", prompt="the cat", n_predict=40, temperature=50.0, seed=1, return_tokens=True,
        top_k=0, top_p=1.0, min_p=0.0,
    )  # fmt: skip
    assert len(set(hot["tokens"])) > 5
    assert not set(hot["tokens"]) & set(never)

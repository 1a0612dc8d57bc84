"""A tokenizer of each kind, trained on the same lines."""

from __future__ import annotations

from core.tokenizer.tokenizer import Tokenizer

LINES = [
    "Python is a popular language.",
    "Python is <eos> a snake",
    "data <pad>x<unk> science",
    "日本 你好 🙂 café",
]
WORD = Tokenizer.train("word", LINES)
CHAR = Tokenizer.train("char", LINES)
BPE = Tokenizer.train("bpe", LINES * 9, 300)
ALL = {"word": WORD, "char": CHAR, "bpe": BPE}
KNOWN = "".join(sorted(set("".join(LINES))))

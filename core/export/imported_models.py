"""What is not written of an imported model: refused before work begins, with what to do.

Imports no torch, as `core.export.targets`.
"""

from __future__ import annotations

from core.config.configs import QWEN2
from core.errors import InputError
from core.export.targets import GGUF, HF, ONNX, SCRIPT
from core.tokenizer.imported import ImportedTokenizer
from core.tokenizer.tokenizer import Tokenizer

ADVICE = {
    GGUF: (
        "An imported model is not written for llama.cpp: its vocabulary would need llama.cpp's own "
        "name for the rules by which it cuts a text, which is not known here.",
        f"Export it with --to {HF}; llama.cpp's convert_hf_to_gguf.py makes a file of that folder.",
    ),
    SCRIPT: (
        "A script has the tokenizers of this program; that of an imported model is another.",
        f"Export it with --to {HF} or {ONNX}.",
    ),
}
# The rule by which transformers cuts a text for every Qwen2, whatever its tokenizer.json says.
QWEN2_RULE = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def check_imported(target: str, tokenizer: Tokenizer, architecture: str) -> None:
    """Refuse what the target cannot hold of an imported model; others pass.

    Raises:
        InputError: it cannot; the hint names what works instead.
    """
    if not isinstance(tokenizer, ImportedTokenizer):
        return
    if target in ADVICE:
        raise InputError(*ADVICE[target])
    if target == HF and architecture == QWEN2 and not _cuts_as_qwen2(tokenizer):
        raise InputError(
            "transformers reads a text for every Qwen2 by the rules of Qwen's own tokenizer; those "
            "of this model's tokenizer are others.",
            f"Export it with --to {ONNX}, whose program is given tokens.",
        )


def _cuts_as_qwen2(tokenizer: ImportedTokenizer) -> bool:
    """Whether its text becomes pieces as in the Qwen2Tokenizer of transformers."""
    normalizers = [step.get("type") for step in tokenizer.steps("normalizer")]
    steps = tokenizer.steps("pre_tokenizer")
    if len(steps) != 2 or normalizers != ["NFC"] or tokenizer.facts.begin_id is not None:
        return False
    split, pieces = steps
    return (
        split.get("pattern") == {"Regex": QWEN2_RULE}
        and (split.get("behavior"), split.get("invert", False)) == ("Isolated", False)
        and pieces.get("type") == "ByteLevel"
        and not pieces.get("add_prefix_space", True)
        and not pieces.get("use_regex", True)
    )

"""The proof of an export: another program opens it and answers three prompts as our model does.

Both choose greedily. The first token that differs is an error, unless the two tokens are so close
that the rounding of the other program's arithmetic decides between them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from core.errors import Cancelled, MiniGPTError
from core.export.programs import (
    ProgramPrompt,
    ProgramReply,
    ProgramRequest,
    program_version,
)
from core.export.references import Reference, make_references, shown_tokens
from core.export.report import Verification
from core.export.targets import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    FORMATS,
    GGUF,
    HF,
    Q8_0,
    SCRIPT,
    is_installed,
)
from core.inference.load import LoadedRun
from core.inference.sampling import remove_special
from core.progress import CancelCheck, never_cancelled
from core.run.launch import environment
from core.system.process import PARENT_PID_VARIABLE
from core.tokenizer.tokenizer import Tokenizer

POLL_INTERVAL_S = 0.1
TIMEOUT_S = 1800.0
MAX_ERROR_CHARACTERS = 600  # of what the other program wrote last

# Nats by which the other program's token may be less likely than ours. llama.cpp rounds
# activations to the precision of the weights; the figures are several times the largest difference
# that tests/benchmarks/interop.py measures. All other programs compute in float32.
TIE_NATS = 1e-3
LLAMA_TIE_NATS = {FLOAT32: 1e-3, FLOAT16: 0.05, BFLOAT16: 0.3, Q8_0: 0.6}
MAX_LOGIT_DIFFERENCE = 1e-4  # absolute for logits below 1, else relative


class ExportError(MiniGPTError):
    """An export for which another program gives different results, or none."""

    title = "The export is not the same"

    def __init__(self, message: str) -> None:
        super().__init__(message, "Nothing was kept of it.")


def verify(
    target: str,
    path: Path,
    loaded: LoadedRun,
    dtype: str,
    cancelled: CancelCheck = never_cancelled,
) -> Verification | None:
    """Compare an export with the model it was written from.

    Args:
        loaded: with the weights as they are stored in the export.

    Returns:
        None if the other program is not installed.

    Raises:
        ExportError: it reads another prompt, or answers it differently, or fails.
        Cancelled: `cancelled` returned true.
    """
    module = FORMATS[target].checker
    if module and not is_installed(module):
        return None
    references = make_references(loaded, slides=target == SCRIPT)
    replies = ask_program(target, path, references, cancelled)
    return compare(target, dtype, loaded.tokenizer, references, replies)


def compare(
    target: str,
    dtype: str,
    tokenizer: Tokenizer,
    references: Sequence[Reference],
    replies: Sequence[ProgramReply],
) -> Verification:
    """Compare the replies of the target's program with ours.

    Raises:
        ExportError: prompts, tokens, texts or logits differ.
    """
    program = program_version(target)
    tie_nats = LLAMA_TIE_NATS[dtype] if target == GGUF else TIE_NATS
    tokens = ties = 0
    logit_difference: float | None = None
    for ours, theirs in zip(references, replies, strict=True):
        _check_prompt(program, tokenizer, ours, theirs)
        place = _first_difference(ours.new_ids, theirs.ids)
        if theirs.logits:
            rows = torch.tensor(theirs.logits)[: place + 1]
            logit_difference = max(logit_difference or 0.0, _logit_difference(ours.logits, rows))
        if place < max(len(ours.new_ids), len(theirs.ids)):
            gap = _gap(ours, theirs.ids, place)
            if gap > tie_nats:
                raise ExportError(
                    f"{program} chooses other tokens: after {ours.text!r}, token {place + 1} is "
                    f"{shown_tokens(tokenizer, theirs.ids, place)}, not "
                    f"{shown_tokens(tokenizer, ours.new_ids, place)}, which is {gap:.3g} nats more "
                    "likely."
                )
            ties += 1
        elif theirs.text is not None:
            _check_text(program, target, tokenizer, ours, theirs.text)
        tokens += place
    if logit_difference is not None and logit_difference > MAX_LOGIT_DIFFERENCE:
        raise ExportError(f"The logits of {program} differ from ours by {logit_difference:.2g}.")
    return Verification(program, len(references), tokens, ties, logit_difference)


def _check_prompt(
    program: str, tokenizer: Tokenizer, ours: Reference, theirs: ProgramReply
) -> None:
    if theirs.prompt_ids is None or theirs.prompt_ids == ours.ids:
        return
    place = _first_difference(ours.ids, theirs.prompt_ids)
    raise ExportError(
        f"{program} reads other tokens: of {ours.text!r}, token {place + 1} is "
        f"{shown_tokens(tokenizer, theirs.prompt_ids, place)}, not "
        f"{shown_tokens(tokenizer, ours.ids, place)}."
    )


def _check_text(
    program: str, target: str, tokenizer: Tokenizer, ours: Reference, text: str
) -> None:
    """Compare texts, except for a leading space and an incomplete last character.

    transformers leaves out <unk>, which is a special token there. Each program shows bytes that
    are not UTF-8 in its own way: with an imported tokenizer, only the tokens are compared then.
    """
    hidden_id = tokenizer.unk_id if target == HF else None
    expected = tokenizer.decode(id for id in ours.new_ids if id != hidden_id)
    if tokenizer.is_imported and "\ufffd" in expected:
        return
    if text.lstrip(" ").rstrip("\ufffd") != expected.lstrip(" ").rstrip("\ufffd"):
        raise ExportError(
            f"{program} writes another text for the same tokens, after {ours.text!r}: {text!r}, "
            f"not {expected!r}."
        )


def _first_difference(ours: Sequence[int], theirs: Sequence[int]) -> int:
    """The first index at which two sequences differ; the length of the shorter if at none."""
    pairs = enumerate(zip(ours, theirs, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(ours), len(theirs)))


def _gap(ours: Reference, theirs: Sequence[int], place: int) -> float:
    """How much likelier our token is than theirs by our model, in nats; infinite past our end."""
    if place >= len(ours.logits):
        return float("inf")  # they continued where no more was asked for
    logits = remove_special(ours.logits[place], ours.hidden_ids)
    end = logits[list(ours.end_ids)].max() if ours.end_ids else logits.min()
    ours_value = logits[ours.new_ids[place]] if place < len(ours.new_ids) else end
    theirs_value = logits[theirs[place]] if place < len(theirs) else end
    return float(ours_value - theirs_value)


def _logit_difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference of logits (T, V), relative to those above 1."""
    ours = ours[: len(theirs)]
    return float(((ours - theirs).abs() / ours.abs().clamp(min=1.0)).max())


def ask_program(
    target: str,
    path: Path,
    references: Sequence[Reference],
    cancelled: CancelCheck = never_cancelled,
) -> list[ProgramReply]:
    """Have the target's program answer prompts, in a process of its own.

    See `core.export.__main__`.

    Raises:
        ExportError: it could not open the export, or took too long.
        Cancelled: `cancelled` returned true.
    """
    prompts = tuple(
        ProgramPrompt(r.kind, r.text, tuple(r.ids), r.count, r.ends, r.hidden_ids, r.end_ids)
        for r in references
    )
    request = ProgramRequest(target, str(path), prompts)
    with tempfile.TemporaryDirectory(prefix="minigpt-export-") as folder:
        question, answer = Path(folder, "request.json"), Path(folder, "reply.json")
        question.write_text(json.dumps(request.to_json()))
        with Path(folder, "errors").open("w+b") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "core.export", str(question), str(answer)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=folder,  # a folder of the user's named `core` must not be imported
                env=environment() | {"HF_HUB_OFFLINE": "1", PARENT_PID_VARIABLE: str(os.getpid())},
            )
            code = _wait(process, cancelled)
            if code == 0 and answer.is_file():
                return [ProgramReply(**reply) for reply in json.loads(answer.read_text())]
            errors.seek(0)
            tail = errors.read()[-MAX_ERROR_CHARACTERS:].decode(errors="replace").strip()
    raise ExportError(f"{program_version(target)} could not open it (exit code {code}):\n{tail}")


def _wait(process: subprocess.Popen[bytes], cancelled: CancelCheck) -> int:
    """Wait for the process and return its exit code; killed if it takes too long or on cancel.

    Raises:
        ExportError: it took too long.
        Cancelled: `cancelled` returned true.
    """
    waited_s = 0.0
    try:
        while waited_s < TIMEOUT_S:
            try:
                return process.wait(POLL_INTERVAL_S)
            except subprocess.TimeoutExpired:
                waited_s += POLL_INTERVAL_S
            if cancelled():
                raise Cancelled
        raise ExportError(f"The comparison took more than {TIMEOUT_S / 60:.0f} minutes.")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()

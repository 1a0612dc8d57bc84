"""The proof of an export: another program opens it and continues three prompts as we do.

Both decode greedily. The first token that differs is an error, unless the two tokens are so close
that the rounding of the target's arithmetic decides between them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from core.errors import Cancelled, MiniGPTError
from core.export.programs import ProgramPrompt, ProgramReply, ProgramRequest, program_version
from core.export.targets import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    FORMATS,
    GGUF,
    HF,
    ONNX,
    Q8_0,
    SCRIPT,
    is_installed,
)
from core.inference.load import LoadedModel
from core.inference.sampling import remove_special
from core.inference.session import Session
from core.progress import CancelCheck, never_cancelled
from core.run.launch import environment
from core.system.process import PARENT_PID_VARIABLE
from core.text.messages import USER, Message
from core.tokenizer.special_tokens import EOS, SOS, start_id

# Tokens of each prompt, and whether its continuation may end before it is long enough: of lines,
# those that may are over soon.
PROMPTS = ((8, False), (4, False), (2, True))
CONTINUATION_TOKENS = 32
POLL_S = 0.1
TIMEOUT_S = 1800.0
ERROR_TAIL_CHARACTERS = 600

# Nats by which the other program's token may be less likely than ours: its arithmetic rounds the
# activations, too. Measured in tests/benchmarks/interop.py, with a margin.
TIE_NATS = {FLOAT32: 1e-3, FLOAT16: 0.02, BFLOAT16: 0.15, Q8_0: 0.3}
MAX_LOGIT_DIFFERENCE = 1e-4  # of ONNX, absolute and relative


class ExportError(MiniGPTError):
    """An export that another program reads differently; it was removed."""

    title = "The export was not the same"


@dataclass(frozen=True)
class Reference:
    """A prompt and our continuation.

    Attributes:
        text: the prompt, or the user's message.
        ids: its tokens with what comes before the continuation.
        new_ids: the continuation, without the end of the text.
        count: the most tokens it could have.
        logits: before each new id, and before the end if it came; (T, V) float32.
        new_text: the text of `new_ids`.
        ends: whether it may end.
    """

    text: str
    ids: list[int]
    new_ids: list[int]
    count: int
    logits: Tensor
    new_text: str
    ends: bool


@dataclass(frozen=True)
class Verification:
    """The outcome of a comparison.

    Attributes:
        program: name and version.
        prompts, tokens: how many were continued, and by how many tokens in all.
        ties: prompts that were left at a token that rounding decided.
        max_logit_difference: of a comparison by logits.
    """

    program: str
    prompts: int
    tokens: int
    ties: int = 0
    max_logit_difference: float | None = None


def verify(
    target: str,
    path: Path,
    loaded: LoadedModel,
    dtype: str,
    cancelled: CancelCheck = never_cancelled,
) -> Verification | None:
    """Compare an export with the model it was written from.

    Args:
        loaded: with the weights as they are stored in the export.

    Returns:
        None if the other program is not installed.

    Raises:
        ExportError: it reads another prompt, or continues it differently, or fails.
        Cancelled: `cancelled` returned true.
    """
    module = FORMATS[target].checker
    if module and not is_installed(module):
        return None
    references = make_references(loaded, slides=target == SCRIPT)
    is_chat = loaded.is_chat
    prompts = tuple(
        ProgramPrompt(item.text, is_chat, tuple(item.ids), item.count, item.ends)
        for item in references
    )
    never = tuple(loaded.tokenizer.never_generated)
    replies = _run(ProgramRequest(target, str(path), prompts, never), cancelled)
    hidden = loaded.tokenizer.unk_id if target == HF else None
    return compare(target, dtype, loaded, references, replies, hidden)


def make_references(loaded: LoadedModel, *, slides: bool) -> list[Reference]:
    """Three prompts that the model itself draws, and its greedy continuations.

    Args:
        slides: whether the other program's context slides when it is full, as ours does; otherwise
            continuations end there.
    """
    references = []
    for seed, (length, ends) in enumerate(PROMPTS):
        text = _draw_prompt(loaded, length, seed)
        ids = (
            loaded.encode_messages((Message(USER, text),)).ids
            if loaded.is_chat
            else loaded.encode(text)
        )
        context = loaded.model.config.context
        may_slide = slides and not loaded.is_chat
        count = CONTINUATION_TOKENS if may_slide else min(CONTINUATION_TOKENS, context - len(ids))
        references.append(_continue(loaded, text, ids, max(1, count), ends=ends))
    return references


def _draw_prompt(loaded: LoadedModel, length: int, seed: int) -> str:
    """A text that the model writes at temperature 1, all of it in the vocabulary."""
    tokenizer, generator = loaded.tokenizer, torch.Generator().manual_seed(seed)
    roles = tokenizer.roles
    start = [SOS, roles.user] if loaded.is_chat and roles else [start_id(loaded.reading)]
    session = Session(loaded.model, keep_first=loaded.keep_first)
    session.extend(start)
    room = min(length, max(1, loaded.model.config.context // 2 - 4))
    hidden = [EOS, *tokenizer.never_generated]
    if tokenizer.unk_id is not None:
        hidden.append(tokenizer.unk_id)
    for _ in range(room):
        chances = remove_special(session.next_logits()[0], hidden).softmax(-1)
        session.extend([int(torch.multinomial(chances, 1, generator=generator))])
    text = tokenizer.decode(session.ids[len(start) :]).strip()
    return text or _first_text(loaded)


def _first_text(loaded: LoadedModel) -> str:
    """The first piece of the vocabulary that is not blank."""
    tokenizer = loaded.tokenizer
    texts = (
        tokenizer.token_text(id).strip()
        for id in range(tokenizer.vocab_size)
        if not tokenizer.is_special(id) and id != tokenizer.unk_id
    )
    return next(filter(None, texts))


def _continue(
    loaded: LoadedModel, text: str, ids: Sequence[int], count: int, *, ends: bool
) -> Reference:
    session = Session(loaded.model, keep_first=loaded.keep_first)
    session.extend(ids)
    hidden = _hidden_ids(loaded, ends=ends)
    new_ids: list[int] = []
    rows: list[Tensor] = []
    while len(rows) < count:
        rows.append(session.next_logits()[0].clone())
        id = int(remove_special(rows[-1], hidden).argmax())
        if id == EOS:
            break
        new_ids.append(id)
        session.extend([id])
    new_text = loaded.tokenizer.decode(new_ids)
    return Reference(text, list(ids), new_ids, count, torch.stack(rows), new_text, ends)


def _hidden_ids(loaded: LoadedModel, *, ends: bool) -> list[int]:
    """The ids that are not chosen; the end of the text, too, unless it may end."""
    return [*loaded.tokenizer.never_generated, *([] if ends else [EOS])]


def compare(
    target: str,
    dtype: str,
    loaded: LoadedModel,
    references: Sequence[Reference],
    replies: Sequence[ProgramReply],
    hidden_id: int | None = None,
) -> Verification:
    """Compare what was continued.

    Args:
        hidden_id: an id whose text the other program does not show.

    Raises:
        ExportError: prompts, tokens, texts or logits differ.
    """
    program = program_version(target)
    name = loaded.tokenizer.token_text
    tokens = ties = 0
    difference: float | None = None
    for number, (ours, theirs) in enumerate(zip(references, replies, strict=True), 1):
        where = f"of prompt {number} ({ours.text!r})"
        if theirs.prompt_ids is not None and theirs.prompt_ids != ours.ids:
            place = _first_difference(ours.ids, theirs.prompt_ids)
            raise _error(
                f"{program} reads other tokens: token {place + 1} {where} is "
                f"{_shown(name, theirs.prompt_ids, place)}, not {_shown(name, ours.ids, place)}."
            )
        place = _first_difference(ours.new_ids, theirs.ids)
        if theirs.logits:
            rows = torch.tensor(theirs.logits)[: place + 1]
            difference = max(difference or 0.0, _logit_difference(ours.logits, rows))
        if place < max(len(ours.new_ids), len(theirs.ids)):
            gap = _gap(loaded, ours, theirs.ids, place)
            if gap > TIE_NATS[dtype]:
                raise _error(
                    f"{program} continues differently: token {place + 1} after the end {where} is "
                    f"{_shown(name, theirs.ids, place)}, not {_shown(name, ours.new_ids, place)}, "
                    f"which is {gap:.3g} nats more likely."
                )
            ties += 1
        elif theirs.text is not None and not _is_same_text(loaded, ours, theirs.text, hidden_id):
            raise _error(
                f"{program} writes another text for the same tokens {where}: {theirs.text!r}, not "
                f"{ours.new_text!r}."
            )
        tokens += place
    if difference is not None and target == ONNX and difference > MAX_LOGIT_DIFFERENCE:
        raise _error(f"The logits of {program} differ by {difference:.2g}.")
    return Verification(program, len(references), tokens, ties, difference)


def _error(message: str) -> ExportError:
    return ExportError(
        message, "Nothing was kept. Other targets are hf, gguf, script and onnx; please report it."
    )


def _first_difference(ours: Sequence[int], theirs: Sequence[int]) -> int:
    """The first index at which two sequences differ; the length of both if they do not."""
    pairs = enumerate(zip(ours, theirs, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(ours), len(theirs)))


def _shown(name: object, ids: Sequence[int], place: int) -> str:
    if place >= len(ids):
        return "the end"
    assert callable(name)
    return f"{name(ids[place])!r} ({ids[place]})"


def _gap(loaded: LoadedModel, ours: Reference, theirs: Sequence[int], place: int) -> float:
    """By how many nats our token is more likely than theirs, by our model."""
    if place >= len(ours.logits):
        return float("inf")  # they went on where we had stopped
    logits = remove_special(ours.logits[place], _hidden_ids(loaded, ends=ours.ends))
    our_id = ours.new_ids[place] if place < len(ours.new_ids) else EOS
    their_id = theirs[place] if place < len(theirs) else EOS
    return float(logits[our_id] - logits[their_id])


def _logit_difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, of logits above 1 relative to them."""
    ours = ours[: len(theirs)]
    return float(((ours - theirs).abs() / ours.abs().clamp(min=1.0)).max())


def _is_same_text(
    loaded: LoadedModel, ours: Reference, text: str, hidden_id: int | None
) -> bool:
    """Whether a text is ours: the blank before a first word and half a last character aside."""
    ids = [id for id in ours.new_ids if id != hidden_id]
    expected = loaded.tokenizer.decode(ids)
    return text.lstrip(" ").rstrip("\ufffd") == expected.lstrip(" ").rstrip("\ufffd")


def _run(request: ProgramRequest, cancelled: CancelCheck) -> list[ProgramReply]:
    """Run the program in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="minigpt-export-") as folder:
        question, answer = Path(folder, "request.json"), Path(folder, "reply.json")
        question.write_text(json.dumps(request.to_json()))
        with Path(folder, "errors").open("w+b") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "core.export", str(question), str(answer)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=folder,
                env=environment() | {"HF_HUB_OFFLINE": "1", PARENT_PID_VARIABLE: str(os.getpid())},
            )
            code = _wait(process, cancelled)
            if code == 0 and answer.is_file():
                replies = json.loads(answer.read_text())
                return [ProgramReply(**reply) for reply in replies]
            errors.seek(0)
            tail = errors.read()[-ERROR_TAIL_CHARACTERS:].decode(errors="replace").strip()
    program = program_version(request.target)
    raise _error(f"{program} could not open it (exit code {code}):\n{tail}")


def _wait(process: subprocess.Popen[bytes], cancelled: CancelCheck) -> int:
    waited = 0.0
    try:
        while True:
            try:
                return process.wait(POLL_S)
            except subprocess.TimeoutExpired:
                waited += POLL_S
                if cancelled():
                    raise Cancelled from None
                if waited > TIMEOUT_S:
                    raise _error("The comparison took too long and was ended.") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def how_to_verify(target: str) -> str:
    """What to install so that the next export is compared."""
    return f"{FORMATS[target].program} is not installed: {FORMATS[target].install}"


assert {HF, GGUF, SCRIPT, ONNX} == set(FORMATS)

"""The other programs: each opens an export and answers prompts greedily.

They run in a process of their own (`core.export.__main__`): one that aborts ends only that, and
their memory is returned. Every function imports its program when it is called.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.export.targets import FORMATS, GGUF, HF, ONNX, ONNX_FILE, SCRIPT, SCRIPT_FILE
from core.system.files import JsonObject
from core.tokenizer.special_tokens import EOS, MASK

CONTINUE, REPLY, FILL, LABEL = "continue", "reply", "fill", "label"  # kinds of prompts
HTTP_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class ProgramPrompt:
    """A prompt; the fields are those of `core.export.references.Reference`."""

    kind: str
    text: str
    ids: tuple[int, ...]
    count: int
    ends: bool
    hidden_ids: tuple[int, ...]
    end_ids: tuple[int, ...] = (EOS,)


@dataclass(frozen=True)
class ProgramReply:
    """What a program read and chose.

    Attributes:
        prompt_ids: the tokens that it read; None if it was given those.
        ids: the tokens that it chose, without the end of the text.
        text: of them; None if it has no tokenizer.
        logits: before each token, for a program that is compared by them.
    """

    prompt_ids: list[int] | None
    ids: list[int]
    text: str | None = None
    logits: list[list[float]] = field(default_factory=list)


@dataclass(frozen=True)
class ProgramRequest:
    """Prompts for the program that opens a target; `path` is that of the export."""

    target: str
    path: str
    prompts: tuple[ProgramPrompt, ...]

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, values: JsonObject) -> ProgramRequest:
        prompts = tuple(ProgramPrompt(**prompt) for prompt in values["prompts"])
        return cls(values["target"], values["path"], prompts)


def program_version(target: str) -> str:
    """Name and version of the program that opens a target."""
    name, module = FORMATS[target].program, FORMATS[target].checker
    if not module:
        return name
    try:
        number = version(module)
    except PackageNotFoundError:
        number = "of unknown version"
    return f"{name} {number}" if module == name else f"{name} ({module} {number})"


def run_program(request: ProgramRequest) -> list[ProgramReply]:
    """Open the export with its program and answer every prompt."""
    return _PROGRAMS[request.target](request)


def _run_transformers(request: ProgramRequest) -> list[ProgramReply]:
    """In float32 whatever the precision of the file, so that rounding decides no token."""
    import torch
    from transformers import (
        AutoModelForCausalLM,
        AutoModelForMaskedLM,
        AutoModelForSequenceClassification,
        AutoTokenizer,
    )

    kind = request.prompts[0].kind
    encoders = {FILL: AutoModelForMaskedLM, LABEL: AutoModelForSequenceClassification}
    loader: Any = encoders.get(kind, AutoModelForCausalLM)
    tokenizer: Any = AutoTokenizer.from_pretrained(request.path)
    model: Any = loader.from_pretrained(request.path, dtype=torch.float32)
    replies = {FILL: _fill_with_transformers, LABEL: _label_with_transformers}
    reply = replies.get(kind, _generate_with_transformers)
    return [reply(model, tokenizer, prompt) for prompt in request.prompts]


def _generate_with_transformers(model: Any, tokenizer: Any, prompt: ProgramPrompt) -> ProgramReply:
    import torch

    if prompt.kind == REPLY:
        messages = [{"role": "user", "content": prompt.text}]
        ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]
    else:
        ids = tokenizer(prompt.text)["input_ids"]
    # What is not set here is as the folder's generation_config.json says.
    endless = {} if prompt.ends else {"suppress_tokens": list(prompt.hidden_ids)}
    out = model.generate(torch.tensor([ids]), max_new_tokens=prompt.count, **endless)[0].tolist()
    new = [id for id in out[len(ids) :] if id not in prompt.end_ids]
    return ProgramReply(ids, new, tokenizer.decode(new, skip_special_tokens=True))


def _fill_with_transformers(model: Any, tokenizer: Any, prompt: ProgramPrompt) -> ProgramReply:
    import torch

    ids = tokenizer(prompt.text.replace("[]", MASK))["input_ids"]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, ids.index(tokenizer.mask_token_id)]
    row = logits.tolist()
    logits[list(prompt.hidden_ids)] = float("-inf")
    return ProgramReply(ids, [int(logits.argmax())], None, [row])


def _label_with_transformers(model: Any, tokenizer: Any, prompt: ProgramPrompt) -> ProgramReply:
    import torch

    ids = tokenizer(prompt.text)["input_ids"]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    return ProgramReply(ids, [int(logits.argmax())], None, [logits.tolist()])


def _run_script(request: ProgramRequest) -> list[ProgramReply]:
    """The script's own functions, as its main function calls them."""
    path = Path(request.path) / SCRIPT_FILE
    spec = importlib.util.spec_from_file_location("exported_script", path)
    assert spec is not None
    assert spec.loader is not None
    script: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    tokenizer, model = script.Tokenizer(script.FOLDER), script.Model(script.FOLDER)
    replies, never_generated = [], script.NEVER_GENERATED
    for prompt in request.prompts:
        script.NEVER_GENERATED = never_generated if prompt.ends else prompt.hidden_ids
        ids = script.prompt_ids(tokenizer, prompt.text)
        new = script.generate(model, ids, prompt.count)
        replies.append(ProgramReply(ids, new, tokenizer.decode(new)))
    return replies


def _run_onnxruntime(request: ProgramRequest) -> list[ProgramReply]:
    import numpy as np
    from onnxruntime import InferenceSession

    session: Any = InferenceSession(
        str(Path(request.path) / ONNX_FILE), providers=["CPUExecutionProvider"]
    )
    past_inputs = [i for i in session.get_inputs() if i.name.startswith("past_key_values.")]
    empty = {i.name: np.zeros((1, i.shape[1], 0, i.shape[3]), np.float32) for i in past_inputs}
    return [_generate_with_onnxruntime(session, empty, prompt) for prompt in request.prompts]


def _generate_with_onnxruntime(
    session: Any, past: dict[str, Any], prompt: ProgramPrompt
) -> ProgramReply:
    """With the cache: the prompt in one call, then a call for each token."""
    import numpy as np

    chosen: list[int] = []
    logits: list[list[float]] = []
    new, length = list(prompt.ids), 0
    while len(logits) < prompt.count:
        length += len(new)
        positions = np.arange(length - len(new), length, dtype=np.int64)
        inputs = {
            "input_ids": np.array([new], np.int64),
            "attention_mask": np.ones((1, length), np.int64),
            "position_ids": positions[None],
        }
        output, *present = session.run(None, inputs | past)
        past = dict(zip(past, present, strict=True))
        row = output[0, -1]
        logits.append(row.tolist())
        row[list(prompt.hidden_ids)] = -np.inf
        new = [int(row.argmax())]
        if new[0] in prompt.end_ids:
            break
        chosen += new
    return ProgramReply(None, chosen, None, logits)


def _run_llama_cpp(request: ProgramRequest) -> list[ProgramReply]:
    server = open_llama_cpp(request.path)
    return [ask_llama_cpp(server.listening_address, prompt) for prompt in request.prompts]


def open_llama_cpp(path: str, *, rounds: bool = False) -> Any:
    """The server of llama.cpp, at an address of this machine, as long as it is referred to.

    Args:
        rounds: attention in half precision, as is its default. Otherwise it is in float32, as
            ours, so that no token is decided by rounding.
    """
    import xllamacpp

    options: Any = xllamacpp.CommonParams()
    options.model.path = path
    options.n_ctx = 0  # as the model says
    options.n_parallel = 1
    options.n_gpu_layers = 0
    options.port = 0  # any that is free
    options.warmup = False
    options.fit_params = False
    if not rounds:
        options.cache_type_k = options.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        attention = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        options.flash_attn_type = attention
    return xllamacpp.Server(options)


def ask_llama_cpp(address: str, prompt: ProgramPrompt) -> ProgramReply:
    """Have the server at an address answer a prompt."""
    text = prompt.text
    if prompt.kind == REPLY:
        messages = [{"role": "user", "content": prompt.text}]
        text = post(address, "/apply-template", {"messages": messages})["prompt"]
    question = {"content": text, "add_special": True, "parse_special": True}
    prompt_ids = post(address, "/tokenize", question)["tokens"]
    question = {
        "prompt": text,
        "temperature": 0.0,
        "n_predict": prompt.count,
        "ignore_eos": not prompt.ends,
        "return_tokens": True,
        "cache_prompt": False,
    }
    reply = post(address, "/completion", question)
    return ProgramReply(
        prompt_ids, [id for id in reply["tokens"] if id not in prompt.end_ids], reply["content"]
    )


def post(address: str, path: str, value: JsonObject) -> JsonObject:
    """Ask the server of llama.cpp; returns its answer."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=HTTP_TIMEOUT_S)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(value), headers)
        reply = connection.getresponse()
        content = reply.read()
        if reply.status != http.client.OK:
            raise RuntimeError(f"{path}: {reply.status} {content[:200]!r}")
        parsed: JsonObject = json.loads(content)
        return parsed
    finally:
        connection.close()


_PROGRAMS: dict[str, Callable[[ProgramRequest], list[ProgramReply]]] = {
    HF: _run_transformers,
    GGUF: _run_llama_cpp,
    SCRIPT: _run_script,
    ONNX: _run_onnxruntime,
}

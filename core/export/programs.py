"""The other programs: each opens an export and continues prompts greedily.

They run in a process of their own (`core.export.__main__`): one that aborts ends only that, and
their memory is returned. Every function imports its program when it is called.
"""

from __future__ import annotations

import importlib.util
import json
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from core.export.targets import FORMATS, GGUF, HF, ONNX, ONNX_FILE, SCRIPT, SCRIPT_FILE
from core.system.files import JsonObject
from core.tokenizer.special_tokens import EOS

HTTP_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class ProgramPrompt:
    """A prompt, as a program is given it.

    Attributes:
        text: the prompt; of a run that converses, the user's message.
        is_chat: whether it is a message.
        ids: its tokens here, for a program that has no tokenizer.
        count: the most tokens to continue it with.
        ends: whether the continuation may end before.
    """

    text: str
    is_chat: bool
    ids: tuple[int, ...]
    count: int
    ends: bool


@dataclass(frozen=True)
class ProgramReply:
    """What a program read and wrote.

    Attributes:
        prompt_ids: the tokens that it read; None if it was given those.
        ids: the tokens that it chose, without the end of the text.
        text: of them; None if it has no tokenizer.
        logits: of every position, for a program that is compared by them.
    """

    prompt_ids: list[int] | None
    ids: list[int]
    text: str | None
    logits: list[list[float]] = field(default_factory=list)


@dataclass(frozen=True)
class ProgramRequest:
    """Prompts for a program.

    Attributes:
        path: of the export.
        never_generated: ids that it must not choose.
    """

    target: str
    path: str
    prompts: tuple[ProgramPrompt, ...]
    never_generated: tuple[int, ...]

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, values: JsonObject) -> ProgramRequest:
        prompts = tuple(
            ProgramPrompt(**prompt | {"ids": tuple(prompt["ids"])}) for prompt in values["prompts"]
        )
        return cls(
            values["target"], values["path"], prompts, tuple(values["never_generated"])
        )


def program_version(target: str) -> str:
    """Name and version of the program that opens a target."""
    name, module = FORMATS[target].program, FORMATS[target].checker
    if not module:
        return name
    try:
        found = version(module)
    except PackageNotFoundError:
        found = "of unknown version"
    return f"{name} {found}" if module == name else f"{name} ({module} {found})"


def run_program(request: ProgramRequest) -> list[ProgramReply]:
    """Open the export with its program and continue every prompt."""
    return _PROGRAMS[request.target](request)


def _run_transformers(request: ProgramRequest) -> list[ProgramReply]:
    """In float32 whatever the precision of the file, so that rounding decides no token."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(request.path)
    model: Any = AutoModelForCausalLM.from_pretrained(request.path, dtype=torch.float32).eval()
    replies = []
    for prompt in request.prompts:
        if prompt.is_chat:
            messages = [{"role": "user", "content": prompt.text}]
            ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]
        else:
            ids = tokenizer(prompt.text)["input_ids"]
        # Everything else is as the folder's generation_config.json says.
        endless = {} if prompt.ends else {"suppress_tokens": [*request.never_generated, EOS]}
        inputs = torch.tensor([ids])
        out = model.generate(inputs, max_new_tokens=prompt.count, **endless)[0].tolist()
        new = [id for id in out[len(ids) :] if id != EOS]
        text = tokenizer.decode(new, skip_special_tokens=True)
        replies.append(ProgramReply(ids, new, text))
    return replies


def _run_script(request: ProgramRequest) -> list[ProgramReply]:
    """The script's own functions, as its main function calls them."""
    path = Path(request.path) / SCRIPT_FILE
    spec = importlib.util.spec_from_file_location("exported_script", path)
    assert spec is not None
    assert spec.loader is not None
    script: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    tokenizer, model = script.Tokenizer(script.FOLDER), script.Model(script.FOLDER)
    replies, never = [], tuple(script.NEVER_GENERATED)
    for prompt in request.prompts:
        script.NEVER_GENERATED = never if prompt.ends else (*never, EOS)
        ids = script.prompt_ids(tokenizer, prompt.text)
        new = script.generate(model, ids, prompt.count)
        replies.append(ProgramReply(ids, new, tokenizer.decode(new)))
    return replies


def _run_onnxruntime(request: ProgramRequest) -> list[ProgramReply]:
    """With the cache: the prompt in one call, then a call for each token."""
    import numpy as np
    from onnxruntime import InferenceSession

    session: Any = InferenceSession(
        str(Path(request.path) / ONNX_FILE), providers=["CPUExecutionProvider"]
    )
    past_inputs = [i for i in session.get_inputs() if i.name.startswith("past_key_values.")]
    empty = {i.name: np.zeros((1, i.shape[1], 0, i.shape[3]), np.float32) for i in past_inputs}
    replies = []
    for prompt in request.prompts:
        past, new_ids, logits = empty, list(prompt.ids), []
        hidden = [*request.never_generated, *([] if prompt.ends else [EOS])]
        read: list[int] = []
        for _ in range(prompt.count):
            total = len(read) + len(new_ids)
            positions = np.arange(len(read), total, dtype=np.int64)
            inputs = {
                "input_ids": np.array([new_ids], np.int64),
                "attention_mask": np.ones((1, total), np.int64),
                "position_ids": positions[None],
            }
            output, *present = session.run(None, inputs | past)
            past = dict(zip(past, present, strict=True))
            last = output[0, -1]
            logits.append(last.tolist())
            last[hidden] = -np.inf
            read += new_ids
            new_ids = [int(last.argmax())]
            if new_ids[0] == EOS:
                break
        chosen = [*read[len(prompt.ids) :], *(id for id in new_ids if id != EOS)]
        replies.append(ProgramReply(None, chosen, None, logits))
    return replies


def _run_llama_cpp(request: ProgramRequest) -> list[ProgramReply]:
    """The server of llama.cpp, on an address of this machine that only this process knows."""
    import xllamacpp

    options: Any = xllamacpp.CommonParams()
    options.model.path = request.path
    options.n_ctx = 0  # as the model says
    options.n_parallel = 1
    options.n_gpu_layers = 0
    options.port = 0  # any that is free
    options.warmup = False
    options.fit_params = False
    # In the precision of our own cache, so that rounding decides no token.
    options.cache_type_k = options.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    server: Any = xllamacpp.Server(options)
    address = server.listening_address
    return [_ask_llama_cpp(address, prompt) for prompt in request.prompts]


def _ask_llama_cpp(address: str, prompt: ProgramPrompt) -> ProgramReply:
    text = prompt.text
    if prompt.is_chat:
        messages = [{"role": "user", "content": prompt.text}]
        text = _post(f"{address}/apply-template", {"messages": messages})["prompt"]
    request = {"content": text, "add_special": True, "parse_special": True}
    prompt_ids = _post(f"{address}/tokenize", request)["tokens"]
    reply = _post(
        f"{address}/completion",
        {
            "prompt": text,
            "n_predict": prompt.count,
            "temperature": 0.0,
            "ignore_eos": not prompt.ends,
            "return_tokens": True,
            "cache_prompt": False,
        },
    )
    ids = [id for id in reply["tokens"] if id != EOS]
    return ProgramReply(prompt_ids, ids, reply["content"])


def _post(address: str, value: JsonObject) -> Any:
    request = urllib.request.Request(
        address, json.dumps(value).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=HTTP_TIMEOUT_S) as reply:
        return json.load(reply)


_PROGRAMS: dict[str, Callable[[ProgramRequest], Sequence[ProgramReply]]] = {
    HF: _run_transformers,
    GGUF: _run_llama_cpp,
    SCRIPT: _run_script,
    ONNX: _run_onnxruntime,
}

"""Write docs/server_protocol.md from the types of the model server's messages.

python docs/protocol.py
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Never

sys.path.insert(0, str(Path(__file__).parents[1]))

from core.server import replies, tokens
from core.server.protocol import OPERATIONS, ModelRequest, reply_types
from core.text import task_report

PAGE = Path(__file__).parent / "server_protocol.md"
INTRODUCTION = """\
# The protocol of the model server

The tables are written by `docs/protocol.py` from the types in `core/server/protocol.py`,
`core/server/replies.py`, `core/server/tokens.py` and `core/text/task_report.py`, which both ends
use.

`python -m core.server --root ROOT --cache CACHE` answers requests about models. Requests are lines
of JSON on standard input, replies lines of JSON on standard output, which carries nothing else. The
end of the input ends the process at once, also while torch is being imported.

```
→ {"id": 7, "op": "generate", "run": "lang", "prompt": "Python", "settings": {"max_tokens": 50}}
← {"id": 7, "tokens": [[7, " is", 0.99, []]], "window_start": 0, "count": 1, …}
← {"id": 7, "reason": "end", "tokens": 6, …, "done": true}
```

- `id` is a number or a text. Every reply repeats it; the last one has `"done": true`. Some
  operations send batches before it.
- Requests are answered one after another, except `index`, which runs beside the others, and
  `cancel`, which is answered at once.
- A request with an unknown, missing or mistyped field is refused. A field with a default may be
  left out; so may the fields of `settings`, see `SamplingConfig` in `core/config/configs.py`.
- A failed request has the last reply `{"error": {"title", "message", "hint", "code"}}`; `code` is
  the exit code of a command that fails for this reason: 2 for unusable input, else 1. `problems` (a
  text per setting) is added for settings, `unknown` (words) and `nearest` (known words per unknown
  one) for a prompt with unknown words. A line that is not a request is answered with `"id": null`.
- A cancelled request has the last reply `{"cancelled": true}`; `generate` and `fork` send what they
  have instead, and the reply can be continued.
- Models stay loaded while there is memory. Weights whose file has changed are loaded again, unless
  the request has `"reload": false`. Whatever was computed with weights has their `step`.
- After an error the process keeps running, unless a GPU has become unusable: then it ends.

In the application, `ServerClient` in `tui/common/client.py` starts the process when it is needed.
`await client.request(StepRequest(…))` returns the last reply, here a `StepReply`.
`client.stream(GenerateRequest(…))` is an asynchronous iterator over batches and the last reply;
closing it cancels the request. It may raise `ServerError` (with `nearest` and `problems`),
`Cancelled`, or `ServerExitedError` with the last lines of `CACHE/server.log`; the next request then
starts another process.
"""


def protocol_page() -> str:
    """The page in Markdown."""
    operations = " · ".join(f"[{op}](#{op})" for op in OPERATIONS)
    sections = [_section(op, request) for op, request in OPERATIONS.items()]
    records = [
        _record(kind) for kind in (*_other_records(), *_classes(tokens), *_classes(task_report))
    ]
    return "\n".join(
        [
            INTRODUCTION,
            f"Operations: {operations}\n",
            "## Model requests\n\nThe fields that every request to a model has.\n",
            _table(ModelRequest),
            *sections,
            "## Records\n\nA record with named fields is an object, the others are arrays.\n",
            *records,
        ]
    )


def _section(op: str, request: Any) -> str:
    summary, _ = _docstring(request)
    reply, batch = reply_types(request)
    is_model_request = issubclass(request, ModelRequest)
    inherited = [field.name for field in dataclasses.fields(ModelRequest)] * is_model_request
    after = "\nAlso the fields of [model requests](#model-requests).\n" * is_model_request
    parts = [f"## {op}\n\n{summary}\n", _table(request, without=inherited) + after]
    if batch not in (Never, reply):
        parts.append(_record(batch, "Batches: "))
    is_documented = any(other is reply for other in _replies_before(op))
    parts.append(
        f"Reply: {reply.__name__}, as above.\n" if is_documented else _record(reply, "Reply: ")
    )
    return "\n".join(parts)


def _replies_before(op: str) -> Iterator[Any]:
    for name, request in OPERATIONS.items():
        if name == op:
            return
        yield reply_types(request)[0]


def _other_records() -> Iterator[Any]:
    """The records of `core.server.replies` that are neither replies nor batches."""
    messages = {kind for request in OPERATIONS.values() for kind in reply_types(request)}
    bases = {base for kind in messages if kind is not Never for base in kind.__mro__[1:]}
    return (kind for kind in _classes(replies) if kind not in messages | bases)


def _classes(module: Any) -> Iterator[Any]:
    return (
        kind
        for kind in vars(module).values()
        if inspect.isclass(kind) and kind.__module__ == module.__name__
    )


def _record(kind: Any, title: str = "") -> str:
    summary, _ = _docstring(kind)
    if dataclasses.is_dataclass(kind):
        return f"{title}**{kind.__name__}**. {summary}\n\n{_table(kind)}"
    return f"**{kind.__name__}** `[{', '.join(kind._fields)}]`. {summary}\n"


def _table(kind: Any, without: list[str] | None = None) -> str:
    """A row per field: name, type, default of a request, meaning."""
    meanings: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        meanings |= _docstring(base)[1] if dataclasses.is_dataclass(base) else {}
    has_defaults = kind.__name__.endswith("Request")
    head = (
        "| field | type | default | meaning |\n|---|---|---|---|\n"
        if has_defaults
        else "| field | type | meaning |\n|---|---|---|\n"
    )
    rows = []
    for field in dataclasses.fields(kind):
        if field.name in (without or ()):
            continue
        type_name = str(field.type).replace("|", "\\|")
        cells = [f"`{field.name.rstrip('_')}`", type_name]
        cells += [_default(field)] * has_defaults
        rows.append(" | ".join(["", *cells, meanings[field.name], ""]).strip() + "\n")
    return head + "".join(rows) if rows else ""


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return f"`{json.dumps(field.default)}`"
    if field.default_factory is dataclasses.MISSING:
        return "required"
    value = field.default_factory()
    return "`{}`" if dataclasses.is_dataclass(value) else f"`{json.dumps(value)}`"


def _docstring(kind: Any) -> tuple[str, dict[str, str]]:
    """The summary of a class, and the meaning of each field from its `Attributes` section."""
    summary, _, attributes = (inspect.getdoc(kind) or "").partition("\nAttributes:\n")
    meanings = {}
    for entry in re.split(r"\n(?=    \S)", attributes):
        name, _, meaning = entry.strip().partition(": ")
        meanings[name] = " ".join(meaning.split()).replace("<", "&lt;")
    return " ".join(summary.split()), meanings


if __name__ == "__main__":
    PAGE.write_text(protocol_page())

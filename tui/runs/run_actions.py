"""What can be done with a run, and why not."""

from __future__ import annotations

from core.errors import MiniGPTError
from core.run.directory import Run
from core.run.events import IMPORTED
from core.run.record import read_record, task_of_record
from core.run.status import LIVE_STATUSES, RESUMABLE_STATUSES
from core.run.summary import RunSummary
from core.text.messages import FILL
from tui.runs.accuracy import explain_no_task

GENERATING = ("chat", "step", "test")  # actions that need a model that continues texts
RUN_ACTIONS = frozenset(
    {
        *GENERATING,
        "blank",
        "inside",
        "mark",
        "note",
        "rename",
        "delete",
        "copy_path",
        "export",
        "resume",
        "stop",
    }
    | {"order", "duplicate"}
)
NOT_A_DECODER = "{name} is an encoder, which fills in blanks: t opens Blank."
NOT_AN_ENCODER = "{name} is no encoder; --preset encoder-modern trains one."


def is_encoder(run: Run) -> bool:
    """Whether a run fills in blanks instead of continuing texts; False if that cannot be read."""
    try:
        return task_of_record(read_record(run)["corpus"])[0] == FILL
    except MiniGPTError:
        return False


def explain_refusal(action: str, summary: RunSummary) -> str | None:
    """Why one of RUN_ACTIONS is not possible with a run; None if it is."""
    name, status = summary.name, summary.status
    if action in (*GENERATING, "blank"):
        fills = summary.task == FILL
        if fills != (action == "blank"):
            return (NOT_A_DECODER if fills else NOT_AN_ENCODER).format(name=name)
        return explain_no_task(name, summary.reading) if action == "test" else None
    if action in ("rename", "delete") and status in LIVE_STATUSES:
        return f"{name} is being trained; s stops it."
    if action == "stop" and status not in LIVE_STATUSES:
        return f"{name} is not being trained: {status}."
    if action == "resume" and status in LIVE_STATUSES:
        return f"{name} is being trained."
    if action == "resume" and status == IMPORTED:
        return f"{name} was imported; n trains a new run from it."
    if action == "resume" and status not in RESUMABLE_STATUSES:
        return f"{name} is {status}. Open it and press e to train longer."
    return None

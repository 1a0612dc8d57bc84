"""Facts about generated text: weights, settings, speed, context."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from core.run.weights_ref import weights_label
from tui.chat.reply import Reply, length_text, step_label
from tui.chat.run_task import RunTask
from tui.common.format import format_size
from tui.common.sampling_settings import SamplingControls
from tui.common.sanitize import one_line
from tui.common.wrapping import Piece

CONTEXT_BAR_CELLS, FULL, TRACK = 8, "━", "─"
LABEL_CELLS, VALUE_CELLS = 9, 20


@dataclass(frozen=True, kw_only=True)
class GenerationFacts:
    """Weights, settings and counts at one moment.

    Attributes:
        run, weights, step: the weights; the step is None until known.
        loading: whether the model is not ready yet.
        problem: why the model could not be loaded; empty if it could, or is loading.
        controls: the settings of the next reply.
        tokens: of the reply; None before the first.
        speed: tokens per second.
        used, context: tokens in the context window, and its size.
        dropped: earlier turns that did not fit into it.
        with_history: whether the next reply depends on earlier turns, where it can.
        note: a short note, shown until the next one.
    """

    run: str
    weights: str
    step: int | None
    loading: bool
    problem: str
    controls: SamplingControls
    tokens: int | None
    speed: float | None
    used: int | None
    context: int | None
    dropped: int = 0
    with_history: bool = True
    note: str = ""

    @property
    def weights_text(self) -> str:
        """The weights in words, or why there are none."""
        return "loading" if self.loading else self.problem or weights_label(self.weights, self.step)

    @property
    def counts(self) -> tuple[object, ...]:
        """What changes while a reply is generated."""
        return self.tokens, self.speed, self.used, self.context


def chat_state(
    facts: GenerationFacts, task: RunTask, turns: int, device: str, *, is_wide: bool
) -> Content:
    """Render the task, how much of the context is used, the turns so far and, if wide, the device.

    Where the screen is narrow and earlier turns were dropped, that takes the place of the task.
    """
    if facts.problem:
        return Content.styled(facts.problem, "bold $error")
    parts: list[Content] = []
    if is_wide or not facts.dropped:
        before, name, after = task.state
        parts.append(Content.assemble((before, "$muted"), (name, "bold $ink"), (after, "$muted")))
    if task.is_conversation and not facts.with_history:
        parts.append(Content.styled("history off", "$warning"))
    if facts.context and not task.is_classifier:
        parts.append(_context_part(facts, is_wide=is_wide))
    if facts.dropped:
        parts.append(Content.styled(dropped_text(facts.dropped), "$warning"))
    elif turns and (is_wide or not task.is_chat):
        parts.append(Content.assemble(("turn ", "$muted"), (f"{turns:,}", "bold $ink")))
    if is_wide and device:
        parts.append(Content.styled(one_line(device), "$muted"))
    return Content.styled(" · ", "$muted").join(parts)


def dropped_text(count: int) -> str:
    """How many earlier turns did not fit into the context; empty for none."""
    return f"{count:,} earlier turn{'s' * (count != 1)} dropped" if count else ""


def _context_part(facts: GenerationFacts, *, is_wide: bool) -> Content:
    """How many tokens of the context are used, with a bar where there is room."""
    assert facts.context
    used = "" if facts.used is None else f"{facts.used:,}"
    parts: list[Content | str | tuple[str, str]] = [("context ", "$muted"), (used, "bold $ink")]
    parts += [(f"{'/' * bool(used)}", "$muted")]
    parts.append((f"{facts.context:,}", "$muted" if used else "bold $ink"))
    if is_wide and facts.used is not None:
        filled = min(CONTEXT_BAR_CELLS, round(facts.used / facts.context * CONTEXT_BAR_CELLS))
        parts += [" ", (FULL * filled, "$primary")]
        parts.append((TRACK * (CONTEXT_BAR_CELLS - filled), "$rule"))
    return Content.assemble(*parts)


def loading_text(facts: GenerationFacts, bytes: int, seconds: float) -> str:
    """Describe weights that are being loaded, and for how long."""
    details = [weights_label(facts.weights, facts.step)]
    details += [format_size(bytes)] if bytes else []
    details += [f"{seconds:.0f} s"] if seconds >= 1 else []
    return f"Loading weights… {', '.join(details)}"


def writing_line(reply: Reply, *, is_waiting: bool) -> list[Piece]:
    """Describe a reply in progress, as styled pieces of the line below it."""
    if is_waiting and not reply.tokens:
        return [("sent; waiting for the weights", "facts")]
    if not reply.tokens:
        return [("reading the prompt", "facts")]
    label = step_label(reply.weights, reply.step)
    return [
        (f"{label} · {length_text(reply.tokens, reply.speed)} · ", "facts"),
        ("writing", "writing"),
    ]

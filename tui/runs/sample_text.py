"""The continuations of one prompt, or the replies to it, at several steps, as lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from core.run.history import SampleRow
from tui.common.sanitize import one_line

MAX_TEXT_CHARACTERS = 2000  # of a sample
GAP = 2  # cells between a step and its text
MIN_STEP_CELLS = 5
MAX_FITTED_LINES = 3  # of one sample among others


def sample_blocks(
    samples: Sequence[SampleRow], width: int, *, is_compact: bool = False
) -> list[list[Content]]:
    """The lines of each sample, oldest first; the step of the newest is highlighted.

    Args:
        width: in cells.
        is_compact: one line for each, without the prompt.
    """
    labels = [f"{sample.step:,}" for sample in samples]
    cells = max([MIN_STEP_CELLS, *map(len, labels)])
    room = max(1, width - cells - GAP)
    blocks = []
    for index, (sample, label) in enumerate(zip(samples, labels, strict=True)):
        style = "bold $primary" if index == len(samples) - 1 else "$faint"
        head = Content.styled(label.rjust(cells), style) + " " * GAP
        text = _line(sample.text)
        if is_compact:
            lines = [Content(text.lstrip()).truncate(room, ellipsis=True)]
        else:
            text = text.lstrip() if sample.is_reply else text
            prompt = (_line(sample.lead), "bold $ink")
            lines = Content.assemble(prompt, (sample.joint, "$muted"), text).wrap(room)
        blank = Content(" " * (cells + GAP))
        blocks.append([(blank if row else head) + line for row, line in enumerate(lines)])
    return blocks


def join_blocks(blocks: Sequence[Sequence[Content]], *, is_spaced: bool) -> list[Content]:
    """All lines, with a blank line between two samples if `is_spaced`."""
    lines: list[Content] = []
    for block in blocks:
        if lines and is_spaced:
            lines.append(Content(""))
        lines += block
    return lines


def fit_blocks(blocks: Sequence[Sequence[Content]], height: int) -> list[Content]:
    """The first sample, the newest, and as many between as fit into `height` lines.

    Those between are evenly spread. Blank lines between samples are left out before a sample is.
    """
    if len(blocks) > 1:
        blocks = [_cut(block) for block in blocks]
    for is_spaced in (True, False):
        lines = join_blocks(blocks, is_spaced=is_spaced)
        if len(lines) <= height:
            return lines
    for count in range(len(blocks) - 1, 1, -1):
        shown = [blocks[round(k * (len(blocks) - 1) / (count - 1))] for k in range(count)]
        lines = join_blocks(shown, is_spaced=False)
        if len(lines) <= height:
            return lines
    return list(blocks[-1][:height]) if blocks else []


def _cut(block: Sequence[Content]) -> list[Content]:
    """The first lines of a sample."""
    if len(block) <= MAX_FITTED_LINES:
        return list(block)
    last = block[MAX_FITTED_LINES - 1]
    return [*block[: MAX_FITTED_LINES - 1], Content.assemble(last[:-1].rstrip(), "…")]


def newest_prompt(samples: Sequence[SampleRow]) -> str:
    """The prompt of the newest sample; empty without samples."""
    return _line(samples[-1].prompt) if samples else ""


def _line(text: str) -> str:
    return one_line(text[:MAX_TEXT_CHARACTERS].rstrip())

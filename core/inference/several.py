"""Several continuations of one prompt, read side by side: the weights are read once for all.

It knows nothing of models, devices or terminals. Shapes: B rows, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from core.config.configs import SamplingConfig
from core.inference.generate import END, LENGTH, STOP
from core.inference.sampling import Chooser
from core.inference.session import Session
from core.inference.stopping import StopFilter
from core.tokenizer.tokenizer import EOS, Tokenizer


@dataclass
class Continuation:
    """One of them.

    Attributes:
        ended: why it did: "end", "stop", "length"; empty while it goes on.
    """

    ids: list[int] = field(default_factory=list)
    text: str = ""
    ended: str = ""


class _Row:
    """A continuation on its way: what `generate` does to its only one."""

    def __init__(
        self, session: Session, tokenizer: Tokenizer, config: SamplingConfig, number: int
    ) -> None:
        size, seed = session.model.config.vocab_size, config.seed + number
        self.made = Continuation()
        self._chooser = Chooser(config, session.ids, size, seed=seed)
        self._stream, self._stop = tokenizer.stream(session.ids), StopFilter(config.stop)

    def add(self, logits: Tensor, *, last: bool) -> int:
        """Chooses the next id for logits (V,); after its end a row only keeps step."""
        made = self.made
        if made.ended:
            return EOS
        id = self._chooser.choose(logits)
        made.ids.append(id)
        made.text += self._stop.push(self._stream.push(id))
        over = END if id == EOS else LENGTH if last else ""
        if over and not self._stop.hit:
            made.text += self._stop.push(self._stream.flush())
        if over and not self._stop.hit:
            made.text += self._stop.flush()
        made.ended = STOP if self._stop.hit else over
        return id


def several(
    session: Session,
    prompt: Sequence[int],
    tokenizer: Tokenizer,
    config: SamplingConfig,
    count: int,
) -> list[Continuation]:
    """As many continuations as asked for; the r-th, from 0, is that of `generate` with seed + r.

    Args:
        session: with one row; the prompt is added to it, the continuations are not.

    Raises:
        RunFailedError: the model's predictions are not finite.
    """
    session.extend(prompt)
    assert session.logits is not None  # read once, before the rows part
    rows = [_Row(session, tokenizer, config, number) for number in range(count)]
    twin = session.fork(count)
    for left in reversed(range(config.max_tokens)):
        pairs = zip(rows, twin.logits, strict=True)
        new = [[row.add(logits, last=not left)] for row, logits in pairs]
        if all(row.made.ended for row in rows):
            break
        twin.extend_rows(new)
    return [row.made for row in rows]

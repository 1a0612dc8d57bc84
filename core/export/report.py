"""What an export reports: where the result is, and what its comparison found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from core.system.files import JsonObject


@dataclass(frozen=True)
class Verification:
    """The outcome of a comparison.

    Attributes:
        program: name and version.
        prompts, tokens: number of prompts, and of tokens chosen for them in all.
        ties: number of prompts that were left at a token that rounding decided.
        max_logit_difference: of a comparison by logits.
    """

    program: str
    prompts: int
    tokens: int
    ties: int = 0
    max_logit_difference: float | None = None


@dataclass(frozen=True)
class ExportReport:
    """What was exported.

    Attributes:
        label: the run and its weights, as on the command line.
        path: where it is.
        bytes: its size.
        verification: the comparison; None if the other program is not installed.
        how_to_verify: what to install then; else empty.
    """

    label: str
    target: str
    dtype: str
    path: Path
    bytes: int
    verification: Verification | None
    how_to_verify: str

    def to_json(self) -> JsonObject:
        """All fields as JSON values."""
        return asdict(self) | {"path": str(self.path)}

    @classmethod
    def from_json(cls, values: JsonObject) -> ExportReport:
        """The report with these fields; the inverse of `to_json`."""
        proof = values["verification"]
        verification = None if proof is None else Verification(**proof)
        return cls(**values | {"path": Path(values["path"]), "verification": verification})

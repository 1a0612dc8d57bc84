"""What an export is called in words: its result, its proof, and its errors in the dialog."""

from __future__ import annotations

from core.errors import MiniGPTError
from core.export.report import ExportReport, Verification
from core.export.targets import FORMATS
from tui.common.format import format_size

# Hints name options of the command; the dialog has settings.
DIALOG_WORDS = (
    (", or replace it with --force", ", or set Replace to yes"),
    (" with --out", ""),
    (" with --to ", " as "),
)


def describe_result(report: ExportReport) -> str:
    """What was written."""
    title = FORMATS[report.target].title
    return f"{report.label} as {title}, {report.dtype}, {format_size(report.bytes)}"


def describe_proof(report: ExportReport) -> str:
    """What was compared, or why nothing was."""
    if report.verification is None:
        return f"Not verified. {report.how_to_verify}"
    return _describe_verification(report.verification)


def _describe_verification(proof: Verification) -> str:
    words = f"verified: {proof.program} chose the same {proof.tokens} tokens as the run"
    words += f" for {proof.prompts} prompts"
    if proof.ties:
        noun = "prompt was" if proof.ties == 1 else "prompts were"
        words += f"; {proof.ties} {noun} left where rounding decided between two tokens"
    if proof.max_logit_difference is not None:
        words += f"; logits differ by at most {proof.max_logit_difference:.1g}"
    return words


def dialog_text(error: MiniGPTError) -> str:
    """An error in the words of the dialog."""
    text = str(error)
    for option, words in DIALOG_WORDS:
        text = text.replace(option, words)
    return text

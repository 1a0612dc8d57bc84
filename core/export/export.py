"""Export a run: write it beside its place, prove it, and move it there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import Cancelled
from core.export import gguf, huggingface, onnx, script
from core.export.output import check_free, staged, written_bytes
from core.export.source import ExportSource, Tensors, load_source
from core.export.targets import (
    GGUF,
    HF,
    ONNX,
    SCRIPT,
    check_dtype,
    check_model,
    check_packages,
    check_tokenizer,
    default_path,
)
from core.export.verify import Verification, how_to_verify, verify
from core.progress import CancelCheck, ProgressCallback, never_cancelled, no_progress
from core.run.directory import Run
from core.run.model_files import read_model_config
from core.run.weights_ref import LAST, weights_file

Writer = Callable[[ExportSource, Path, str], Tensors]

WRITERS: Mapping[str, Writer] = {
    HF: huggingface.write_folder,
    GGUF: gguf.write_file,
    SCRIPT: script.write_folder,
    ONNX: onnx.write_folder,
}
PHASES = ("loading the model", "writing", "comparing with the other program", "done")


@dataclass(frozen=True)
class ExportReport:
    """What was exported.

    Attributes:
        label: the run and its weights, as on the command line.
        path: where it is now.
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


def export_run(
    run: Run,
    weights: str,
    target: str,
    *,
    out: Path | None = None,
    dtype: str | None = None,
    force: bool = False,
    progress: ProgressCallback = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> ExportReport:
    """Export a run's model.

    Args:
        weights: "last", "best" or the step of a snapshot.
        target: one of `core.export.targets.TARGETS`.
        out: where to; a name like the run's in the working folder for None.
        dtype: one of the target's; its first for None.
        force: replace an earlier export.

    Raises:
        InputError: the target cannot hold the model, or the place is taken.
        DamagedError, RunFailedError: the run cannot be loaded.
        ExportError: the other program continues it differently; nothing is left of it.
        StorageError: it could not be written; nothing is left of it.
        Cancelled: `cancelled` returned true; nothing is left of it.
    """
    weights = weights or LAST
    path = out or default_path(run.name, weights, target)
    dtype = check_request(run, weights, target, path, dtype, force=force)
    phases = len(PHASES) - 1
    progress(0, phases, PHASES[0])
    source = load_source(run, weights, cancelled)
    check_tokenizer(target, source.loaded.tokenizer)
    with staged(path, target, force=force) as place:
        progress(1, phases, PHASES[1])
        source.use_weights(WRITERS[target](source, place, dtype))
        if cancelled():
            raise Cancelled
        progress(2, phases, PHASES[2])
        verification = verify(target, place, source.loaded, dtype, cancelled)
        size = written_bytes(place)
    progress(phases, phases, PHASES[3])
    return ExportReport(
        label=source.label,
        target=target,
        dtype=dtype,
        path=path.absolute(),
        bytes=size,
        verification=verification,
        how_to_verify="" if verification else how_to_verify(target),
    )


def check_request(
    run: Run, weights: str, target: str, path: Path, dtype: str | None, *, force: bool
) -> str:
    """Refuse what cannot succeed before anything is loaded; return the precision.

    Raises:
        InputError: as `export_run`.
    """
    dtype = check_dtype(target, dtype)
    weights_file(run, weights)
    check_model(target, read_model_config(run.config))
    check_packages(target)
    check_free(path, target, force=force)
    return dtype

"""Export a run: write it beside its destination, compare it with the run, and move it there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from core.errors import Cancelled
from core.export import gguf, huggingface, onnx, script
from core.export.output import staged, written_bytes
from core.export.plan import ExportPlan
from core.export.report import ExportReport
from core.export.source import ExportSource, Tensors, load_source
from core.export.targets import FORMATS, GGUF, HF, ONNX, SCRIPT, how_to_verify
from core.export.verify import verify
from core.progress import CancelCheck, ProgressCallback, never_cancelled, no_progress

Writer = Callable[[ExportSource, Path, str], Tensors]

WRITERS: Mapping[str, Writer] = {
    HF: huggingface.write_folder,
    GGUF: gguf.write_file,
    SCRIPT: script.write_folder,
    ONNX: onnx.write_folder,
}


def export_run(
    plan: ExportPlan,
    progress: ProgressCallback = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> ExportReport:
    """Carry out an export; after any error, nothing is left of it.

    Raises:
        InputError: the destination was taken meanwhile.
        DamagedError, RunFailedError: the run's weights cannot be loaded.
        ExportError: the other program answers differently from the run.
        StorageError: it could not be written.
        Cancelled: `cancelled` returned true.
    """
    target, program = plan.target, FORMATS[plan.target].program
    progress(0, 3, "loading the model")
    source = load_source(plan.run, plan.weights, cancelled)
    with staged(plan.path, target, force=plan.force) as place:
        progress(1, 3, "writing")
        source.use_weights(WRITERS[target](source, place, plan.dtype))
        if cancelled():
            raise Cancelled
        progress(2, 3, f"comparing with {program}")
        verification = verify(target, place, source.loaded, plan.dtype, cancelled)
        size = written_bytes(place)
    progress(3, 3, "done")
    return ExportReport(
        label=source.label,
        target=target,
        dtype=plan.dtype,
        path=plan.path,
        bytes=size,
        verification=verification,
        how_to_verify="" if verification else how_to_verify(target),
    )

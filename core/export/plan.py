"""An export that can be made: its request, checked before torch is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.export.imported_models import check_imported
from core.export.output import check_free
from core.export.targets import (
    check_dtype,
    check_model,
    check_packages,
    check_tokenizer,
    default_path,
)
from core.run.directory import Run
from core.run.model_files import read_model_config
from core.run.weights_ref import LAST, weights_file
from core.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True)
class ExportPlan:
    """What is exported, as what, and where to.

    Attributes:
        weights: "last", "best" or the step of a snapshot.
        target: one of `core.export.targets.TARGETS`.
        dtype: one of the target's precisions.
        force: replace an earlier export at `path`.
    """

    run: Run
    weights: str
    target: str
    dtype: str
    path: Path
    force: bool


def plan_export(
    run: Run,
    weights: str,
    target: str,
    *,
    out: Path | None = None,
    dtype: str | None = None,
    force: bool = False,
) -> ExportPlan:
    """Check a request and fill in what is left open.

    Args:
        out: where to; a name like the run's in the working folder for None.
        dtype: the target's first for None.

    Raises:
        InputError: there are no such weights, the target cannot hold the model, a package is
            missing, or the place is taken.
        DamagedError: the run cannot be read.
    """
    weights = weights or LAST
    dtype = check_dtype(target, dtype)
    weights_file(run, weights)
    config, tokenizer = read_model_config(run.config), Tokenizer.load(run.folder)
    check_imported(target, tokenizer, config.architecture)
    check_model(target, config)
    check_tokenizer(target, tokenizer)
    check_packages(target)
    path = (out or default_path(run.name, weights, target)).absolute()
    check_free(path, target, force=force)
    return ExportPlan(run, weights, target, dtype, path, force)

"""Start a trainer that outlives the process that starts it.

The run's lock is passed on as an open descriptor, so that at no moment the run looks crashed. The
trainer has its own session and no terminal; its standard output and errors go to its log.
"""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import StorageError
from core.paths import Home
from core.run.directory import Run
from core.system.files import open_for_writing
from core.system.locks import Lock
from core.system.process import PARENT_PID_VARIABLE
from core.system.rank_env import TORCHRUN_VARIABLES
from core.system.signals import stop_signals_blocked

if TYPE_CHECKING:
    from core.config.configs import Extension

# OpenMP threads that wait for each other sleep after this many turns: spinning takes processor
# time from the threads they wait for (GNU libgomp manual, GOMP_SPINCOUNT).
OPENMP_SPIN_COUNT = "1000"


@dataclass(frozen=True, kw_only=True)
class TrainerArguments:
    """The one argument of `python -m core.train`, as JSON.

    Attributes:
        run: the run's name.
        lock_fd: descriptor of the run's lock, inherited; None in a worker process, whose launcher
            holds the lock.
        extension: train this much longer than planned.
        devices: how many to train on, 0 for all; None as recorded in the run.
    """

    home: Home
    run: str
    lock_fd: int | None = None
    extension: Extension | None = None
    devices: int | None = None

    def command(self) -> list[str]:
        """The command that starts the trainer."""
        return [sys.executable, "-m", "core.train", self.to_json()]

    def to_json(self) -> str:
        """The argument; ASCII, also for paths that are not UTF-8."""
        return json.dumps(
            {
                "root": str(self.home.root),
                "cache": str(self.home.cache),
                "run": self.run,
                "lock_fd": self.lock_fd,
                "extension": self.extension.to_json() if self.extension else None,
                "devices": self.devices,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> TrainerArguments:
        """The inverse of `to_json`."""
        from core.config.configs import Extension  # not needed by who only starts a trainer

        values = json.loads(text)
        extension = values["extension"]
        return cls(
            home=Home(root=Path(values["root"]), cache=Path(values["cache"])),
            run=values["run"],
            lock_fd=values["lock_fd"],
            extension=None if extension is None else Extension(**extension),
            devices=values["devices"],
        )


def start(
    home: Home,
    run: Run,
    lock: Lock,
    extension: Extension | None = None,
    *,
    devices: int | None = None,
    tied: bool = False,
) -> int:
    """Start the run's trainer and return its process id.

    Args:
        lock: the run's, held; passed on to the trainer and released here.
        extension: train this much longer than planned.
        devices: how many to train on this time; None as recorded in the run.
        tied: the trainer ends with this process instead of outliving it.

    Raises:
        StorageError: it could not be started; the run is unchanged and its lock is free.
    """
    arguments = TrainerArguments(
        home=home, run=run.name, lock_fd=lock.descriptor, extension=extension, devices=devices
    )
    parent = {PARENT_PID_VARIABLE: str(os.getpid())} if tied else {}
    try:
        process = _spawn(arguments.command(), run, lock, environment() | parent)
    except OSError as error:
        raise StorageError(
            f"The trainer of {run.name} could not be started: {error.strerror}.",
            "Free disk space or end other programs, then resume the run.",
        ) from error
    finally:
        lock.release()
    # Reap the trainer when it ends, or it stays a zombie for as long as this process lives.
    threading.Thread(target=process.wait, name=f"wait-{process.pid}", daemon=True).start()
    return process.pid


def _spawn(
    command: list[str], run: Run, lock: Lock, environ: dict[str, str]
) -> subprocess.Popen[bytes]:
    log = open_for_writing(run.log)
    try:
        with stop_signals_blocked():  # until the trainer has installed its handlers
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=run.folder,
                env=environ,
                pass_fds=[lock.descriptor],
                start_new_session=True,
            )
    finally:
        os.close(log)


def environment(
    environ: Mapping[str, str] = os.environ, packages: Path = Path(__file__).parents[2]
) -> dict[str, str]:
    """The environment of a child that imports the same packages as this process.

    Empty and relative parts of PYTHONPATH are made absolute or dropped: the child starts in the
    run's folder, and a `core` that came with a copied run would be executed.

    Args:
        packages: the folder of our packages; added where the child would not find it by itself.
    """
    given = environ.get("PYTHONPATH", "").split(os.pathsep)
    parts = [str(Path(part).absolute()) for part in given if part]
    installed = [*site.getsitepackages(), site.getusersitepackages()]
    if str(packages) not in [*parts, *installed]:
        parts.insert(0, str(packages))
    paths = {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(parts)}
    # The rank of this process in a torchrun job is not its children's.
    own = {
        name: value
        for name, value in environ.items()
        if name not in (*TORCHRUN_VARIABLES, PARENT_PID_VARIABLE)
    }
    return {"GOMP_SPINCOUNT": OPENMP_SPIN_COUNT, **own, **paths}

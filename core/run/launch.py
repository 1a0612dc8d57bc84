"""Starting a trainer that outlives whoever starts it.

The lock is handed over with its descriptor: there is no moment in which the run seems to have
crashed. The trainer has a session of its own and no terminal; what it prints goes into its log.
"""

from __future__ import annotations

import json
import os
import signal
import site
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from core.config.configs import Extension
from core.errors import StorageError
from core.paths import Home
from core.run.directory import Run
from core.system.locks import Lock
from core.system.process import PARENT
from core.system.rank_env import TORCHRUN

# Threads that wait for each other sleep after so many turns: where others use the processors too,
# spinning takes the time of those that are waited for (the manual of GNU libgomp).
SPINS = "1000"

# A trainer is born with these blocked, and obeys them once it can: see `core.train`.
HELD_BACK = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


def start(
    home: Home,
    run: Run,
    lock: Lock,
    more: Extension | None = None,
    *,
    devices: int | None = None,
    tied: bool = False,
) -> int:
    """Starts the run's trainer; its process number.

    Args:
        lock: the run's, held; it is the trainer's afterwards.
        more: how much longer than planned it is to train.
        devices: how many are to train together, this time; None is as the run was asked for.
        tied: whether it ends with this process instead of outliving it.

    Raises:
        StorageError: it could not be started; the run is as it was and its lock is free.
    """
    command = [sys.executable, "-m", "core.train", str(home.root), str(home.cache), run.name]
    command += [str(lock.descriptor), json.dumps(more.to_json() if more else {})]
    command += ["" if devices is None else str(devices)]
    parent = {PARENT: str(os.getpid())} if tied else {}
    try:
        process = _born(command, run, lock, environment() | parent)
    except OSError as error:
        raise StorageError(
            f"The trainer of {run.name} could not be started: {error.strerror}.",
            "Make room or end other programs, then resume the run.",
        ) from error
    finally:
        lock.release()
    # Whoever lives on beside the trainer keeps no dead child of it.
    threading.Thread(target=process.wait, name=f"wait-{process.pid}", daemon=True).start()
    return process.pid


def _born(
    command: list[str], run: Run, lock: Lock, environ: dict[str, str]
) -> subprocess.Popen[bytes]:
    log = os.open(run.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with _signals_held_back():
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
    environ: Mapping[str, str] = os.environ, ours: Path = Path(__file__).parents[2]
) -> dict[str, str]:
    """The environment of a child that imports the modules we are, and none from where it stands.

    An empty or relative part of PYTHONPATH would be a place in the child's own folder: a `core`
    that came along in a copied run would be run.

    Args:
        ours: the folder of our packages; named to the child where it would not look by itself.
    """
    given = environ.get("PYTHONPATH", "").split(os.pathsep)
    parts = [str(Path(part).absolute()) for part in given if part]
    installed = [*site.getsitepackages(), site.getusersitepackages()]
    if str(ours) not in [*parts, *installed]:
        parts.insert(0, str(ours))
    paths = {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(parts)}
    # Who a process is among several is said by who starts it, and is not its children's place.
    own = {name: value for name, value in environ.items() if name not in (*TORCHRUN, PARENT)}
    return {"GOMP_SPINCOUNT": SPINS, **own, **paths}


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Signals wait until it is over; a child started in it inherits that they wait."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

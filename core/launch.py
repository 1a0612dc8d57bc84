"""Starting a trainer that outlives whoever starts it.

The lock is handed over with its descriptor: there is no moment in which the run seems to have
crashed. The trainer has a session of its own and no terminal; what it prints goes into its log.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

from core.errors import StorageError
from core.locks import Lock
from core.more import More
from core.paths import Home
from core.run import Run


def start(home: Home, run: Run, lock: Lock, more: More | None = None) -> int:
    """Starts the run's trainer; its process number.

    Args:
        lock: the run's, held; it is the trainer's afterwards.
        more: how much longer than planned it is to train.

    Raises:
        StorageError: it could not be started; the run is as it was and its lock is free.
    """
    command = [sys.executable, "-m", "core.train", str(home.root), str(home.cache), run.name]
    command += [str(lock.descriptor), json.dumps(more.to_json() if more else {})]
    try:
        log = os.open(run.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=run.folder,
                # A folder named `core` where the trainer stands is not to be imported.
                env={**os.environ, "PYTHONSAFEPATH": "1"},
                pass_fds=[lock.descriptor],
                start_new_session=True,
            )
        finally:
            os.close(log)
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

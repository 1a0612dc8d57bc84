"""What a busy editor keeps of one core beside a trainer in a session of its own.

Both are endless loops on the same core. Measured with the trainer's nice value for its process
only, and for its session too, as `core.system.process.lower_priority` sets it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

import psutil

from core.system.process import AUTOGROUP_FILE, BACKGROUND_NICENESS

BUSY = "import os; os.sched_setaffinity(0, {0})\n"
EDITOR = BUSY + "while True: pass"
NICE_PROCESS = BUSY + f"os.nice({BACKGROUND_NICENESS})\nwhile True: pass"
NICE_SESSION = (
    BUSY + "from core.system.process import lower_priority\n"
    f"lower_priority({BACKGROUND_NICENESS})\n"
    "while True: pass"
)


def editor_share(trainer: str, seconds: float) -> float:
    """The editor's share of the CPU time that both got."""
    programs = [
        subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        for code in (EDITOR, trainer)
    ]
    try:
        time.sleep(1.0)  # both have started
        times = []
        for _ in range(2):
            times.append([psutil.Process(each.pid).cpu_times().user for each in programs])
            if len(times) == 1:
                time.sleep(seconds)
    finally:
        for each in programs:
            each.kill()
            each.wait()
    editor, other = (after - before for before, after in zip(*times, strict=True))
    return float(editor / max(1e-9, editor + other))


def main() -> None:
    """Print both shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only check that it works")
    seconds = 1.0 if parser.parse_args().quick else 10.0
    if not os.access(AUTOGROUP_FILE, os.W_OK) or not AUTOGROUP_FILE.read_text().strip():
        print("This system has no autogroups: the nice value of the process counts everywhere.")
        return
    for name, code in (("process only", NICE_PROCESS), ("session too", NICE_SESSION)):
        share = editor_share(code, seconds)
        print(f"nice {BACKGROUND_NICENESS}, {name}: the editor gets {share:.0%} of the core")


if __name__ == "__main__":
    main()

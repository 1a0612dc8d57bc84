"""Many clients of `minigpt-tui serve` at once: replies, latencies and memory.

python tests/benchmarks/serve.py [--quick]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from machine import print_machine

from tests.support.serve_processes import load_server, memory_of, serve_command
from tests.support.served import served_home

QUICK = "--quick" in sys.argv
SECONDS = 3.0 if QUICK else 60.0
CLIENTS = (1, 10 if QUICK else 50)


def main() -> None:
    """Print a line for each number of clients."""
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        served_home(home)
        with serve_command(home, "words", "--port", "0") as serving:
            server = serving.server
            for clients in CLIENTS:
                load_server(serving.address, clients, 1.0)
                before = memory_of(server)
                load = load_server(serving.address, clients, SECONDS, hostile=clients > 1)
                after = memory_of(server)
                seconds = sorted(load.seconds)
                print(
                    f"{clients} client{'s' * (clients > 1)}, {SECONDS:.0f} s: "
                    f"{len(seconds) / SECONDS:.0f} replies and {load.tokens / SECONDS:.0f} tokens "
                    f"per second, median {1e3 * statistics.median(seconds):.0f} ms, 95 % within "
                    f"{1e3 * seconds[int(0.95 * len(seconds))]:.0f} ms; statuses "
                    f"{dict(sorted(load.statuses.items()))}, {load.abandoned} left early; memory "
                    f"{before / 1e6:.0f} to {after / 1e6:.0f} MB"
                )


if __name__ == "__main__":
    main()

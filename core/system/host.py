"""Which machine this is, and which of its boots: what tells a crashed run from a distant one."""

from __future__ import annotations

import functools
import socket
from dataclasses import dataclass
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Host:
    """A machine's name and its present boot."""

    name: str
    boot: str

    def same_machine(self, name: str | None, boot: str | None) -> bool:
        """Whether a process recorded with this name and boot was on this machine.

        Containers of one machine differ in name and share the boot; after a restart it is the
        other way round.
        """
        return name == self.name or boot == self.boot


@functools.cache
def this_host() -> Host:
    """The machine this process is on."""
    try:
        boot = BOOT_ID.read_text().strip()
    except OSError:
        import psutil

        boot = str(int(psutil.boot_time()))
    return Host(socket.gethostname(), boot)

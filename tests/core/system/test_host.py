"""Which machine a process was on."""

from __future__ import annotations

import pytest

from core.system.machine import Host, this_host


@pytest.mark.parametrize(
    ("name", "boot", "same"),
    [("here", "1", True), ("here", "2", True), ("box", "1", True), ("there", "2", False)],
)
def test_the_name_or_the_boot_tells_the_machine(name: str, boot: str, same: bool) -> None:
    """Containers share the boot, a restarted machine keeps its name."""
    assert Host("here", "1").is_same_machine(name, boot) is same


def test_this_host_is_known_and_stays() -> None:
    assert this_host().name
    assert this_host().boot
    assert this_host() == this_host()

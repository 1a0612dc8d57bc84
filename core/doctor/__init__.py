"""Checks of this machine: devices, memory, disk, and whether processes outlive a logout."""

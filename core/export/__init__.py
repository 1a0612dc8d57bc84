"""Exports of runs that other programs open: written whole, and compared with the run itself."""

"""Generators of the bundled corpora: one module each, deterministic by seed."""

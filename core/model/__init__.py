"""The decoders, their caches and fast paths, and their weights as files."""

"""A run as a directory: its files, events, status, control requests and launch."""

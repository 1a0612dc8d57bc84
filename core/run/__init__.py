"""A run as a directory: its files, events, status, control requests, and the launch of its trainer."""

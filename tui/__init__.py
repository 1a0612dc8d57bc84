"""The terminal: the command line over `core`; never loads torch by itself."""

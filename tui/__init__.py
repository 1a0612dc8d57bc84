"""The terminal: command line and Textual application over `core`; never loads torch by itself."""

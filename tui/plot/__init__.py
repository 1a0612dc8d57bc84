"""Charts drawn in terminal cells."""

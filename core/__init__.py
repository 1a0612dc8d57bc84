"""Training and inference of small GPTs, independent of any user interface."""

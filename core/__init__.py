"""Training and sampling of small GPTs; knows nothing of any user interface."""

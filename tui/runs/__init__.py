"""The state behind the library of runs and the training screen, without widgets."""

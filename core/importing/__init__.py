"""Models of other programs as runs of the library: their files checked, linked and described."""

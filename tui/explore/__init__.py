"""The state behind Step, Cursor, Blank and Inside, without widgets."""

"""The state behind Step, Cursor and Inside, without widgets."""

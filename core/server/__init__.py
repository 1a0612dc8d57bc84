"""The model server: a child process that answers typed requests over its pipes."""

"""The screens: what fills the terminal, one noun a file."""

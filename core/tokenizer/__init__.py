"""Tokenizers of words, characters or bytes, and their training."""

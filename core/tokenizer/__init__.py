"""Tokenizers of words, characters or bytes, and how they are trained."""

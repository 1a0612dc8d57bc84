"""Corpora as text: finding, decoding, reading and measuring them."""

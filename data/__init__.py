"""The bundled corpora, a folder each, and the generators that write them."""

"""The bundled corpora, one folder each, and the generators that write them."""

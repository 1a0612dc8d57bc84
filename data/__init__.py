"""The bundled corpora, a folder each (see `core.corpus`), and `data.generate` that writes them."""

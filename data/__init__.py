"""The bundled corpora, a folder each (see `core.text.corpus`), and `data.generate` that writes them."""

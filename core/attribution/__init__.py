"""Where generated text stands in the training corpus: suffix array, n-gram counts, copied passages."""

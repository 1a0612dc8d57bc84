"""Where generated text occurs in the training corpus: suffix array, n-grams, copies."""

"""Loading a model, decoding tokens from it, and scoring text with it."""

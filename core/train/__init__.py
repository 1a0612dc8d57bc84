"""Training: batches, updates, evaluation, checkpoints, and the trainer process."""
